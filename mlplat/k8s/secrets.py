"""Secrets of a namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlplat.k8s.connection import connect
from mlplat.k8s.resources import SECRETS

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
        namespace: of the Secret; that of the context by default.
        context: context of the kubeconfig.
        kubeconfig: path of the kubeconfig.

    Returns:
        Its data by key, in Base64.

    Raises:
        ClusterError: it does not exist, or the cluster refused or cannot be reached.
    """
    return dict(connect(namespace, context, kubeconfig).get(SECRETS, name).get("data") or {})
