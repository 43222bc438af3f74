"""What tells a cluster from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlplat.k8s.connection import connect
from mlplat.k8s.failures import RefusedError
from mlplat.k8s.resources import NAMESPACES

if TYPE_CHECKING:
    import os


def identity(
    *,
    namespace: str | None = None,
    context: str | None = None,
    kubeconfig: str | os.PathLike[str] | None = None,
) -> str:
    """Return the identity of a cluster.

    Args:
        namespace: has no effect.
        context: context of the kubeconfig.
        kubeconfig: path of the kubeconfig.

    Returns:
        The UID of its namespace ``kube-system``; the URL of its API server if that namespace may not be read.

    Raises:
        ClusterError: the cluster cannot be reached.
    """
    client = connect(namespace, context, kubeconfig)
    try:
        return str(client.get(NAMESPACES, "kube-system")["metadata"]["uid"])
    except RefusedError as error:
        if error.status not in (403, 404):
            raise
        return client.host
