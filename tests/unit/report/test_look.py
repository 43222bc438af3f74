"""How pages look to people: with a narrow window, a keyboard, a printer, or a reader of the screen.

They need Chromium on PATH, and axe from the development environment; they are skipped without them.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mlplat.report import ParameterView, Report, Side, compare, comparison_page, embedded, page
from tests import chromium
from tests.chromium import Browser, Scheme
from tests.unit.report.samples import (
    HOSTILE,
    everything,
    long_names,
    loop,
    run,
    task,
    thousand,
)

pytestmark = pytest.mark.skipif(not chromium.PROGRAM, reason="needs chromium on PATH")

_RUNNING = replace(run("Running"), finished_at=None)
_NOTE = (ParameterView("note", "a long note " * 10),)
_LONG = run(parameters=_NOTE)
_OTHER = replace(run("Failed", message=HOSTILE, parameters=_NOTE), name="ml-9zq4d")
_PAGES = {
    "every artifact": lambda: page(everything()),
    "1,000 tasks": lambda: page(thousand()),
    "a loop of 300": lambda: page(Report(run("Failed"), tuple(loop(300, (7, 30))))),
    "long names": lambda: page(long_names()),
    "running": lambda: page(Report(_RUNNING, (task("a"), task("b", "a", phase="Running", finished_at=None)))),
    "nothing yet": lambda: page(Report(replace(run("Pending"), started_at=None, finished_at=None))),
    "comparison": lambda: comparison_page(
        compare([Side(_LONG, {"accuracy": 0.9}, {"fit: model": "sha256:" + "a" * 64}), Side(_OTHER)])
    ),
}
_CHECK = """
{ const repeated = '.tasks tbody tr, details, .graph .node';
for (const one of [...document.querySelectorAll(repeated)].filter((_, number) => number % 12 > 0 && number > 100))
  one.remove(); }
axe.run(document, {iframes: false}).then((found) => found.violations.map(
  (one) => `${one.id}: ${one.help}: ${one.nodes.map((node) => node.html.slice(0, 200)).slice(0, 3).join(' ')}`))
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium.chromium(tmp_path_factory.mktemp("browser")) as found:
        yield found


@pytest.fixture(scope="module")
def axe() -> str:
    """The program that looks for what people with disabilities stumble over."""
    package = importlib.util.find_spec("axe_core_python")
    if package is None or package.origin is None:
        pytest.skip("needs axe-core-python: make venv")
    return Path(package.origin).with_name("axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", _PAGES)
def test_axe_finds_nothing(name: str, scheme: Scheme, browser: Browser, axe: str) -> None:
    """Of rows that repeat more than a hundred times, each twelfth is looked at: axe takes minutes for all of them."""
    browser.open(_PAGES[name](), scheme=scheme)
    browser.run(f"{axe};0")
    assert browser.run(_CHECK) == []


def test_axe_finds_what_there_is(browser: Browser, axe: str) -> None:
    browser.open(
        page(everything()).replace("--dim:#59636e", "--dim:#c9d3de").replace("<html lang", "<html no")
    )
    browser.run(f"{axe};0")
    assert {one.split(":")[0] for one in browser.run(_CHECK)} == {"color-contrast", "html-has-lang"}


@pytest.mark.parametrize("size", [(400, 800), (1280, 800), (1920, 1080)], ids=str)
@pytest.mark.parametrize("name", _PAGES)
def test_no_page_is_wider_than_its_window(name: str, size: tuple[int, int], browser: Browser) -> None:
    browser.open(_PAGES[name](), size=size)
    assert browser.run("document.documentElement.scrollWidth") <= size[0]


_BROKEN = """
[...document.querySelectorAll('th, td.note')].flatMap((cell) => [...cell.childNodes])
  .filter((one) => one.nodeType === Node.TEXT_NODE).flatMap((one) => [...one.data.matchAll(/\\S+/g)].filter((word) => {
    const part = document.createRange();
    part.setStart(one, word.index);
    part.setEnd(one, word.index + word[0].length);
    return new Set([...part.getClientRects()].map((box) => Math.round(box.top))).size > 1;
  })).map((word) => word[0])
"""


