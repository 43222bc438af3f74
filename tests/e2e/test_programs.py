"""The same programs on both engines: what came of them, and that the two records agree node by node."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import secrets
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, k8s
from mlplat.runs.load import load
from tests.e2e.engines import CHANCE, Engines, accepted, differences, find, output, record, run_both
from tests.e2e.harness import config
from tests.e2e.harness.cluster import Access

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).parent / "programs"
ML_IMAGE = "mlplat.test/python:ml"
NASTY = 'it\'s {{workflow.name}} {{=1+1}} $(HOME) $$ $$(E) "q" \\ \\n back\nline2\té 漢字 🎉 {a} }} {{{ %s'


pytestmark = pytest.mark.usefixtures("cluster_of_kubeconfig")


@pytest.fixture(scope="module", autouse=True)
def no_earlier_results(cluster: Access) -> None:
    """Forget what these tests left in the caches of a cluster that they ran on before."""
    k8s.delete_caches(namespace=cluster.namespace, kubeconfig=cluster.kubeconfig)


@pytest.fixture
def name() -> str:
    """A name for a run that no run had before."""
    return f"e2e-{secrets.token_hex(4)}"


@pytest.fixture(scope="module")
def table(cluster: Access, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of the breast cancer table, served from the node's address to pods and to this machine alike."""
    if cluster.s3_root is None:
        pytest.skip("pods of a cluster that is not the harness's cannot reach a server of this test")
    from sklearn.datasets import load_breast_cancer

    folder = tmp_path_factory.mktemp("table")
    frame = load_breast_cancer(as_frame=True).frame
    frame.iloc[::50, 3] = None
    frame.to_csv(folder / "data.csv", index=False)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer((config.NODE_ADDRESS, 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://{config.NODE_ADDRESS}:{server.server_port}/data.csv"
    server.shutdown()
    server.server_close()


def compiled(place: str, cluster: Access, **arguments: Any) -> list[dict[str, Any]]:
    spec = load(place).spec
    assert spec is not None
    options = compiler.Options(
        arguments=arguments, image=ML_IMAGE, namespace=cluster.namespace, service_account="mlplat-task"
    )
    return compiler.manifest(spec, options)


def pods(cluster: Access, name: str) -> list[str]:
    command = [str(cluster.kubectl), "get", "pods", "-n", cluster.namespace, "-o", "name"]
    selector = ["-l", f"workflows.argoproj.io/workflow={name}"]
    return subprocess.run([*command, *selector], capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.smoke
def test_the_program_trains_on_both_engines(cluster: Access, table: str, name: str, tmp_path: Path) -> None:
    documents = compiled(str(ROOT / "examples/ml_pipeline.py"), cluster, input_path=table)
    both = run_both(documents, name, tmp_path)
    assert both.argo["status"]["phase"] == "Succeeded"
    assert record(both.here, ignoring=CHANCE) == record(both.argo, ignoring=CHANCE)
    assert output(both.argo, "model-training", "metrics")["metadata"]["accuracy"] > 0.99
    assert len(pods(cluster, name)) == 2
    model = output(both.argo, "model-training", "model")
    assert cluster.s3_root is not None
    assert (cluster.s3_root / model["key"]).stat().st_size == model["size"]
    assert (tmp_path / "artifacts" / output(both.here, "model-training", "model")["key"]).is_file()

    again = run_both(documents, f"{name}-again", tmp_path)
    assert record(again.here, ignoring=(*CHANCE,)) == record(again.argo, ignoring=(*CHANCE,))
    hits = [
        find(again.argo, task)["memoizationStatus"]["hit"]
        for task in ("data-preprocessing", "model-training")
    ]
    assert hits == [True, True]
    assert pods(cluster, f"{name}-again") == []


def test_branches_and_loops_on_both_engines(cluster: Access, table: str, engines: Engines) -> None:
    series = engines.run(
        str(ROOT / "examples/conditional_pipeline.py"),
        {"input_path": table},
        other={"threshold": 0.9999},
        ignoring=CHANCE,
    )
    first, cached, strict = (both.argo for both in (series.first, series.cached, series.other))
    assert find(first, "condition-1")["phase"] == "Succeeded"
    assert len(pods(cluster, first["metadata"]["name"])) == 7
    assert pods(cluster, cached["metadata"]["name"]) == []
    assert find(strict, "condition-1")["phase"] == "Skipped"
    assert pods(cluster, strict["metadata"]["name"]) == []


@pytest.mark.smoke
def test_any_text_arrives_byte_for_byte(cluster: Access, name: str, tmp_path: Path) -> None:
    large = (NASTY + "\n") * (300_000 // len(NASTY.encode()) + 1)
    items = [NASTY, "1e-5", "", "null", "plain", "{{item}}"]
    tree = {"{{": "$(HOME)", "n": {"on": [1, 2.5, True, None, NASTY]}, "y": "no"}
    documents = compiled(
        f"{PROGRAMS / 'bytes.py'}:bytes_pipeline",
        cluster,
        n=NASTY,
        on="1e-5",
        large=large,
        items=items,
        tree=tree,
    )
    both = run_both(documents, name, tmp_path)
    for workflow in (both.argo, both.here):
        assert workflow["status"]["phase"] == "Succeeded"
        assert output(workflow, "echo") == NASTY
        assert output(workflow, "again") == NASTY
        assert output(workflow, "echo-3") == "1e-5"
        assert output(workflow, "fingerprint") == hashlib.sha256(large.encode()).hexdigest()
        assert output(workflow, "reached") == "reached 1e-5"
        assert find(workflow, "condition-2")["phase"] == "Skipped"
        assert output(workflow, "same") is True
        looped = {
            node["name"]: node["outputs"]["parameters"][0]["value"]
            for node in workflow["status"]["nodes"].values()
            if node["displayName"] == "echo-5"
        }
        assert [json.loads(value) for _, value in sorted(looped.items())] == items
    assert record(both.here) == record(both.argo)


@pytest.mark.smoke
def test_argo_accepts_every_golden_manifest(cluster: Access, cluster_env: dict[str, str]) -> None:
    manifests = sorted((ROOT / "tests/golden").glob("*.yaml"))
    assert manifests
    accepted(cluster, cluster_env, manifests)


def test_settings_and_handed_on_artifacts_agree(cluster: Access, name: str, tmp_path: Path) -> None:
    place = f"{PROGRAMS / 'settings.py'}:settings"
    hits: list[set[str]] = []
    for number, (text, reason) in enumerate(((NASTY, ""), (NASTY, ""), ("other", "{{x}} broke"))):
        documents = compiled(place, cluster, text=text, reason=reason)
        both = run_both(documents, f"{name}-{number}", tmp_path)
        assert not differences(both.here, both.argo, ignoring=CHANCE)
        assert both.argo["status"]["phase"] == ("Failed" if reason else "Succeeded")
        assert output(both.argo, "show") == output(both.argo, "read") == text
        assert output(both.argo, "show-2") == f"{text}!"
        state = f"FAILED fail: ValueError: {reason}" if reason else "SUCCEEDED None"
        assert output(both.argo, "told") == state
        hits.append(
            {
                node["displayName"]
                for node in both.argo["status"]["nodes"].values()
                if node.get("memoizationStatus", {}).get("hit")
            }
        )
    assert hits == [set(), {"show", "show-2", "train", "pick", "read", "fail"}, set()]
