"""Finds the edges of a graph in which nodes are shown inside their groups."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

Keys = Mapping[str, Sequence[str]]


def edges(children: Keys, parents: Mapping[str, str], hidden: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Find the nodes that each node comes directly after.

    In ``status.nodes``, a node that comes after a group is a child of the last nodes in the group, and the first nodes
    in a group are children of the group. Here, both ends of an edge belong to the same group.

    Args:
        children: the ``children`` of each node, in any order.
        parents: the node that each node belongs to; nodes at the top have the empty string, or are missing.
        hidden: nodes that are not shown. Nodes after a hidden node come after its predecessors, and members of a hidden
            group belong to the group around it.

    Returns:
        The predecessors of each node, as ids in the order of the nodes; nodes without predecessors are left
        out.
    """
    around = {key: _around(key, parents, hidden) for key in children if key not in hidden}
    next_of: dict[str, tuple[str, ...]] = {}
    found: dict[str, dict[str, None]] = {}
    for key, chain in around.items():
        for other in _next(key, children, hidden, next_of):
            if other in around and (pair := _siblings([key, *chain], [other, *around[other]])):
                found.setdefault(pair[1], {})[pair[0]] = None
    return {key: tuple(befores) for key, befores in found.items()}


def _around(key: str, parents: Mapping[str, str], hidden: Collection[str]) -> list[str]:
    """Return the shown groups that a node is in, from the inside out; the empty string last, for the top."""
    found, seen = [], {key}
    while (key := parents.get(key, "")) and key not in seen:
        seen.add(key)
        if key not in hidden:
            found.append(key)
    return [*found, ""]


def _next(
    key: str, children: Keys, hidden: Collection[str], known: dict[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """Return the children of a node; those of hidden children instead of these."""
    if key in known:
        return known[key]
    following: dict[str, None] = {}
    seen: set[str] = set()
    waiting = list(reversed(children.get(key, ())))
    while waiting:
        one = waiting.pop()
        if one not in hidden:
            following[one] = None
        elif one not in seen:
            seen.add(one)
            waiting += known[one] if one in known else reversed(children.get(one, ()))
    known[key] = tuple(following)
    return known[key]


def _siblings(left: Sequence[str], right: Sequence[str]) -> tuple[str, str] | None:
    """Return the groups of two nodes, directly below their closest common group; None if one contains the other."""
    if right[0] in left or left[0] in right:
        return None
    shared = next(key for key in left if key in right)
    return left[left.index(shared) - 1], right[right.index(shared) - 1]
