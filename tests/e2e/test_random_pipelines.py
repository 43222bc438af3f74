"""A sample of random pipelines: both engines leave the same record, and give what plain Python gives."""

from __future__ import annotations

import json
import secrets
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from mlplat import compiler
from tests.e2e.engines import CHANCE, record, run_both
from tests.e2e.harness.cluster import Access
from tests.random_pipelines import NUMBERS, TEXTS, expected, pipeline, programs


@settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(program=programs(), text=TEXTS, number=NUMBERS)
def test_engines_agree_with_python(program: Any, text: str, number: int, cluster: Access) -> None:
    options = compiler.Options(
        cache=False,
        arguments={"text": text, "number": number},
        namespace=cluster.namespace,
        service_account="mlplat-task",
    )
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(cluster.kubeconfig))
        name = f"random-{secrets.token_hex(4)}"
        both = run_both(compiler.manifest(pipeline(program).spec, options), name, Path(home))
        assert record(both.argo, ignoring=CHANCE) == record(both.here, ignoring=CHANCE)
        (root,) = (node for node in both.here["status"]["nodes"].values() if node["name"] == name)
        value = json.loads(root["outputs"]["parameters"][0]["value"])
        if isinstance(value, dict):
            value = json.loads((Path(home) / "artifacts" / value["mlplat.dev/large"]["key"]).read_text())
        assert value == expected(program, text, number)
