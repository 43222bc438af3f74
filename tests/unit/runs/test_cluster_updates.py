"""Runs of a cluster that were not followed to their end, when the record is read."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import Any

import pytest
import yaml

from mlplat.cli import main
from mlplat.runs import cluster_updates
from tests.unit.k8s.conftest import Answer, FakeApi, api  # noqa: F401 - a fixture

NAMESPACES = "/apis/argoproj.io/v1alpha1/namespaces"
SYSTEM = "/api/v1/namespaces/kube-system"
STARTED = "2026-01-01T00:00:00Z"


def workflow(name: str, phase: str = "Running", namespace: str = "team-a") -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "uid": f"uid-{name}"}
    metadata |= {"creationTimestamp": STARTED, "resourceVersion": "1"}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": metadata,
        "spec": {},
        "status": {"phase": phase, "startedAt": STARTED},
    }


@pytest.fixture
def mlplat(
    api: FakeApi,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Any:
    for name in ("MLPLAT_HOME", "MLPLAT_STORE", "MLPLAT_CLUSTER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(api.kubeconfig))
    api.on("GET", SYSTEM, {"metadata": {"uid": "this"}})

    def call(*words: str) -> tuple[str, str]:
        assert main(list(words)) == 0
        return capsys.readouterr()

    return call


def holds(api: FakeApi, *before: dict[str, Any], after: list[dict[str, Any]]) -> None:  # noqa: F811
    """Let the cluster have Workflows as they are recorded first, and as they are afterwards."""
    for document in before:
        metadata = document["metadata"]
        collection = f"{NAMESPACES}/{metadata['namespace']}/workflows"
        own = [one for one in after if one["metadata"]["namespace"] == metadata["namespace"]]
        api.answers["GET", collection] = [
            Answer(body={"items": [{"metadata": one["metadata"]} for one in own]})
        ]
        later = [one for one in own if one["metadata"]["name"] == metadata["name"]]
        api.on("GET", f"{collection}/{metadata['name']}", document, *later)


def asked(api: FakeApi, start: int) -> list[str]:  # noqa: F811
    return [line.removeprefix(f"GET {NAMESPACES}/") for line in api.methods()[start:]]


def test_runs_that_ended_unseen_are_recorded_with_one_list_for_each_namespace(
    api: FakeApi,  # noqa: F811
    mlplat: Any,
) -> None:
    before = [workflow("a"), workflow("b"), workflow("c", namespace="team-b"), workflow("done", "Succeeded")]
    ended = [workflow("a", "Succeeded"), workflow("b", "Failed"), workflow("c", "Succeeded", "team-b")]
    holds(api, *before, after=[*ended, before[-1], workflow("of-others")])
    mlplat("record", "a", "b", "done")
    mlplat("record", "c", "-n", "team-b")
    start = len(api.methods())

    out, err = mlplat("get", "runs", "--columns", "name,phase", "--sort", "name")

    assert [line.split() for line in out.splitlines()[1:]] == [
        ["a", "Succeeded"],
        ["b", "Failed"],
        ["c", "Succeeded"],
        ["done", "Succeeded"],
    ]
    assert err == ""
    requests = asked(api, start)
    assert requests[0] == f"GET {SYSTEM}"
    assert sorted(requests[1:]) == [
        "team-a/workflows",
        "team-a/workflows/a",
        "team-a/workflows/b",
        "team-b/workflows",
        "team-b/workflows/c",
    ]
    start = len(api.methods())
    mlplat("get", "runs")
    assert asked(api, start) == []


def test_one_run_is_updated_alone(api: FakeApi, mlplat: Any) -> None:  # noqa: F811
    holds(api, workflow("a"), workflow("b"), after=[workflow("a", "Succeeded"), workflow("b", "Succeeded")])
    mlplat("record", "a", "b")
    start = len(api.methods())

    mlplat("get", "tasks", "a")

    assert asked(api, start)[1:] == ["team-a/workflows", "team-a/workflows/a"]


def test_a_run_that_still_runs_is_no_reason_to_warn(api: FakeApi, mlplat: Any) -> None:  # noqa: F811
    holds(api, workflow("a"), after=[workflow("a")])
    mlplat("record", "a")
    assert mlplat("get", "runs")[1] == ""


def test_a_deleted_workflow_leaves_the_run_as_it_was_recorded(api: FakeApi, mlplat: Any) -> None:  # noqa: F811
    again = workflow("a", "Succeeded")
    again["metadata"]["uid"] = "another"
    holds(api, workflow("a"), after=[again])
    mlplat("record", "a")

    out, err = mlplat("get", "runs")

    assert "Running" in out
    assert err == "could not update a: the Workflow no longer exists\n"


def test_a_run_of_another_cluster_is_not_looked_for(
    api: FakeApi,  # noqa: F811
    mlplat: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    holds(api, workflow("a"), after=[workflow("a", "Succeeded")])
    mlplat("record", "a")
    monkeypatch.setenv("MLPLAT_CLUSTER", "another")

    out, err = mlplat("get", "runs")

    assert "Running" in out
    assert err.startswith("could not update a: the kubeconfig leads to another cluster; to update it: mlplat")


def test_a_cluster_that_can_not_be_reached_is_one_line(
    api: FakeApi,  # noqa: F811
    mlplat: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    holds(api, workflow("a"), workflow("b"), after=[])
    mlplat("record", "a", "b")
    config = yaml.safe_load(api.kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = "http://127.0.0.1:1"
    (tmp_path / "elsewhere").write_text(yaml.safe_dump(config))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "elsewhere"))

    out, err = mlplat("get", "runs")

    assert out.count("Running") == 2
    assert err in (
        f"could not update {names}: http://127.0.0.1:1 cannot be reached: Connection refused\n"
        for names in ("a, b", "b, a")
    )


def test_a_cluster_that_does_not_answer_is_not_waited_for(
    api: FakeApi,  # noqa: F811
    mlplat: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    holds(api, workflow("a"), after=[])
    mlplat("record", "a")
    answered = Event()
    api.answers["GET", SYSTEM] = [Answer(404, held=answered)]
    monkeypatch.setattr(cluster_updates, "_SECONDS", 0.1)

    out, err = mlplat("get", "runs")

    answered.set()
    assert "Running" in out
    assert err == "could not update a: the cluster did not answer within 5 seconds\n"


def test_runs_that_are_compared_are_updated(api: FakeApi, mlplat: Any) -> None:  # noqa: F811
    ended = [workflow("a", "Succeeded"), workflow("b", "Failed")]
    holds(api, workflow("a"), workflow("b"), after=ended)
    mlplat("record", "a", "b")

    out, _ = mlplat("compare", "a", "b", "-o", "json")

    assert "Succeeded" in out
    assert "Failed" in out
    assert "Running" not in out
