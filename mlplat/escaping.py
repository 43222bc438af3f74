"""Makes strings from elsewhere safe to print on a terminal."""

from __future__ import annotations

import re

_COLOR = r"\x1b\[[0-9;:]*m"
_CONTROLS = r"\x00-\x08\x0b-\x1f\x7f-\x9f"
_DIRECTIONS = r"\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
_UNPRINTABLE = rf"[{_CONTROLS}{_DIRECTIONS}\ud800-\udfff]"
_IN_A_BLOCK = re.compile(rf"{_COLOR}|{_UNPRINTABLE}")
_IN_A_LINE = re.compile(rf"{_COLOR}|{_UNPRINTABLE}|\n")


def escaped(text: str) -> str:
    r"""Escape the characters that control a terminal.

    These are the C0 and C1 control characters but newline and tab, DEL, the characters that change the direction of
    what follows (Unicode's bidirectional controls), its line and paragraph separators, and lone surrogates. Each
    becomes ``\uXXXX``, so that JSON stays JSON of the same value. Sequences that only set a color are left out.

    Args:
        text: any string.

    Returns:
        The escaped string; escaping it again does not change it.
    """
    return _IN_A_BLOCK.sub(_escape, text)


def escaped_line(text: str) -> str:
    """Escape as :func:`escaped` does, and newlines too: for a name, or a cell of a table."""
    return _IN_A_LINE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    found = match.group()
    return f"\\u{ord(found):04x}" if len(found) == 1 else ""
