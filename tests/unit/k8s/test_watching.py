"""Watches through faults of the connection and of the server."""

from __future__ import annotations

from itertools import islice
from queue import SimpleQueue
from threading import Thread, Timer
from typing import Any

import pytest

from mlplat.errors import ClusterError
from mlplat.k8s import Cancellation, Change, Listed, connect, retries, watch
from mlplat.k8s.failures import CancelledError
from mlplat.k8s.resources import PODS
from tests.unit.waiting import until

PATH = "/api/v1/namespaces/team-a/pods"
EXPIRED = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}}

pytestmark = pytest.mark.usefixtures("without_pauses")


def pod(name: str, version: int, uid: str = "") -> dict[str, Any]:
    metadata = {"name": name, "uid": uid or name, "resourceVersion": str(version)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"of": name}}


def listed(version: int, *pods: dict[str, Any], rest: str = "") -> dict[str, Any]:
    metadata = {"resourceVersion": str(version), **({"continue": rest} if rest else {})}
    return {"metadata": metadata, "items": list(pods)}


def event(kind: str, item: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "object": item}


def seen(changes: Any, count: int) -> list[tuple[str, str, str]]:
    return [
        (change.type, change.object["metadata"]["name"], change.object["metadata"]["resourceVersion"])
        for change in islice(changes, count)
    ]


def watched_from(api: Any) -> list[str]:
    return [asked.query["resourceVersion"] for asked in api.asked if "watch" in asked.query]


def test_a_watch_continues_from_the_last_version_whatever_breaks_it(api: Any) -> None:
    api.on("GET", PATH, listed(1))
    api.on(
        "WATCH",
        PATH,
        api.stream([]),
        api.stream([event("ADDED", pod("a", 2))]),
        api.stream([event("BOOKMARK", pod("", 3))], broken=True),
        api.stream(['{"type": "MODIFIED", "obj'], broken=True),
        api.stream([]),
        api.stream(['{"type": "MODIFIED", "obj']),
        api.of(500, "etcd leader changed"),
        api.stream([event("DELETED", pod("a", 4))]),
    )

    assert seen(watch(connect(kubeconfig=api.kubeconfig), PODS), 2) == [
        ("ADDED", "a", "2"),
        ("DELETED", "a", "4"),
    ]
    assert watched_from(api) == ["1", "1", "2", "3", "3", "3", "3", "3"]


@pytest.mark.parametrize("how", ["event", "answer"])
def test_after_410_the_differences_of_a_new_list_are_the_changes(api: Any, how: str) -> None:
    expired = api.stream([EXPIRED]) if how == "event" else api.of(410, "too old resource version")
    before = [pod("same", 1), pod("changed", 2), pod("gone", 3), pod("again", 4)]
    after = [pod("same", 1), pod("changed", 7), pod("again", 8, uid="other"), pod("new", 9)]
    api.on("GET", PATH, listed(5, *before), listed(10, *after))
    api.on("WATCH", PATH, expired, api.stream([event("DELETED", pod("new", 11))]))

    changes = watch(connect(kubeconfig=api.kubeconfig), PODS)

    assert seen(changes, 4) == [
        ("ADDED", item["metadata"]["name"], item["metadata"]["resourceVersion"]) for item in before
    ]
    assert seen(changes, 6) == [
        ("DELETED", "gone", "3"),
        ("DELETED", "again", "4"),
        ("MODIFIED", "changed", "7"),
        ("ADDED", "again", "8"),
        ("ADDED", "new", "9"),
        ("DELETED", "new", "11"),
    ]
    assert watched_from(api) == ["5", "10"]


def test_what_was_deleted_unseen_has_its_last_known_metadata(api: Any) -> None:
    api.on("GET", PATH, listed(1, pod("a", 1)), listed(2))
    api.on("WATCH", PATH, api.stream([event("MODIFIED", pod("a", 2))]), api.stream([EXPIRED]))

    *_, last = islice(watch(connect(kubeconfig=api.kubeconfig), PODS), 3)

    metadata = {"name": "a", "uid": "a", "resourceVersion": "2"}
    assert last == Change("DELETED", {"apiVersion": "v1", "kind": "Pod", "metadata": metadata})


