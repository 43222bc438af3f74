"""Reads YAML files of one mapping that say how to compile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlplat import manifest
from mlplat.errors import Diagnostic, ManifestError, Source


def read(place: str) -> dict[str, Any]:
    """Return the mapping of a file.

    Args:
        place: path of the file.

    Raises:
        ManifestError: the file can't be read, or holds no mapping.
    """
    try:
        with Path(place).open("rb") as opened:
            text = opened.read(manifest.LARGEST + 1).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(
            Diagnostic("MLP373", "", f"it can't be read: {error}", source=Source(place))
        ) from None
    return dict(manifest.load(text, place)[0])
