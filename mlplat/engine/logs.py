"""The logs of tasks: a file for each, to which every attempt appends.

A task may print for days, or a line of gigabytes, so only parts of a log are held in memory.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

NEXT_ATTEMPT = "--- next attempt ---"
"""Line between two attempts."""

LONGEST_PIECE = 1 << 16
"""Maximum length of a piece of a line, in bytes."""

_BETWEEN = f"\n{NEXT_ATTEMPT}\n".encode()
_BLOCK = 1 << 20
_TAIL = 1 << 18


@dataclass(frozen=True, slots=True)
class Attempt:
    """The log of one attempt: a part of a file.

    Attributes:
        file: the log.
        start: where the part starts, in bytes.
        end: where it ends.
    """

    file: Path
    start: int
    end: int

    def pieces(self) -> Iterator[bytes]:
        """Return the log in order: whole lines, and parts of lines that are longer than a piece."""
        with self.file.open("rb") as log:
            log.seek(self.start)
            left = self.end - self.start
            while left > 0 and (piece := log.readline(min(LONGEST_PIECE, left))):
                left -= len(piece)
                yield piece

    def tail(self, size: int = _TAIL) -> str:
        """Return the end of the log, up to a size in bytes; it starts with a whole line if one fits."""
        start = max(self.start, self.end - size)
        with self.file.open("rb") as log:
            log.seek(start)
            found = log.read(self.end - start)
        if start > self.start and b"\n" in found[:-1]:
            found = found.split(b"\n", 1)[1]
        return found.decode("utf-8", "replace")


def begin_attempt(file: Path) -> None:
    """Separate the next attempt from earlier ones."""
    if file.exists():
        with file.open("ab") as log:
            log.write(_BETWEEN)


def attempts(file: Path) -> list[Attempt]:
    """Return the logs of all attempts in order; empty if none has started."""
    try:
        log = file.open("rb")
    except FileNotFoundError:
        return []
    with log:
        size = os.fstat(log.fileno()).st_size
        marks = list(_marks(log, 0, size))
    starts = [0, *(mark + len(_BETWEEN) for mark in marks)]
    return [Attempt(file, start, end) for start, end in zip(starts, [*marks, size], strict=True)]


def last_attempt(file: Path) -> str:
    """Return the end of the log of the last attempt, read from the end of the file; empty if none has started."""
    try:
        log = file.open("rb")
    except FileNotFoundError:
        return ""
    with log:
        size = os.fstat(log.fileno()).st_size
        first = max(0, size - _TAIL - len(_BETWEEN))
        marks = list(_marks(log, first, size))
    return Attempt(file, marks[-1] + len(_BETWEEN) if marks else 0, size).tail()


def _marks(log: BinaryIO, start: int, end: int) -> Iterator[int]:
    """Return where the lines between attempts are."""
    log.seek(start)
    place, kept = start, b""
    while place < end and (block := log.read(min(_BLOCK, end - place))):
        window = kept + block
        base = place - len(kept)
        found = window.find(_BETWEEN)
        while found >= 0:
            yield base + found
            found = window.find(_BETWEEN, found + len(_BETWEEN))
        place += len(block)
        kept = window[-len(_BETWEEN) + 1 :]


class LineSplitter:
    """Splits data that arrives in parts into lines; a line that is too long is split, too."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def add(self, part: bytes, *, final: bool = False) -> Iterator[str]:
        """Return the lines that are complete, without their ends.

        Args:
            part: the data since the last call.
            final: whether this is the end, so that the rest is a line too.
        """
        self._rest += self._decoder.decode(part, final)
        *lines, self._rest = self._rest.split("\n")
        yield from lines
        if self._rest and (final or len(self._rest) >= LONGEST_PIECE):
            yield self._rest
            self._rest = ""
