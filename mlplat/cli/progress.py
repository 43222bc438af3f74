"""Show a run until it ends: as a live tree on a terminal, as lines elsewhere."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from mlplat.argo.status import FAILED, FULFILLED, WAITING, AnyNode, Templates, fused, is_attempt, is_hook
from mlplat.cli import output, show
from mlplat.escaping import escaped_line
from mlplat.runs import trees
from mlplat.runs.tasks import path
from mlplat.runs.waiting import is_new

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.live import Live

_RUNNING = "▶"
_FINAL = FULFILLED - {"Omitted"}
_LONGEST_REASON = 200


class Quiet:
    """Shows nothing."""

    def __call__(self, node: AnyNode) -> None:
        """Take in a node that changed."""

    def notice(self, sentence: str) -> None:
        """Print a line about the whole run."""
        sys.stderr.write(f"{sentence}\n")
        sys.stderr.flush()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the terminal to a person for a while."""
        yield


class LineProgress(Quiet):
    """Prints a line when a task starts and when it ends, with its path in the run.

    Of a task that retries, each attempt has a line when it starts, and when it fails with the reason.

    Args:
        stream: where to.
        run: name of the run.
        templates: what its tasks declare.
    """

    def __init__(self, stream: TextIO, run: str, templates: Templates) -> None:
        self.stream, self.run, self.templates = stream, run, templates
        self.phases: dict[str, str] = {}
        self.reasons: dict[str, list[str]] = {}
        self.hooks: set[str] = set()

    def __call__(self, node: AnyNode) -> None:
        """Take in a node that changed."""
        if is_hook(node):
            self.hooks.add(node["id"])
        self._say_why(node)
        phase, known = node.get("phase", ""), self.phases.get(node["id"])
        waits = show.waits_for_lock(node)
        shown = waits or node.get("type") in ("Pod", "Retry", "Suspend", "Skipped")
        if not shown or phase == known or trees.stands_for_nothing(node):
            return
        self.phases[node["id"]] = phase
        if phase == "Running":
            if node["type"] != "Retry":  # its attempts say so
                self.stream.write(f"▶ {self._path(node)}\n")
        elif waits:
            self.stream.write(f"{self._described(node)}\n")
        elif phase in _FINAL and not (phase == "Succeeded" and is_attempt(node)):
            attempts = len(set(node.get("children") or ()) - self.hooks) if node["type"] == "Retry" else 0
            for one in fused.expanded({node["id"]: node}).values():
                self.stream.write(f"{self._described(one, attempts)}\n")
        self.stream.flush()

    def _path(self, node: AnyNode) -> str:
        return escaped_line(path(self.run, node["name"]))

    def _described(self, node: AnyNode, attempts: int = 0) -> str:
        named: AnyNode = {**node, "displayName": self._path(node)}
        written = show.describe(named, attempts, trees.outputs(node, self.templates))
        failed = node["type"] == "Pod" and node.get("phase") in FAILED
        why = escaped_line(str(node.get("message") or "")) if failed else ""
        return f"{written}  {why[:_LONGEST_REASON]}".rstrip()

    def _say_why(self, node: AnyNode) -> None:
        """Print why a task cannot start, each reason once."""
        said = self.reasons.setdefault(node["id"], [])
        new: list[str] = []
        for sentence in node.get(WAITING, ()):
            if is_new(sentence, said):
                said.append(sentence)
                new.append(sentence)
        if new:
            self.stream.write(f"… {self._path(node)}  {show.CANNOT_START}\n")
            self.stream.writelines(f"  {escaped_line(sentence)}\n" for sentence in new)
            self.stream.flush()


class TreeProgress(Quiet):
    """Redraws the tree of a run's tasks as they change."""

    def __init__(self, run: str, manifest: trees.TreeLayout) -> None:
        self.live: Live | None = None
        self.run = run
        self.manifest = manifest
        self.nodes: dict[str, AnyNode] = {}
        self.lock = threading.Lock()

    def __call__(self, node: AnyNode) -> None:
        """Take in a node that changed."""
        with self.lock:
            self.nodes[node["id"]] = dict(node)

    def notice(self, sentence: str) -> None:
        """Print a line about the whole run, above the tree."""
        assert self.live is not None
        self.live.console.print(sentence, markup=False, highlight=False)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the terminal to a person for a while."""
        assert self.live is not None
        self.live.stop()
        try:
            yield
        finally:
            self.live.start(refresh=True)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw as much of the tree as the terminal has room for."""
        from rich.text import Text

        with self.lock:
            nodes = dict(self.nodes)
        written = [self.run, *show.lines(trees.tree(nodes, self.run, self.manifest))]
        room = max(options.max_height - 1, 5)
        written = fitting(written, room)
        yield Text("\n".join(map(escaped_line, written)), no_wrap=True, overflow="crop")


def fitting(lines: Sequence[str], room: int) -> list[str]:
    """Choose the lines of a tree that are shown where there is no room for all.

    Args:
        lines: the tree.
        room: how many fit.

    Returns:
        What runs and what cannot start, then as much as fits of what stands below these, in the order of the tree.
    """
    if len(lines) <= room:
        return list(lines)
    kept = [
        place for place, line in enumerate(lines) if _RUNNING in line or line.endswith(show.CANNOT_START)
    ][: room - 1]
    while len(kept) < room - 1:
        below = [place + 1 for place in kept if place + 1 < len(lines) and place + 1 not in kept]
        if not below:
            break
        kept = sorted([*kept, *below[: room - 1 - len(kept)]])
    return [*(lines[place] for place in kept), f"… {len(lines) - len(kept)} more"]


@contextmanager
def following(workflow: trees.Workflow, run: str, *, quiet: bool) -> Iterator[Quiet]:
    """Show a run while the block runs.

    Args:
        workflow: what runs.
        run: name of the run.
        quiet: show nothing.

    Yields:
        What to call with each node that changes; it can be paused.
    """
    if quiet:
        yield Quiet()
    elif not sys.stderr.isatty():
        yield LineProgress(sys.stderr, run, Templates(workflow))
    else:
        from rich.console import Console
        from rich.live import Live

        tree = TreeProgress(run, trees.program(workflow))
        console = Console(file=output.unescaped(sys.stderr))
        with Live(tree, console=console, refresh_per_second=4, transient=True) as tree.live:
            yield tree
