"""Prints text, tables and documents; text from tasks and files cannot control the terminal."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, TextIO, cast

from mlplat.errors import Diagnostic
from mlplat.escaping import escaped, escaped_line


class _Escaping:
    """A stream that escapes its text."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write a string, escaped."""
        with _unless_hung_up():
            self.stream.write(_encodable(escaped(text), self.stream))
        return len(text)

    def flush(self) -> None:
        """Flush the stream."""
        with _unless_hung_up():
            self.stream.flush()

    def writelines(self, lines: Iterable[str]) -> None:
        """Write strings, escaped."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextlib.contextmanager
def _unless_hung_up() -> Iterator[None]:
    """Ignore that the terminal was closed, so that the run continues to its end."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.EIO:
            raise


def _encodable(text: str, stream: TextIO) -> str:
    """Return a string with escapes for characters that the encoding of a stream does not have."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


@contextlib.contextmanager
def escaping() -> Iterator[None]:
    """Escape everything that is printed in the block, as :func:`mlplat.escaping.escaped` does."""
    streams = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("TextIO", _Escaping(stream)) for stream in streams)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = streams


def unescaped(stream: TextIO) -> TextIO:
    """Return the stream itself, for intended control of the terminal."""
    return stream.stream if isinstance(stream, _Escaping) else stream


def drop_output() -> None:
    """Drop the output that cannot be written, so that Python does not try again at its end."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def warn(warning: Diagnostic) -> None:
    """Print a warning."""
    print(warning, file=sys.stderr)


def document(text: str) -> None:
    """Print a document that programs read: escaped on a terminal only, because an escape may be wrong in YAML."""
    (sys.stdout if sys.stdout.isatty() else unescaped(sys.stdout)).write(text)


def as_json(document: object) -> None:
    """Print a document as JSON."""

    def other(value: object) -> str:
        return value.isoformat() if isinstance(value, datetime) else str(value)

    print(json.dumps(document, indent=2, ensure_ascii=False, default=other))


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write rows in columns, aligned by the cells that characters take on a terminal.

    Args:
        titles: of the columns.
        rows: texts, as many as titles.

    Returns:
        Lines, the titles first.
    """
    from rich.cells import cell_len, set_cell_size

    every = [list(titles), *([escaped_line(cell) for cell in row] for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*every, strict=True)]
    return "\n".join(
        "  ".join(set_cell_size(text, width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in every
    )


def height(lines: Iterable[str], width: int) -> int:
    """Return the number of terminal rows that lines take, with line breaks."""
    from rich.cells import cell_len

    return sum(max(1, -(-cell_len(line) // width)) for line in lines)


class LogPrinter:
    """Prints what tasks wrote: escaped on a terminal, byte for byte to a file or another program.

    Args:
        raw: whether to print it unescaped on a terminal too.
    """

    def __init__(self, *, raw: bool) -> None:
        binary = getattr(unescaped(sys.stdout), "buffer", None)
        self._binary = binary if raw or not sys.stdout.isatty() else None
        self._starts_a_line = True

    def write(self, pieces: Iterable[bytes], prefix: str) -> None:
        """Print a log, on a line of its own.

        Args:
            pieces: whole lines, and parts of lines.
            prefix: prefix of each line.
        """
        start = prefix.encode(errors="backslashreplace")
        self.end_line()
        for piece in pieces:
            self._write(start + piece if self._starts_a_line else piece)
            self._starts_a_line = piece.endswith(b"\n")
        if prefix or self._binary is None:
            self.end_line()
        sys.stdout.flush()

    def end_line(self) -> None:
        """End the current line, if it has not ended."""
        if not self._starts_a_line:
            self._write(b"\n")
            self._starts_a_line = True

    def _write(self, piece: bytes) -> None:
        if self._binary is not None:
            self._binary.write(piece)
        else:
            text = piece.decode("utf-8", "replace")
            sys.stdout.write(text.replace("\r\n", "\n").replace("\r", "\n"))
