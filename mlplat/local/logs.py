"""The logs of tasks: a file for each, to which every attempt appends."""

from __future__ import annotations

from pathlib import Path

NEXT_ATTEMPT = "--- next attempt ---"
"""Line between what two attempts wrote."""


def begin_attempt(file: Path) -> None:
    """Set what is going to be written apart from what earlier attempts wrote."""
    if file.exists():
        with file.open("a", encoding="utf-8") as log:
            log.write(f"\n{NEXT_ATTEMPT}\n")


def attempts(file: Path) -> list[str]:
    """Return what each attempt wrote, the last one last; nothing when none has started."""
    if not file.exists():
        return []
    return file.read_text(encoding="utf-8", errors="replace").split(f"\n{NEXT_ATTEMPT}\n")
