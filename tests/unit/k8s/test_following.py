"""Following a Workflow through faults of the connection."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest

from mlplat.errors import ClusterError
from mlplat.k8s import follow

COLLECTION = "/apis/argoproj.io/v1alpha1/namespaces/team-a/workflows"
ONE = f"{COLLECTION}/w"


pytestmark = pytest.mark.usefixtures("without_pauses")


def state(version: int, phase: str, uid: str = "u", **nodes: str) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "w", "uid": uid, "resourceVersion": str(version)},
        "status": {"phase": phase, "nodes": {name: {"id": name, "phase": nodes[name]} for name in nodes}},
    }


def modified(version: int, phase: str, **nodes: str) -> dict[str, Any]:
    return {"type": "MODIFIED", "object": state(version, phase, **nodes)}


def listed(version: int, *items: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"resourceVersion": str(version)}, "items": list(items)}


class Seen(list[tuple[str, str]]):
    def __call__(self, node: Any) -> None:
        self.append((node["id"], node["phase"]))


def test_each_change_of_a_node_is_reported_once(api: Any) -> None:
    api.on("GET", ONE, state(1, "Running", a="Running"))
    events = [
        modified(2, "Running", a="Succeeded", b="Pending"),
        {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "3"}}},
        modified(4, "Succeeded", a="Succeeded", b="Succeeded"),
    ]
    api.on("WATCH", COLLECTION, api.stream(events))
    seen = Seen()
    states: list[str] = []

    done = follow(
        "w",
        observer=seen,
        on_change=lambda it: states.append(it["status"]["phase"]),
        kubeconfig=api.kubeconfig,
    )

    assert done == state(4, "Succeeded", a="Succeeded", b="Succeeded")
    assert seen == [("a", "Running"), ("a", "Succeeded"), ("b", "Pending"), ("b", "Succeeded")]
    assert states == ["Running", "Running", "Succeeded"]
    assert api.asked[1].query["fieldSelector"] == "metadata.name=w"
    assert api.asked[1].query["resourceVersion"] == "1"


def test_one_that_has_ended_is_not_watched(api: Any) -> None:
    api.on("GET", ONE, state(1, "Failed", a="Failed"))

    assert follow("w", kubeconfig=api.kubeconfig)["status"]["phase"] == "Failed"
    assert len(api.asked) == 1


def test_each_node_is_reported_once_whatever_breaks_the_watch(api: Any) -> None:
    expired = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}}
    api.on("GET", ONE, state(1, "Running"))
    api.on("GET", COLLECTION, listed(7, state(6, "Running", a="Running", b="Pending")))
    api.on(
        "WATCH",
        COLLECTION,
        api.stream([modified(2, "Running", a="Running")]),
        api.stream([expired]),
        api.stream([modified(9, "Succeeded", a="Succeeded", b="Succeeded")]),
    )
    seen = Seen()

    done = follow("w", observer=seen, kubeconfig=api.kubeconfig)

    assert done["status"]["phase"] == "Succeeded"
    assert seen == [("a", "Running"), ("b", "Pending"), ("a", "Succeeded"), ("b", "Succeeded")]


@pytest.mark.parametrize("how", ["event", "list", "another of the same name"])
def test_one_that_is_deleted_meanwhile_is_an_error(api: Any, how: str) -> None:
    deleted = {"type": "DELETED", "object": state(2, "Running")}
    api.on("GET", ONE, state(1, "Running"))
    api.on("WATCH", COLLECTION, api.stream([deleted]) if how == "event" else api.of(410, "expired"))
    others = [state(5, "Running", uid="other")] if how == "another of the same name" else []
    api.on("GET", COLLECTION, listed(5, *others))

    with pytest.raises(ClusterError, match="w was deleted while it ran"):
        follow("w", kubeconfig=api.kubeconfig)


def test_a_missing_right_ends_it(api: Any) -> None:
    api.on("GET", ONE, state(1, "Running"))
    api.on("WATCH", COLLECTION, api.of(403, "no"))

    with pytest.raises(ClusterError, match=r"you are not allowed to watch workflows.*\n.*verbs: \['watch'\]"):
        follow("w", kubeconfig=api.kubeconfig)


def test_packed_nodes_are_reported_too(api: Any) -> None:
    packed = base64.b64encode(
        gzip.compress(json.dumps({"a": {"id": "a", "phase": "Succeeded"}}).encode(), mtime=0)
    )
    ended = state(2, "Succeeded")
    ended["status"] = {"phase": "Succeeded", "compressedNodes": packed.decode()}
    api.on("GET", ONE, state(1, "Running"))
    api.on("WATCH", COLLECTION, api.stream([{"type": "MODIFIED", "object": ended}]))
    seen = Seen()

    follow("w", observer=seen, kubeconfig=api.kubeconfig)

    assert seen == [("a", "Succeeded")]
