"""Warnings about pods."""

from __future__ import annotations

from typing import Any

import pytest

from mlplat.errors import ClusterError
from mlplat.k8s import Event, pod_warnings

EVENTS = "/api/v1/namespaces/team-a/events"
KUBELET = {
    "involvedObject": {"name": "w-1"},
    "metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"},
    "reason": "FailedMount",
    "message": 'secret "s" not found',
    "count": 4,
    "lastTimestamp": "2026-01-01T00:00:09Z",
}
SCHEDULER = {
    "involvedObject": {"name": "w-1"},
    "metadata": {"creationTimestamp": "2026-01-01T00:00:00Z"},
    "reason": "FailedScheduling",
    "message": "0/1 nodes are available",
    "count": None,
    "lastTimestamp": None,
    "eventTime": "2026-01-01T00:00:01.000001Z",
}


def test_warnings_come_by_pod_and_the_last_one_last(api: Any) -> None:
    other = {**SCHEDULER, "involvedObject": {"name": "w-2"}, "series": {"count": 7, "lastObservedTime": "x"}}
    api.on("GET", EVENTS, {"items": [KUBELET, SCHEDULER, other]})

    found = pod_warnings(kubeconfig=api.kubeconfig)

    assert found["w-1"] == (
        Event("FailedScheduling", "0/1 nodes are available", 1, "2026-01-01T00:00:01.000001Z"),
        Event("FailedMount", 'secret "s" not found', 4, "2026-01-01T00:00:09Z"),
    )
    assert found["w-2"][0].count == 7
    (asked,) = api.asked
    assert asked.query["fieldSelector"] == "type=Warning,involvedObject.kind=Pod"
    assert int(asked.query["limit"]) <= 500


def test_events_are_left_out_without_permission_to_list_them(api: Any) -> None:
    api.on("GET", EVENTS, api.of(403, "no"))

    assert pod_warnings(kubeconfig=api.kubeconfig) == {}


def test_another_refusal_is_an_error(api: Any) -> None:
    api.on("GET", EVENTS, api.of(401, "no"))

    with pytest.raises(ClusterError, match="MLP803"):
        pod_warnings(kubeconfig=api.kubeconfig)
