"""Requests to the Kubernetes API: plain dicts in, plain dicts out.

The ``kubernetes`` package logs in (kubeconfig, plugins, service account) and makes the connections; its
generated classes are not used, because they differ from version to version.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from mlplat.errors import ClusterError, Diagnostic
from mlplat.k8s.failures import RefusedError, Request, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Json = dict[str, Any]

_METHODS = {
    "get": "GET",
    "list": "GET",
    "watch": "GET",
    "create": "POST",
    "update": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
}
_CONNECT_SECONDS = 10.0
_READ_SECONDS = 60.0
_CHUNK = 65536
_PAGE = "500"
_ANY_JSON = "application/json, */*"
_METADATA_ONLY = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of objects.

    Attributes:
        group: API group; empty for the core group.
        version: of the group.
        plural: name of the kind in paths.
    """

    group: str
    version: str
    plural: str

    def path(self, namespace: str, name: str, subresource: str) -> str:
        """Return the path of a collection, an object, or a part of one."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = ["namespaces", namespace] if namespace else []
        parts += [part for part in (self.plural, name, subresource) if part]
        return "/".join([root, *(quote(part, safe="") for part in parts)])


WORKFLOWS = Resource("argoproj.io", "v1alpha1", "workflows")
CONFIG_MAPS = Resource("", "v1", "configmaps")
PODS = Resource("", "v1", "pods")
DEPLOYMENTS = Resource("apps", "v1", "deployments")
EVENTS = Resource("", "v1", "events")
SECRETS = Resource("", "v1", "secrets")
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts")
ACCESS_REVIEWS = Resource("authorization.k8s.io", "v1", "selfsubjectaccessreviews")


class Api:
    """A cluster that one is logged in to; use :func:`mlplat.k8s.connection.connect` to get one.

    Args:
        pool: urllib3's pool manager, with certificates and proxy.
        host: URL of the API server.
        authorization: gives the headers to log in with, fresh for each request.
        namespace: where objects are that name no namespace.
    """

    def __init__(
        self, pool: Any, host: str, authorization: Callable[[], Mapping[str, str]], namespace: str
    ) -> None:
        self._pool = pool
        self._authorization = authorization
        self.host = host.rstrip("/")
        self.namespace = namespace

    def call(
        self,
        verb: str,
        resource: Resource,
        *,
        namespace: str = "",
        name: str = "",
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Json:
        """Ask for something, and wait for the whole answer.

        Args:
            verb: ``get``, ``list``, ``create``, ``update``, ``patch`` (merge) or ``delete``.
            resource: the kind.
            namespace: where; empty for what has none, or for all.
            name: of the object.
            query: further parameters of the URL.
            body: the object to send.

        Returns:
            The answer.

        Raises:
            ClusterError: the server refused, or can't be reached.
        """
        request = Request(verb, resource.group, resource.plural, namespace, name)
        path = resource.path(namespace, name, "")
        return self._answer(request, path, query or {}, body, _ANY_JSON)

    def metadata(self, resource: Resource, *, namespace: str, selector: str = "") -> Iterator[Json]:
        """List objects of a namespace without their contents, page by page.

        Args:
            resource: the kind.
            namespace: where.
            selector: only those with these labels.

        Yields:
            The ``metadata`` of each.

        Raises:
            ClusterError: the server refused, or can't be reached.
        """
        request = Request("list", resource.group, resource.plural, namespace)
        path = resource.path(namespace, "", "")
        query = {"limit": _PAGE, **({"labelSelector": selector} if selector else {})}
        while True:
            page = self._answer(request, path, query, None, _METADATA_ONLY)
            yield from (item["metadata"] for item in page.get("items") or ())
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return
            query["continue"] = token

    def _answer(
        self,
        request: Request,
        path: str,
        query: Mapping[str, str],
        body: Mapping[str, Any] | None,
        accept: str,
    ) -> Json:
        with self._opened(request, path, query, body, _READ_SECONDS, accept) as response:
            try:
                return parsed(response.data)
            except ValueError as error:
                raise UnreachableError(self.host, "the server is not a Kubernetes API server") from error

    def version(self) -> str:
        """Return the version of the server, such as ``v1.34.4``."""
        with self._opened(Request("get", "", "version"), "/version", {}, None, _READ_SECONDS) as response:
            return str(json.loads(response.data)["gitVersion"])

    def lines(
        self,
        verb: str,
        resource: Resource,
        *,
        namespace: str,
        name: str = "",
        subresource: str = "",
        query: Mapping[str, str],
        silence: float | None,
    ) -> Iterator[bytes]:
        """Ask for something that comes line by line: a watch, or a log.

        Args:
            verb: ``get`` or ``watch``.
            resource: the kind.
            namespace: where.
            name: of the object.
            subresource: part of the object, such as ``log``.
            query: further parameters of the URL.
            silence: seconds without a byte after which the connection counts as broken; None waits for ever.

        Yields:
            Each line without its end, as it comes.

        Raises:
            ClusterError: the server refused, can't be reached, or the connection broke.
        """
        whole = f"{resource.plural}/{subresource}" if subresource else resource.plural
        request = Request(verb, resource.group, whole, namespace, name)
        path = resource.path(namespace, name, subresource)
        with self._opened(request, path, query, None, silence) as response:
            rest = b""
            for chunk in response.stream(_CHUNK):
                *whole_lines, rest = (rest + chunk).split(b"\n")
                yield from whole_lines
            if rest:
                yield rest

    @contextmanager
    def _opened(
        self,
        request: Request,
        path: str,
        query: Mapping[str, str],
        body: Mapping[str, Any] | None,
        silence: float | None,
        accept: str = _ANY_JSON,
    ) -> Iterator[Any]:
        from urllib3 import Timeout
        from urllib3.exceptions import HTTPError

        headers = {"Accept": accept, "User-Agent": "mlplat", **self._authorization()}
        if body is not None:
            headers["Content-Type"] = (
                "application/merge-patch+json" if request.verb == "patch" else "application/json"
            )
        url = f"{self.host}{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            response = self._pool.request(
                _METHODS[request.verb],
                url,
                headers=headers,
                body=None if body is None else json.dumps(body).encode(),
                timeout=Timeout(connect=_CONNECT_SECONDS, read=silence),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            try:
                if response.status >= 300:
                    raise RefusedError(request, response.status, response.data.decode(errors="replace"))
                yield response
            finally:
                response.close()
                response.release_conn()
        except HTTPError as error:
            raise UnreachableError(self.host, _reason(error)) from error


def parsed(data: bytes) -> Json:
    """Read a JSON object of the API server, which others may have written.

    Raises:
        ClusterError: too many lists and mappings are nested in each other.
        ValueError: it is not JSON.
    """
    try:
        answer: Json = json.loads(data)
    except RecursionError:
        message = "an object of the cluster nests too many lists and mappings in each other"
        raise ClusterError(Diagnostic("MLP822", "", message, "delete the object, or name another")) from None
    return answer


def _reason(error: BaseException) -> str:
    """Find the cause of a network error: what the operating system said."""
    cause = error.__cause__ or error.__context__
    while cause is not None and (cause.__cause__ or cause.__context__) is not None:
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(error).rpartition(": ")[2] or type(error).__name__
