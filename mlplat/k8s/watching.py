"""Watches objects of a kind, and survives lost connections."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mlplat.k8s.client import Client, Json, Listed
from mlplat.k8s.failures import CancelledError, RefusedError, UnreachableError
from mlplat.k8s.retries import Patience

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlplat.k8s.resources import Resource


@dataclass(frozen=True, slots=True)
class Change:
    """A change of an object.

    Attributes:
        type: of the change.
        object: the object after it; for one that was deleted between two watches, ``apiVersion``, ``kind`` and
            ``metadata`` as they were last known.
    """

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    object: Json


def watch(
    client: Client,
    resource: Resource,
    *,
    namespace: str | None = None,
    name: str = "",
    labels: str = "",
    start: Listed | None = None,
) -> Iterator[Change]:
    """List objects, and watch them from there on; it ends only when it is cancelled.

    When the server ends the watch or the connection breaks, the watch continues from the last version. When the server
    no longer has that version (410), the objects are listed again, and the differences are the changes. A cluster that
    cannot be reached for longer than about a minute and a half is an error.

    Args:
        client: the cluster; the watch ends when its :class:`~mlplat.k8s.cancellation.Cancellation` says so, also while
            nothing changes.
        resource: the kind.
        namespace: where; that of the client when None, all namespaces when empty.
        name: of the one object to watch.
        labels: only objects with these labels.
        start: objects to start from, instead of a list; they are not reported.

    Yields:
        Each change; first, each object of the list as added.

    Raises:
        ClusterError: the cluster refused or cannot be reached.
    """
    with suppress(CancelledError):
        yield from _changes(
            client, resource, namespace, f"metadata.name={name}" if name else "", labels, start
        )


def _changes(
    client: Client,
    resource: Resource,
    namespace: str | None,
    fields: str,
    labels: str,
    start: Listed | None,
) -> Iterator[Change]:
    known = _Known(start.items if start else ())
    version = start.version if start else ""
    patience = Patience.with_outages(client.cancellation.rest)
    while True:
        try:
            if not version:
                listed = client.list(resource, namespace=namespace, labels=labels, fields=fields)
                version = listed.version
                yield from known.replaced(listed.items)
            for event in client.changes(resource, version, namespace=namespace, labels=labels, fields=fields):
                patience.succeeded()
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    yield known.changed(Change(event["type"], event["object"]))
        except (RefusedError, UnreachableError) as error:
            if isinstance(error, RefusedError) and error.status == 410:
                version = ""
            patience.failed(error)
        else:
            patience.rest()


class _Known:
    """The metadata of the objects that exist."""

    def __init__(self, objects: tuple[Json, ...]) -> None:
        self._objects = {item["metadata"]["uid"]: _outline(item) for item in objects}

    def changed(self, change: Change) -> Change:
        """Record a change, and return it."""
        if change.type == "DELETED":
            self._objects.pop(change.object["metadata"]["uid"], None)
        else:
            self._objects[change.object["metadata"]["uid"]] = _outline(change.object)
        return change

    def replaced(self, objects: tuple[Json, ...]) -> Iterator[Change]:
        """Record a new list, and yield the changes that lead to it."""
        before, self._objects = self._objects, {item["metadata"]["uid"]: _outline(item) for item in objects}
        for uid, outline in before.items():
            if uid not in self._objects:
                yield Change("DELETED", outline)
        for item in objects:
            last = before.get(item["metadata"]["uid"])
            if last is None:
                yield Change("ADDED", item)
            elif last["metadata"]["resourceVersion"] != item["metadata"]["resourceVersion"]:
                yield Change("MODIFIED", item)


def _outline(item: Json) -> Json:
    metadata = {key: value for key, value in item["metadata"].items() if key != "managedFields"}
    return {"apiVersion": item["apiVersion"], "kind": item["kind"], "metadata": metadata}
