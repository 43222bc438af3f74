"""What a web server is told when an artifact is fetched from it, and what messages tell."""

from __future__ import annotations

import base64
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlplat.local import remote
from mlplat.local.artifacts import ArtifactError

BASIC = "Basic " + base64.b64encode(b"ada:p w").decode()


class _Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        port = self.headers["Host"].partition(":")[2]
        moved = {"/away": f"http://localhost:{port}/told", "/near": f"http://127.0.0.1:{port}/told"}
        place, _, _ = self.path.partition("?")
        self.send_response(302 if place in moved else 200 if place == "/told" else 403)
        if place in moved:
            self.send_header("Location", moved[place])
        self.end_headers()
        told = [self.headers[name] or "" for name in ("Authorization", "Cookie", "X-Team")]
        self.wfile.write("|".join(told).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server) as server:
        server.daemon_threads = False  # so that its end waits for them
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def fetched(target: Path, url: str, **location: Any) -> str:
    remote.fetch({"http": {"url": url, **location}}, target, {"web": {"u": "ada", "p": "p w"}})
    return target.read_text()


AUTH = {
    "basicAuth": {
        "usernameSecret": {"name": "web", "key": "u"},
        "passwordSecret": {"name": "web", "key": "p"},
    }
}
HEADERS = [{"name": "cookie", "value": "c=1"}, {"name": "X-Team", "value": "blue"}]


def test_credentials_are_for_one_host(port: int, tmp_path: Path) -> None:
    given: dict[str, Any] = {"auth": AUTH, "headers": HEADERS}
    assert fetched(tmp_path / "near", f"http://127.0.0.1:{port}/near", **given) == f"{BASIC}|c=1|blue"
    assert fetched(tmp_path / "away", f"http://127.0.0.1:{port}/away", **given) == "||blue"


def test_an_address_with_a_user_asks_as_that_user(port: int, tmp_path: Path) -> None:
    assert fetched(tmp_path / "told", f"http://ada:p%20w@127.0.0.1:{port}/told") == f"{BASIC}||"


@pytest.mark.parametrize("place", ["{port}/f", "1/f", "none/f"])
def test_messages_tell_nothing_secret(place: str, port: int, tmp_path: Path) -> None:
    place = place.format(port=port)
    with pytest.raises(ArtifactError) as caught:
        fetched(tmp_path / "f", f"http://ada:hunter1@127.0.0.1:{place}?token=hunter2#hunter3")
    assert str(caught.value).startswith(f"http://127.0.0.1:{place} can't be fetched: ")
    assert "hunter" not in str(caught.value)
