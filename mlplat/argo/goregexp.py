"""Regular expressions as Go's ``regexp`` reads them, matched in linear time.

RE2 is the engine that Go's package was made after. Where google-re2 is not installed, patterns that Python's own engine
matches alike and quickly still work; others are refused with what to install.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from mlplat.argo import govalues


class RegexpError(ValueError):
    """A pattern is not a regular expression of Go, or cannot be matched here."""


class MissingEngineError(RegexpError):
    """A pattern needs google-re2, which is not installed."""


def check(pattern: str) -> None:
    """Check that a pattern is a regular expression.

    Raises:
        RegexpError: it is not.
    """
    _compiled(pattern)


def search(pattern: str, text: str) -> bool:
    """Return whether a pattern matches somewhere in a string.

    Raises:
        RegexpError: the pattern is not a regular expression.
    """
    return _compiled(pattern).search(_encoded(text)) is not None


def find(pattern: str, text: str) -> str | None:
    """Return the first match, or None."""
    match = _compiled(pattern).search(_encoded(text))
    return None if match is None else govalues.from_bytes(match.group())


def find_all(pattern: str, text: str, limit: int) -> list[str] | None:
    """Return the matches, up to a limit unless it is negative; None without a match, as Go's nil slice."""
    data = _encoded(text)
    found = [govalues.from_bytes(data[start:end]) for start, end, _ in _matches(pattern, data, limit)]
    return found or None


def groups(pattern: str) -> int:
    """Return the number of groups of a pattern, as ``Regexp.NumSubexp``.

    Raises:
        RegexpError: it is not a regular expression.
    """
    return int(_compiled(pattern).groups)


def find_all_groups(pattern: str, text: str) -> Iterator[list[str]]:
    """Yield the matches, each with its groups, as ``Regexp.FindAllStringSubmatch``.

    Raises:
        RegexpError: the pattern is not a regular expression.
    """
    numbers = range(groups(pattern) + 1)
    for _, _, match in _matches(pattern, _encoded(text), -1):
        yield [govalues.from_bytes(match.group(number) or b"") for number in numbers]


def replace_all(pattern: str, text: str, replacement: str, *, literal: bool = False) -> str:
    """Replace all matches; unless it is literal, ``$1`` and ``${name}`` in the replacement are groups."""
    data = _encoded(text)
    template = govalues.to_bytes(replacement)
    expand = not literal and b"$" in template
    parts: list[bytes] = []
    position = 0
    for start, end, match in _matches(pattern, data, -1):
        parts += (data[position:start], _expanded(template, match) if expand else template)
        position = end
    if not parts:
        return text
    parts.append(data[position:])
    return govalues.from_bytes(b"".join(parts))


def split(pattern: str, text: str, limit: int) -> list[str] | None:
    """Split a string at the matches into at most so many parts, as ``Regexp.Split``; None for none."""
    check(pattern)
    if limit == 0:
        return None
    if pattern and not text:
        return [""]
    data = _encoded(text)
    parts: list[bytes] = []
    begin = end = 0
    for start, stop, _ in _matches(pattern, data, limit):
        if limit > 0 and len(parts) == limit - 1:
            break
        end = start
        if stop != 0:
            parts.append(data[begin:end])
        begin = stop
    if end != len(data):
        parts.append(data[begin:])
    return [govalues.from_bytes(part) for part in parts]


def quote_meta(text: str) -> str:
    """Escape what has a meaning in a pattern."""
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", text)


def _encoded(text: str) -> bytes:
    return govalues.to_bytes(text)


def _matches(pattern: str, data: bytes, limit: int) -> Iterator[tuple[int, int, Any]]:
    """Yield the matches that do not overlap; an empty one right after another does not count."""
    compiled = _compiled(pattern)
    position, previous, count = 0, -1, 0
    while position <= len(data) and (limit < 0 or count < limit):
        match = compiled.search(data, position)
        if match is None:
            return
        start, end = match.span()
        if end > start or start != previous:
            yield start, end, match
            count += 1
        previous = end
        position = end if end > start else start + _width(data, start)


def _width(data: bytes, position: int) -> int:
    if position >= len(data) or data[position] < 0x80:
        return 1
    lead = data[position]
    length = 2 if lead >= 0xC2 else 1
    if lead >= 0xE0:
        length = 3
    if lead >= 0xF0:
        length = 4
    try:
        data[position : position + length].decode()
    except UnicodeDecodeError:
        return 1
    return length


_REFERENCE = re.compile(rb"\$(?:\$|\{(\w+)\}|(\w+))")


def _expanded(template: bytes, match: Any) -> bytes:
    def replacement(reference: re.Match[bytes]) -> bytes:
        name = reference.group(1) or reference.group(2)
        if name is None:
            return b"$"
        try:
            group = match.group(int(name) if name.isdigit() else name.decode())
        except (IndexError, KeyError):
            return b""
        return group or b""

    return _REFERENCE.sub(replacement, template)


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> Any:
    if any(0xD800 <= ord(character) < 0xE000 for character in pattern):
        raise RegexpError("error parsing regexp: invalid UTF-8")
    try:
        import re2
    except ImportError:
        return _plain(pattern)
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise RegexpError(f"error parsing regexp: {text}") from None


_ITEM = r"(?:[A-Za-z0-9_ ,:;@/=!<>~'\"&%#-]|\\[dwDW.\-/+*?()|\[\]{}^$\\]|\[\^?[A-Za-z0-9_]+(?:-[A-Za-z0-9])?\]|\.)"
_SIMPLE = re.compile(rf"\^?(?:{_ITEM}\??)*(?:{_ITEM}[*+])?(?:{_ITEM}\??)*\$?")


def _plain(pattern: str) -> Any:
    """Compile a pattern for Python's engine, if it has one repetition at most and so cannot backtrack for long."""
    if not _SIMPLE.fullmatch(pattern):
        raise MissingEngineError(
            f"the regular expression {pattern!r} needs google-re2; install it with: pip install 'mlplat[local]'"
        )
    at_end = pattern.endswith("$") and not pattern.endswith("\\$")
    return _Plain(re.compile(pattern[:-1] + r"\Z" if at_end else pattern, re.ASCII))


class _Plain:
    """Python's engine with RE2's interface: what it searches are bytes."""

    groups = 0

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.pattern = pattern

    def search(self, data: bytes, position: int = 0) -> Any:
        text = govalues.from_bytes(data)
        match = self.pattern.search(text, len(govalues.from_bytes(data[:position])))
        return None if match is None else _PlainMatch(match, text)


class _PlainMatch:
    def __init__(self, match: re.Match[str], text: str) -> None:
        self.match, self.text = match, text

    def span(self) -> tuple[int, int]:
        start, end = (govalues.size(self.text[:at]) for at in self.match.span())
        return start, end

    def group(self, number: int | str = 0) -> bytes:
        return govalues.to_bytes(self.match.group(number))
