"""A sample of random pipelines: both engines leave the same record, and give what plain Python gives."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.e2e.engines import CHANCE, Engines
from tests.random_pipelines import NUMBERS, TEXTS, expected, pipeline, programs


@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(program=programs(), values=st.lists(st.tuples(TEXTS, NUMBERS), min_size=2, max_size=2))
def test_engines_agree_with_python(program: Any, values: list[tuple[str, int]], engines: Engines) -> None:
    first, other = values
    given_first, given_other = ({"text": text, "number": number} for text, number in values)
    series = engines.run(pipeline(program).spec, given_first, other=given_other, ignoring=CHANCE)
    for both, chosen in ((series.first, first), (series.cached, first), (series.other, other)):
        (root,) = (
            node
            for node in both.here["status"]["nodes"].values()
            if node["name"] == both.here["metadata"]["name"]
        )
        value = json.loads(root["outputs"]["parameters"][0]["value"])
        if isinstance(value, dict):
            value = json.loads(engines.artifact(value["mlplat.dev/large"]["key"]).read_text())
        assert value == expected(program, *chosen)
