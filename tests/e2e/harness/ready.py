"""Asking the parts of a starting cluster whether they are ready, from inside its network."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

_BETWEEN_SECONDS = 0.1


class Api:
    """The API server, asked as administrator.

    Args:
        url: of the server.
        pki: folder with the authority's and the administrator's certificates.
    """

    def __init__(self, url: str, pki: Path) -> None:
        self._url = url
        self._context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        self._context.load_cert_chain(pki / "admin.crt", pki / "admin.key")

    def get(self, path: str) -> bytes | None:
        """Returns the body of a resource; None when the server does not answer or refuses."""
        try:
            with urllib.request.urlopen(self._url + path, context=self._context, timeout=5) as answer:
                body: bytes = answer.read()
                return body
        except (OSError, http.client.HTTPException):
            return None

    def is_ready(self) -> bool:
        """Tells whether the server says that it is ready."""
        return self.get("/readyz") is not None

    def node_is_schedulable(self, name: str) -> bool:
        """Tells whether the node is Ready and has no taint."""
        body = self.get(f"/api/v1/nodes/{name}")
        return body is not None and is_schedulable(json.loads(body))


def is_schedulable(node: dict[str, Any]) -> bool:
    """Tells whether a Node object is Ready and has no taint that keeps pods away."""
    conditions = {item["type"]: item["status"] for item in node.get("status", {}).get("conditions", [])}
    return conditions.get("Ready") == "True" and not node["spec"].get("taints")


def accepts(family: socket.AddressFamily, address: str | tuple[str, int]) -> bool:
    """Tells whether a stream connection to a socket is accepted."""
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(1)
        try:
            client.connect(address)
        except OSError:
            return False
    return True


def wait(condition: Callable[[], bool]) -> None:
    """Returns once a condition holds; whoever needs a deadline keeps it outside, by ending the process."""
    pause = threading.Event()
    while not condition():
        pause.wait(_BETWEEN_SECONDS)
