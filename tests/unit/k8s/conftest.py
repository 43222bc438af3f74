"""An API server that answers what a test tells it to: for faults that a real one won't produce on demand."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml

from mlplat.k8s import retries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Json = dict[str, Any]


@dataclass
class Answer:
    """What the server says to one request.

    ``lines`` come one by one; then the connection ends well, or breaks when ``broken`` is set, or nothing more comes
    until the client goes when ``silent`` is. ``held`` keeps the server from answering until it is set.
    """

    status: int = 200
    body: Json | str = ""
    lines: list[Json | str] | None = None
    broken: bool = False
    silent: bool = False
    retry_after: str = ""
    held: threading.Event | None = None


@dataclass
class Asked:
    """What a client wanted."""

    method: str
    path: str
    query: dict[str, str]
    body: Json | None
    headers: dict[str, str]


@dataclass
class FakeApi:
    """Answers in the order given for each method and path; the last one is given again and again."""

    kubeconfig: Path
    answers: dict[tuple[str, str], list[Answer]] = field(default_factory=lambda: defaultdict(list))
    asked: list[Asked] = field(default_factory=list)

    @staticmethod
    def of(status: int, body: Json | str, *, retry_after: str = "") -> Answer:
        return Answer(status, body, retry_after=retry_after)

    @staticmethod
    def stream(lines: list[Json | str], *, broken: bool = False, silent: bool = False) -> Answer:
        return Answer(lines=lines, broken=broken, silent=silent)

    def on(self, method: str, path: str, *answers: Answer | Json) -> None:
        given = [answer if isinstance(answer, Answer) else Answer(body=answer) for answer in answers]
        self.answers[method, path].extend(given)

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        watch = "WATCH" if "watch" in asked.query else asked.method
        queue = self.answers.get((watch, asked.path))
        if not queue:
            return Answer(404, "404 page not found")
        return queue.pop(0) if len(queue) > 1 else queue[0]

    def methods(self) -> list[str]:
        return [f"{asked.method} {asked.path}" for asked in self.asked]


@pytest.fixture
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a request be repeated up to three times, at once."""
    monkeypatch.setattr(retries, "PAUSES", (0.0,) * 3)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[FakeApi]:
    """The server, and a kubeconfig that leads to it."""
    fake = FakeApi(tmp_path / "kubeconfig")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_any(self) -> None:
            url = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            asked = Asked(
                self.command,
                url.path,
                dict(parse_qsl(url.query)),
                body,
                {name.lower(): value for name, value in self.headers.items()},
            )
            self.reply(fake.answer(asked))

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815 -- names of the base class

        def reply(self, answer: Answer) -> None:
            if answer.held:
                answer.held.wait()
            self.send_response(answer.status)
            if answer.retry_after:
                self.send_header("Retry-After", answer.retry_after)
            if answer.lines is None:
                text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())
                return
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for line in answer.lines:
                text = line if isinstance(line, str) else json.dumps(line) + "\n"
                self.wfile.write(f"{len(text.encode()):x}\r\n{text}\r\n".encode())
            if answer.silent:
                self.rfile.read(1)
            if answer.broken or answer.silent:
                self.close_connection = True
            else:
                self.wfile.write(b"0\r\n\r\n")

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- name of the base class
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "u", "user": {"token": "secret-token"}}],
        "contexts": [
            {"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "team-a"}},
            {"name": "there", "context": {"cluster": "c", "user": "u"}},
        ],
    }
    fake.kubeconfig.write_text(yaml.safe_dump(config))
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
