"""Decides which nodes of a run to keep when it is retried, for both engines.

Failed nodes run again, and so do all nodes after them; nodes that succeeded before are kept. A failure in a group that
succeeded is kept, too, because it did no harm. ``argo retry`` (``FormulateRetryWorkflow`` in Argo 4.0.7's
``workflow/util/util.go``) differs in one point: it keeps a failed task if a later task succeeded, so a
pipeline whose exit task ran cannot be retried.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlplat.argo.status import FAILED, FULFILLED, GROUPS, LISTS, AnyNode, around, is_hook, parents, role

Node = dict[str, Any]

_GOOD = FULFILLED - FAILED


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """The nodes to keep and to remove.

    Attributes:
        kept: nodes by id; groups that continue are running.
        removed: nodes that run again, as they were.
    """

    kept: dict[str, Node]
    removed: dict[str, Node]


def retried(
    name: str, nodes: Mapping[str, Node], *, also: Collection[str] = (), other_arguments: bool = False
) -> RetryPlan:
    """Split the nodes of a run that ended, or was interrupted, into those to keep and those to run again.

    Args:
        name: of the Workflow.
        nodes: its ``status.nodes``.
        also: ids of nodes to run again although they succeeded.
        other_arguments: whether the run's arguments change: loops that continue then compute their items again.

    Returns:
        The nodes to keep, as copies, and the nodes to remove.
    """
    return _Parting(name, nodes).part(also, other_arguments)


def find(nodes: Mapping[str, AnyNode], task: str) -> list[str]:
    """Return the ids of the nodes that a name selects: the name of a task or a node, or an id."""
    return [key for key, node in nodes.items() if task in (key, node["name"], node["displayName"])]


class _Parting:
    def __init__(self, name: str, nodes: Mapping[str, Node]) -> None:
        self.name = name
        self.nodes = nodes
        self.parents = parents(nodes)
        self.members: dict[str, list[str]] = {}
        for key, node in nodes.items():
            if node.get("boundaryID"):
                self.members.setdefault(node["boundaryID"], []).append(key)
        self.removed: set[str] = set()
        self.opened: set[str] = set()

    def part(self, also: Collection[str], other_arguments: bool) -> RetryPlan:
        for key, node in self.nodes.items():
            if self._is_exit_handler(node):
                self._remove(key)
            elif node["phase"] not in _GOOD and not self._is_harmless(key):
                self._again(key)
        for key in also:
            self._remove(key)
            self._open_around(key)
        if other_arguments:
            for key in sorted(self.opened - self.removed):
                if self.nodes[key]["type"] in LISTS:
                    for child in self.nodes[key].get("children", ()):
                        self._remove(child)
        kept = {key: self._kept(key, node) for key, node in self.nodes.items() if key not in self.removed}
        return RetryPlan(kept, {key: node for key, node in self.nodes.items() if key in self.removed})

    def _again(self, key: str) -> None:
        if self.nodes[key]["type"] in GROUPS:
            self._open(key)
        elif role(key, self.nodes, self.parents) == "task":
            self._remove(key)

    def _is_exit_handler(self, node: Node) -> bool:
        return bool(node["name"] == f"{self.name}.onExit")

    def _is_harmless(self, key: str) -> bool:
        """Return whether a parent of a node succeeded."""
        return any(self.nodes[outer]["phase"] == "Succeeded" for outer in around(key, self.parents))

    def _open_around(self, key: str) -> None:
        for outer in around(key, self.parents):
            if self.nodes[outer]["type"] in GROUPS:
                self._open(outer)
            else:
                self._remove(outer)

    def _open(self, key: str) -> None:
        """Set a group to running, and remove the nodes after it."""
        if key in self.opened:
            return
        self.opened.add(key)
        for child in self.nodes[key].get("children", ()):
            node = self.nodes.get(child)
            if node is not None and is_hook(node) and node["name"].endswith(".onExit"):
                self._remove(child)
        inside = set(self._inside(key))
        for last in self.nodes[key].get("outboundNodes", ()):
            for after in self.nodes.get(last, {}).get("children", ()):
                if after not in inside:
                    self._remove(after)

    def _inside(self, key: str) -> Iterator[str]:
        waiting = [key]
        while waiting:
            one = waiting.pop()
            yield one
            waiting += self.members.get(one, ())

    def _remove(self, key: str) -> None:
        """Remove a node, its children, and the nodes after it."""
        waiting = [key]
        while waiting:
            one = waiting.pop()
            if one in self.removed or one not in self.nodes:
                continue
            self.removed.add(one)
            waiting += self.nodes[one].get("children", ())
            waiting += self.members.get(one, ())

    def _kept(self, key: str, node: Node) -> Node:
        new = copy.deepcopy(node)
        if key in self.opened:
            new["phase"] = "Running"
            new["finishedAt"] = None
            for field in ("message", "outputs", "outboundNodes"):
                new.pop(field, None)
        for field in ("children", "outboundNodes"):
            if field in new:
                new[field] = [one for one in new[field] if one not in self.removed]
        return new
