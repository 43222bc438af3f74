"""Logs of tasks, from their pods."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mlplat.argo import stores
from mlplat.argo.status import AnyNode, fused, pod_name
from mlplat.errors import ClusterError, Diagnostic
from mlplat.k8s.connection import connect
from mlplat.k8s.failures import RefusedError

if TYPE_CHECKING:
    import os


_TEXT_OF_EXECUTOR = re.compile(r'time="[^"]*" level=\w+ msg=.* argo=true')
_WHY_GONE = "pods are deleted by users, by podGC or with their node; set archiveLogs: true to keep logs"
_WITH_POD = frozenset({"Pod", "Container"})


def logs(
    workflow: Mapping[str, Any],
    node_id: str,
    *,
    follow: bool = False,
    last: int | None = None,
    context: str | None = None,
    kubeconfig: str | os.PathLike[str] | None = None,
) -> Iterator[str]:
    """Read the log of a task, from the container ``main`` of its pod.

    Args:
        workflow: the Workflow with its nodes.
        node_id: a node of it; for a node with retries, its last attempt.
        follow: continue until the container ends.
        last: read only so many of the last lines of the pod, in bounded memory.
        context: context of the kubeconfig.
        kubeconfig: path of the kubeconfig.

    Yields:
        Each line, without its end.

    Raises:
        ClusterError: the node has no pod, it has not started, or it is gone; or the cluster refused or cannot
            be reached.
    """
    nodes = (workflow.get("status") or {}).get("nodes") or {}
    with_steps = fused.expanded(nodes)
    if (pod_id := fused.pod_of(node_id, with_steps)) != node_id:
        whole = logs(workflow, pod_id, last=last, context=context, kubeconfig=kubeconfig)
        text = "".join(f"{line}\n" for line in whole)
        yield from fused.log_of(text, with_steps[node_id]["displayName"]).splitlines()
        return
    node = _with_pod(nodes, node_id, workflow["metadata"]["name"])
    container = node["displayName"] if node.get("type") == "Container" else "main"
    if node.get("type") == "Container":
        node = nodes[node["boundaryID"]]
    client = connect(workflow["metadata"].get("namespace"), context, kubeconfig)
    pod = pod_name(workflow, node)
    try:
        lines = client.log(pod, container, follow=follow, last=last)
        yield from printed(line.decode(errors="replace") for line in lines)
    except RefusedError as error:
        raise _explained(error, node, pod) from error


def printed(lines: Iterable[str]) -> Iterator[str]:
    """Remove the lines of Argo's executor from a log.

    Args:
        lines: the log of a container.

    Yields:
        The lines of the program.
    """
    ended = False
    for line in lines:
        if _is_of_executor(line):
            ended = ended or "sub-process exited" in line
        elif not (ended and line.startswith("Error: ")):
            yield line


def _is_of_executor(line: str) -> bool:
    if not (line.startswith('{"time":') and '"argo":true' in line):
        return _TEXT_OF_EXECUTOR.match(line) is not None
    try:
        entry = json.loads(line)
    except ValueError:
        return False
    return entry.get("argo") is True and "msg" in entry and "level" in entry


def _with_pod(nodes: Mapping[str, AnyNode], node_id: str, name: str) -> AnyNode:
    node = nodes.get(node_id)
    if node is None:
        raise ClusterError(Diagnostic("MLP813", "", f"{name} has no node {node_id}"))
    if node.get("type") == "Retry" and node.get("children"):
        return _with_pod(nodes, node["children"][-1], name)
    shown = node.get("displayName", node_id)
    if (node.get("memoizationStatus") or {}).get("hit"):
        message = f"{shown} printed nothing in this run: its outputs came from the cache"
        raise ClusterError(Diagnostic("MLP813", "", message))
    if node.get("type") not in _WITH_POD:
        message = f"{shown} has no pod ({node.get('type')}, {node.get('phase')})"
        raise ClusterError(Diagnostic("MLP813", "", message, "choose a task that ran"))
    return node


def _explained(error: RefusedError, node: AnyNode, pod: str) -> ClusterError:
    shown = node.get("displayName", pod)
    if error.status == 404 and not node.get("hostNodeName"):
        message = f"{shown} never ran: {node.get('message') or 'its pod was not started'}"
        return ClusterError(Diagnostic("MLP813", "", message))
    if error.status == 404:
        archived = [
            stores.key_of(artifact)
            for artifact in (node.get("outputs") or {}).get("artifacts") or ()
            if artifact.get("name") == "main-logs"
        ]
        hint = (
            f"Argo archived the log in the artifact repository: {archived[0]}" if any(archived) else _WHY_GONE
        )
        return ClusterError(Diagnostic("MLP814", "", f"pod {pod} was deleted, and its log with it", hint))
    if error.status == 400:
        why = error.diagnostics[0].message.removeprefix(f"could not {error.request}: ")
        yet = "" if node.get("finishedAt") else " yet"
        message = f"{shown} has printed nothing{yet}: {why}"
        hint = f"to see what it waits for: kubectl describe pod -n {error.request.namespace} {pod}"
        return ClusterError(Diagnostic("MLP815", "", message, hint))
    return error
