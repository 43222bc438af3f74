"""Facts about a cluster."""

from __future__ import annotations

from typing import Any

import pytest

from mlplat.errors import ClusterError
from mlplat.k8s import check_access

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
WORKFLOWS = "/apis/argoproj.io/v1alpha1/namespaces/team-a/workflows"


@pytest.mark.parametrize(
    ("code", "body", "crds"),
    [
        (201, {}, "minimal"),
        (422, {"kind": "Status", "message": "Too many: 201"}, "full"),
        (404, "404 page not found", "none"),
        (403, "no", "unknown"),
    ],
)
def test_a_dry_run_tells_which_crds_there_are(api: Any, code: int, body: Any, crds: str) -> None:
    api.on("GET", "/version", {"gitVersion": "v1.34.4"})
    api.on("POST", REVIEWS, {"status": {"allowed": True}})
    api.on("POST", WORKFLOWS, api.of(code, body))

    found = check_access(kubeconfig=api.kubeconfig)

    assert (found.crds, found.server_version, found.missing_rights) == (crds, "v1.34.4", ())
    (dry,) = [asked for asked in api.asked if asked.path == WORKFLOWS]
    assert dry.query["dryRun"] == "All"


def test_a_namespace_that_does_not_exist_is_an_error(api: Any) -> None:
    api.on("GET", "/version", {"gitVersion": "v1.34.4"})
    api.on("POST", REVIEWS, {"status": {"allowed": True}})
    missing = {"kind": "namespaces", "name": "team-a"}
    api.on("POST", WORKFLOWS, api.of(404, {"kind": "Status", "message": "x", "details": missing}))

    with pytest.raises(ClusterError, match="namespace team-a not found"):
        check_access(kubeconfig=api.kubeconfig)


def test_missing_rights_are_named(api: Any) -> None:
    api.on("GET", "/version", {"gitVersion": "v1.34.4"})
    answers = [{"status": {"allowed": False}}, *[{"status": {"allowed": True}}] * 5, {"status": {}}]
    api.on("POST", REVIEWS, *answers)
    api.on("POST", WORKFLOWS, api.of(403, "no"))

    found = check_access(kubeconfig=api.kubeconfig)

    assert found.missing_rights == ("create workflows", "get pods/log")
