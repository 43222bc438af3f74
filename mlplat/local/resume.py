"""Decides what of an earlier run is kept when it is resumed.

As ``argo retry`` does: what succeeded stays, what failed and everything after it runs again.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from mlplat.local.nodes import Node, hooked


def kept(nodes: Mapping[str, Node]) -> dict[str, Node]:
    """Return the nodes that need not run again.

    Args:
        nodes: all nodes of the earlier run.

    Returns:
        Copies of those to keep. A DAG, steps or loop node that did not succeed is kept as running, with the children
        that stay; a node that belongs to one that is gone, is gone as well.
    """
    keep = {key: copy.deepcopy(node) for key, node in nodes.items() if _stays(node)}
    for key, node in nodes.items():
        if key not in keep and node["type"] in ("DAG", "Steps", "StepGroup", "TaskGroup"):
            keep[key] = _reopened(node)
    changed = True
    while changed:
        gone = [
            key for key, node in keep.items() if node.get("boundaryID") and node["boundaryID"] not in keep
        ]
        changed = bool(gone)
        for key in gone:
            del keep[key]
    for node in keep.values():
        if "children" in node:
            node["children"] = [child for child in node["children"] if child in keep]
    return keep


def _stays(node: Mapping[str, Any]) -> bool:
    if hooked(node) and node["name"].endswith(".onExit"):
        return False
    return bool(node["phase"] == "Succeeded" or (node["phase"] == "Skipped" and node["type"] == "Skipped"))


def _reopened(node: Node) -> Node:
    opened = copy.deepcopy(node)
    opened["phase"] = "Running"
    opened["finishedAt"] = None
    for key in ("message", "outputs", "outboundNodes"):
        opened.pop(key, None)
    return opened
