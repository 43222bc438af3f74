"""What ``mlplat doctor`` finds on a cluster."""

from __future__ import annotations

from typing import Any

import pytest

from mlplat.runs.checks import Finding, check_cluster
from mlplat.runs.cluster import Cluster
from tests.unit.k8s.conftest import FakeApi, api  # noqa: F401 - a fixture

OWN = "/api/v1/namespaces/team-a"
AUTHORIZATION = "/apis/authorization.k8s.io/v1"
ARGO = "/apis/argoproj.io/v1alpha1"
DEPLOYMENTS = "/apis/apps/v1/deployments"
KINDS = ("workflows", "workflowtemplates", "clusterworkflowtemplates", "cronworkflows", "workflowtaskresults")
REPOSITORY = (
    "s3: {bucket: b, endpoint: e, accessKeySecret: {name: s3, key: a}, secretKeySecret: {name: s3, key: b}}"
)


def deployment(image: str) -> dict[str, Any]:
    spec = {"serviceAccountName": "argo", "containers": [{"image": image}]}
    return {"metadata": {"namespace": "argo"}, "spec": {"template": {"spec": spec}}}


def repositories(key: str = "main", text: str = REPOSITORY) -> dict[str, Any]:
    annotations = {"workflows.argoproj.io/default-artifact-repository": key} if key else {}
    return {"metadata": {"annotations": annotations}, "data": {"main": text}}


def denied(allowed: bool) -> dict[str, Any]:
    return {"status": {"allowed": allowed}}


@pytest.fixture
def ready(api: FakeApi) -> FakeApi:  # noqa: F811
    """A cluster on which nothing is missing."""
    api.on("GET", "/version", {"gitVersion": "v1.34.4"})
    api.on("POST", f"{AUTHORIZATION}/selfsubjectaccessreviews", denied(True))
    api.on("POST", f"{ARGO}/namespaces/team-a/workflows", {})
    api.on(
        "GET", f"{ARGO}", {"resources": [{"name": kind, "kind": kind, "namespaced": True} for kind in KINDS]}
    )
    api.on("GET", DEPLOYMENTS, {"items": [deployment("quay.io/argoproj/workflow-controller:v4.0.7")]})
    for namespace in ("team-a", "argo"):
        api.on("POST", f"{AUTHORIZATION}/namespaces/{namespace}/localsubjectaccessreviews", denied(True))
    api.on("GET", f"{OWN}/serviceaccounts/tasks", {"metadata": {"name": "tasks"}})
    api.on("GET", f"{OWN}/configmaps/artifact-repositories", repositories())
    api.on("GET", "/api/v1/namespaces/argo/configmaps/workflow-controller-configmap", {"data": {}})
    api.on("GET", f"{OWN}/secrets/s3", {"data": {"a": "", "b": ""}})
    return api


def findings(api: FakeApi) -> dict[str, Finding]:  # noqa: F811
    return {one.name: one for one in check_cluster(Cluster(kubeconfig=api.kubeconfig), "tasks")}


def instead(api: FakeApi, method: str, path: str, answer: Any) -> None:  # noqa: F811
    api.answers[method, path].clear()
    api.on(method, path, answer)


def test_nothing_is_missing(ready: FakeApi) -> None:
    found = findings(ready)
    assert {one.ok for one in found.values()} == {True}
    assert {"Secret s3/a", "Secret s3/b", "cached results", "permissions of the pods"} < set(found)


