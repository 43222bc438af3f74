"""Sends HTTP requests without leaking credentials to other servers."""

from __future__ import annotations

import base64
import http.client
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPMessage
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import IO
from urllib.parse import SplitResult, unquote, urlsplit

from mlplat.addresses import user_of, without_secrets, without_user

_HARMLESS = frozenset(("Accept", "Accept-encoding", "Accept-language", "User-agent"))
"""Headers that are not secret; all others may be, whatever their names."""

_METADATA = frozenset(map(ip_address, ("100.100.100.200", "168.63.129.16", "fd00:ec2::254")))
"""Metadata services of clouds that are not at link-local addresses."""

_NAT64 = ip_network("64:ff9b::/96")


def request(url: str, headers: Mapping[str, str], user: str = "") -> urllib.request.Request:
    """Return a request.

    Args:
        url: an address; a user in it, ``http://user:password@host``, is sent in the header ``Authorization``.
        headers: further headers.
        user: user and password, separated by a colon; by default those of the address.
    """
    sent = dict(headers)
    user = user or unquote(user_of(url))
    if user:
        sent["Authorization"] = f"Basic {base64.b64encode(user.encode()).decode()}"
    return urllib.request.Request(without_user(url), headers=sent)  # noqa: S310 - callers check the scheme


def reason(error: Exception) -> str:
    """Return why a request failed, without parts of its URL, which may be secret."""
    if isinstance(error, urllib.error.URLError) and not isinstance(error, urllib.error.HTTPError):
        return str(error.reason)
    if isinstance(error, ValueError | http.client.InvalidURL):
        return "the URL is malformed"
    return str(error) or type(error).__name__


def opener() -> urllib.request.OpenerDirector:
    """Return an opener that follows redirects, except to addresses that only this machine can reach."""
    return urllib.request.build_opener(_Redirects, _Http, _Https)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Drops headers on redirects to other servers, and refuses redirects to local addresses."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if refusal := _refusal(newurl):
            raise urllib.error.HTTPError(without_secrets(req.full_url), code, refusal, headers, fp)
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        if following is not None and not _is_same_server(req.full_url, newurl):
            for name in [name for name in following.headers if name not in _HARMLESS]:
                following.remove_header(name)
        return following


def _refusal(url: str) -> str:
    """Return why a redirect is not followed, or an empty string."""
    try:
        place = urlsplit(url)
        host, port = place.hostname or "", place.port
    except ValueError:
        return "it redirects to a malformed URL"
    if place.scheme not in ("http", "https"):
        return f"it redirects to a {place.scheme}:// URL"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return ""  # a proxy may know it
    internal = (str(one[4][0]) for one in found if _is_internal(str(one[4][0])))
    return _internal(address) if (address := next(internal, "")) else ""


def _internal(address: str) -> str:
    return f"it redirects to {address}, an internal address"


def _is_internal(address: str) -> bool:
    """Return whether an address is link-local, or one where a cloud tells a machine its credentials."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        embedded = found.ipv4_mapped or found.sixtofour
        if found in _NAT64:
            embedded = IPv4Address(found.packed[-4:])
        found = embedded or found
    return found.is_link_local or found in _METADATA


def _is_same_server(left: str, right: str) -> bool:
    """Return whether two addresses are of one server: host, port and scheme, or the same host once http is left."""
    first, second = urlsplit(left), urlsplit(right)
    if first.hostname != second.hostname:
        return False
    if first.scheme == second.scheme:
        return _port(first) == _port(second)
    return (first.scheme, _port(first), second.scheme, _port(second)) == ("http", 80, "https", 443)


def _port(place: SplitResult) -> int:
    return place.port or (443 if place.scheme == "https" else 80)


class _Connection(http.client.HTTPConnection):
    """A connection that checks its remote address, because the name may resolve to a different one than before."""

    def connect(self) -> None:
        super().connect()
        _check_peer(self.sock)


class _SecureConnection(http.client.HTTPSConnection):
    def connect(self) -> None:
        super().connect()
        _check_peer(self.sock)


def _check_peer(connection: socket.socket) -> None:
    address = str(connection.getpeername()[0])
    if _is_internal(address):
        connection.close()
        raise OSError(_internal(address))


class _Http(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Connection if req.unverifiable else http.client.HTTPConnection, req)


class _Https(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_SecureConnection if req.unverifiable else http.client.HTTPSConnection, req)
