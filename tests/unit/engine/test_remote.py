"""What a web server is told when an artifact is fetched from it, and what messages tell."""

from __future__ import annotations

import base64
import contextlib
import http.server
import threading
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote, unquote

import pytest

from mlplat import downloads
from mlplat.engine import remote
from mlplat.engine.artifacts import ArtifactError, ArtifactMissingError

BASIC = "Basic " + base64.b64encode(b"ada:p w").decode()


class _Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        port = self.headers["Host"].partition(":")[2]
        moved = {
            "/away": f"http://localhost:{port}/told",
            "/near": f"http://127.0.0.1:{port}/told",
            "/back": f"http://localhost:{port}/near",
            "/port": f"http://127.0.0.1:{self.server.other_port}/told",  # type: ignore[attr-defined]
        }
        place, _, _ = self.path.partition("?")
        if place.startswith("/to/"):
            moved[place] = unquote(place.removeprefix("/to/"))
        self.send_response(302 if place in moved else 200 if place == "/told" else 403)
        if place in moved:
            self.send_header("Location", moved[place])
        self.end_headers()
        told = [self.headers[name] or "" for name in ("Authorization", "Cookie", "X-Team")]
        self.wfile.write("|".join(told).encode())

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serving(other_port: int = 0) -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server) as server:
        server.daemon_threads = False  # so that its end waits for them
        server.other_port = other_port  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture
def port() -> Iterator[int]:
    with serving() as other, serving(other) as port:
        yield port


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
    for place in ("away", "back", "port"):
        assert fetched(tmp_path / place, f"http://127.0.0.1:{port}/{place}", **given) == "||"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://a/x", "http://a:80/y", True),
        ("http://a/x", "https://a/x", True),
        ("https://a/x", "http://a/x", False),
        ("https://a/x", "https://a:8443/x", False),
        ("http://a:8080/x", "https://a/x", False),
        ("https://a/x", "https://b.a/x", False),
        ("https://a/x", "https://A:443/x", True),
    ],
)
def test_what_counts_as_the_same_server(one: str, other: str, same: bool) -> None:
    assert downloads._is_same_server(one, other) is same


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://2852039166/",
        "http://[fe80::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://100.100.100.200/",
        "http://[fd00:ec2::254]/",
        "ftp://127.0.0.1/x",
        "file:///etc/passwd",
        "http://a:b/",
    ],
)
def test_redirects_to_where_only_this_machine_can_go_are_refused(url: str, port: int, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"cannot be fetched: HTTP Error 302: .*[Rr]edirect") as refused:
        fetched(tmp_path / "f", f"http://127.0.0.1:{port}/to/{quote(url, safe='')}")
    assert "/latest/meta-data" not in str(refused.value).split("cannot be fetched")[1]


def test_a_name_that_gets_another_address_after_it_was_looked_up_is_refused(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = quote(f"http://localhost:{port}/told", safe="")
    assert fetched(tmp_path / "f", f"http://127.0.0.1:{port}/to/{target}") == "||"
    monkeypatch.setattr(downloads, "_refusal", lambda _: "")
    monkeypatch.setattr(downloads, "_METADATA", {ip_address("127.0.0.1")})
    assert fetched(tmp_path / "own", f"http://127.0.0.1:{port}/told") == "||"
    with pytest.raises(ArtifactError, match=r"redirects to 127\.0\.0\.1"):
        fetched(tmp_path / "g", f"http://127.0.0.1:{port}/to/{target}")
    assert not (tmp_path / "g").exists()


def test_a_download_that_fails_leaves_nothing_that_fills_the_disk(tmp_path: Path) -> None:
    def breaks() -> Iterator[bytes]:
        yield b"x" * 1000
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        remote._save(breaks(), tmp_path / "f")
    assert list(tmp_path.iterdir()) == []


def test_an_address_with_a_user_asks_as_that_user(port: int, tmp_path: Path) -> None:
    assert fetched(tmp_path / "told", f"http://ada:p%20w@127.0.0.1:{port}/told") == f"{BASIC}||"


@pytest.mark.parametrize("place", ["{port}/f", "1/f", "none/f"])
def test_messages_tell_nothing_secret(place: str, port: int, tmp_path: Path) -> None:
    place = place.format(port=port)
    with pytest.raises(ArtifactError) as caught:
        fetched(tmp_path / "f", f"http://ada:hunter1@127.0.0.1:{place}?token=hunter2#hunter3")
    assert str(caught.value).startswith(f"http://127.0.0.1:{place} cannot be fetched: ")
    assert "hunter" not in str(caught.value)


class _Bucket(http.server.BaseHTTPRequestHandler):
    """An S3 bucket with objects of a size that no machine has room for."""

    sizes: ClassVar = {"/b/huge": 1 << 40, "/b/small": 5, "/b/empty": 0}

    def do_HEAD(self) -> None:
        self._answer(200 if self.path in self.sizes else 404, b"", self.sizes.get(self.path, 0))

    def do_GET(self) -> None:
        place, _, query = self.path.partition("?")
        if place in {"/b", "/b/"}:
            content = (
                "<Contents><Key>folder/a</Key><LastModified>2026-01-01T00:00:00Z</LastModified><Size>1</Size>"
            )
            found = f"{content}</Contents>" if "prefix=folder" in query else ""
            answer = f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>"
            self._answer(200, answer.encode())
            return
        first, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
        data = bytes(number % 251 for number in range(int(first), int(last) + 1))
        self._answer(206, data, range_of=f"bytes {first}-{last}/{self.sizes[place]}")

    def _answer(self, status: int, data: bytes, size: int | None = None, range_of: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data) if size is None else size))
        self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
        self.send_header("ETag", '"e"')
        if range_of:
            self.send_header("Content-Range", range_of)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def bucket() -> Iterator[Callable[[str], dict[str, Any]]]:
    """Returns the location of a key."""
    pytest.importorskip("obstore")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Bucket) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = {"endpoint": f"127.0.0.1:{server.server_port}", "bucket": "b", "insecure": True}
        yield lambda key: {"s3": {**place, "key": key}}
        server.shutdown()


def test_the_ends_of_an_object_are_read_whatever_its_size(bucket: Callable[[str], dict[str, Any]]) -> None:
    assert remote.first_bytes(bucket("huge"), {}, 4) == bytes(range(4))
    end = remote.last_bytes(bucket("huge"), {}, 4)
    assert end == bytes(number % 251 for number in range((1 << 40) - 4, 1 << 40))
    for read in (remote.first_bytes, remote.last_bytes):
        assert read(bucket("small"), {}, 100) == bytes(range(5))
        assert read(bucket("empty"), {}, 100) == b""
        with pytest.raises(ArtifactMissingError, match="there is nothing under s3://b/gone"):
            read(bucket("gone"), {}, 100)


def test_a_folder_has_no_first_bytes(bucket: Callable[[str], dict[str, Any]]) -> None:
    assert remote.first_bytes(bucket("folder"), {}, 100) is None
