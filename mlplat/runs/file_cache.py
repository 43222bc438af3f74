"""A cache of results in files, for runs without the database of the record."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlplat.engine.state import make_private


class FileCache:
    """The cache: one file for each result.

    Args:
        root: the folder of the files.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def load(self, cache_name: str, key: str, max_age: float | None) -> Mapping[str, Any] | None:
        """Return the outputs under a key; see :class:`mlplat.engine.Cache`."""
        file = self._root / cache_name / f"{key}.json"
        if not file.exists() or (max_age is not None and time.time() - file.stat().st_mtime > max_age):
            return None
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return found

    def save(self, cache_name: str, key: str, node_id: str, outputs: Mapping[str, Any]) -> None:
        """Save the outputs of a node; see :class:`mlplat.engine.Cache`."""
        file = self._root / cache_name / f"{key}.json"
        make_private(self._root)
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f"{key}.{node_id}.part")
        part.write_text(json.dumps(outputs), encoding="utf-8")
        part.replace(file)
