"""Shows what tasks write while they run, for calls of pipelines in a program or notebook."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

from mlplat.argo.status import AnyNode
from mlplat.engine.logs import LONGEST_PIECE, LineSplitter
from mlplat.escaping import escaped

_PAUSE = 0.1
"""Seconds between two reads of the logs."""


class Echo:
    """Prints each line of the logs of a run, with the name of the task that wrote it, until the block ends.

    Args:
        logs: the folder of the run's logs.
        show: prints a line.
    """

    def __init__(self, logs: Path, show: Callable[[str], None]) -> None:
        self._logs = logs
        self._show = show
        self._names: dict[str, str] = {}
        self._places: dict[str, int] = {}
        self._lines: dict[str, LineSplitter] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="mlplat-echo", daemon=True)

    def __call__(self, node: AnyNode) -> None:
        """Handle a changed node."""
        if node.get("type") == "Pod":
            self._names[node["id"]] = node["displayName"]

    def __enter__(self) -> Echo:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._read_all(final=True)

    def _follow(self) -> None:
        while not self._ended.wait(_PAUSE):
            self._read_all(final=False)

    def _read_all(self, *, final: bool) -> None:
        for task in list(self._names):
            self._read(task, final=final)

    def _read(self, task: str, *, final: bool) -> None:
        lines = self._lines.setdefault(task, LineSplitter())
        try:
            log = (self._logs / f"{task}.log").open("rb")
        except OSError:
            return
        with log:
            log.seek(self._places.get(task, 0))
            while part := log.read(LONGEST_PIECE):
                self._places[task] = log.tell()
                self._print(task, lines.add(part))
                if self._ended.is_set() and not final:
                    return
        if final:
            self._print(task, lines.add(b"", final=True))

    def _print(self, task: str, lines: Iterator[str]) -> None:
        for line in lines:
            self._show(f"{self._names[task]}: {escaped(line.removesuffix(chr(13)))}")
