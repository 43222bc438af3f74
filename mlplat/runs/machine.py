"""Runs on this machine: find one, follow one that another process runs, and end it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mlplat import engine
from mlplat.argo.status import FINISHED, AnyNode
from mlplat.errors import ArgumentError, Diagnostic, EngineError, nearest

_PAUSE = 0.25
_REST = 20
"""Reading a run is followed by at least this many times its own duration without it."""


def find(name: str, home: Path) -> dict[str, Any]:
    """Return the Workflow of a run with its status.

    Args:
        name: of the run.
        home: the folder for runs, logs and artifacts.

    Raises:
        ArgumentError: it does not exist; with the nearest name that does.
    """
    folder = home / "runs"
    found = engine.load(folder / name) if name == Path(name).name else None
    if found is None:
        known = [path.name for path in folder.glob("*")]
        hint = nearest(name, known) or "mlplat get runs lists runs; --engine argo is for those of a cluster"
        raise ArgumentError(Diagnostic("MLP409", "", f"run '{name}' not found on this machine", hint))
    return found


def states(name: str, home: Path) -> Iterator[dict[str, Any] | None]:
    """Read a run that some process of this machine runs, until it ends.

    Args:
        name: of the run.
        home: the folder for runs, logs and artifacts.

    Yields:
        The Workflow each time that it has changed, last as it ended, or as it was when its process was killed; and None
        several times a second while nothing changes.

    Raises:
        ArgumentError: it does not exist.
    """
    folder = home / "runs" / name
    while True:
        before = _stamp(folder)
        begun = time.monotonic()
        workflow = find(name, home)
        yield workflow
        if workflow["status"].get("phase") in FINISHED:
            return
        next_read = time.monotonic() + _REST * (time.monotonic() - begun)
        time.sleep(_PAUSE)
        while time.monotonic() < next_read or (_stamp(folder) == before and engine.is_running(folder)):
            yield None
            time.sleep(_PAUSE)


def follow(name: str, home: Path, observer: Callable[[AnyNode], None]) -> dict[str, Any]:
    """Wait until a run ends that some process of this machine runs.

    Args:
        name: of the run.
        home: the folder for runs, logs and artifacts.
        observer: called with each node that is new or has changed.

    Returns:
        The Workflow as it ended, or as it was when its process was killed.

    Raises:
        ArgumentError: it does not exist.
    """
    seen: dict[str, AnyNode] = {}
    workflow: dict[str, Any] = {}
    for state in states(name, home):
        workflow = state or workflow
        for key, node in workflow["status"]["nodes"].items() if state else ():
            if seen.get(key) != node:
                seen[key] = node
                observer(node)
    return workflow


def _stamp(folder: Path) -> tuple[int, ...]:
    """Return what changes with the state of a run on disk."""
    stamp: list[int] = []
    for name in ("workflow.json", "nodes.jsonl"):
        try:
            found = (folder / name).stat()
        except FileNotFoundError:
            stamp += (0, 0)
        else:
            stamp += (found.st_mtime_ns, found.st_size)
    return tuple(stamp)


def end(name: str, home: Path, how: str) -> None:
    """Ask the process that runs a run to end it.

    Args:
        name: of the run.
        home: the folder for runs, logs and artifacts.
        how: ``Stop`` (exit handlers still run) or ``Terminate``, as in ``spec.shutdown`` of a Workflow.

    Raises:
        ArgumentError: the run does not exist, or has ended already.
        EngineError: its process can't be reached.
    """
    phase = find(name, home)["status"].get("phase", "")
    if phase in FINISHED:
        hint = f"see its tasks: mlplat get tasks {name}"
        raise ArgumentError(Diagnostic("MLP810", "", f"{name} has ended already ({phase})", hint))
    if not engine.request(home / "runs" / name, how):
        hint = "press Ctrl-C where it runs"
        raise EngineError(Diagnostic("MLP606", name, "its process takes no requests", hint))
