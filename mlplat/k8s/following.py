"""Follows a Workflow until it ends, and survives lost connections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from mlplat.argo.status import FINISHED, AnyNode, unpacked
from mlplat.errors import ClusterError, Diagnostic
from mlplat.k8s.cancellation import Cancellation
from mlplat.k8s.client import Client, Json, Listed
from mlplat.k8s.connection import connect
from mlplat.k8s.resources import WORKFLOWS
from mlplat.k8s.watching import watch
from mlplat.k8s.workflows import get

if TYPE_CHECKING:
    import os


def follow(
    name: str,
    *,
    observer: Callable[[AnyNode], None] | None = None,
    on_change: Callable[[Json], None] | None = None,
    namespace: str | None = None,
    context: str | None = None,
    kubeconfig: str | os.PathLike[str] | None = None,
    cancellation: Cancellation | None = None,
) -> Json:
    """Wait until a Workflow ends, and report its changes.

    See :func:`mlplat.k8s.watch` for what happens when the connection breaks.

    Args:
        name: of the Workflow.
        observer: called with each node that is new or has changed, first with those that exist already.
        on_change: called with the Workflow after each change.
        namespace: of the Workflow; that of the context by default.
        context: context of the kubeconfig.
        kubeconfig: path of the kubeconfig.
        cancellation: ends the waiting from another thread.

    Returns:
        The Workflow as it ended, or as it was last seen before the waiting was cancelled.

    Raises:
        CancelledError: the waiting was cancelled before the Workflow was seen.
        ClusterError: it does not exist or was deleted, or the cluster refused or cannot be reached.
    """
    client = connect(namespace, context, kubeconfig).cancelled_by(cancellation or Cancellation())
    nodes: dict[str, AnyNode] = {}
    for workflow in _states(client, name):
        status = workflow.get("status") or {}
        for node_id, node in (status.get("nodes") or {}).items():
            if observer is not None and nodes.get(node_id) != node:
                observer(node)
            nodes[node_id] = node
        if on_change is not None:
            on_change(workflow)
        if status.get("phase") in FINISHED:
            return workflow
    if client.cancellation.is_cancelled:
        return workflow
    raise ClusterError(
        Diagnostic(
            "MLP812", "", f"{name} was deleted while it ran", "its pods were deleted with it; run it again"
        )
    )


def _states(client: Client, name: str) -> Iterator[Json]:
    """Yield the Workflow as it is, and after each change; end when it is deleted."""
    workflow = get(client, name)
    yield dict(unpacked(workflow))
    start = Listed(workflow["metadata"]["resourceVersion"], (workflow,))
    for change in watch(client, WORKFLOWS, name=name, start=start):
        if change.type == "DELETED" or change.object["metadata"]["uid"] != workflow["metadata"]["uid"]:
            return
        yield dict(unpacked(change.object))
