"""Version, CRDs and permissions of a cluster, for ``mlplat doctor``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlplat.k8s.connection import connect
from mlplat.k8s.failures import RefusedError

if TYPE_CHECKING:
    import os

    from mlplat.k8s.client import Client

_FULL_CRD_TASKS = 200
_NEEDED = (
    ("argoproj.io", "workflows", "create"),
    ("argoproj.io", "workflows", "get"),
    ("argoproj.io", "workflows", "watch"),
    ("argoproj.io", "workflows", "patch"),
    ("", "configmaps", "create"),
    ("", "configmaps", "patch"),
    ("", "pods/log", "get"),
)


@dataclass(frozen=True, slots=True)
class Access:
    """Facts about a cluster.

    Attributes:
        host: URL of the API server.
        namespace: where permissions were checked.
        server_version: of Kubernetes, such as ``v1.34.4``.
        crds: ``full`` (they refuse more than 200 tasks in a DAG), ``minimal`` (they check nothing),
            ``none``, or ``unknown`` without permission to create Workflows.
        missing_rights: missing permissions, such as ``create workflows``.
    """

    host: str
    namespace: str
    server_version: str
    crds: str
    missing_rights: tuple[str, ...]


def check_access(
    *,
    namespace: str | None = None,
    context: str | None = None,
    kubeconfig: str | os.PathLike[str] | None = None,
) -> Access:
    """Check a cluster, without changing it.

    Args:
        namespace: where to check permissions; that of the context by default.
        context: context of the kubeconfig.
        kubeconfig: path of the kubeconfig.

    Returns:
        The facts.

    Raises:
        ClusterError: there is no kubeconfig, the cluster cannot be reached or refuses the login, or the
            namespace does not exist.
    """
    client = connect(namespace, context, kubeconfig)
    return Access(
        host=client.host,
        namespace=client.namespace,
        server_version=client.version(),
        missing_rights=tuple(
            f"{verb} {resource}"
            for group, resource, verb in _NEEDED
            if not _may(client, group, resource, verb)
        ),
        crds=_crds(client),
    )


def _may(client: Client, group: str, resource: str, verb: str) -> bool:
    plural, _, subresource = resource.partition("/")
    attributes = {
        "namespace": client.namespace,
        "group": group,
        "resource": plural,
        "subresource": subresource,
        "verb": verb,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    return bool(client.create(review)["status"].get("allowed"))


def _crds(client: Client) -> str:
    """Create a Workflow with one task more than the full CRDs allow, as a dry run."""
    try:
        client.create(_too_wide(), dry_run=True)
    except RefusedError as error:
        if error.status == 404:
            if error.diagnostics[0].code == "MLP805":
                return "none"
            raise
        return "full" if error.status == 422 else "unknown"
    return "minimal"


def _too_wide() -> dict[str, Any]:
    tasks = [{"name": f"t{number}", "template": "task"} for number in range(_FULL_CRD_TASKS + 1)]
    templates = [
        {"name": "main", "dag": {"tasks": tasks}},
        {"name": "task", "container": {"image": "none", "command": ["true"]}},
    ]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "mlplat-doctor-"},
        "spec": {"entrypoint": "main", "templates": templates},
    }
