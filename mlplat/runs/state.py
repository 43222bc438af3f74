"""Where this machine keeps its state: runs, logs, artifacts and the record."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from mlplat.errors import Diagnostic, EngineError

if TYPE_CHECKING:
    from mlplat.metadata import Store


def home() -> Path:
    """Return the folder of this machine's state: ``MLPLAT_HOME``, or ``.mlplat`` in the working directory."""
    return Path(os.environ.get("MLPLAT_HOME") or ".mlplat").absolute()


def made(folder: Path) -> Path:
    """Make the folder of this machine's state, and return it.

    Raises:
        EngineError: it can't be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        message = f"the state of this machine can't be kept in {folder}: {error.strerror}"
        hint = "set MLPLAT_HOME to a folder with room that you may write to"
        raise EngineError(Diagnostic("MLP601", "", message, hint)) from None
    return folder


def record(folder: Path) -> Store:
    """Open the record to write into it.

    Args:
        folder: of this machine's state; it is made when it does not exist.

    Raises:
        EngineError: the folder can't be made.
        StoreError: the record can't be opened.
    """
    from mlplat import metadata

    return metadata.open_store(made(folder) / "mlplat.db")


def record_to_read(folder: Path) -> Store:
    """Open the record to read it; where there is none, an empty one that leaves nothing behind.

    Args:
        folder: of this machine's state.

    Raises:
        EngineError: it is not a folder.
        StoreError: the record can't be opened.
    """
    from mlplat import metadata

    if folder.exists() and not folder.is_dir():
        hint = "set MLPLAT_HOME to a folder"
        raise EngineError(Diagnostic("MLP601", "", f"{folder} is not a folder", hint))
    file, runs = folder / "mlplat.db", folder / "runs"
    return metadata.open_store(file if file.exists() or runs.exists() else "sqlite://")
