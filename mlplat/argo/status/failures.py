"""Find the nodes that explain why a run failed, among all that failed because of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlplat.argo.status.nodes import FAILED, GROUPS, AnyNode
from mlplat.argo.status.tree import Parents, around, attempts, parents

_Nodes = Mapping[str, AnyNode]


def failures(nodes: _Nodes) -> dict[str, dict[str, Any]]:
    """Return the nodes that explain why a run failed: the deepest ones that failed.

    A group fails with its members. It explains the failure only if no member failed, as when a step cannot
    be resolved, or if it alone is in ``Error`` with a message, as when its outputs cannot be computed.
    Failures in a group that succeeded, or in an attempt before the last one, are ignored.

    Args:
        nodes: all nodes of the run by their ids.

    Returns:
        Copies of the nodes by their ids, as people know them: a task with retries also has the message of its last
        attempt, and a group of steps has the name of the steps.
    """
    parent_of = parents(nodes)
    attempts_of = attempts(nodes, parent_of)
    counted = [key for key in nodes if _counts(key, nodes, parent_of, attempts_of)]
    inside: dict[str, set[str]] = {}
    for key in counted:
        if key in parent_of:
            inside.setdefault(parent_of[key], set()).add(nodes[key]["phase"])
    return {
        key: _as_known(key, nodes, attempts_of)
        for key in counted
        if key not in inside or _failed_on_its_own(nodes[key], inside[key])
    }


def _counts(key: str, nodes: _Nodes, parent_of: Parents, attempts_of: Mapping[str, list[str]]) -> bool:
    """Return whether a node failed and did harm; for an attempt without members, its task counts instead."""
    if nodes[key].get("phase") not in FAILED:
        return False
    if nodes[key].get("type") not in GROUPS and parent_of.get(key) in attempts_of:
        return False
    for inner, outer in zip([key, *around(key, parent_of)], around(key, parent_of), strict=False):
        phase = nodes[outer].get("phase")
        if phase == "Succeeded":
            return False
        if outer in attempts_of and (phase not in FAILED or attempts_of[outer][-1] != inner):
            return False
    return True


def _failed_on_its_own(node: Mapping[str, Any], inside: set[str]) -> bool:
    return node["phase"] == "Error" and bool(node.get("message")) and "Error" not in inside


def _as_known(key: str, nodes: _Nodes, attempts_of: Mapping[str, list[str]]) -> dict[str, Any]:
    node = dict(nodes[key])
    steps = nodes.get(node.get("boundaryID") or "")
    if node.get("type") == "StepGroup" and steps:
        node |= {field: steps[field] for field in ("name", "displayName") if field in steps}
    node["message"] = message_of(key, nodes, attempts_of)
    return node


def message_of(key: str, nodes: _Nodes, attempts_of: Mapping[str, list[str]]) -> str:
    """Return the message of a node; for a task that failed after several attempts, with that of the last attempt."""
    own = str(nodes[key].get("message") or "")
    if nodes[key].get("phase") not in FAILED or key not in attempts_of:
        return own
    last = str(nodes[attempts_of[key][-1]].get("message") or "")
    return own if not last or last in own else ": ".join(filter(None, (own, last)))
