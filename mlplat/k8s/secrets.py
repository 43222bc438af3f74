"""Secrets of a namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlplat.k8s.api import SECRETS
from mlplat.k8s.connection import connect

if TYPE_CHECKING:
    import os


def secret(
    name: str,
    *,
    namespace: str | None = None,
    context: str | None = None,
    kubeconfig: str | os.PathLike[str] | None = None,
) -> dict[str, str]:
    """Read a Secret.

    Args:
        name: of the Secret.
        namespace: where it is; that of the context when not given.
        context: context of the kubeconfig.
        kubeconfig: path of the kubeconfig.

    Returns:
        Its data by key, in Base64.

    Raises:
        ClusterError: it does not exist, or the cluster refused or can't be reached.
    """
    api = connect(namespace, context, kubeconfig)
    return dict(api.call("get", SECRETS, namespace=api.namespace, name=name).get("data") or {})
