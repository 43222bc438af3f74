"""Tasks that share a pod: both engines leave the same record, with each of the tasks in it."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, k8s
from mlplat.cli import show
from mlplat.cli.load import load
from tests.e2e.engines import CHANCE, Both, record, run_both
from tests.e2e.harness.cluster import Access

PROGRAM = Path(__file__).parent / "programs/fused.py"


pytestmark = pytest.mark.usefixtures("cluster_of_kubeconfig")


def run(pipeline: str, cluster: Access, home: Path) -> Both:
    spec = load(f"{PROGRAM}:{pipeline}").spec
    assert spec is not None
    options = compiler.Options(
        cache=False, fuse="auto", namespace=cluster.namespace, service_account="mlplat-task"
    )
    return run_both(compiler.manifest(spec, options), f"fused-{secrets.token_hex(4)}", home)


def phases(workflow: Any) -> dict[str, str]:
    return {
        node["displayName"]: node["phase"]
        for node in show.nodes_of(workflow).values()
        if node["type"] == "Pod" and "iteration" not in node["name"]
    }


def without_times(found: dict[str, Any]) -> dict[str, Any]:
    """Leave out how the steps ended: their times differ."""
    for node in found["nodes"].values():
        parameters = node.get("outputs", {}).get("parameters", [])
        node.get("outputs", {})["parameters"] = [one for one in parameters if one["name"] != "mlplat--steps"]
    return found


def test_a_series_leaves_the_same_record(cluster: Access, tmp_path: Path) -> None:
    both = run("chain", cluster, tmp_path)
    here, argo = (without_times(record(one, ignoring=CHANCE)) for one in (both.here, both.argo))
    assert here == argo
    assert phases(both.here) == phases(both.argo) == dict.fromkeys(["make", "grow", "size"], "Succeeded")
    (size,) = [
        key for key, node in show.nodes_of(both.argo).items() if node["name"].endswith("make-to-size.size")
    ]
    assert list(k8s.logs(both.argo, size)) == ["the size of out"]


def test_a_failure_is_that_of_one_task(cluster: Access, tmp_path: Path) -> None:
    both = run("stumbling", cluster, tmp_path)
    for workflow in (both.here, both.argo):
        assert workflow["status"]["phase"] == "Failed"
        assert phases(workflow) == {
            "stumble": "Succeeded",
            "stumble-2": "Succeeded",
            "stumble-3": "Failed",
        }
        (failed,) = show.failures(workflow)
        assert failed["displayName"] == "stumble-3"
