"""Show a run until it ends: as a live tree on a terminal, as lines elsewhere."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

from mlplat.argo import durations
from mlplat.argo.status import AnyNode, Templates, moment
from mlplat.cli import output
from mlplat.escaping import escaped_line
from mlplat.runs import trees
from mlplat.runs.task_lines import TaskLines
from mlplat.runs.tree_lines import OutlineLine, fitting, outline, progress

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.live import Live


class Quiet:
    """Shows nothing."""

    def __call__(self, node: AnyNode) -> None:
        """Handle a changed node."""

    def notice(self, sentence: str) -> None:
        """Print a line about the whole run."""
        sys.stderr.write(f"{sentence}\n")
        sys.stderr.flush()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Pause the display, so that a person can be asked."""
        yield


class LineProgress(Quiet):
    """Prints a line when a task starts and when it ends.

    Args:
        stream: the output.
        lines: formats the lines.
    """

    def __init__(self, stream: TextIO, lines: TaskLines) -> None:
        self.stream, self.lines = stream, lines

    def __call__(self, node: AnyNode) -> None:
        """Handle a changed node."""
        self.stream.writelines(f"{line}\n" for line in self.lines.of(node))
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
        """Handle a changed node."""
        with self.lock:
            self.nodes[node["id"]] = dict(node)

    def notice(self, sentence: str) -> None:
        """Print a line about the whole run, above the tree."""
        assert self.live is not None
        self.live.console.print(sentence, markup=False, highlight=False)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Pause the display, so that a person can be asked."""
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
        tree = trees.tree(nodes, self.run, self.manifest)
        lines = [OutlineLine(self._title(tree)), *outline(tree)]
        written = fitting(lines, max(options.max_height - 1, 5))
        yield Text("\n".join(map(escaped_line, written)), no_wrap=True, overflow="crop")

    def _title(self, tree: trees.TreeNode) -> str:
        started = moment(tree.node.get("startedAt"))
        took = durations.short((datetime.now(UTC) - started).total_seconds()) if started else ""
        return "  ".join(filter(None, (self.run, took, progress(tree))))


@contextmanager
def following(workflow: trees.Workflow, run: str, *, quiet: bool) -> Iterator[Quiet]:
    """Show a run while the block runs.

    Args:
        workflow: the Workflow.
        run: name of the run.
        quiet: whether to show nothing.

    Yields:
        The observer, which is called with each changed node, and can be paused.
    """
    if quiet:
        yield Quiet()
    elif not sys.stderr.isatty():
        yield LineProgress(sys.stderr, TaskLines(run, Templates(workflow)))
    else:
        from rich.console import Console
        from rich.live import Live

        tree = TreeProgress(run, trees.program(workflow))
        console = Console(file=output.unescaped(sys.stderr))
        with Live(tree, console=console, refresh_per_second=4, transient=True) as tree.live:
            yield tree
