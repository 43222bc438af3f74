"""The entries of ``status.nodes``: their fields, phases and names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypedDict

FINISHED = frozenset(("Succeeded", "Failed", "Error"))
"""Phases of a Workflow, or of a node that ran, that no longer change."""

FAILED = frozenset(("Failed", "Error"))
"""Phases of nodes that did not succeed."""

FULFILLED = FINISHED | {"Skipped", "Omitted"}
"""Phases of a node that no longer change, whether the node ran or not."""

MARKS = {
    "Succeeded": "✔",
    "Failed": "✖",
    "Error": "✖",
    "Skipped": "○",
    "Omitted": "○",
    "Running": "▶",
    "Pending": "…",
}
"""Signs of the phases, in the terminal and on pages."""

GROUPS = frozenset(("DAG", "Steps", "StepGroup", "TaskGroup"))
"""Types of nodes that only contain others."""

LISTS = frozenset(("StepGroup", "TaskGroup"))
"""Types of nodes that contain the iterations of a loop, or the steps of a group."""

_FORMAT = "workflows.argoproj.io/pod-name-format"
_LONGEST_PREFIX = 253 - 10 - 1


class Node(TypedDict, total=False):
    """One entry of ``status.nodes``; the fields whose names start with ``mlplat`` are added by mlplat when it reads."""

    id: str
    name: str
    displayName: str
    type: str
    templateName: str
    templateRef: Mapping[str, Any]
    templateScope: str
    phase: str
    boundaryID: str
    message: str
    daemoned: bool
    startedAt: str | None
    finishedAt: str | None
    progress: str
    nodeFlag: Mapping[str, bool]
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    children: list[str]
    outboundNodes: list[str]
    memoizationStatus: Mapping[str, Any]
    mlplatStep: str
    mlplatWaiting: list[str]


Nodes = Mapping[str, Node]
"""Nodes by their ids."""

AnyNode = Mapping[str, Any]
"""A node from an engine or a cluster, whose fields are not known."""

WAITING = "mlplatWaiting"
"""Field of a node whose pod cannot start: the reasons, a list of sentences."""


def is_hook(node: Mapping[str, Any]) -> bool:
    """Return whether a lifecycle hook or an exit handler of a task started a node."""
    return bool((node.get("nodeFlag") or {}).get("hooked"))


def is_attempt(node: Mapping[str, Any]) -> bool:
    """Return whether a node is an attempt of a task that retries."""
    return bool((node.get("nodeFlag") or {}).get("retried"))


def is_cached(node: Mapping[str, Any]) -> bool:
    """Return whether the outputs of a node came from the cache."""
    return bool((node.get("memoizationStatus") or {}).get("hit"))


def moment(text: object) -> datetime | None:
    """Read a time as Kubernetes writes it (RFC 3339); None for null, the empty string and invalid times."""
    if not isinstance(text, str) or not text:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def pod_name(workflow: Mapping[str, Any], node: Mapping[str, Any]) -> str:
    """Return the name of a node's pod.

    Args:
        workflow: the Workflow; an annotation of it may ask for the names of Argo before 3.2.
        node: a node of its status.
    """
    metadata = workflow["metadata"]
    if (metadata.get("annotations") or {}).get(_FORMAT) == "v1":
        return str(node["id"])
    template = node.get("templateName") or (node.get("templateRef") or {}).get("template") or ""
    return generated_pod_name(metadata["name"], node["name"], template)


def generated_pod_name(workflow: str, node: str, template: str) -> str:
    """Return the name that Argo gives to a pod (``GeneratePodName`` in ``workflow/util/pod_name.go`` of Argo 4.0.7).

    Args:
        workflow: name of the Workflow.
        node: name of the node.
        template: name of the template; may be empty.
    """
    if node == workflow:
        return workflow
    prefix = f"{workflow}-{template}" if template else workflow
    return f"{prefix[:_LONGEST_PREFIX]}-{fnv32a(node)}"


def fnv32a(text: str) -> int:
    """Hash a string with FNV-1a, 32 bits (RFC 9923), as Go's ``hash/fnv`` does."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value
