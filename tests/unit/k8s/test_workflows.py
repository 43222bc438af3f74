"""Submitting and stopping."""

from __future__ import annotations

from typing import Any

import pytest

from mlplat.errors import ClusterError
from mlplat.k8s import newest, read, stop, submit, terminate

WORKFLOWS = "/apis/argoproj.io/v1alpha1/namespaces/team-a/workflows"
CONFIG_MAPS = "/api/v1/namespaces/team-a/configmaps"
WORKFLOW: dict[str, Any] = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Workflow",
    "metadata": {"generateName": "w-"},
    "spec": {},
}
VALUES = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "values"}, "data": {}}
STORED = {**WORKFLOW, "metadata": {"name": "w-1", "uid": "u-1", "namespace": "team-a"}}


def test_config_maps_come_first_and_then_belong_to_the_workflow(api: Any) -> None:
    api.on("POST", CONFIG_MAPS, VALUES)
    api.on("POST", WORKFLOWS, STORED)
    api.on("PATCH", f"{CONFIG_MAPS}/values", VALUES)

    assert submit([WORKFLOW, VALUES], kubeconfig=api.kubeconfig) == STORED

    assert api.methods() == [f"POST {CONFIG_MAPS}", f"POST {WORKFLOWS}", f"PATCH {CONFIG_MAPS}/values"]
    created, patched = api.asked[1], api.asked[2]
    assert created.query["fieldValidation"] == "Strict"
    assert created.body["metadata"] == {"generateName": "w-", "namespace": "team-a"}
    assert patched.headers["content-type"] == "application/merge-patch+json"
    (owner,) = patched.body["metadata"]["ownerReferences"]
    assert owner == {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": "w-1", "uid": "u-1"}


def test_values_of_parameters_are_submitted_as_strings(api: Any) -> None:
    api.on("POST", WORKFLOWS, STORED)
    submit(
        [{**WORKFLOW, "spec": {"arguments": {"parameters": [{"name": "n", "value": 5}]}}}],
        kubeconfig=api.kubeconfig,
    )
    assert api.asked[0].body["spec"]["arguments"]["parameters"] == [{"name": "n", "value": "5"}]


def test_nothing_is_left_when_the_workflow_is_refused(api: Any) -> None:
    api.on("POST", CONFIG_MAPS, VALUES)
    api.on("POST", WORKFLOWS, api.of(403, "no"))
    api.on("DELETE", f"{CONFIG_MAPS}/values", {})

    with pytest.raises(ClusterError, match="you are not allowed to create workflows"):
        submit([WORKFLOW, VALUES], kubeconfig=api.kubeconfig)

    assert api.methods()[-1] == f"DELETE {CONFIG_MAPS}/values"


def test_nothing_is_left_when_a_config_map_can_not_be_given_away(api: Any) -> None:
    api.on("POST", CONFIG_MAPS, VALUES)
    api.on("POST", WORKFLOWS, STORED)
    api.on("PATCH", f"{CONFIG_MAPS}/values", api.of(403, "no"))

    with pytest.raises(ClusterError, match="you are not allowed to patch configmaps values"):
        submit([WORKFLOW, VALUES], kubeconfig=api.kubeconfig)

    assert api.methods()[-2:] == [f"DELETE {WORKFLOWS}/w-1", f"DELETE {CONFIG_MAPS}/values"]


def test_the_namespace_of_the_workflow_counts_unless_another_is_asked_for(api: Any) -> None:
    for namespace in ("team-b", "team-c"):
        api.on("POST", WORKFLOWS.replace("team-a", namespace), STORED)
    workflow = {**WORKFLOW, "metadata": {"name": "w", "namespace": "team-b"}}

    submit([workflow], kubeconfig=api.kubeconfig)
    submit([workflow], namespace="team-c", kubeconfig=api.kubeconfig)

    assert [asked.body["metadata"]["namespace"] for asked in api.asked] == ["team-b", "team-c"]


def test_other_documents_are_refused_all_at_once(api: Any) -> None:
    template = {"kind": "WorkflowTemplate", "metadata": {"name": "t"}}

    with pytest.raises(ClusterError) as caught:
        submit([template, VALUES, {"kind": "Secret", "metadata": {"name": "s"}}], kubeconfig=api.kubeconfig)

    assert [found.path for found in caught.value.diagnostics] == ["", "Secret/s", "WorkflowTemplate/t"]
    assert api.asked == []


@pytest.mark.parametrize(("end", "how"), [(terminate, "Terminate"), (stop, "Stop")])
def test_a_running_workflow_is_shut_down(api: Any, end: Any, how: str) -> None:
    api.on("GET", f"{WORKFLOWS}/w-1", {**STORED, "status": {"phase": "Running"}})
    api.on("PATCH", f"{WORKFLOWS}/w-1", STORED)

    end("w-1", kubeconfig=api.kubeconfig)

    assert api.asked[-1].body == {"spec": {"shutdown": how}}


def test_one_that_has_ended_is_left_alone(api: Any) -> None:
    api.on("GET", f"{WORKFLOWS}/w-1", {**STORED, "status": {"phase": "Failed"}})

    with pytest.raises(ClusterError, match=r"w-1 has ended already \(Failed\)"):
        stop("w-1", kubeconfig=api.kubeconfig)


def listed(**created: str) -> dict[str, Any]:
    return {
        "items": [
            {"metadata": {"name": name, "creationTimestamp": f"2026-01-{day}T00:00:00Z"}}
            for name, day in created.items()
        ],
        "metadata": {},
    }


def missing(name: str) -> dict[str, Any]:
    return {
        "kind": "Status",
        "message": f'"{name}" not found',
        "details": {"name": name, "kind": "workflows"},
    }


@pytest.mark.parametrize("use", [read, stop, terminate])
def test_a_name_that_does_not_exist_is_corrected(use: Any, api: Any) -> None:
    api.on("GET", f"{WORKFLOWS}/trian", api.of(404, missing("trian")))
    api.on("GET", WORKFLOWS, listed(train="01", test="02"))

    with pytest.raises(ClusterError, match=r"\"trian\" not found\n.*did you mean 'train'\?"):
        use("trian", kubeconfig=api.kubeconfig)

    assert "PartialObjectMetadataList" in api.asked[-1].headers["accept"]


def test_without_permission_to_list_workflows_a_missing_one_is_reported(api: Any) -> None:
    api.on("GET", f"{WORKFLOWS}/trian", api.of(404, missing("trian")))
    api.on("GET", WORKFLOWS, api.of(403, "no"))

    with pytest.raises(ClusterError, match='"trian" not found'):
        read("trian", kubeconfig=api.kubeconfig)


def test_the_newest_workflows_are_read_one_by_one(api: Any) -> None:
    first = {**listed(old="01", gone="03"), "metadata": {"continue": "next"}}
    api.on("GET", WORKFLOWS, first, listed(new="04", older="00"))
    api.on("GET", f"{WORKFLOWS}/gone", api.of(404, missing("gone")))
    for name in ("new", "old"):
        api.on("GET", f"{WORKFLOWS}/{name}", {**WORKFLOW, "metadata": {"name": name}})

    found = list(newest(limit=3, selector="team=blue", kubeconfig=api.kubeconfig))

    assert [one["metadata"]["name"] for one in found] == ["new", "old"]
    assert [asked.query.get("continue") for asked in api.asked[:2]] == [None, "next"]
    assert all(asked.query["labelSelector"] == "team=blue" for asked in api.asked[:2])


def test_an_object_that_is_nested_too_deeply_is_an_error(api: Any) -> None:
    body = '{"status": ' + "[" * 50_000 + "]" * 50_000 + "}"
    api.on("GET", f"{WORKFLOWS}/deep", api.of(200, body))
    with pytest.raises(ClusterError, match="MLP822"):
        read("deep", kubeconfig=api.kubeconfig)
