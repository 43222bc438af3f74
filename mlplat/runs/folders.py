"""Find the files of a folder that hold pipelines or manifests."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from mlplat import manifest

_PROGRAM = re.compile(rb"^\s*(@(\w+\.)*pipeline\b|(from|import)\s+hera\b)", re.MULTILINE)
_MANIFEST = re.compile(
    rb"""["']?kind["']?\s*:\s*["']?(Cron|Cluster)?Workflow(Template)?\b|\bpipelineInfo\b"""
)
_SIGNS = {".py": _PROGRAM, ".yaml": _MANIFEST, ".yml": _MANIFEST, ".json": _MANIFEST}


def files(folder: Path) -> list[str]:
    """Return the files of a folder, and of the folders in it, that hold a pipeline or an Argo Workflow.

    A file is read, not run. Hidden folders and virtual environments are left out.
    """
    return [str(file) for file in _below(folder) if _holds(file)]


def _below(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _is_foreign(Path(root, name)))
        yield from (Path(root, name) for name in sorted(names) if Path(name).suffix in _SIGNS)


def _is_foreign(folder: Path) -> bool:
    return folder.name.startswith((".", "__pycache__")) or (folder / "pyvenv.cfg").exists()


def _holds(file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return bool(_SIGNS[file.suffix].search(opened.read(manifest.LARGEST)))
    except OSError:
        return False