def test_a_start_takes_the_place_of_the_first_list(api: Any) -> None:
    api.on("WATCH", PATH, api.stream([event("MODIFIED", pod("a", 8))]))
    start = Listed("7", (pod("a", 7),))

    assert seen(watch(connect(kubeconfig=api.kubeconfig), PODS, name="a", start=start), 1) == [
        ("MODIFIED", "a", "8")
    ]
    assert api.asked[0].query["fieldSelector"] == "metadata.name=a"
    assert watched_from(api) == ["7"]


@pytest.mark.parametrize("status", [503, 410])
def test_a_server_that_stays_away_is_an_error(api: Any, status: int) -> None:
    api.on("GET", PATH, listed(1))
    api.on("WATCH", PATH, api.of(status, "down"))

    with pytest.raises(ClusterError, match="down"):
        next(watch(connect(kubeconfig=api.kubeconfig), PODS))
    assert len(watched_from(api)) == 4


def test_failures_between_successes_do_not_add_up(api: Any) -> None:
    api.on("GET", PATH, listed(1))
    down, up = api.of(503, "down"), api.stream([event("MODIFIED", pod("a", 2))])
    api.on("WATCH", PATH, *(down, down, up) * 3)

    assert len(seen(watch(connect(kubeconfig=api.kubeconfig), PODS), 3)) == 3


def test_a_missing_right_is_an_error_at_once(api: Any) -> None:
    api.on("GET", PATH, listed(1))
    api.on("WATCH", PATH, api.of(403, "no"))

    with pytest.raises(ClusterError, match=r"verbs: \['watch'\]"):
        next(watch(connect(kubeconfig=api.kubeconfig), PODS))
    assert len(watched_from(api)) == 1


def test_a_watch_is_cancelled_while_nothing_changes(api: Any) -> None:
    api.on("GET", PATH, listed(1, pod("a", 1)))
    api.on("WATCH", PATH, api.stream([event("MODIFIED", pod("a", 2))], silent=True))
    cancellation = Cancellation()
    names: SimpleQueue[str] = SimpleQueue()

    def follow() -> None:
        for change in watch(connect(kubeconfig=api.kubeconfig).cancelled_by(cancellation), PODS):
            names.put(change.type)
        names.put("end")

    thread = Thread(target=follow)
    thread.start()
    assert [names.get(), names.get()] == ["ADDED", "MODIFIED"]
    cancellation.cancel()

    thread.join()
    assert names.get() == "end"


def test_a_watch_is_cancelled_while_it_waits_for_the_cluster(
    api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "PAUSES", (600.0,))
    api.on("GET", PATH, api.of(500, "etcd leader changed"))
    cancellation = Cancellation()
    changes = watch(connect(kubeconfig=api.kubeconfig).cancelled_by(cancellation), PODS)
    thread = Thread(target=lambda: seen(changes, 1))
    thread.start()
    until(lambda: api.asked)

    cancellation.cancel()

    thread.join()


def test_a_log_is_cancelled_while_the_task_prints_nothing(api: Any) -> None:
    api.on("GET", f"{PATH}/a/log", api.stream(["one\n"], silent=True))
    cancellation = Cancellation()
    lines = connect(kubeconfig=api.kubeconfig).cancelled_by(cancellation).log("a", "main", follow=True)
    assert next(lines) == b"one"
    Timer(0.1, cancellation.cancel).start()
    with pytest.raises(CancelledError):
        next(lines)


def test_what_was_cancelled_asks_nothing_more(api: Any) -> None:
    cancellation = Cancellation()
    cancellation.cancel()
    client = connect(kubeconfig=api.kubeconfig).cancelled_by(cancellation)
    assert list(watch(client, PODS)) == []
    with pytest.raises(CancelledError):
        client.get(PODS, "a")
    assert not api.asked
