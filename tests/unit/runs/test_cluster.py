"""Following a run of a cluster: what is told and recorded meanwhile."""

from __future__ import annotations

import json
import signal
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from subprocess import PIPE, Popen
from threading import Event, Thread
from threading import enumerate as enumerate_threads
from typing import Any

import pytest

from mlplat.argo.status import WAITING, pod_name
from mlplat.cli import main
from mlplat.errors import StoreError
from mlplat.metadata import Store, open_store
from mlplat.runs.cluster import Cluster, unnoticed
from mlplat.runs.run import Changed
from tests.unit.k8s.conftest import Answer, FakeApi, api, without_pauses  # noqa: F401 - fixtures
from tests.unit.waiting import until

WORKFLOWS = "/apis/argoproj.io/v1alpha1/namespaces/team-a/workflows"
EVENTS = "/api/v1/namespaces/team-a/events"
LONG_AGO = "2026-01-01T00:00:00Z"


def workflow(phase: str = "Running", version: str = "1", **nodes: dict[str, Any]) -> dict[str, Any]:
    named = {
        key: {"id": key, "name": f"w.{key}", "displayName": key, "type": "Pod", "templateName": "t", **node}
        for key, node in nodes.items()
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {
            "name": "w",
            "namespace": "team-a",
            "uid": "u",
            "resourceVersion": version,
            "creationTimestamp": LONG_AGO,
        },
        "spec": {"entrypoint": "t", "templates": [{"name": "t"}]},
        "status": {"phase": phase, "startedAt": LONG_AGO, "nodes": named},
    }


@pytest.fixture
def place(api: FakeApi, tmp_path: Path) -> Cluster:  # noqa: F811
    return Cluster(kubeconfig=api.kubeconfig, home=tmp_path)


def recorded(place: Cluster) -> Store:
    return open_store(place.home / "mlplat.db")


def modified(document: dict[str, Any]) -> dict[str, Any]:
    return {"type": "MODIFIED", "object": document}


def test_the_record_knows_the_run_before_it_ends(api: FakeApi, place: Cluster) -> None:  # noqa: F811
    first = workflow(a={"phase": "Running", "startedAt": LONG_AGO})
    last = workflow("Succeeded", "2", a={"phase": "Succeeded", "startedAt": LONG_AGO})
    api.on("GET", f"{WORKFLOWS}/w", first)
    api.on("WATCH", WORKFLOWS, api.stream([modified(last)]))
    phases: list[str] = []

    with place.attach("w") as run:
        for _ in run.events():
            with recorded(place) as store:
                phases.append(store.run("w").phase)

    assert run.result() == last
    assert phases
    with recorded(place) as store:
        assert store.run("w").phase == "Succeeded"


def test_a_run_that_is_left_is_in_the_record_as_far_as_it_was_known(
    api: FakeApi,  # noqa: F811
    place: Cluster,
) -> None:
    api.on("GET", f"{WORKFLOWS}/w", workflow(a={"phase": "Pending"}))
    api.on("WATCH", WORKFLOWS, api.stream([modified(workflow("Running", "2", a={"phase": "Running"}))]))

    def watched() -> None:
        with place.attach("w") as run:
            for event in run.events():
                if isinstance(event, Changed) and event.node["phase"] == "Running":
                    raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watched()

    with recorded(place) as store:
        assert [(task.name, task.phase) for task in store.tasks("w")] == [("w.a", "Running")]


@pytest.mark.usefixtures("without_pauses")
def test_nothing_watches_a_run_that_was_left(api: FakeApi, place: Cluster) -> None:  # noqa: F811
    running = [workflow("Running", str(number), a={"phase": "Running"}) for number in (2, 3)]
    api.on("GET", f"{WORKFLOWS}/w", workflow(a={"phase": "Pending"}))
    api.on("WATCH", WORKFLOWS, *(api.stream([modified(one)]) for one in running))
    with place.attach("w") as run:
        next(run.events())
        assert watching()
    until(lambda: not watching())


def test_nothing_watches_a_run_that_was_left_before_it_changed(api: FakeApi, place: Cluster) -> None:  # noqa: F811
    api.on("GET", f"{WORKFLOWS}/w", workflow(a={"phase": "Running"}))
    api.on("WATCH", WORKFLOWS, api.stream([], silent=True))
    with place.attach("w") as run:
        next(run.events())
        until(lambda: any("watch" in asked.query for asked in api.asked))
    until(lambda: not watching())
    assert run.result()["status"]["phase"] == "Running"


