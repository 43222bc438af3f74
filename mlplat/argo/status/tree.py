"""Finds how nodes belong together: the parent of each node, its attempts, and its position in loops."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from mlplat.argo.status.nodes import GROUPS, LISTS, AnyNode

Role = Literal["task", "attempt", "group"]
Parents = Mapping[str, str]
_Nodes = Mapping[str, AnyNode]

_MAKERS = LISTS | {"Retry"}
_LOOP_ITEM = re.compile(r"\((\d+):")
_ATTEMPT = re.compile(r"\((\d+)\)\Z")
_STEP_GROUP = re.compile(r"\[\d+\]")
_NOT_STARTED = (None, "", "Pending", "Skipped", "Omitted")


def parents(nodes: _Nodes) -> dict[str, str]:
    """Find the parent of each node: the node that created it.

    Loops, groups of steps and retries name their members after themselves: ``loop(2:item)``, ``run[0].step``,
    ``task(1)``. The parent of other nodes is their boundary. Names are read instead of ``children``, because what
    follows a node is among its children too: after a loop without items, for example.

    Args:
        nodes: ``status.nodes``.

    Returns:
        Node id to the id of its parent; nodes without a parent are left out.
    """
    makers = {node.get("name"): key for key, node in nodes.items() if node.get("type") in _MAKERS}
    found: dict[str, str] = {}
    for key, node in nodes.items():
        boundary = node.get("boundaryID") or ""
        parent = _maker(node, nodes, makers) if makers else None
        if parent in {None, key} and boundary in nodes:
            parent = boundary
        if parent is not None and parent != key:
            found[key] = parent
    return found


def _maker(node: AnyNode, nodes: _Nodes, makers: Mapping[Any, str]) -> str | None:
    prefix, own = _split(node, nodes)
    for pattern in (_ATTEMPT, _LOOP_ITEM):
        match = pattern.search(own)
        if match and prefix + own[: match.start()] in makers:
            return makers[prefix + own[: match.start()]]
    group = _STEP_GROUP.match(own)
    return makers.get(prefix + group[0]) if group else None


def _split(node: AnyNode, nodes: _Nodes) -> tuple[str, str]:
    """Return the name of the enclosing DAG or steps of a node, and the rest of the node's name."""
    name = node.get("name") or ""
    prefix = (nodes.get(node.get("boundaryID") or "") or {}).get("name") or ""
    return prefix, name[len(prefix) :]


def around(key: str, parent_of: Parents) -> Iterator[str]:
    """Yield the ids of the nodes that a node belongs to, from the inside out."""
    seen = {key}
    while (parent := parent_of.get(key)) is not None and parent not in seen:
        yield parent
        seen.add(parent)
        key = parent


def attempts(nodes: _Nodes, parent_of: Parents) -> dict[str, list[str]]:
    """Find the attempts of the tasks that retry.

    Returns:
        Id of the ``Retry`` node to the ids of its attempts, the first attempt first.
    """
    found: dict[str, list[str]] = {}
    for key, parent in parent_of.items():
        if nodes[parent].get("type") == "Retry":
            found.setdefault(parent, []).append(key)
    for keys in found.values():
        keys.sort(key=lambda key: _number(nodes[key]))
    return found


def _number(node: AnyNode) -> int:
    match = _ATTEMPT.search(node.get("name") or "")
    return int(match[1]) if match else -1


def role(key: str, nodes: _Nodes, parent_of: Parents) -> Role:
    """Return what a node is: a unit of work, an attempt of a task with retries, or a node that only contains others."""
    if nodes[key].get("type") in GROUPS:
        return "group"
    return "attempt" if nodes.get(parent_of.get(key, ""), {}).get("type") == "Retry" else "task"


def was_started(node: AnyNode) -> bool:
    """Return whether the work of a node has started."""
    return node.get("phase") not in _NOT_STARTED


def loop_index(node: AnyNode, nodes: _Nodes) -> int | None:
    """Return the position of a node in its loop, from 0; None outside of loops."""
    item = _LOOP_ITEM.search(_split(node, nodes)[1])
    return int(item[1]) if item else None


def depths(nodes: _Nodes) -> dict[str, int]:
    """Find the depth of each node in the graph of ``children``.

    Args:
        nodes: ``status.nodes``.

    Returns:
        Node id to the length of the longest path to it; 0 for nodes that are not children.
    """
    children = {
        key: [child for child in node.get("children") or () if child in nodes] for key, node in nodes.items()
    }
    waits_for = Counter(child for found in children.values() for child in found)
    depth = dict.fromkeys(nodes, 0)
    ready = [key for key in nodes if not waits_for[key]]
    while ready:
        key = ready.pop()
        for child in children[key]:
            depth[child] = max(depth[child], depth[key] + 1)
            waits_for[child] -= 1
            if not waits_for[child]:
                ready.append(child)
    return depth
