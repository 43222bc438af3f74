"""The tree of nodes of ``status.nodes``, with Argo's ids, names and phases.

See ``initializeNode``, ``markNodePhase`` and ``addChildNode`` of Argo 4.0.7's ``workflow/controller/operator.go``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from mlplat.argo.status import FAILED, FINISHED, FULFILLED, Node, fnv32a, is_hook

EXECUTABLE = frozenset(("Pod", "Container", "Suspend"))
"""Types of nodes that do work themselves."""

_SEPARATOR = re.compile(r"^(\[\d+\])?\.")


def node_id(workflow: str, name: str) -> str:
    """Return the id of the node of a name, in the workflow of a name."""
    return workflow if name == workflow else f"{workflow}-{fnv32a(name)}"


def fulfilled(node: Mapping[str, Any]) -> bool:
    """Return whether a node has ended, in any phase."""
    return node["phase"] in FULFILLED


def completed(node: Mapping[str, Any]) -> bool:
    """Return whether a node ran and ended: not skipped, not omitted."""
    return node["phase"] in FINISHED


def unsuccessful(node: Mapping[str, Any]) -> bool:
    """Return whether a node is in the phase Failed or Error."""
    return node["phase"] in FAILED


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def timestamp(moment: datetime) -> str:
    """Return a time as Kubernetes writes it: RFC 3339, whole seconds, UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def creation_timestamp(moment: datetime) -> str:
    """Return a time in RFC 3339 with microseconds: runs that start within one second are listed in their order."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def instant(text: str | None) -> datetime:
    """Read a time that :func:`timestamp` wrote."""
    assert text
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


class NodeTree:
    """The nodes of one workflow.

    Args:
        workflow: the workflow's name.
        changed: called with each new or changed node.
    """

    def __init__(self, workflow: str, changed: Callable[[Node], None]) -> None:
        self.workflow = workflow
        self.nodes: dict[str, Node] = {}
        self._changed = changed
        self._edges: dict[str, set[str]] = {}

    def load(self, nodes: Mapping[str, Any]) -> None:
        """Add the nodes of an earlier run."""
        self.nodes.update(nodes)
        for key, node in nodes.items():
            self._edges[key] = set(node.get("children", ()))

    def id(self, name: str) -> str:
        """Return the id of the node of a name."""
        return node_id(self.workflow, name)

    def named(self, name: str) -> Node | None:
        """Return the node of a name, or None."""
        return self.nodes.get(self.id(name))

    def create(
        self,
        name: str,
        kind: str,
        phase: str,
        *,
        holder: Mapping[str, Any],
        scope: str,
        boundary: str = "",
        flag: Mapping[str, bool] | None = None,
        message: str = "",
        inputs: Mapping[str, Any] | None = None,
        display_name: str = "",
    ) -> Node:
        """Add a node.

        Args:
            name: its name, unique in the workflow.
            kind: its type, such as ``Pod``.
            phase: its first phase.
            holder: the task or step that it comes from: names the template.
            scope: where that template was looked for, such as ``local/my-workflow``.
            boundary: id of the DAG or steps node that it belongs to.
            flag: ``nodeFlag``.
            message: the reason of its phase.
            inputs: inputs with their values.
            display_name: its display name; by default, its name without that of the boundary.

        Returns:
            The node.
        """
        moment = timestamp(now())
        node: Node = {
            "id": self.id(name),
            "name": name,
            "displayName": display_name or self._display_name(name, boundary),
            "type": kind,
        }
        if holder.get("template"):
            node["templateName"] = holder["template"]
        if holder.get("templateRef"):
            node["templateRef"] = dict(holder["templateRef"])
        node["templateScope"] = scope
        node["phase"] = phase
        if boundary:
            node["boundaryID"] = boundary
        if message:
            node["message"] = message
        node["startedAt"] = moment
        node["finishedAt"] = moment if fulfilled(node) else None
        if kind in EXECUTABLE:
            node["progress"] = "0/1"
        if flag is not None:
            node["nodeFlag"] = dict(flag)
        if inputs:
            node["inputs"] = inputs
        self.nodes[node["id"]] = node
        self._changed(node)
        return node

    def _display_name(self, name: str, boundary: str) -> str:
        above = self.nodes.get(boundary)
        if above is None:
            return name
        return _SEPARATOR.sub("", name.removeprefix(above["name"]), count=1)

    def mark(self, node: Node, phase: str, message: str | None = None) -> Node:
        """Put a node into a phase.

        Args:
            node: the node.
            phase: the phase.
            message: the reason; None keeps the message, an empty string removes it.

        Returns:
            The node.
        """
        node["phase"] = phase
        if message is not None:
            node.pop("message", None)
            if message:
                node["message"] = message
        if fulfilled(node) and not node.get("finishedAt"):
            node["finishedAt"] = timestamp(now())
            if node["type"] in EXECUTABLE and phase in ("Succeeded", "Skipped", "Omitted"):
                node["progress"] = "1/1"
        self._changed(node)
        return node

    def forget(self, name: str) -> None:
        """Remove the node of a name, because it is created again."""
        del self.nodes[self.id(name)]

    def started(self, node: Node) -> Node:
        """Mark a node as running from now on; it may have waited for its turn."""
        node["startedAt"] = timestamp(now())
        return self.mark(node, "Running", "")

    def connect(self, parent: str, child: str) -> None:
        """Make one node the child of another; both are ids, and the child may not exist yet."""
        edges = self._edges.setdefault(parent, set())
        if child not in edges:
            edges.add(child)
            self.nodes[parent].setdefault("children", []).append(child)

    def disconnect(self, parent: str, child: str) -> None:
        """Undo :meth:`connect` for a child that was not created."""
        self._edges[parent].discard(child)
        self.nodes[parent]["children"].remove(child)

    def outbound(self, key: str) -> list[str]:
        """Return the ids of the nodes whose children are the successors of a node.

        Args:
            key: id of the node.

        Returns:
            The node itself for a pod, the last nodes inside for a DAG, steps or a loop.
        """
        node = self.nodes[key]
        kind = node["type"]
        if kind in ("Skipped", "Suspend", "Pod", "HTTP", "Plugin"):
            return [key]
        children = node.get("children", [])
        if kind == "TaskGroup":
            if not children:
                return [key]
            return [last for child in children if child in self.nodes for last in self.outbound(child)]
        if kind == "Retry" and children:
            return [children[-1]]
        if kind in ("Steps", "DAG") and (node.get("memoizationStatus") or {}).get("hit"):
            return [key]
        return [last for one in node.get("outboundNodes", ()) for last in self.outbound(one)]

    def existing(self, keys: Iterable[str]) -> list[Node]:
        """Return the nodes of some ids, without missing ones."""
        return [self.nodes[key] for key in keys if key in self.nodes]

    def last_attempt(self, node: Node) -> Node:
        """Return the last attempt of a node with retries, or any other node itself."""
        if node["type"] != "Retry":
            return node
        attempts = [one for one in self.existing(node.get("children", ())) if not is_hook(one)]
        return attempts[-1] if attempts else node
