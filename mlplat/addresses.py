"""Asks servers of the web without telling others what is secret."""

from __future__ import annotations

import base64
import re
import urllib.request
from collections.abc import Mapping
from http.client import HTTPMessage
from typing import IO
from urllib.parse import unquote, urlsplit

_SECRET = ("Authorization", "Cookie", "Cookie2", "Proxy-authorization", "Www-authenticate")
"""Headers that are for one host only, as in Go's client, which Argo uses."""

_USER = re.compile(r"\A(\w+://)([^/?#]*)@")


def shown(url: str) -> str:
    """Return what messages call an address: user, password, query and fragment may be secret."""
    return _USER.sub(r"\1", re.split(r"[?#]", url, maxsplit=1)[0])


def request(url: str, headers: Mapping[str, str], user: str = "") -> urllib.request.Request:
    """Return a request.

    Args:
        url: an address; a user in it, ``http://user:password@host``, is told as a browser does.
        headers: what else is told.
        user: user and password, with a colon between; by default those of the address.
    """
    told = dict(headers)
    if not user and (match := _USER.match(url)):
        user = unquote(match.group(2))
    if user:
        told["Authorization"] = f"Basic {base64.b64encode(user.encode()).decode()}"
    return urllib.request.Request(_USER.sub(r"\1", url), headers=told)  # noqa: S310 - callers check the scheme


def opener() -> urllib.request.OpenerDirector:
    """Return what sends requests; it follows redirects."""
    return urllib.request.build_opener(_Redirects)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Keeps credentials from a host that another one names, unless it is below that one."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        if following is not None and not _is_within(_host(newurl), _host(req.full_url)):
            for name in _SECRET:
                following.remove_header(name)
        return following


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _is_within(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")
