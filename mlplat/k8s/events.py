"""Kubernetes' warnings about pods: why a pod is not scheduled, or cannot start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlplat.k8s.cancellation import Cancellation
from mlplat.k8s.connection import connect
from mlplat.k8s.failures import RefusedError
from mlplat.k8s.resources import EVENTS

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

_LIMIT = 500
_WARNINGS = "type=Warning,involvedObject.kind=Pod"


@dataclass(frozen=True, slots=True)
class Event:
    """A warning about a pod.

    Attributes:
        reason: in one word, such as ``FailedMount``.
        message: what happened.
        count: how often it happened.
        last: when it happened last (RFC 3339).
    """

    reason: str
    message: str
    count: int
    last: str


def pod_warnings(
    *,
    namespace: str | None = None,
    context: str | None = None,
    kubeconfig: str | os.PathLike[str] | None = None,
    cancellation: Cancellation | None = None,
) -> dict[str, tuple[Event, ...]]:
    """List the warnings about the pods of a namespace.

    Args:
        namespace: of the pods; that of the context by default.
        context: context of the kubeconfig.
        kubeconfig: path of the kubeconfig.
        cancellation: ends the request from another thread.

    Returns:
        By name of the pod, the oldest first; of a namespace with more than 500 warnings only 500 are read. Nothing
        when listing events is forbidden.

    Raises:
        ClusterError: the cluster refused for another reason, or cannot be reached.
    """
    client = connect(namespace, context, kubeconfig).cancelled_by(cancellation or Cancellation())
    try:
        listed = client.list(EVENTS, fields=_WARNINGS, limit=_LIMIT)
    except RefusedError as error:
        if error.status == 403:
            return {}
        raise
    by_pod: dict[str, list[Event]] = {}
    for item in listed.items:
        by_pod.setdefault(item["involvedObject"]["name"], []).append(_event(item))
    return {pod: tuple(sorted(events, key=lambda event: event.last)) for pod, events in by_pod.items()}


def _event(item: Mapping[str, Any]) -> Event:
    """Read an event as the kubelet writes it (``count``) or as the scheduler does (``series``)."""
    series = item.get("series") or {}
    return Event(
        reason=item.get("reason") or "",
        message=item.get("message") or "",
        count=int(series.get("count") or item.get("count") or 1),
        last=str(
            series.get("lastObservedTime")
            or item.get("lastTimestamp")
            or item.get("eventTime")
            or item["metadata"].get("creationTimestamp")
            or ""
        ),
    )
