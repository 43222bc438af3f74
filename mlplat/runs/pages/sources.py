"""Where the logs and the artifacts of a run are: files of this machine, or nowhere."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mlplat import engine
from mlplat.argo.status import fused
from mlplat.runs import state

if TYPE_CHECKING:
    from mlplat.metadata import ArtifactRow, RunRow, TaskRow


class FileSource(Protocol):
    """Where the logs and the artifacts of a run are."""

    def log(self, run: RunRow, task: TaskRow, attempts: Sequence[TaskRow]) -> str | None:
        """Return the end of what the last attempt of a task printed; None if that is not known.

        Raises:
            MlplatError: there is no log, with the reason.
        """

    def content(self, artifact: ArtifactRow, size: int) -> bytes | None:
        """Return at most so many of the first bytes of an artifact; None if it is not a file.

        Raises:
            MlplatError: it cannot be read, with the reason.
        """

    def place(self, artifact: ArtifactRow) -> str:
        """Return where an artifact is."""


@dataclass(frozen=True, slots=True)
class MachineFiles:
    """The files of the runs of this machine.

    Attributes:
        home: folder of runs, logs and artifacts.
    """

    home: Path

    def log(self, run: RunRow, task: TaskRow, attempts: Sequence[TaskRow]) -> str | None:
        """Return the end of a log; see :class:`FileSource`."""
        last = attempts[-1] if attempts else task
        own, shared = (state.log_file(self.home, run.name, node) for node in (last.id, last.boundary_id))
        if own and own.exists():
            return engine.last_attempt(own)
        if shared and shared.exists():
            return fused.log_of(engine.last_attempt(shared), last.display_name)
        return None

    def content(self, artifact: ArtifactRow, size: int) -> bytes | None:
        """Return the start of an artifact; see :class:`FileSource`."""
        return _start(self.home / "artifacts" / artifact.key, size) if _is_below(artifact.key) else None

    def place(self, artifact: ArtifactRow) -> str:
        """Return the path of an artifact, or its URI."""
        return str(self.home / "artifacts" / artifact.key) if artifact.key else artifact.uri


@dataclass(frozen=True, slots=True)
class NoFiles:
    """No logs and no artifacts: of a run that was not on this machine, the record has neither."""

    def log(self, run: RunRow, task: TaskRow, attempts: Sequence[TaskRow]) -> str | None:  # noqa: ARG002
        """Return None."""
        return None

    def content(self, artifact: ArtifactRow, size: int) -> bytes | None:  # noqa: ARG002
        """Return None."""
        return None

    def place(self, artifact: ArtifactRow) -> str:
        """Return the key of an artifact, or its URI."""
        return artifact.key or artifact.uri


def _is_below(key: str) -> bool:
    return bool(key) and not key.startswith("/") and ".." not in Path(key).parts and "\0" not in key


def _start(file: Path, size: int) -> bytes | None:
    """Return the first bytes of a regular file; None if it is not one, or cannot be read."""
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            return None
        with file.open("rb") as opened:
            return opened.read(size)
    except OSError:
        return None
