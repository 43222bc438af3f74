"""The verbs of the Kubernetes API, for objects of any kind: plain dicts in, plain dicts out."""

from __future__ import annotations

import builtins
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mlplat.errors import ClusterError, Diagnostic, nearest
from mlplat.k8s.failures import RefusedError, Request, UnreachableError
from mlplat.k8s.resources import KNOWN, PODS, Resource, root
from mlplat.k8s.transport import JSON, METADATA_ONLY, Message, Transport, parsed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlplat.k8s.cancellation import Cancellation

Json = dict[str, Any]

MANAGER = "mlplat"
"""The field manager of what is written, unless another is named."""

_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"
_PAGE = 500
_WATCH_SECONDS = 240
_WATCH_SILENCE = 270.0
_LOG_SILENCE = 60.0
_LONGEST_END = 1 << 22


@dataclass(frozen=True, slots=True)
class Listed:
    """Objects of a kind at one moment.

    Attributes:
        version: the resource version of the list; a watch continues from it.
        items: the objects.
    """

    version: str
    items: tuple[Json, ...]


class Client:
    """A cluster that you are logged in to; :func:`mlplat.k8s.connect` makes one.

    Methods that read take a :class:`~mlplat.k8s.resources.Resource`, and a ``namespace``: that of the client when it is
    None, all namespaces when it is empty. Methods that write take whole objects, whose ``apiVersion``, ``kind`` and
    ``metadata`` say where they belong; without a namespace they belong to that of the client. All raise
    :class:`~mlplat.errors.ClusterError` when the server refuses or cannot be reached.

    Args:
        transport: the connection.
        namespace: of objects that name no namespace.
    """

    def __init__(self, transport: Transport, namespace: str) -> None:
        self._transport = transport
        self._kinds = dict(KNOWN)
        self.namespace = namespace

    def cancelled_by(self, cancellation: Cancellation) -> Client:
        """Return a client of the same cluster whose requests another thread can cancel.

        Args:
            cancellation: ends the requests, with :class:`~mlplat.k8s.failures.CancelledError` where they wait.
        """
        return Client(self._transport.cancelled_by(cancellation), self.namespace)

    @property
    def cancellation(self) -> Cancellation:
        """What ends the requests of this client."""
        return self._transport.cancellation

    @property
    def host(self) -> str:
        """URL of the API server."""
        return self._transport.host

    def version(self) -> str:
        """Return the version of the server, such as ``v1.34.4``."""
        answer = self._transport.answer(Request("get", "", "version"), Message("/version"))
        return str(answer["gitVersion"])

    def resources(self, api_version: str) -> tuple[Resource, ...]:
        """Ask the server for the kinds of a group and version.

        Args:
            api_version: such as ``serving.kserve.io/v1beta1``.
        """
        request = Request("get", api_version.rpartition("/")[0], "")
        answer = self._transport.answer(request, Message(root(api_version)))
        return tuple(
            Resource(api_version, served["kind"], served["name"], served["namespaced"])
            for served in answer.get("resources") or ()
            if "/" not in served["name"]
        )

    def resource(self, api_version: str, kind: str) -> Resource:
        """Find a kind; the server is asked for an unknown one, and its answer is kept.

        Args:
            api_version: such as ``serving.kserve.io/v1beta1``.
            kind: such as ``InferenceService``.

        Raises:
            ClusterError: the cluster does not have the kind, refused, or cannot be reached.
        """
        if found := self._kinds.get((api_version, kind)):
            return found
        try:
            served = self.resources(api_version)
        except RefusedError as error:
            if error.status != 404:
                raise
            served = ()
        self._kinds.update({(resource.api_version, resource.kind): resource for resource in served})
        if (api_version, kind) not in self._kinds:
            hint = nearest(kind, [resource.kind for resource in served])
            hint = hint or "`kubectl api-resources` lists the kinds of a cluster"
            message = f"the cluster has no kind '{kind}' in {api_version}"
            raise ClusterError(Diagnostic("MLP823", "", message, hint))
        return self._kinds[api_version, kind]

    def get(self, resource: Resource, name: str, *, namespace: str | None = None) -> Json:
        """Read an object."""
        return self._call("get", resource, namespace, name)

    def list(
        self,
        resource: Resource,
        *,
        namespace: str | None = None,
        labels: str = "",
        fields: str = "",
        limit: int | None = None,
    ) -> Listed:
        """List objects, page by page.

        Args:
            resource: their kind.
            namespace: where.
            labels: only objects with these labels, such as ``team=blue``.
            fields: only objects with these fields, such as ``metadata.name=w``.
            limit: at most this many.
        """
        return self._listed(resource, namespace, _selected(labels, fields), limit, JSON)

    def list_metadata(self, resource: Resource, *, namespace: str | None = None, labels: str = "") -> Listed:
        """List objects with their ``metadata`` alone; see :meth:`list`."""
        return self._listed(resource, namespace, _selected(labels, ""), None, METADATA_ONLY)

    def create(self, document: Mapping[str, Any], *, dry_run: bool = False) -> Json:
        """Create an object; fields that the server does not know are an error.

        Args:
            document: the object.
            dry_run: check everything, and store nothing.

        Returns:
            The object as the server stored it.
        """
        return self._write("create", document, {"fieldValidation": "Strict"}, dry_run=dry_run)

    def replace(self, document: Mapping[str, Any], *, subresource: str = "") -> Json:
        """Replace an object; the server refuses when it has changed since it was read.

        Args:
            document: the object, with its ``resourceVersion``.
            subresource: ``status`` replaces the status alone.

        Returns:
            The object as the server stored it.
        """
        return self._write("update", document, {}, subresource=subresource)

    def apply(
        self,
        document: Mapping[str, Any],
        *,
        manager: str = MANAGER,
        subresource: str = "",
        force: bool = False,
        dry_run: bool = False,
    ) -> Json:
        """Create an object, or change those of its fields that are given (server-side apply).

        Fields that the same manager applied before and that are not given any more are removed.

        Args:
            document: the object, with the fields that this manager decides about.
            manager: the field manager.
            subresource: ``status`` applies the status alone.
            force: take fields over from other managers; without it, they are an error.
            dry_run: check everything, and store nothing.

        Returns:
            The object as the server stored it.
        """
        query = {"fieldValidation": "Strict", "fieldManager": manager, "force": str(force).lower()}
        return self._write(
            "patch", document, query, subresource=subresource, content_type=_APPLY, dry_run=dry_run
        )

    def patch(
        self,
        resource: Resource,
        name: str,
        change: Mapping[str, Any],
        *,
        namespace: str | None = None,
        subresource: str = "",
    ) -> Json:
        """Change fields of an object (JSON merge patch).

        Args:
            resource: the kind.
            name: of the object.
            change: the fields; None removes one.
            namespace: of the object.
            subresource: ``status`` changes the status alone.

        Returns:
            The object as the server stored it.
        """
        query = {"fieldManager": MANAGER}
        return self._call(
            "patch", resource, namespace, name, subresource, query=query, body=change, content_type=_MERGE
        )

    def delete(self, resource: Resource, name: str, *, namespace: str | None = None) -> bool:
        """Delete an object.

        Returns:
            Whether it existed.
        """
        try:
            self._call("delete", resource, namespace, name)
        except RefusedError as error:
            if error.status != 404:
                raise
            return False
        return True

    def log(
        self,
        pod: str,
        container: str,
        *,
        namespace: str | None = None,
        follow: bool = False,
        last: int | None = None,
    ) -> Iterator[bytes]:
        """Read the log of a container.

        Args:
            pod: name of the pod.
            container: name of the container.
            namespace: of the pod.
            follow: continue until the container ends.
            last: only so many of the last lines, and of these at most 4 MiB.

        Yields:
            Each line without its end.
        """
        namespace = self._namespace(PODS, namespace)
        wanted = {"container": container, **({"follow": "true"} if follow else {})}
        if last is not None:
            wanted |= {"tailLines": str(last), "limitBytes": str(_LONGEST_END)}
        return self._transport.lines(
            Request("get", "", "pods/log", namespace, pod),
            Message(PODS.path(namespace, pod, "log"), wanted),
            silence=None if follow else _LOG_SILENCE,
        )

    def changes(
        self,
        resource: Resource,
        version: str,
        *,
        namespace: str | None = None,
        labels: str = "",
        fields: str = "",
    ) -> Iterator[Json]:
        """Read the events of one watch, which ends after a few minutes; :func:`mlplat.k8s.watch` continues.

        Args:
            resource: the kind.
            version: the resource version to start from.
            namespace: where.
            labels: only objects with these labels.
            fields: only objects with these fields.

        Yields:
            Each event as the server sends it, bookmarks included.

        Raises:
            RefusedError: the server refused, before the first event or after it.
        """
        namespace = self._namespace(resource, namespace)
        request = Request("watch", resource.group, resource.plural, namespace)
        query = {
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(_WATCH_SECONDS),
            **_selected(labels, fields),
        }
        lines = self._transport.lines(
            request, Message(resource.path(namespace), query), silence=_WATCH_SILENCE
        )
        for line in lines:
            try:
                event = parsed(line)
            except ValueError as error:
                raise UnreachableError(self.host, "the connection broke in the middle of an event") from error
            if event["type"] == "ERROR":
                status = event["object"]
                raise RefusedError(request, int(status.get("code") or 500), json.dumps(status))
            yield event

    def _namespace(self, resource: Resource, namespace: str | None) -> str:
        if not resource.namespaced:
            return ""
        return self.namespace if namespace is None else namespace

    def _write(
        self,
        verb: str,
        document: Mapping[str, Any],
        query: Mapping[str, str],
        *,
        subresource: str = "",
        content_type: str = "application/json",
        dry_run: bool = False,
    ) -> Json:
        resource = self.resource(document["apiVersion"], document["kind"])
        metadata = document.get("metadata") or {}
        namespace = self._namespace(resource, metadata.get("namespace"))
        if namespace and metadata.get("namespace") != namespace:
            document = {**document, "metadata": {**metadata, "namespace": namespace}}
        name = "" if verb == "create" else metadata["name"]
        query = {"fieldManager": MANAGER, **({"dryRun": "All"} if dry_run else {}), **query}
        return self._call(
            verb,
            resource,
            namespace,
            name,
            subresource,
            query=query,
            body=document,
            content_type=content_type,
        )

    def _call(
        self,
        verb: str,
        resource: Resource,
        namespace: str | None,
        name: str = "",
        subresource: str = "",
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> Json:
        namespace = self._namespace(resource, namespace)
        asked = f"{resource.plural}/{subresource}" if subresource else resource.plural
        return self._transport.answer(
            Request(verb, resource.group, asked, namespace, name),
            Message(resource.path(namespace, name, subresource), query or {}, body, content_type),
        )

    def _listed(
        self,
        resource: Resource,
        namespace: str | None,
        query: Mapping[str, str],
        limit: int | None,
        accept: str,
    ) -> Listed:
        namespace = self._namespace(resource, namespace)
        request = Request("list", resource.group, resource.plural, namespace)
        message = Message(resource.path(namespace), query, accept=accept)
        try:
            found = self._pages(request, message, limit, page=min(_PAGE, limit or _PAGE))
        except RefusedError as error:
            if error.status != 410:
                raise
            # The list expired between two of its pages; a single answer cannot.
            found = self._pages(request, message, limit, page=limit)
        whole = {} if accept == METADATA_ONLY else {"apiVersion": resource.api_version, "kind": resource.kind}
        return Listed(found.version, tuple({**whole, **item} for item in found.items))

    def _pages(self, request: Request, message: Message, limit: int | None, *, page: int | None) -> Listed:
        items: builtins.list[Json] = []
        query = {**message.query, **({"limit": str(page)} if page else {})}
        while True:
            answer = self._transport.answer(request, replace(message, query=query))
            items += answer.get("items") or ()
            metadata = answer.get("metadata") or {}
            query["continue"] = metadata.get("continue") or ""
            if not query["continue"] or (limit and len(items) >= limit):
                return Listed(metadata.get("resourceVersion") or "", tuple(items[:limit]))


def _selected(labels: str, fields: str) -> dict[str, str]:
    return {
        **({"labelSelector": labels} if labels else {}),
        **({"fieldSelector": fields} if fields else {}),
    }