MISSING: list[tuple[str, str, Any, str, str]] = [
    ("GET", f"{OWN}/serviceaccounts/tasks", (404, "no"), "service account", "kubectl create serviceaccount"),
    (
        "POST",
        f"{AUTHORIZATION}/namespaces/team-a/localsubjectaccessreviews",
        (201, denied(False)),
        "permissions of the pods",
        "--verb=create,patch --resource=workflowtaskresults.argoproj.io",
    ),
    (
        "POST",
        f"{AUTHORIZATION}/namespaces/argo/localsubjectaccessreviews",
        (201, denied(False)),
        "cached results",
        "--no-cache",
    ),
    ("GET", f"{OWN}/configmaps/artifact-repositories", (404, "no"), "artifact repository", "configure one"),
    (
        "GET",
        f"{OWN}/configmaps/artifact-repositories",
        (200, repositories(text="[" * 5000)),
        "artifact repository",
        "configure one",
    ),
    (
        "GET",
        f"{OWN}/configmaps/artifact-repositories",
        (200, repositories(key="")),
        "artifact repository",
        "configure one",
    ),
    (
        "GET",
        f"{OWN}/configmaps/artifact-repositories",
        (200, repositories(key="other")),
        "artifact repository",
        "configure one",
    ),
    (
        "GET",
        f"{OWN}/configmaps/artifact-repositories",
        (200, repositories(text="nothing: here")),
        "artifact repository",
        "configure one",
    ),
    ("GET", f"{OWN}/secrets/s3", (404, "no"), "Secret s3/a", "kubectl create secret generic -n team-a s3"),
    ("GET", f"{OWN}/secrets/s3", (200, {"data": {"a": ""}}), "Secret s3/b", "--from-literal=b="),
    (
        "GET",
        DEPLOYMENTS,
        (200, {"items": [deployment("workflow-controller:v3.7.6")]}),
        "Argo's controller",
        "4.0",
    ),
    (
        "GET",
        ARGO,
        (200, {"resources": [{"name": "workflows", "kind": "Workflow", "namespaced": True}]}),
        "Argo's resources",
        "CRDs",
    ),
]


@pytest.mark.parametrize(("method", "path", "answer", "name", "remedy"), MISSING)
def test_what_is_missing_is_reported_with_what_to_do(
    method: str, path: str, answer: tuple[int, Any], name: str, remedy: str, ready: FakeApi
) -> None:
    instead(ready, method, path, ready.of(*answer))

    found = findings(ready)

    assert found[name].ok is False
    assert remedy in found[name].remedy


@pytest.mark.parametrize(
    ("method", "path", "name", "right"),
    [
        ("GET", f"{OWN}/serviceaccounts/tasks", "service account", "get serviceaccounts"),
        (
            "POST",
            f"{AUTHORIZATION}/namespaces/team-a/localsubjectaccessreviews",
            "permissions of the pods",
            "create localsubjectaccessreviews",
        ),
        ("GET", f"{OWN}/configmaps/artifact-repositories", "artifact repository", "get configmaps"),
        ("GET", f"{OWN}/secrets/s3", "Secret s3/a", "get secrets"),
    ],
)
def test_what_may_not_be_read_is_neither_present_nor_missing(
    method: str, path: str, name: str, right: str, ready: FakeApi
) -> None:
    instead(ready, method, path, ready.of(403, "no"))

    found = findings(ready)[name]

    assert found.ok is None
    assert found.detail.startswith(f"not checked: you are not allowed to {right}")


def test_the_repository_of_the_controller_counts_where_a_namespace_has_none(ready: FakeApi) -> None:
    instead(ready, "GET", f"{OWN}/configmaps/artifact-repositories", ready.of(404, "no"))
    path = "/api/v1/namespaces/argo/configmaps/workflow-controller-configmap"
    instead(ready, "GET", path, {"data": {"artifactRepository": REPOSITORY}})

    found = findings(ready)["artifact repository"]

    assert found.ok
    assert found.detail == "s3, from ConfigMap workflow-controller-configmap of namespace argo"


@pytest.mark.parametrize("listed", [[], [deployment("mirror/argo@sha256:0")]])
def test_a_version_that_is_not_known_is_not_an_error(listed: list[Any], ready: FakeApi) -> None:
    instead(ready, "GET", DEPLOYMENTS, {"items": listed})

    assert findings(ready)["Argo's controller"].ok is None


def test_the_controller_is_searched_in_readable_namespaces(ready: FakeApi) -> None:
    instead(ready, "GET", DEPLOYMENTS, ready.of(403, "no"))
    path = "/apis/apps/v1/namespaces/argo/deployments"
    ready.on("GET", path, {"items": [deployment("workflow-controller:v4.0.7")]})

    assert findings(ready)["Argo's controller"].ok
