"""ConfigMaps with memoized outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlplat.k8s.connection import connect
from mlplat.k8s.resources import CONFIG_MAPS

if TYPE_CHECKING:
    import os

_LABEL = "workflows.argoproj.io/configmap-type=Cache"
_PREFIX = "mlplat-cache."


def delete_caches(
    *,
    namespace: str | None = None,
    controller_namespace: str = "argo",
    context: str | None = None,
    kubeconfig: str | os.PathLike[str] | None = None,
) -> int:
    """Delete the caches of mlplat's pipelines in a namespace; caches with names of your own stay.

    Args:
        namespace: of the pipelines; that of the context by default.
        controller_namespace: namespace of Argo's controller, which keeps the caches of all namespaces there.
        context: context of the kubeconfig.
        kubeconfig: path of the kubeconfig.

    Returns:
        The number of deleted caches.

    Raises:
        ClusterError: the cluster refused or cannot be reached.
    """
    client = connect(namespace, context, kubeconfig)
    listed = client.list_metadata(CONFIG_MAPS, namespace=controller_namespace, labels=_LABEL)
    names = [item["metadata"]["name"] for item in listed.items]
    prefix = f"{_PREFIX}{client.namespace}."
    return sum(
        client.delete(CONFIG_MAPS, name, namespace=controller_namespace)
        for name in names
        if name.startswith(prefix)
    )
