"""Ends the processes of tasks when the engine is killed, as by ``SIGKILL``.

A small shell process waits for the end of a pipe whose other end only the engine has. The kernel closes it however the
engine ends; the shell then kills the process groups that are noted in the folders of the run's tasks, and removes their
containers.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

_PROCESS = "process"
_CONTAINER = "container"

_SCRIPT = r"""
trap '' HUP INT QUIT TERM
folder=$1 program=$2 containers=
read -r word && exit 0
for note in "$folder"/*/process; do
  read -r process birth 2>/dev/null < "$note" || continue
  if [ -n "$birth" ]; then
    stat=$(cat "/proc/$process/stat" 2>/dev/null)
    set -- ${stat##*) }
    [ "${20}" = "$birth" ] || continue
  fi
  kill -s KILL -- "-$process"
done
[ -n "$program" ] || exit 0
for note in "$folder"/*/container; do
  read -r name 2>/dev/null < "$note" && containers="$containers $name"
done
[ -z "$containers" ] || exec "$program" rm --force --volumes $containers
"""
"""The start time identifies a process, because process ids are reused."""


class Watchdog:
    """Watches over the tasks of one run, while the block runs.

    Args:
        folder: the run's folder; each task has a folder in it.
        containers: the program that removes containers; empty where tasks are processes.
    """

    def __init__(self, folder: Path, containers: str = "") -> None:
        self._words = ["/bin/sh", "-c", _SCRIPT, "mlplat-watchdog", str(folder), containers]

    def __enter__(self) -> Watchdog:
        self._process = subprocess.Popen(
            self._words,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError), self._process.stdin as pipe:
            pipe.write(b"over\n")
        self._process.wait()


def note_process(folder: Path, process: int) -> None:
    """Note the process group of a task in its folder."""
    with contextlib.suppress(OSError):
        (folder / _PROCESS).write_text(f"{process} {_birth(process)}\n")


def note_container(folder: Path, name: str) -> None:
    """Note the container of a task in its folder.

    Raises:
        OSError: the note cannot be written.
    """
    (folder / _CONTAINER).write_text(f"{name}\n")


def forget_process(folder: Path) -> None:
    """Remove the note of :func:`note_process`, because the process has ended."""
    with contextlib.suppress(OSError):
        (folder / _PROCESS).unlink()


def end_process(folder: Path) -> None:
    """End the process group that is noted in a task's folder, if it still runs."""
    try:
        process, *birth = (folder / _PROCESS).read_text().split()
    except (OSError, ValueError):
        return
    if "".join(birth) == _birth(int(process)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(int(process), signal.SIGKILL)


def forget_container(folder: Path) -> None:
    """Remove the note of :func:`note_container`, because the container was removed."""
    with contextlib.suppress(OSError):
        (folder / _CONTAINER).unlink()


def noted_container(folder: Path) -> str:
    """Return the name of the container that is noted in a task's folder; empty for none."""
    try:
        return (folder / _CONTAINER).read_text().strip()
    except OSError:
        return ""


def noted_folders(run: Path) -> Iterator[Path]:
    """Return the folders of a run's tasks that have a note."""
    yield from {note.parent for name in (_PROCESS, _CONTAINER) for note in run.glob(f"*/{name}")}


def _birth(process: int) -> str:
    """Return the start time of a process, in the kernel's ticks; empty without such a process, or without ``/proc``."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except OSError:
        return ""
