"""Caches on a cluster."""

from __future__ import annotations

from typing import Any

import pytest

from mlplat.errors import ClusterError
from mlplat.k8s import delete_caches

CONFIG_MAPS = "/api/v1/namespaces/argo/configmaps"


def listed(*names: str) -> dict[str, Any]:
    return {"items": [{"metadata": {"name": name}} for name in names]}


def test_only_caches_of_the_pipelines_of_the_namespace_are_deleted(api: Any) -> None:
    own = ["mlplat-cache.team-a.train.0a", "mlplat-cache.team-a.train.1f", "mlplat-cache.team-a.score.00"]
    others = ["my-own-cache", "mlplat-cache.team-ab.train.0a", "mlplat-cache.team-b.train.0a"]
    api.on("GET", CONFIG_MAPS, listed(*others, *own))
    for name, answer in zip(own, ({}, api.of(404, "gone"), {}), strict=True):
        api.on("DELETE", f"{CONFIG_MAPS}/{name}", answer)

    assert delete_caches(kubeconfig=api.kubeconfig) == 2

    assert api.asked[0].query["labelSelector"] == "workflows.argoproj.io/configmap-type=Cache"
    assert api.methods()[1:] == [f"DELETE {CONFIG_MAPS}/{name}" for name in own]


def test_the_controller_may_run_elsewhere(api: Any) -> None:
    api.on("GET", CONFIG_MAPS.replace("argo", "workflows"), listed())

    assert delete_caches(controller_namespace="workflows", kubeconfig=api.kubeconfig) == 0


def test_a_missing_permission_is_reported(api: Any) -> None:
    api.on("GET", CONFIG_MAPS, api.of(403, "no"))

    with pytest.raises(ClusterError, match="you are not allowed to list configmaps in namespace argo"):
        delete_caches(kubeconfig=api.kubeconfig)
