"""What the API server refuses, in words that help."""

from __future__ import annotations

from typing import Any

import pytest

from mlplat.errors import ClusterError
from mlplat.k8s import read, submit

PATH = "/apis/argoproj.io/v1alpha1/namespaces/team-a/workflows"
WORKFLOW = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "w"}, "spec": {}}


def _status(reason: str, message: str, **details: Any) -> dict[str, Any]:
    return {"kind": "Status", "reason": reason, "message": message, "details": details}


@pytest.mark.parametrize(
    ("code", "body", "diagnostic", "message", "hint"),
    [
        (
            401,
            _status("Unauthorized", "Unauthorized"),
            "MLP803",
            "you are not logged in to the cluster",
            "log in again",
        ),
        (
            403,
            _status("Forbidden", 'User "jane" cannot create resource "workflows"', kind="workflows"),
            "MLP804",
            'you are not allowed to create workflows in namespace team-a: User "jane" cannot',
            "apiGroups: ['argoproj.io'], resources: ['workflows'], verbs: ['create']",
        ),
        (404, "404 page not found\n", "MLP805", "Argo's CRDs are not installed", "install Argo Workflows"),
        (
            404,
            _status("NotFound", 'namespaces "team-a" not found', name="team-a", kind="namespaces"),
            "MLP808",
            "namespace team-a not found",
            "kubectl create namespace team-a",
        ),
        (
            409,
            _status("AlreadyExists", 'workflows.argoproj.io "w" already exists', name="w", kind="workflows"),
            "MLP806",
            '"w" already exists',
            "kubectl delete workflows w -n team-a",
        ),
        (
            400,
            _status("BadRequest", 'strict decoding error: unknown field "spec.foo"'),
            "MLP807",
            'unknown field "spec.foo"',
            "",
        ),
        (
            500,
            _status("InternalError", "etcdserver: request is too large"),
            "MLP800",
            "too large",
            "try again later",
        ),
        (503, "<html>no backend</html>", "MLP800", "no backend", "try again later"),
    ],
)
def test_each_refusal_says_what_to_do(
    api: Any, *, code: int, body: Any, diagnostic: str, message: str, hint: str
) -> None:
    api.on("POST", PATH, api.of(code, body))

    with pytest.raises(ClusterError, match=message) as caught:
        submit([WORKFLOW], kubeconfig=api.kubeconfig)

    (found,) = caught.value.diagnostics
    assert found.code == diagnostic
    assert hint in found.hint


def test_all_causes_are_reported_at_once(api: Any) -> None:
    causes = [
        {"reason": "FieldValueTooMany", "field": "spec.templates[0].dag.tasks", "message": "Too many: 201"},
        {"reason": "FieldValueInvalid", "field": "spec.templates[1].name", "message": "Invalid value"},
        {"reason": "FieldValueInvalid", "field": "<nil>", "message": "some rules were not checked"},
    ]
    body = _status("Invalid", "the Workflow is invalid", name="w", causes=causes)
    api.on("POST", PATH, api.of(422, body))

    with pytest.raises(ClusterError) as caught:
        submit([WORKFLOW], kubeconfig=api.kubeconfig)

    assert [(found.path, found.message) for found in caught.value.diagnostics] == [
        ("spec.templates[0].dag.tasks", "Too many: 201"),
        ("spec.templates[1].name", "Invalid value"),
    ]


def test_a_workflow_that_does_not_exist_is_an_error(api: Any) -> None:
    body = _status("NotFound", 'workflows.argoproj.io "w" not found', name="w", kind="workflows")
    api.on("GET", f"{PATH}/w", api.of(404, body))

    with pytest.raises(ClusterError, match=r'"w" not found\n.*kubectl get workflows -n team-a'):
        read("w", kubeconfig=api.kubeconfig)


def test_something_else_at_the_address(api: Any) -> None:
    api.on("GET", f"{PATH}/w", api.of(200, "<html>Welcome</html>"))

    with pytest.raises(ClusterError, match="not a Kubernetes API"):
        read("w", kubeconfig=api.kubeconfig)
