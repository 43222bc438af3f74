"""The state of runs on disk: one folder for each, locked while it runs, with its Workflow and status.

``workflow.json`` is written whole, but not at every change: the cost of a write grows with the number of nodes. Between
two writes, every node that has ended, or that contains others, is appended to ``nodes.jsonl``, so that no result
is lost when the machine stops.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlplat.argo.status import GROUPS, Node
from mlplat.engine.nodes import fulfilled
from mlplat.errors import Diagnostic, EngineError

_REST = 20
"""A write is followed by at least this many times its own duration without one."""

_BESIDE = "documents.json"

_NODES = "nodes.jsonl"
_REQUESTS = "requests"
_LONGEST_REQUEST = 4096
_RECORDED = "recorded"
"""File of a run whose end is recorded."""

_CUT_OFF = "the process that ran it ended early"
"""Message of a run that was cut off, and of its running nodes."""

_SURROGATES = "backslashreplace"
"""How surrogates are written, which represent bytes that are not valid UTF-8: JSON has the same escapes."""

_SHORTEST = 0.25
"""Seconds between two writes."""


class RunState:
    """The folder of one run.

    Args:
        folder: where it is kept.

    Raises:
        EngineError: the run is running in another process, or the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._journal: _Journal | None = None
        self._requests: int | None = None
        self._next = 0.0
        try:
            make_private(folder.parent)
            folder.mkdir(exist_ok=True)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise EngineError(
                Diagnostic(
                    "MLP601",
                    str(folder),
                    f"cannot write the folder of the run: {error.strerror}",
                    "set MLPLAT_HOME to another folder",
                )
            ) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise EngineError(
                Diagnostic(
                    "MLP602",
                    folder.name,
                    "a run of this name is still running",
                    "wait until it ends, stop it, or use another name",
                )
            ) from None

        with contextlib.suppress(OSError):
            (folder / _RECORDED).unlink()

    def close(self) -> None:
        """Release the lock."""
        if self._journal:
            self._journal.close()
        if self._requests is not None:
            os.close(self._requests)
            with contextlib.suppress(OSError):
                (self.folder / _REQUESTS).unlink()
        os.close(self._lock)

    def listen(self) -> int | None:
        """Listen for requests of other processes, see :func:`request`.

        Requests use a pipe and not a signal: a pipe reaches only the run, and never a process that
        got the same id later.

        Returns:
            A descriptor that can be read when there is a request; None if the file system has no pipes.
        """
        file = self.folder / _REQUESTS
        try:
            file.unlink(missing_ok=True)
            os.mkfifo(file, 0o600)
            self._requests = os.open(file, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None
        return self._requests

    def requests(self) -> list[str]:
        """Return the requests that have come since the last call."""
        assert self._requests is not None
        try:
            return os.read(self._requests, _LONGEST_REQUEST).decode(errors="replace").split()
        except BlockingIOError:
            return []

    def keep(self, documents: Sequence[Mapping[str, Any]]) -> None:
        """Save the other documents of a run, which a retry needs.

        Args:
            documents: all of them. Only this user may read the file, because it may contain Secrets.
        """
        other_documents = [dict(one) for one in documents if one.get("kind") != "Workflow"]
        if other_documents:
            self._replace(_BESIDE, other_documents)
        else:
            (self.folder / _BESIDE).unlink(missing_ok=True)

    def node(self, node: Node) -> None:
        """Log a node that has ended, or that contains others."""
        if not fulfilled(node) and node["type"] not in GROUPS:
            return
        if self._journal is None:
            self._journal = _Journal(self.folder / _NODES)
        self._journal.add(_encoded(node) + b"\n")

    def due(self) -> float:
        """Return the seconds until the Workflow should be written again."""
        return max(self._next - time.monotonic(), 0.0)

    def write(self, workflow: Callable[[], Mapping[str, Any]], *, durable: bool = False) -> None:
        """Write the Workflow.

        Args:
            workflow: returns the Workflow.
            durable: whether to sync it to the disk.
        """
        begun = time.monotonic()
        self._replace("workflow.json", workflow(), durable=durable)
        if self._journal:
            self._journal.close()
            self._journal = None
        with contextlib.suppress(FileNotFoundError):
            (self.folder / _NODES).unlink()
        now = time.monotonic()
        self._next = now + max(_SHORTEST, _REST * (now - begun))

    def _replace(self, name: str, document: Any, *, durable: bool = False) -> None:
        """Write a file atomically."""
        staged = self.folder / f".{name}"
        try:
            with open(staged, "wb", opener=_private) as file:
                file.write(_encoded(document))
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            staged.replace(self.folder / name)
        except OSError:
            with contextlib.suppress(OSError):
                staged.unlink()
            raise


class _Journal:
    """A file to which lines are appended, each completely or not at all."""

    def __init__(self, file: Path) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._file).st_size

    def add(self, line: bytes) -> None:
        left = memoryview(line)
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)
            raise
        self._size += len(line)

    def close(self) -> None:
        os.close(self._file)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _encoded(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode(errors=_SURROGATES)


def make_private(folder: Path) -> None:
    """Create a folder that only this user may enter, or remove the permissions of others from an existing one."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_mode & 0o077 and found.st_uid == os.geteuid():
        folder.chmod(0o700)


def request(folder: Path, how: str) -> bool:
    """Ask the process that runs a run to end it.

    Args:
        folder: the run's folder.
        how: ``Stop`` or ``Terminate``, as in ``spec.shutdown`` of a Workflow.

    Returns:
        Whether a process got the request.
    """
    try:
        pipe = os.open(folder / _REQUESTS, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.write(pipe, f"{how}\n".encode())
    except OSError:
        return False
    finally:
        os.close(pipe)
    return True


def load(folder: Path) -> dict[str, Any] | None:
    """Return the current or final Workflow of a run.

    Args:
        folder: the run's folder.

    Returns:
        The Workflow with its status; None if there is none, or if its file is damaged. The phase of a run that was cut
        off is ``Error``, and so is that of its running nodes.
    """
    try:
        workflow: dict[str, Any] = json.loads((folder / "workflow.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    if not _is_workflow(workflow):
        return None
    nodes = workflow.setdefault("status", {}).setdefault("nodes", {})
    with contextlib.suppress(FileNotFoundError), (folder / _NODES).open(encoding="utf-8") as journal:
        for line in journal:
            with contextlib.suppress(ValueError):
                node = json.loads(line)
                nodes[node["id"]] = node
    if workflow["status"].get("phase") == "Running" and not is_running(folder):
        workflow["status"].update({"phase": "Error", "message": f"{_CUT_OFF}: mlplat retry {folder.name}"})
        for node in nodes.values():
            if not fulfilled(node):
                node.update({"phase": "Error", "message": _CUT_OFF})
    return workflow


def _is_workflow(document: Any) -> bool:
    """Return whether a document is a Workflow with a name."""
    if not isinstance(document, dict) or document.get("kind") != "Workflow":
        return False
    metadata = document.get("metadata")
    return isinstance(metadata, dict) and bool(metadata.get("name"))


def unrecorded(home: Path) -> list[str]:
    """Return the names of the runs whose end may not be recorded, such as those of ``local.init``.

    Args:
        home: the folder for runs, logs and artifacts.
    """
    return sorted(folder.name for folder in (home / "runs").glob("*") if not (folder / _RECORDED).exists())


def mark_recorded(folder: Path) -> None:
    """Mark the end of a run as recorded.

    Args:
        folder: the run's folder.
    """
    with contextlib.suppress(OSError):
        (folder / _RECORDED).touch()


def is_running(folder: Path) -> bool:
    """Return whether a process holds the lock of a run."""
    with (folder / "lock").open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def other_documents(folder: Path) -> list[dict[str, Any]]:
    """Return the documents that a run was made from, without its Workflow.

    Args:
        folder: the run's folder.
    """
    try:
        documents: list[dict[str, Any]] = json.loads((folder / _BESIDE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    return documents
