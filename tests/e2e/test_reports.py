"""The report of a run of a cluster: what a person sees in it, and that it is that of the same run on this machine."""

from __future__ import annotations

import html
import re
import secrets
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, engine, k8s, report
from mlplat.cli import main
from mlplat.runs import reports
from mlplat.runs.cluster import Cluster
from mlplat.runs.load import load
from mlplat.runs.machine import Machine
from tests.e2e.engines import Both, run_both
from tests.e2e.harness import config
from tests.e2e.harness.cluster import Access
from tests.e2e.harness.versions import ML_IMAGE

PROGRAM = Path(__file__).parent / "programs/reported.py"

pytestmark = pytest.mark.usefixtures("cluster_of_kubeconfig", "reachable")


@pytest.fixture
def reachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name the address by which this machine reaches the repository; that in the Workflow is one of the cluster."""
    monkeypatch.setenv("MLPLAT_ARTIFACT_ENDPOINT", f"http://{config.NODE_ADDRESS}:{config.S3_PORT}")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def both(cluster: Access, home: Path, cluster_of_kubeconfig: None) -> Both:
    """The run on both engines; it is started once."""
    if cluster.s3_root is None:
        pytest.skip("the object store of another cluster may be out of reach")
    if not (runs := list((home / "runs").glob("*"))):
        spec = load(str(PROGRAM)).spec
        assert spec is not None
        options = compiler.Options(
            image=ML_IMAGE, namespace=cluster.namespace, service_account="mlplat-task", cache=False
        )
        return run_both(compiler.manifest(spec, options), f"report-{secrets.token_hex(4)}", home)
    (name,) = (one.name for one in runs)
    here = engine.load(home / "runs" / name)
    assert here is not None
    return Both(k8s.read(name, namespace=cluster.namespace), here)


def said(log: report.LogView) -> tuple[bool, list[str]]:
    """The lines of a log; of a long one, those of the error: standard output and error of a pod come in any order."""
    lines = log.text.splitlines()
    return log.is_whole, lines if log.is_whole else [line for line in lines if line.startswith("ValueError")]


def tasks(found: report.Report) -> dict[str, dict[str, Any]]:
    """What a page shows of each task, without times and places."""
    paths = {task.id: task.path for task in found.tasks}
    return {
        task.path: {
            "kind": task.kind,
            "phase": task.phase,
            "message": task.message,
            "parent": paths.get(task.parent, ""),
            "after": sorted(paths[one] for one in task.after),
            "attempts": task.attempts,
            "inputs": task.inputs,
            "outputs": task.outputs,
            "log": task.log and said(task.log),
            "is_cause": task.is_cause,
        }
        for task in found.tasks
    }


def artifacts(found: report.Report) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (one.task, one.name): {
            "type": one.type,
            "digest": one.digest,
            "size": one.size,
            "metadata": one.metadata,
            "content": one.content,
            "is_whole": one.is_whole,
            "note": one.note,
        }
        for one in found.artifacts
    }


def test_both_engines_have_the_same_report(both: Both, cluster: Access, home: Path) -> None:
    argo = reports.of_workflow(both.argo, Cluster(cluster.namespace, home=home))
    here = reports.of_workflow(both.here, Machine(home))
    assert (argo.run.phase, argo.run.parameters) == (here.run.phase, here.run.parameters)
    assert tasks(argo) == tasks(here)
    assert argo.metrics == here.metrics
    assert artifacts(argo) == artifacts(here)


def test_a_page_of_a_cluster_run_shows_all_of_it(
    both: Both, cluster: Access, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = both.argo["metadata"]["name"]
    assert main(["report", name, "--engine", "argo", "-n", cluster.namespace, "-o", "page.html"]) == 0
    page = (tmp_path / "page.html").read_text()
    shown = html.unescape(html.unescape(page))
    assert page.index(">Failures<") < page.index("ValueError: the registry refused")
    for part in (
        "loaded 30 rows",
        "judged 0.1",
        "line 4999",
        "accuracy",
        "0.7",
        "Confusion matrix",
        "ROC curve, area",
        "a chart",
        "<h1>Findings</h1>",
        "data:image/png;base64,",
        "<td>29</td><td>841</td>",
        "50 of more than",
    ):
        assert part in shown, part
    assert re.search(r'<path d="M\d+ \d+[VC]', page)
    assert "<script" not in page
    assert len(page) < 300_000


def test_the_page_says_why_there_is_no_log_when_the_pods_are_gone(
    both: Both, cluster: Access, cluster_env: dict[str, str], home: Path
) -> None:
    """The last test of these: it deletes the pods."""
    selector = f"workflows.argoproj.io/workflow={both.argo['metadata']['name']}"
    command = [str(cluster.kubectl), "delete", "pods", "-n", cluster.namespace, "-l", selector, "--now"]
    subprocess.run(command, env=cluster_env, check=True, capture_output=True)
    found = reports.of_workflow(both.argo, Cluster(cluster.namespace, home=home))
    notes = [task.log.note for task in found.tasks if task.log]
    assert all("was deleted, and its log with it" in note for note in notes)
    assert len(notes) == 5
    assert artifacts(found) == artifacts(reports.of_workflow(both.here, Machine(home)))


def test_the_page_says_how_to_reach_a_repository_that_only_pods_reach(
    both: Both, cluster: Access, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLPLAT_ARTIFACT_ENDPOINT")
    found = reports.of_workflow(both.argo, Cluster(cluster.namespace, home=home))
    notes = {one.note for one in found.artifacts if one.size is not None}
    assert all("kubectl port-forward" in note for note in notes)
    assert notes
    assert all(one.content is None for one in found.artifacts)
