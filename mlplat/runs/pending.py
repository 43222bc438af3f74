"""Explain why a pod has not started, from the node's message and Kubernetes' warnings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from mlplat.argo.status import WAITING, AnyNode

_SHOWN_WARNINGS = 3
_STARTING = frozenset({"", "PodInitializing", "ContainerCreating"})
_LOCK = "Waiting for "
_REPEATED = re.compile(r"(Error: )?\w+")
_NUMBER = re.compile(r"\d+")
_TIMES = re.compile(r" \(\d+ times\)\Z")
_SHORTEST_DETAIL = 12
_SECONDS = len("2026-01-31T12:00:00")

_IMAGE = "check the name of the image, and the imagePullSecrets in the namespace"
_HINTS = (
    (r"ErrImageNeverPull", "load the image on the node, or use another imagePullPolicy"),
    (r"ImagePull|InvalidImageName|Failed to pull image", _IMAGE),
    (r"persistentvolumeclaim|PersistentVolumeClaim", "kubectl describe pvc -n {namespace}"),
    (r"exceeded quota", "kubectl describe resourcequota -n {namespace}"),
    (r"couldn't find key", "add the key, in namespace {namespace}"),
    (r"(secret|configmap) .*not found|CreateContainerConfigError", "create it in namespace {namespace}"),
    (
        r"didn't match Pod's node (affinity|selector)",
        "compare the node selector with kubectl get nodes --show-labels",
    ),
    (r"Insufficient |untolerated taint|Unschedulable", "kubectl describe nodes; or request less"),
)


class PodEvent(Protocol):
    """A warning about a pod, such as :class:`mlplat.k8s.Event`."""

    @property
    def reason(self) -> str:
        """What happened, in one word."""

    @property
    def message(self) -> str:
        """What happened."""

    @property
    def count(self) -> int:
        """How often it happened."""

    @property
    def last(self) -> str:
        """When it happened last."""


def reasons(node: AnyNode, warnings: Iterable[PodEvent]) -> tuple[str, ...]:
    """Return why the pod of a node has not started.

    Args:
        node: a node of the status.
        warnings: about its pod, the oldest first. Those from before the node are of an earlier pod of that name.

    Returns:
        What Argo says, then the last warnings that say more; nothing for a node that is not pending, that waits for a
        lock, or whose pod is about to start.
    """
    if node.get("phase") != "Pending" or node.get("type") != "Pod":
        return ()
    message = str(node.get("message") or "")
    if message.startswith(_LOCK):
        return ()
    own = () if message in _STARTING else (message,)
    since = str(node.get("startedAt") or "")[:_SECONDS]
    return own + sentences(own, [event for event in warnings if event.last[:_SECONDS] >= since])


def sentences(others: Sequence[str], warnings: Sequence[PodEvent]) -> tuple[str, ...]:
    """Return the last warnings as sentences, without those that say what is known.

    Args:
        others: sentences.
        warnings: the oldest first.
    """
    found: list[str] = []
    for event in reversed(warnings):
        times = f" ({event.count} times)" if event.count > 1 else ""
        sentence = f"{event.reason}: {event.message}{times}"
        if not _REPEATED.fullmatch(event.message) and is_new(sentence, (*others, *found)):
            found.append(sentence)
    return tuple(reversed(found[:_SHOWN_WARNINGS]))


def is_new(sentence: str, others: Iterable[str]) -> bool:
    """Return whether a sentence says what others do not: of two about one mishap, one holds the detail of the other.

    Args:
        sentence: ``REASON: DETAIL``.
        others: others; numbers in them do not count.
    """
    text, detail = _essence(sentence)
    for other in others:
        other_text, other_detail = _essence(other)
        if detail in other_text or other_detail in text:
            return False
    return True


def _essence(sentence: str) -> tuple[str, str]:
    """Return what stays the same of a sentence when it is said again, as a whole and without its reason."""
    text = _NUMBER.sub("#", _TIMES.sub("", sentence))
    detail = text.partition(": ")[2]
    return text, detail if len(detail) >= _SHORTEST_DETAIL else text


def hint(sentences: Iterable[str], namespace: str) -> str:
    """Return what to do about reasons; empty when nothing is known.

    Args:
        sentences: see :func:`reasons`.
        namespace: of the run.
    """
    text = "\n".join(sentences)
    found = (advice for pattern, advice in _HINTS if re.search(pattern, text))
    return next(found, "").format(namespace=namespace)


def explained(node: AnyNode, warnings: Iterable[PodEvent], namespace: str) -> dict[str, Any]:
    """Return a node that says why its pod has not started.

    Args:
        node: a node of the status.
        warnings: about its pod.
        namespace: of the run.

    Returns:
        The node; where there are reasons, with all of them in its message, and one by one in :data:`WAITING`, with what
        to do at the end.
    """
    found = reasons(node, warnings)
    if not found:
        return dict(node)
    advice = hint(found, namespace)
    return {
        **node,
        "message": "; ".join(found),
        WAITING: [*found, *([f"hint: {advice}"] if advice else [])],
    }
