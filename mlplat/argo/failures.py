"""Finds the nodes that explain why a run failed, among all that failed because of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

GROUPS = frozenset(("DAG", "Steps", "StepGroup", "TaskGroup"))
"""Types of nodes that hold others."""

_FAILED = ("Failed", "Error")


@dataclass(frozen=True, slots=True)
class Failed:
    """A node that failed.

    Attributes:
        id: its id.
        phase: ``Failed`` or ``Error``.
        message: why; may be empty.
        is_group: whether it holds other nodes.
        is_attempt: whether it is an attempt of a task that retries, which tells the same itself.
        holders: ids of the nodes that hold it.
    """

    id: str
    phase: str
    message: str
    is_group: bool
    is_attempt: bool
    holders: Collection[str]


def causes(failed: Iterable[Failed]) -> list[str]:
    """Return the ids of the nodes that failed of their own.

    A group fails with what it holds. It fails by itself when it says why and nothing in it failed, as when a step can't
    be resolved; or when it is in error and nothing in it is, as when its outputs can't be computed.

    Args:
        failed: all nodes of a run that failed.
    """
    every = list(failed)
    phases: dict[str, set[str]] = {}
    for one in every:
        for holder in one.holders:
            phases.setdefault(holder, set()).add(one.phase)
    return [one.id for one in every if _is_cause(one, phases.get(one.id, set()))]


def _is_cause(node: Failed, inside: Collection[str]) -> bool:
    if not node.is_group:
        return not node.is_attempt
    return bool(node.message) and (not inside or (node.phase == "Error" and "Error" not in inside))


def reason(message: str, last_attempt: str) -> str:
    """Return why a task failed.

    Args:
        message: of its node; of a task that retries, only that no attempt is left.
        last_attempt: message of its last attempt; empty where it has none.
    """
    known = not last_attempt or last_attempt in message
    return message if known else ": ".join(filter(None, (message, last_attempt)))


def causes_among(nodes: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the ids of the nodes of ``status.nodes`` that failed of their own; see :func:`causes`."""
    holders: dict[str, list[str]] = {}
    for key, node in nodes.items():
        if node.get("type") in ("TaskGroup", "StepGroup", "Retry"):
            for child in node.get("children") or ():
                if node.get("boundaryID") == (nodes.get(child) or {}).get("boundaryID"):
                    holders.setdefault(child, []).append(key)
    return causes(
        Failed(
            key,
            node["phase"],
            node.get("message") or "",
            node.get("type") in GROUPS,
            bool((node.get("nodeFlag") or {}).get("retried")),
            [node.get("boundaryID") or "", *holders.get(key, ())],
        )
        for key, node in nodes.items()
        if node.get("phase") in _FAILED
    )