@pytest.mark.parametrize("store", ["mysqli://team@host/runs", "sqlite:////dev/null/runs.db"])
def test_nothing_is_submitted_when_the_record_can_not_be_opened(
    store: str,
    api: FakeApi,  # noqa: F811
    place: Cluster,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLPLAT_STORE", store)
    with pytest.raises(StoreError):
        place.submit([workflow()])
    assert not [asked for asked in api.asked if asked.method == "POST"]


def test_ctrl_c_during_the_submit_leaves_nothing_on_the_cluster(
    api: FakeApi,  # noqa: F811
    tmp_path: Path,
) -> None:
    answered = Event()
    created = {**workflow(), "status": {}}
    api.on("POST", WORKFLOWS, Answer(201, created, held=answered))
    api.on("DELETE", f"{WORKFLOWS}/w", {"kind": "Status", "status": "Success"})
    template = {"name": "t", "container": {"image": "alpine"}}
    spec = {"entrypoint": "t", "templates": [template]}
    document = {**workflow(), "metadata": {"generateName": "w-"}, "spec": spec}
    (tmp_path / "w.json").write_text(json.dumps(document))
    command = [sys.executable, "-m", "mlplat", "run", "w.json", "--engine", "argo"]
    run = Popen(
        [*command, "--kubeconfig", str(api.kubeconfig)],
        stderr=PIPE,
        text=True,
        cwd=tmp_path,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads
    )
    until(lambda: f"POST {WORKFLOWS}" in api.methods())
    with run:
        run.send_signal(signal.SIGINT)
        answered.set()
        _, err = run.communicate()

    assert (run.returncode, err) == (130, "interrupted\n")
    assert api.methods()[-1] == f"DELETE {WORKFLOWS}/w"


def watching() -> list[str]:
    return [thread.name for thread in enumerate_threads() if thread.name == "mlplat-watch"]


def test_a_pod_that_cannot_start_is_read_with_its_warnings(api: FakeApi, place: Cluster) -> None:  # noqa: F811
    pod = {"phase": "Pending", "message": "ContainerCreating", "startedAt": LONG_AGO}
    known = workflow(a=pod)
    event = {
        "involvedObject": {"name": pod_name(known, known["status"]["nodes"]["a"])},
        "metadata": {},
        "reason": "FailedMount",
        "message": 'secret "s" not found',
        "lastTimestamp": LONG_AGO,
    }
    api.on("GET", f"{WORKFLOWS}/w", known)
    api.on("GET", EVENTS, {"items": [event]})

    node = place.explained(place.read("w"))["status"]["nodes"]["a"]

    assert node["message"] == 'FailedMount: secret "s" not found'
    assert node[WAITING][-1] == "hint: create it in namespace team-a"


@pytest.mark.parametrize(
    ("status", "seconds", "sentence"),
    [
        ({}, 1, ""),
        ({}, 60, "Argo has not started the run"),
        ({"phase": "Pending", "message": "Workflow is queued"}, 1, "pending: Workflow is queued"),
        ({"phase": "Running"}, 60, ""),
    ],
)
def test_a_run_that_does_not_start_is_noticed(status: dict[str, Any], seconds: float, sentence: str) -> None:
    found = unnoticed({**workflow(), "status": status}, seconds)
    assert found.startswith(sentence)
    assert bool(found) == bool(sentence)


def listed(*names: str) -> dict[str, Any]:
    return {"items": [{"metadata": {"name": name, "creationTimestamp": LONG_AGO}} for name in names]}


def offloaded(name: str) -> dict[str, Any]:
    document = workflow()
    return {
        **document,
        "metadata": {**document["metadata"], "name": name, "uid": name},
        "status": {"phase": "Running", "startedAt": LONG_AGO, "offloadNodeStatusVersion": "fnv:1"},
    }


@pytest.fixture
def mlplat(
    api: FakeApi,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLPLAT_HOME", raising=False)
    monkeypatch.setenv("KUBECONFIG", str(api.kubeconfig))

    def call(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_workflows_of_anybody_are_recorded_once(api: FakeApi, mlplat: Any) -> None:  # noqa: F811
    api.on("GET", WORKFLOWS, listed("w", "far"))
    api.on("GET", f"{WORKFLOWS}/w", workflow("Succeeded", a={"phase": "Succeeded", "startedAt": LONG_AGO}))
    api.on("GET", f"{WORKFLOWS}/far", offloaded("far"))

    for _ in range(2):
        code, out, err = mlplat("record", "--all")
        assert (code, out) == (2, "recorded w  Succeeded\n")
        assert "far: error MLP820" in err
    code, out, _ = mlplat("get", "tasks", "w")
    assert code == 0
    assert out.count("Succeeded") == 1
    code, out, err = mlplat("record", "w", "-l", "team=blue")
    assert (code, out) == (2, "")
    assert "MLP407" in err


def test_a_live_list_has_runs_whose_nodes_can_not_be_read(api: FakeApi, mlplat: Any) -> None:  # noqa: F811
    api.on("GET", WORKFLOWS, listed("w", "far"))
    api.on("GET", f"{WORKFLOWS}/w", workflow())
    api.on("GET", f"{WORKFLOWS}/far", offloaded("far"))

    code, out, err = mlplat("get", "runs", "--engine", "argo")

    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == ["NAME", "w", "far"]


def test_logs_of_a_recorded_run_are_on_the_cluster(api: FakeApi, mlplat: Any) -> None:  # noqa: F811
    api.on("GET", f"{WORKFLOWS}/w", workflow())
    mlplat("record", "w")

    code, _, err = mlplat("logs", "w")
    assert code == 2
    assert "w is a run on a cluster\n  hint: add --engine argo -n team-a" in err


def test_logs_continue_after_a_pod_that_has_none(api: FakeApi, mlplat: Any) -> None:  # noqa: F811
    done = workflow(
        "Failed",
        a={"phase": "Error", "startedAt": LONG_AGO, "message": "pods is forbidden"},
        b={"phase": "Succeeded", "startedAt": "2026-01-01T00:00:01Z", "hostNodeName": "n"},
    )
    api.on("GET", f"{WORKFLOWS}/w", done)
    pod = pod_name(done, done["status"]["nodes"]["b"])
    gone = pod_name(done, done["status"]["nodes"]["a"])
    api.on("GET", f"/api/v1/namespaces/team-a/pods/{pod}/log", api.stream(["hello\n"]))
    missing = {"kind": "Status", "message": "not found", "details": {"name": gone, "kind": "pods"}}
    api.on("GET", f"/api/v1/namespaces/team-a/pods/{gone}/log", api.of(404, missing))

    code, out, err = mlplat("logs", "w", "--engine", "argo")
    assert (code, out) == (0, "b: hello\n")
    assert "a never ran: pods is forbidden" in err
    code, out, err = mlplat("logs", "w", "a", "--engine", "argo")
    assert (code, out) == (2, "")


@pytest.mark.parametrize("place", ["of the namespace", "of the template"])
def test_an_archived_log_is_read_where_the_pod_is_gone(place: str, api: FakeApi, mlplat: Any) -> None:  # noqa: F811
    class Archive(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/artifacts/w/a/main.log" else 404)
            self.send_header("Content-Length", "13")
            self.end_headers()
            self.wfile.write(b"from archive\n")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - name of the base class
            pass

    server = HTTPServer(("127.0.0.1", 0), Archive)
    Thread(target=server.serve_forever, daemon=True).start()
    repository = {"endpoint": f"127.0.0.1:{server.server_port}", "insecure": True, "bucket": "artifacts"}
    forged = {"endpoint": "127.0.0.1:1", "accessKeySecret": {"name": "of-others", "key": "k"}}
    log = {"name": "main-logs", "s3": {**forged, "key": "w/a/main.log"}}
    node = {"phase": "Succeeded", "startedAt": LONG_AGO, "hostNodeName": "n", "outputs": {"artifacts": [log]}}
    done = workflow("Succeeded", a=node)
    elsewhere = {"endpoint": "127.0.0.1:1", "bucket": "other"}
    common = repository if place == "of the namespace" else elsewhere
    done["status"]["artifactRepositoryRef"] = {"artifactRepository": {"s3": common}}
    own = {} if place == "of the namespace" else {"s3": repository}
    done["spec"]["templates"][0]["archiveLocation"] = {"archiveLogs": True, **own}
    pod = pod_name(done, done["status"]["nodes"]["a"])
    api.on("GET", f"{WORKFLOWS}/w", done)
    missing = {"kind": "Status", "message": "not found", "details": {"name": pod, "kind": "pods"}}
    api.on("GET", f"/api/v1/namespaces/team-a/pods/{pod}/log", api.of(404, missing))
    try:
        code, out, err = mlplat("logs", "w", "a", "--engine", "argo")
    finally:
        server.shutdown()
        server.server_close()

    assert (code, out, err) == (0, "from archive\n", "")
