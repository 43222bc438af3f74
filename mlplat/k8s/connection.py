"""Logging in to a cluster as ``kubectl`` does.

The kubeconfig is ``--kubeconfig``, else ``KUBECONFIG``, else ``~/.kube/config``. Without one, the service account of
the pod is used.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from yaml import YAMLError

from mlplat.errors import ClusterError, Diagnostic, nearest
from mlplat.k8s.client import Client
from mlplat.k8s.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Sequence

_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_NO_KUBECONFIG = "set --kubeconfig or KUBECONFIG; check it with `kubectl cluster-info`"


def connect(
    namespace: str | None = None, context: str | None = None, kubeconfig: str | os.PathLike[str] | None = None
) -> Client:
    """Log in to a cluster; no request is sent.

    Args:
        namespace: where to work; the one of the context by default, else ``default``.
        context: context of the kubeconfig; its current one by default.
        kubeconfig: path of the kubeconfig, or several with the path separator between them.

    Returns:
        The client.

    Raises:
        ClusterError: there is no kubeconfig, it cannot be read, it has no such context, or ``kubernetes`` is
            not installed.
    """
    try:
        from kubernetes import client, config
    except ModuleNotFoundError as error:
        raise ClusterError(
            Diagnostic(
                "MLP801",
                "",
                "the kubernetes package is not installed",
                "pip install 'mlplat[argo]'",
            )
        ) from error
    files = os.fspath(kubeconfig) if kubeconfig else os.environ.get("KUBECONFIG") or "~/.kube/config"
    paths = [path for file in files.split(os.pathsep) if file and (path := Path(file).expanduser()).is_file()]
    configuration = client.Configuration()
    login: Any = config
    try:
        if paths:
            chosen, own = _context(paths, context)
            login.load_kube_config(
                os.pathsep.join(map(str, paths)), chosen, client_configuration=configuration
            )
        elif kubeconfig or "KUBERNETES_SERVICE_HOST" not in os.environ:
            raise ClusterError(Diagnostic("MLP801", "", f"no kubeconfig found at {files}", _NO_KUBECONFIG))
        else:
            login.load_incluster_config(client_configuration=configuration)
            own = (_SERVICE_ACCOUNT / "namespace").read_text().strip()
    except (config.ConfigException, YAMLError, OSError, KeyError, TypeError) as error:
        where = f"the kubeconfig at {files}" if paths else "the service account of this pod"
        raise ClusterError(
            Diagnostic("MLP801", "", f"{where} cannot be used: {error}", _NO_KUBECONFIG if paths else "")
        ) from error
    pool = client.ApiClient(configuration).rest_client.pool_manager
    transport = Transport(pool, configuration.host, lambda: _authorization(configuration))
    return Client(transport, namespace or own or "default")


def _context(paths: Sequence[Path], name: str | None) -> tuple[str, str]:
    """Return the name and the namespace of a context; the namespace may be empty."""
    contexts: dict[str, str] = {}
    current = ""
    for path in paths:
        document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        current = current or document.get("current-context") or ""
        for item in document.get("contexts") or ():
            contexts.setdefault(item["name"], (item.get("context") or {}).get("namespace") or "")
    chosen = name or current
    if chosen not in contexts:
        message = (
            f"the kubeconfig has no context '{chosen}'" if chosen else "the kubeconfig has no current context"
        )
        hint = nearest(chosen, list(contexts)) or "`kubectl config get-contexts` lists them"
        raise ClusterError(Diagnostic("MLP801", "", message, hint))
    return chosen, contexts[chosen]


def _authorization(configuration: Any) -> dict[str, str]:
    settings = configuration.auth_settings().values()
    return {
        setting["key"]: setting["value"]
        for setting in settings
        if setting["in"] == "header" and setting["value"]
    }
