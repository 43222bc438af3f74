"""Following a Workflow until it ends, through whatever happens to the connection."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mlplat.argo.status import FINISHED, unpacked
from mlplat.errors import ClusterError, Diagnostic
from mlplat.k8s.api import WORKFLOWS, Api, parsed
from mlplat.k8s.connection import connect
from mlplat.k8s.failures import RefusedError, UnreachableError
from mlplat.k8s.workflows import Json, read_from

if TYPE_CHECKING:
    import os

Node = Mapping[str, Any]

_WATCH_SECONDS = 240
_SILENCE_SECONDS = 270.0
_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 30.0)


def follow(
    name: str,
    *,
    observer: Callable[[Node], None] | None = None,
    on_change: Callable[[Json], None] | None = None,
    namespace: str | None = None,
    context: str | None = None,
    kubeconfig: str | os.PathLike[str] | None = None,
) -> Json:
    """Wait until a Workflow ends, and tell what happens meanwhile.

    The Workflow is watched; when the watch expires or the connection breaks, it is read anew and watched
    from there. A cluster that can't be reached for longer than about a minute and a half is given up.

    Args:
        name: of the Workflow.
        observer: called with each node that is new or has changed, first with those that are there already.
        on_change: called with the Workflow each time that it has changed; what the record wants.
        namespace: where it is; that of the context when not given.
        context: context of the kubeconfig.
        kubeconfig: path of the kubeconfig.

    Returns:
        The Workflow as it ended.

    Raises:
        ClusterError: it isn't there or was deleted, or the cluster refused or can't be reached.
    """
    api = connect(namespace, context, kubeconfig)
    nodes: dict[str, Node] = {}
    for workflow in _states(api, name):
        status = workflow.get("status") or {}
        for node_id, node in (status.get("nodes") or {}).items():
            if observer is not None and nodes.get(node_id) != node:
                observer(node)
            nodes[node_id] = node
        if on_change is not None:
            on_change(workflow)
        if status.get("phase") in FINISHED:
            return workflow
    raise ClusterError(
        Diagnostic(
            "MLP812", "", f"{name} was deleted while it ran", "its pods were deleted with it; run it again"
        )
    )


def _states(api: Api, name: str) -> Iterator[Json]:
    """Give the Workflow each time that it changes; ends when it is deleted."""
    workflow: Json | None = read_from(api, name)
    version = ""
    uid = workflow["metadata"]["uid"] if workflow else ""
    while workflow is not None and workflow["metadata"]["uid"] == uid:
        if workflow["metadata"]["resourceVersion"] != version:
            version = workflow["metadata"]["resourceVersion"]
            yield workflow
        try:
            for event in _events(api, name, version):
                if event["type"] == "DELETED":
                    return
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    yield dict(unpacked(event["object"]))
        except (RefusedError, UnreachableError) as error:
            if not _may_pass(error):
                raise
        time.sleep(_PAUSES[0])
        workflow = _read_again(api, name)


def _read_again(api: Api, name: str) -> Json | None:
    """Read the Workflow, patiently; None when it is there no more."""
    for pause in (*_PAUSES, None):
        try:
            return read_from(api, name)
        except (RefusedError, UnreachableError) as error:
            if isinstance(error, RefusedError) and error.status == 404:
                return None
            if pause is None or not _may_pass(error):
                raise
            time.sleep(pause)
    return None


def _events(api: Api, name: str, version: str) -> Iterator[Json]:
    """Watch from a version on, until the server ends the watch or can't go on from that version (410)."""
    query = {
        "watch": "true",
        "fieldSelector": f"metadata.name={name}",
        "resourceVersion": version,
        "allowWatchBookmarks": "true",
        "timeoutSeconds": str(_WATCH_SECONDS),
    }
    lines = api.lines("watch", WORKFLOWS, namespace=api.namespace, query=query, silence=_SILENCE_SECONDS)
    try:
        for line in lines:
            event = parsed(line)
            if event["type"] == "ERROR":
                return
            yield event
    except json.JSONDecodeError as error:
        raise UnreachableError(api.host, "the connection broke in the middle of an event") from error
    except RefusedError as error:
        if error.status != 410:
            raise


def _may_pass(error: ClusterError) -> bool:
    return not isinstance(error, RefusedError) or error.status == 429 or error.status >= 500
