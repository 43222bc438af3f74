"""Tasks that share a pod: both engines leave the same record, with each of the tasks in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlplat import k8s
from mlplat.argo.status import nodes_of
from mlplat.runs import outcomes
from tests.e2e.engines import CHANCE, TIMES, Engines

PROGRAM = Path(__file__).parent / "programs/fused.py"

pytestmark = pytest.mark.usefixtures("cluster_of_kubeconfig")


def phases(workflow: Any) -> dict[str, str]:
    return {
        node["displayName"]: node["phase"]
        for node in nodes_of(workflow).values()
        if node["type"] == "Pod" and "iteration" not in node["name"]
    }


def test_a_series_leaves_the_same_record(engines: Engines) -> None:
    series = engines.run(f"{PROGRAM}:chain", other={"n": 4}, fuse="auto", ignoring=CHANCE, left_out=TIMES)
    for both in (series.first, series.cached, series.other):
        assert phases(both.here) == phases(both.argo) == dict.fromkeys(["make", "grow", "size"], "Succeeded")
    (size,) = [
        key for key, node in nodes_of(series.first.argo).items() if node["name"].endswith("make-to-size.size")
    ]
    assert list(k8s.logs(series.first.argo, size)) == ["the size of out"]


def test_a_failure_is_that_of_one_task(engines: Engines) -> None:
    series = engines.run(
        f"{PROGRAM}:stumbling", other={"n": 2}, fuse="auto", phase="Failed", ignoring=CHANCE, left_out=TIMES
    )
    for both in (series.first, series.cached):
        for workflow in (both.here, both.argo):
            assert phases(workflow) == {
                "stumble": "Succeeded",
                "stumble-2": "Succeeded",
                "stumble-3": "Failed",
            }
            (failed,) = outcomes.failures(workflow)
            assert failed["displayName"] == "stumble-3"
