"""Logs of tasks."""

from __future__ import annotations

from typing import Any

import pytest

from mlplat.errors import ClusterError
from mlplat.k8s import logs
from mlplat.k8s.logs import printed

POD = "/api/v1/namespaces/team-a/pods/w-say-2648397968/log"
WORKFLOW: dict[str, Any] = {
    "metadata": {"name": "w", "namespace": "team-a"},
    "status": {
        "nodes": {
            "w": {"id": "w", "name": "w", "type": "DAG", "displayName": "w", "phase": "Succeeded"},
            "r": {"id": "r", "name": "w.r", "type": "Retry", "displayName": "r", "children": ["r0", "r1"]},
            "r0": {"id": "r0", "name": "w.r(0)", "type": "Pod", "displayName": "r(0)", "templateName": "say"},
            "r1": {
                "id": "r1",
                "name": "w.r(1)",
                "type": "Pod",
                "displayName": "r(1)",
                "templateName": "say",
                "hostNodeName": "node1",
            },
            "c": {
                "id": "c",
                "name": "w.c",
                "type": "Pod",
                "displayName": "c",
                "memoizationStatus": {"hit": True},
            },
        }
    },
}


def test_lines_come_as_they_were_printed(api: Any) -> None:
    api.on("GET", POD, api.stream(["one\nt", "wo é\n\n", "\udcff last".encode(errors="replace").decode()]))

    assert list(logs(WORKFLOW, "r", kubeconfig=api.kubeconfig)) == ["one", "two é", "", "? last"]
    assert api.asked[0].query == {"container": "main"}


def test_following_asks_for_it(api: Any) -> None:
    api.on("GET", POD, api.stream(["one\n"]))

    assert list(logs(WORKFLOW, "r1", follow=True, kubeconfig=api.kubeconfig)) == ["one"]
    assert api.asked[0].query == {"container": "main", "follow": "true"}


def test_the_end_of_a_log_is_asked_for_with_limits(api: Any) -> None:
    api.on("GET", POD, api.stream(["nine\n", "ten\n"]))

    assert list(logs(WORKFLOW, "r1", last=2, kubeconfig=api.kubeconfig)) == ["nine", "ten"]
    assert api.asked[0].query == {"container": "main", "tailLines": "2", "limitBytes": str(1 << 22)}


def test_what_the_executor_says_is_left_out() -> None:
    start = '{"time":"2026-11-20T22:29:28Z","level":"INFO","msg":"waiting for signals","argo":true}'
    end = '{"time":"2026-11-20T22:29:29Z","level":"INFO","msg":"sub-process exited","argo":true,"error":"e"}'
    older = 'time="2026-11-20T22:29:29 UTC" level=info msg="sub-process exited" argo=true error="<nil>"'
    own = ['{"time":"now","argo":true}', '{"time":"argo":true', "Error: mine", 'level=info msg="x" argo=true']

    assert list(printed([start, *own, end, "Error: exit status 3"])) == own
    assert list(printed([older])) == []


@pytest.mark.parametrize(
    ("node", "message"),
    [
        ("w", r"w has no pod \(DAG, Succeeded\)"),
        ("c", "its outputs came from the cache"),
        ("x", "w has no node x"),
    ],
)
def test_nodes_without_a_pod_have_no_log(api: Any, node: str, message: str) -> None:
    with pytest.raises(ClusterError, match=message):
        list(logs(WORKFLOW, node, kubeconfig=api.kubeconfig))


@pytest.mark.parametrize(
    ("code", "answer", "message"),
    [
        (
            404,
            'pods "w-say-2648397968" not found',
            r"pod w-say-2648397968 was deleted.*\n.*archiveLogs: true",
        ),
        (
            400,
            "container main is waiting to start: PodInitializing",
            "has printed nothing yet: .*PodInitializing",
        ),
        (403, "no", "you are not allowed to get pods/log"),
    ],
)
def test_a_pod_that_has_no_log_to_give(api: Any, code: int, answer: str, message: str) -> None:
    body = {"kind": "Status", "message": answer, "details": {"name": "w-say-2648397968", "kind": "pods"}}
    api.on("GET", POD, api.of(code, body))

    with pytest.raises(ClusterError, match=message):
        list(logs(WORKFLOW, "r1", kubeconfig=api.kubeconfig))


def test_an_archived_log_is_pointed_to(api: Any) -> None:
    body = {"kind": "Status", "message": "not found", "details": {"name": "p", "kind": "pods"}}
    api.on("GET", POD, api.of(404, body))
    nodes = WORKFLOW["status"]["nodes"]
    node = {**nodes["r1"], "outputs": {"artifacts": [{"name": "main-logs", "s3": {"key": "w/main.log"}}]}}

    with pytest.raises(ClusterError, match=r"w/main\.log"):
        list(logs({**WORKFLOW, "status": {"nodes": {**nodes, "r1": node}}}, "r1", kubeconfig=api.kubeconfig))


def test_a_pod_that_was_never_made_is_not_gone(api: Any) -> None:
    body = {"kind": "Status", "message": "not found", "details": {"name": "p", "kind": "pods"}}
    api.on("GET", POD, api.of(404, body))
    nodes = WORKFLOW["status"]["nodes"]
    refused = {key: value for key, value in nodes["r1"].items() if key != "hostNodeName"}
    refused["message"] = 'pods "w-say" is forbidden: error looking up service account'
    workflow = {**WORKFLOW, "status": {"nodes": {**nodes, "r1": refused}}}

    with pytest.raises(ClusterError, match=r"r\(1\) never ran: pods .* is forbidden") as caught:
        list(logs(workflow, "r1", kubeconfig=api.kubeconfig))

    assert "gone" not in str(caught.value)
