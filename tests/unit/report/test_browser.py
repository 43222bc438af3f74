"""Pages in a real browser: what runs in a frame reaches neither the page nor the network.

They need Chromium on PATH and are skipped without it; no package of this project brings a browser.
"""

from __future__ import annotations

import html
import http.server
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlplat.report import ArtifactView, LogView, Report, embedded, page
from tests.unit.report.samples import everything, run, task

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="needs chromium on PATH")

_ATTACK = """
<p id=own>own</p>
<script>
const say = (what) => console.log('MLPLAT ' + what);
say('script ran');
for (const reach of [() => parent.document, () => top.document, () => localStorage, () => document.cookie = 'a=1'])
  try { reach(); say('REACHED ' + reach) } catch (error) { say('refused ' + error.name) }
try { parent.document.title = 'REACHED' } catch (error) {}
try { top.location = 'PLACE/top' } catch (error) {}
try { window.open('PLACE/open') } catch (error) {}
fetch('PLACE/fetch').catch(() => say('no fetch'));
new Image().src = 'PLACE/image';
try { navigator.sendBeacon('PLACE/beacon') } catch (error) {}
for (const [name, key] of [['script', 'src'], ['iframe', 'src'], ['link', 'href']]) {
  const one = document.createElement(name);
  one.rel = 'stylesheet'; one[key] = 'PLACE/' + name; document.body.append(one);
}
const form = document.createElement('form'); form.action = 'PLACE/form'; document.body.append(form);
try { form.submit() } catch (error) {}
setTimeout(() => { location = 'PLACE/navigation' }, 200);
</script>
"""


class _Server(http.server.ThreadingHTTPServer):
    """Notes what is requested."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.paths.append(self.path)
                self.send_response(204)
                self.end_headers()

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *_: object) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server() as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield found
        found.shutdown()


def _open(document: str, folder: Path) -> tuple[str, str]:
    """Open a document, and return its elements when its scripts have run, and what they printed."""
    file = folder / "page.html"
    file.write_text(document, encoding="utf-8")
    words = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--no-first-run",
    ]
    where = [f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr", "--virtual-time-budget=3000"]
    done = subprocess.run(
        [CHROMIUM, *words, *where, "--dump-dom", f"file://{file}"],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return done.stdout, done.stderr


def _attack(server: _Server) -> str:
    return _ATTACK.replace("PLACE", f"http://127.0.0.1:{server.server_port}")


def test_a_script_in_an_artifact_reaches_neither_the_page_nor_the_network(
    tmp_path: Path, server: _Server
) -> None:
    artifact = ArtifactView("plot", "chart", "system.HTML", content=_attack(server).encode())
    elements, printed = _open(page(Report(run(), (), (), (artifact,))), tmp_path)
    assert "MLPLAT script ran" in printed
    assert "<title>ml-x7k2p</title>" in elements
    assert "MLPLAT REACHED" not in printed
    assert printed.count("MLPLAT refused") == 4
    assert server.paths == []


def test_a_script_in_a_notebook_reaches_neither_it_nor_the_network(tmp_path: Path, server: _Server) -> None:
    artifact = ArtifactView("plot", "chart", "system.HTML", content=_attack(server).encode())
    shown = embedded(page(Report(run(), (), (), (artifact,))), "run")
    elements, printed = _open(f"<!DOCTYPE html><title>notebook</title><body>{shown}", tmp_path)
    assert "MLPLAT script ran" in printed
    assert "<title>notebook</title>" in elements
    assert "MLPLAT REACHED" not in printed
    assert server.paths == []


def test_the_same_script_outside_of_a_frame_reaches_both(tmp_path: Path, server: _Server) -> None:
    """Without this, the tests above could pass for want of an attack."""
    stays = (
        _attack(server).split("try { top.location")[0]
        + f"</script><img src='http://127.0.0.1:{server.server_port}/image'>"
    )
    _, printed = _open(stays, tmp_path)
    assert "MLPLAT REACHED" in printed
    assert "/image" in server.paths


def test_a_page_asks_for_nothing_and_has_no_mistakes(tmp_path: Path) -> None:
    elements, printed = _open(page(everything()), tmp_path)
    assert "CONSOLE" not in printed
    assert html.unescape(elements).count("<iframe") == 2


_LINES = """
<style>main{width:WIDTHpx}</style>
<script>
const lines = (node, start, end) => {
  const part = document.createRange();
  part.setStart(node, start);
  part.setEnd(node, end);
  const tops = [...part.getClientRects()].map((one) => one.top);
  return Math.max(...tops) - Math.min(...tops) < 10 ? 'one line' : 'several lines';
};
for (const cell of document.querySelectorAll('.tasks th[scope=row]'))
  console.log(`MLPLAT ${cell.lastChild.textContent}: ${lines(cell, 0, cell.childNodes.length)}`);
for (const { firstChild: text } of document.querySelectorAll('.tasks td.message'))
  for (const word of text ? text.data.matchAll(/\\S+/g) : [])
    console.log(`MLPLAT ${word[0]}: ${lines(text, word.index, word.index + word[0].length)}`);
</script>
"""


@pytest.mark.parametrize("width", [1100, 400])
def test_names_and_words_of_messages_are_not_broken(width: int, tmp_path: Path) -> None:
    message = "main: Error (exit code 1): ZeroDivisionError: integer division or modulo by zero"
    tasks = (
        task("boom", phase="Failed", message=message, log=LogView("about to fail")),
        task("fit-the-model", "boom", log=LogView("fitted")),
        task("around", kind="group", label="iteration(12:0.25)"),
        task("around.fit", label="fit-2", parent="around", log=LogView("fitted")),
    )
    document = re.sub("<meta http-equiv=[^>]*>", "", page(Report(run("Failed"), tasks, (), ())))
    _, printed = _open(document + _LINES.replace("WIDTH", str(width)), tmp_path)
    found = re.findall("MLPLAT (.+): (.+? lines?)", printed)
    assert found == [(words, "one line") for words in (*(one.label for one in tasks), *message.split())]
