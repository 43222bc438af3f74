"""Computes ``progress`` of nodes and of the workflow.

See Argo 4.0.7's ``workflow/progress/updater.go``: a node that only contains others shows the sum of the nodes below it.
"""

from __future__ import annotations

from collections.abc import Mapping

from mlplat.argo.status import Node
from mlplat.engine.nodes import EXECUTABLE


def total(nodes: Mapping[str, Node]) -> str:
    """Return the progress of a workflow, such as ``3/5``."""
    shown = [node["progress"] for node in nodes.values() if node["type"] in EXECUTABLE]
    return f"{shown.count('1/1')}/{len(shown)}"


def update(nodes: Mapping[str, Node]) -> None:
    """Set ``progress`` of every node that only contains others.

    Args:
        nodes: all nodes by id; they are changed. One with nothing to count below it shows no progress.
    """
    executable = [key for key, node in nodes.items() if node["type"] in EXECUTABLE]
    bits = {key: 1 << position for position, key in enumerate(executable)}
    done = sum(bits[key] for key in executable if nodes[key]["progress"].startswith("1"))
    for key, below in _below(nodes, bits).items():
        if below and nodes[key]["type"] not in EXECUTABLE:
            nodes[key]["progress"] = f"{(below & done).bit_count()}/{below.bit_count()}"


def _below(nodes: Mapping[str, Node], bits: Mapping[str, int]) -> dict[str, int]:
    """Return, for each node, the executable nodes below it as bits of a number."""
    below: dict[str, int] = {}
    for root in nodes:
        stack = [root]
        while stack:
            key = stack[-1]
            if key in below:
                stack.pop()
                continue
            children = [child for child in nodes[key].get("children", ()) if child in nodes]
            waiting = [child for child in children if child not in below]
            if waiting:
                stack.extend(waiting)
                continue
            found = 0
            for child in children:
                found |= below[child] | bits.get(child, 0)
            below[key] = found
            stack.pop()
    return below