@pytest.mark.parametrize("size", [(400, 800), (1280, 800)], ids=str)
@pytest.mark.parametrize("name", ["every artifact", "comparison", "running"])
def test_no_word_of_a_heading_is_broken(name: str, size: tuple[int, int], browser: Browser) -> None:
    browser.open(_PAGES[name](), size=size)
    assert browser.run(_BROKEN) == []


@pytest.mark.parametrize("name", [name for name in _PAGES if name != "1,000 tasks"])
def test_print_shows_all_on_the_width_of_a_sheet(name: str, browser: Browser) -> None:
    browser.open(_PAGES[name](), size=(760, 1000), scheme="dark", printed=True)
    assert browser.run("document.documentElement.scrollWidth") <= 760
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    hidden = (
        "[...document.querySelectorAll('details pre')].filter((one) => !one.getClientRects().length).length"
    )
    assert browser.run(hidden) == 0


def test_the_keyboard_reaches_what_the_mouse_does_and_shows_where_it_is(browser: Browser) -> None:
    shown = everything()
    without_frames = tuple(
        one for one in shown.artifacts if one.type not in ("system.HTML", "system.Markdown")
    )
    browser.open(page(replace(shown, artifacts=without_frames)))
    seen: list[str] = []
    for _ in range(40):
        browser.press("Tab")
        focused = browser.run(
            "(() => { const one = document.activeElement; "
            "return [one.tagName + (one.ariaLabel || ''), getComputedStyle(one).outlineStyle]; })()"
        )
        if focused[0] == "BODY":
            break
        seen.append(focused[0])
        assert focused[1] not in ("none", ""), focused
    assert {"A", "a", "SUMMARY", "DIVGraph of the tasks", "DIVTasks", "DIVTable"} <= set(seen)


def test_a_task_of_the_graph_leads_to_its_log(browser: Browser) -> None:
    browser.open(page(Report(run(), (task("load", log=everything().tasks[1].log),))))
    opened = "document.querySelector('details').open"
    assert browser.run(opened) is False
    browser.run("document.querySelector('.graph a').dispatchEvent(new MouseEvent('click', {bubbles: true}))")
    assert browser.run(f"new Promise((done) => requestAnimationFrame(() => done({opened})))") is True


_POLICIES = {
    "no policy": "",
    "the policy of a notebook in an editor": (
        "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:; "
        "child-src data: blob:"
    ),
    "a policy without scripts": "default-src 'self'; style-src 'unsafe-inline'",
}
_HOST = "<style>h1{color:rgb(1, 2, 3)} .badge, table{display:none}</style><h1 id=t0>A notebook</h1>"


@pytest.mark.parametrize("policy", _POLICIES)
def test_two_runs_in_a_notebook_disturb_neither_it_nor_each_other(policy: str, browser: Browser) -> None:
    runs = [embedded(page(everything()), f"Run {number}") for number in (1, 2)]
    head = (
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICIES[policy]}">'
        if _POLICIES[policy]
        else ""
    )
    bare = f"<!DOCTYPE html>{head}<title>host</title>{_HOST}"
    ask = "(() => { const one = getComputedStyle(document.querySelector('h1')); return [one.font, one.color]; })()"
    browser.open(bare)
    before = browser.run(ask)
    browser.open(bare + "".join(runs))
    assert browser.run(ask) == before
    assert browser.run("document.querySelectorAll('#t0, [id^=t]').length") == 1
    assert browser.run("[...document.querySelectorAll('iframe')].map((one) => one.title)") == [
        "Run 1",
        "Run 2",
    ]
    assert browser.run("document.querySelectorAll('iframe')[0].contentDocument") is None
    assert not [line for line in browser.printed if "Refused" in line or "violates" in line]
