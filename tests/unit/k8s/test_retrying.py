"""What a retry asks of the API server, and what it does when it is refused."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from mlplat.argo.status import unpacked
from mlplat.errors import ClusterError
from mlplat.k8s import config_maps_of, retry

WORKFLOW = "/apis/argoproj.io/v1alpha1/namespaces/team-a/workflows/wf"
PODS = "/api/v1/namespaces/team-a/pods"


def node(name: str, kind: str, phase: str, **fields: Any) -> dict[str, Any]:
    more = {"boundaryID": "wf", "templateName": "t"} if name != "wf" else {}
    return {"id": name, "name": name, "displayName": name, "type": kind, "phase": phase, **more, **fields}


def failed(*more: dict[str, Any], **status: Any) -> dict[str, Any]:
    nodes = [
        node("wf", "DAG", "Failed", children=["a", "b"], finishedAt="x"),
        node("a", "Pod", "Succeeded"),
        node("b", "Pod", "Failed"),
        *more,
    ]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {
            "name": "wf",
            "namespace": "team-a",
            "resourceVersion": "7",
            "labels": {"workflows.argoproj.io/completed": "true", "own": "label"},
        },
        "spec": {"shutdown": "Stop", "arguments": {"parameters": [{"name": "x", "value": "1"}]}},
        "status": {
            "phase": "Failed",
            "message": "child failed",
            "finishedAt": "x",
            "taskResultsCompletionStatus": {"a": True, "b": True},
            "conditions": [
                {"type": "PodRunning", "status": "False"},
                {"type": "Completed", "status": "True"},
            ],
            "nodes": {one["id"]: one for one in nodes},
            **status,
        },
    }


def pod(name: str) -> str:
    from mlplat.argo.status import pod_name

    return f"{PODS}/{pod_name(failed(), node(name, 'Pod', 'Failed'))}"


def test_pods_of_what_runs_again_are_deleted_and_then_the_status_is_reset(api: Any) -> None:
    api.on("DELETE", pod("b"), {})
    api.on("PUT", WORKFLOW, {"stored": True})

    assert retry(failed(), kubeconfig=api.kubeconfig) == {"stored": True}

    assert api.methods() == [f"DELETE {pod('b')}", f"PUT {WORKFLOW}"]
    body = api.asked[-1].body
    assert body["metadata"]["resourceVersion"] == "7"
    assert body["metadata"]["labels"] == {"own": "label"}
    assert "shutdown" not in body["spec"]
    assert set(body["status"]["nodes"]) == {"wf", "a"}
    assert body["status"]["nodes"]["wf"]["children"] == ["a"]
    assert not {"phase", "message", "finishedAt"} & set(body["status"])
    assert body["status"]["taskResultsCompletionStatus"] == {"a": True}
    conditions = {one["type"]: one["status"] for one in body["status"]["conditions"]}
    assert conditions == {"Completed": "False", "PodRunning": "False"}


def test_pod_that_is_gone_is_no_obstacle(api: Any) -> None:
    api.on("DELETE", pod("b"), api.of(404, {"reason": "NotFound", "message": "gone"}))
    api.on("PUT", WORKFLOW, {})
    retry(failed(), kubeconfig=api.kubeconfig)
    assert api.methods()[-1] == f"PUT {WORKFLOW}"


def test_pod_that_may_not_be_deleted_leaves_the_run_as_it_is(api: Any) -> None:
    api.on("DELETE", pod("b"), api.of(403, "no"))
    with pytest.raises(ClusterError, match="you are not allowed to delete pods"):
        retry(failed(), kubeconfig=api.kubeconfig)
    assert not any(method.startswith("PUT") for method in api.methods())


def test_a_running_workflow_is_not_retried(api: Any) -> None:
    with pytest.raises(ClusterError, match=r"MLP816.*wf is running \(Running\)"):
        retry(failed(phase="Running"), kubeconfig=api.kubeconfig)
    assert api.asked == []


def test_run_that_changed_meanwhile_is_reported(api: Any) -> None:
    api.on("DELETE", pod("b"), {})
    api.on("PUT", WORKFLOW, api.of(409, {"reason": "Conflict", "message": "the object has been modified"}))
    with pytest.raises(ClusterError, match="has been modified"):
        retry(failed(), kubeconfig=api.kubeconfig)


def test_arguments_reach_the_stored_template_too(api: Any) -> None:
    api.on("DELETE", pod("b"), {})
    api.on("PUT", WORKFLOW, {})
    new = {"parameters": [{"name": "x", "value": "2"}]}
    stored = {"arguments": {"parameters": [{"name": "x", "value": "1"}]}, "shutdown": "Stop"}
    retry(failed(storedWorkflowTemplateSpec=stored), arguments=new, kubeconfig=api.kubeconfig)
    body = api.asked[-1].body
    assert body["spec"]["arguments"] == new
    assert body["status"]["storedWorkflowTemplateSpec"] == {"arguments": new}


def test_large_status_is_packed_as_the_controller_does(api: Any) -> None:
    api.on("DELETE", pod("b"), {})
    api.on("PUT", WORKFLOW, {})
    many = [node(f"c{number}", "Pod", "Succeeded", inputs="x" * 500) for number in range(1500)]
    retry(failed(*many), kubeconfig=api.kubeconfig)
    body = api.asked[-1].body
    assert "nodes" not in body["status"]
    packed = json.loads(gzip.decompress(base64.b64decode(body["status"]["compressedNodes"])))
    assert len(packed) == 1502
    assert unpacked(body)["status"]["nodes"] == packed


def test_values_that_were_submitted_with_a_run_are_read(api: Any) -> None:
    stored = {"metadata": {"name": "wf-values", "uid": "u", "ownerReferences": []}, "data": {"k": "v"}}
    api.on("GET", "/api/v1/namespaces/team-a/configmaps/wf-values", stored)
    volumes = [{"name": "v", "configMap": {"name": "wf-values"}}, {"name": "o", "configMap": {"name": "own"}}]
    (read,) = config_maps_of({"spec": {"volumes": volumes}}, kubeconfig=api.kubeconfig)
    assert read == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "wf-values"},
        "data": {"k": "v"},
    }
