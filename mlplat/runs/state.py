"""Finds the state of this machine, and opens the record."""

from __future__ import annotations

import contextlib
import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mlplat.errors import Diagnostic, EngineError

if TYPE_CHECKING:
    from mlplat.metadata import ArtifactRow, RunRow, Store

_NAME = ".mlplat"
_IDENTITY = "machine"


def home() -> Path:
    """Return the folder of this machine's state.

    It is ``MLPLAT_HOME``, else the ``.mlplat`` of the working directory or, below the user's home folder, of the
    nearest folder above it, up to the home folder. A ``.mlplat`` of another owner is ignored. If there is none, it
    is ``.mlplat`` in the working directory.

    Raises:
        EngineError: it would be ``.mlplat`` in the working directory, but another user owns that.
    """
    if named := os.environ.get("MLPLAT_HOME"):
        return Path(named).absolute()
    new = Path.cwd() / _NAME
    for folder in _upwards(new.parent):
        if _is_own(folder / _NAME):
            return folder / _NAME
    if _exists(new):
        message, hint = f"{new} belongs to another user", "set MLPLAT_HOME to a folder of your own"
        raise EngineError(Diagnostic("MLP607", "", message, hint))
    return new


def _upwards(folder: Path) -> Iterator[Path]:
    """Yield a folder and those above it, up to the user's home folder; outside of that, the folder alone.

    Outside, the way up leads through folders that everyone writes to, such as ``/tmp``.
    """
    yield folder
    try:
        last = Path.home().resolve()
    except RuntimeError:  # this user has none, as in a container with an arbitrary user id
        return
    if folder.is_relative_to(last) and folder != last:
        yield from folder.parents[: folder.parents.index(last) + 1]


def _is_own(folder: Path) -> bool:
    try:
        return folder.is_dir() and folder.stat().st_uid == os.geteuid()
    except OSError:
        return False


def _exists(folder: Path) -> bool:
    try:
        return folder.is_dir()
    except OSError:  # it is below a folder that may not be entered
        return True


def ensure_folder(folder: Path) -> Path:
    """Create the folder of this machine's state, and return it.

    Raises:
        EngineError: it cannot be created.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(folder, error) from None
    return folder


def machine(folder: Path) -> str:
    """Return the identity of this machine, which is created once for each state folder.

    Args:
        folder: of this machine's state; it is made when it does not exist.

    Raises:
        EngineError: the identity cannot be stored.
    """
    if known := known_machine(folder):
        return known
    ensure_folder(folder)
    try:
        descriptor, name = tempfile.mkstemp(dir=folder)
        with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 - it is open already
            file.write(f"{uuid.uuid4()}\n")
        try:
            os.link(name, folder / _IDENTITY)  # of two processes that begin together, the first one counts
        except FileExistsError:
            pass
        except OSError:
            Path(name).replace(folder / _IDENTITY)
        Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise _unusable(folder, error) from None
    return known_machine(folder)


def known_machine(folder: Path) -> str:
    """Return the identity of this machine; empty if it has none yet."""
    try:
        return (folder / _IDENTITY).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def known_runs(folder: Path) -> list[str]:
    """Return the names of the runs of this machine, without those whose process was killed before they began.

    Args:
        folder: of this machine's state.
    """
    return sorted(file.parent.name for file in folder.glob("runs/*/workflow.json"))


def log_file(folder: Path, run: str, node: str) -> Path | None:
    """Return the log of a node; None for names that lead out of the folder of logs, as a shared record may have.

    Args:
        folder: of this machine's state.
        run: name of the run.
        node: id of the node.
    """
    return folder / "logs" / run / f"{node}.log" if is_file_name(run) and is_file_name(node) else None


def is_file_name(name: str) -> bool:
    """Return whether a name is that of a file in a folder, and leads nowhere else."""
    return bool(name) and name == os.path.basename(name) and name not in (".", "..")  # noqa: PTH119


def is_here(folder: Path, recorded: RunRow | ArtifactRow) -> bool:
    """Return whether the files of a run or an artifact of the record are on this machine; a record may be shared.

    Args:
        folder: of this machine's state.
        recorded: the run or the artifact.
    """
    return recorded.engine == "local" and recorded.cluster in ("", known_machine(folder))


def _unusable(folder: Path, error: OSError) -> EngineError:
    message = f"cannot store state in {folder}: {error.strerror}"
    hint = "set MLPLAT_HOME to a writable folder on a disk with free space"
    return EngineError(Diagnostic("MLP601", "", message, hint))


def is_shared() -> bool:
    """Return whether the record is a database of its own, ``MLPLAT_STORE``, which others may read."""
    return bool(os.environ.get("MLPLAT_STORE"))


def record(folder: Path, cluster: str = "") -> Store:
    """Open the record to write to it: ``MLPLAT_STORE``, else ``mlplat.db`` in the folder.

    Args:
        folder: of this machine's state; it is made when it is needed and does not exist.
        cluster: identity of the cluster that the runs are on; empty for runs on this machine.

    Raises:
        EngineError: the folder cannot be made.
        StoreError: the record cannot be opened.
    """
    from mlplat import metadata

    store = os.environ.get("MLPLAT_STORE") or ensure_folder(folder) / "mlplat.db"
    return metadata.open_store(store, cluster or machine(folder))


def record_to_read(folder: Path) -> Store:
    """Open the record to read it: ``MLPLAT_STORE``, else that of the folder.

    If the folder has none, it is an empty one that leaves nothing behind.

    Args:
        folder: of this machine's state.

    Raises:
        EngineError: it is not a folder.
        StoreError: the file that ``MLPLAT_STORE`` names does not exist, or the record cannot be opened.
    """
    from mlplat import metadata

    if folder.exists() and not folder.is_dir():
        hint = "set MLPLAT_HOME to a folder"
        raise EngineError(Diagnostic("MLP601", "", f"{folder} is not a folder", hint))
    file, has_runs = folder / "mlplat.db", (folder / "runs").exists()
    identity = known_machine(folder)
    if has_runs and not identity:  # those that the record has not seen yet are recorded before it is read
        with contextlib.suppress(EngineError):
            identity = machine(folder)
    if store := os.environ.get("MLPLAT_STORE"):
        return metadata.open_existing_store(store, identity)
    return metadata.open_store(file if file.exists() or has_runs else "sqlite://", identity)
