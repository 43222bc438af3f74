"""HTTP requests to an API server, with errors as diagnostics.

The ``kubernetes`` package logs in (kubeconfig, plugins, service account) and makes the connections; its clients are not
used: docs/architecture.md says why.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from mlplat.errors import ClusterError, Diagnostic
from mlplat.k8s.cancellation import Cancellation
from mlplat.k8s.failures import RefusedError, UnreachableError
from mlplat.k8s.retries import Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlplat.k8s.failures import Request

Json = dict[str, Any]

JSON = "application/json, */*"
METADATA_ONLY = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"

_CONNECT_SECONDS = 10.0
_READ_SECONDS = 60.0
_CHUNK = 65536
_METHODS = {
    "get": "GET",
    "list": "GET",
    "watch": "GET",
    "create": "POST",
    "update": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
}


@dataclass(frozen=True, slots=True)
class Message:
    """The parts of an HTTP request other than its method.

    Attributes:
        path: of the URL.
        query: of the URL.
        body: the object to send.
        content_type: of the body.
        accept: the form of the answer.
    """

    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    content_type: str = "application/json"
    accept: str = JSON


class Transport:
    """A connection to an API server.

    Args:
        pool: urllib3's pool manager, with certificates and proxy.
        host: URL of the API server.
        authorization: returns the headers to log in with, fresh for each request.
        cancellation: ends requests from another thread.
    """

    def __init__(
        self,
        pool: Any,
        host: str,
        authorization: Callable[[], Mapping[str, str]],
        cancellation: Cancellation | None = None,
    ) -> None:
        self._pool = pool
        self._authorization = authorization
        self.host = host.rstrip("/")
        self.cancellation = cancellation or Cancellation()

    def cancelled_by(self, cancellation: Cancellation) -> Transport:
        """Return the same connection with another cancellation."""
        return Transport(self._pool, self.host, self._authorization, cancellation)

    def answer(self, request: Request, message: Message) -> Json:
        """Send a request, and read the whole answer.

        Args:
            request: the request.
            message: its parts.

        Returns:
            The JSON object of the answer.

        Raises:
            ClusterError: the server refused, or cannot be reached.
        """
        with self._opened(request, message, _READ_SECONDS) as response:
            try:
                return parsed(response.data)
            except ValueError as error:
                raise UnreachableError(self.host, "the server is not a Kubernetes API server") from error

    def lines(self, request: Request, message: Message, *, silence: float | None) -> Iterator[bytes]:
        """Send a request whose answer comes line by line: a watch, or a log.

        Args:
            request: the request.
            message: its parts.
            silence: seconds without a byte after which the connection is broken; None waits forever.

        Yields:
            Each line without its end, as it comes.

        Raises:
            ClusterError: the server refused, cannot be reached, or the connection broke.
        """
        with self._opened(request, message, silence) as response:
            rest = b""
            for chunk in response.stream(_CHUNK):
                self.cancellation.check()
                *whole, rest = (rest + chunk).split(b"\n")
                yield from whole
            self.cancellation.check()
            if rest:
                yield rest

    @contextmanager
    def _opened(self, request: Request, message: Message, silence: float | None) -> Iterator[Any]:
        from urllib3.exceptions import HTTPError

        try:
            response = self._sent(request, message, silence)
            try:
                with self.cancellation.shutting_down(response.shutdown):
                    yield response
            finally:
                response.close()
                response.release_conn()
        except HTTPError as error:
            self.cancellation.check()
            raise UnreachableError(self.host, _reason(error)) from error

    def _sent(self, request: Request, message: Message, silence: float | None) -> Any:
        """Send a request, again when a busy server asks for it, and return the answer with its body unread."""
        patience = Patience.with_busy_server(self.cancellation.rest)
        while True:
            self.cancellation.check()
            try:
                return self._sent_once(request, message, silence)
            except RefusedError as error:
                patience.failed(error)

    def _sent_once(self, request: Request, message: Message, silence: float | None) -> Any:
        from urllib3 import Timeout

        headers = {"Accept": message.accept, "User-Agent": "mlplat", **self._authorization()}
        body = None
        if message.body is not None:
            headers["Content-Type"] = message.content_type
            body = json.dumps(message.body).encode()
        response = self._pool.request(
            _METHODS[request.verb],
            f"{self.host}{message.path}" + (f"?{urlencode(message.query)}" if message.query else ""),
            headers=headers,
            body=body,
            timeout=Timeout(connect=_CONNECT_SECONDS, read=silence),
            retries=False,
            redirect=False,
            preload_content=False,
        )
        if response.status < 300:
            return response
        try:
            text = response.data.decode(errors="replace")
        finally:
            response.release_conn()
        raise RefusedError(request, response.status, text, retry_after=_seconds(response.headers))


def parsed(data: bytes) -> Json:
    """Read a JSON object of the API server; other users may have written it.

    Raises:
        ClusterError: it has too many nested lists and mappings.
        ValueError: it is not JSON.
    """
    try:
        answer: Json = json.loads(data)
    except RecursionError:
        message = "an object of the cluster has too many nested lists and mappings"
        raise ClusterError(
            Diagnostic("MLP822", "", message, "delete the object, or use another name")
        ) from None
    return answer


def _seconds(headers: Mapping[str, str]) -> float | None:
    text = headers.get("Retry-After", "")
    return float(text) if text.isdecimal() else None


def _reason(error: BaseException) -> str:
    """Return the cause of a network error, as the operating system names it."""
    cause = error.__cause__ or error.__context__
    while cause is not None and (cause.__cause__ or cause.__context__) is not None:
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(error).rpartition(": ")[2] or type(error).__name__
