"""Caches on a cluster."""

from __future__ import annotations

from typing import Any

from mlplat.k8s import delete_caches

CONFIG_MAPS = "/api/v1/namespaces/team-a/configmaps"


def test_only_caches_of_pipelines_are_deleted(api: Any) -> None:
    names = ["mlplat-cache-a", "my-own-cache", "mlplat-cache-b", "mlplat-cache-c"]
    api.on("GET", CONFIG_MAPS, {"items": [{"metadata": {"name": name}} for name in names]})
    api.on("DELETE", f"{CONFIG_MAPS}/mlplat-cache-a", {})
    api.on("DELETE", f"{CONFIG_MAPS}/mlplat-cache-b", api.of(404, "gone"))
    api.on("DELETE", f"{CONFIG_MAPS}/mlplat-cache-c", {})

    assert delete_caches(kubeconfig=api.kubeconfig) == 2

    assert api.asked[0].query == {"labelSelector": "workflows.argoproj.io/configmap-type=Cache"}
    assert f"DELETE {CONFIG_MAPS}/my-own-cache" not in api.methods()
