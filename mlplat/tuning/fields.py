"""Reads the fields of a mapping by type, and collects all that is wrong with them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from mlplat.errors import Diagnostic, nearest
from mlplat.manifest import scalars

T = TypeVar("T")

WRONG_TYPE = "MLP901"
UNKNOWN_FIELD = "MLP902"

_INT32 = range(-(2**31), 2**31)


class Fields:
    """The fields of a mapping.

    A field of the wrong type is reported and read as if it were missing; so is null, without a report. Fields that
    nothing has read when the mapping is done are unknown.

    Args:
        document: the mapping.
        path: its place in the file.
        problems: where diagnostics are collected.
    """

    def __init__(self, document: Mapping[str, Any], path: str, problems: list[Diagnostic]) -> None:
        self._document, self._path, self._problems = document, path, problems
        self._known: list[str] = []

    def has(self, name: str) -> bool:
        """Return whether the field is set."""
        return self._document.get(name) is not None

    def text(self, name: str) -> str:
        """Return a string; empty if it is missing."""
        return str(self._take(name, _is_text, "a string") or "")

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of strings."""
        return tuple(self._items(name, _is_text, "a string"))

    def text_map(self, name: str) -> dict[str, str]:
        """Return a mapping of strings, such as labels."""
        found = self._take(name, _is_mapping, "a mapping") or {}
        return {
            key: value
            for key, value in found.items()
            if self._fits(value, f"{name}.{key}", _is_text, "a string")
        }

    def integer(self, name: str) -> int | None:
        """Return an integer of 32 bits."""
        found: int | None = self._take(name, _is_integer, "an integer")
        return found

    def integers(self, name: str) -> tuple[int, ...]:
        """Return a list of integers."""
        return tuple(self._items(name, _is_integer, "an integer"))

    def number(self, name: str) -> float | None:
        """Return a number."""
        found = self._take(name, _is_number, "a number")
        return None if found is None else float(found)

    def flag(self, name: str) -> bool:
        """Return a boolean; False if it is missing."""
        return bool(self._take(name, _is_flag, "true or false"))

    def port(self, name: str) -> str:
        """Return a number or string, as a string."""
        found = self._take(name, _is_port, "an integer or a string")
        return "" if found is None else str(found)

    def mapping(self, name: str) -> Mapping[str, Any] | None:
        """Return a mapping as it is."""
        found: Mapping[str, Any] | None = self._take(name, _is_mapping, "a mapping")
        return found

    def part(self, name: str, read: Callable[[Fields], T]) -> T | None:
        """Return what a function reads from a mapping; None if it is missing."""
        found = self.mapping(name)
        return None if found is None else self._read(found, f"{self._path}.{name}", read)

    def parts(self, name: str, read: Callable[[Fields], T]) -> tuple[T, ...]:
        """Return what a function reads from each mapping of a list.

        An item that is not a mapping counts as an empty one, so that the positions of the others stay right.
        """
        found = self._take(name, _is_list, "a list") or []
        return tuple(
            self._read(
                item if self._fits(item, f"{name}[{number}]", _is_mapping, "a mapping") else {},
                f"{self._path}.{name}[{number}]",
                read,
            )
            for number, item in enumerate(found)
        )

    def ignore(self, *names: str) -> None:
        """Accept fields that mean nothing here."""
        self._known += names

    def done(self) -> None:
        """Report the fields that nothing has read."""
        for key in self._document:
            if key not in self._known:
                message = f"unknown field '{key}' is ignored"
                place = f"{self._path}.{key}".lstrip(".")
                hint = nearest(key, self._known)
                self._problems.append(Diagnostic(UNKNOWN_FIELD, place, message, hint, severity="warning"))

    def _read(self, document: Mapping[str, Any], path: str, read: Callable[[Fields], T]) -> T:
        inner = Fields(document, path.lstrip("."), self._problems)
        made = read(inner)
        inner.done()
        return made

    def _take(self, name: str, fits: Callable[[Any], bool], expected: str) -> Any:
        self._known.append(name)
        value = self._document.get(name)
        return value if value is not None and self._fits(value, name, fits, expected) else None

    def _items(self, name: str, fits: Callable[[Any], bool], expected: str) -> list[Any]:
        found = self._take(name, _is_list, "a list") or []
        return [
            item for number, item in enumerate(found) if self._fits(item, f"{name}[{number}]", fits, expected)
        ]

    def _fits(self, value: Any, name: str, fits: Callable[[Any], bool], expected: str) -> bool:
        if fits(value):
            return True
        place, message = f"{self._path}.{name}".lstrip("."), f"expected {expected}, got {_describe(value)}"
        self._problems.append(Diagnostic(WRONG_TYPE, place, message, _hint(value, fits, expected)))
        return False


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value in _INT32


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) <= sys.float_info.max


def _is_port(value: Any) -> bool:
    return _is_text(value) or _is_integer(value)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _hint(value: Any, fits: Callable[[Any], bool], expected: str) -> str:
    if expected == "a string" and value is not None and not isinstance(value, (Mapping, list)):
        return f'quote it: "{json.dumps(value)}"'
    if isinstance(value, str) and value and fits(_unquoted(value)):
        return f"remove the quotes: {value}"
    if fits is _is_integer and isinstance(value, int) and not isinstance(value, bool):
        return "an integer has at most 32 bits"
    return ""


def _unquoted(text: str) -> Any:
    """Return the value of a string that is written without quotes."""
    try:
        return scalars.plain(text)
    except ValueError:
        return text


def _describe(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return repr(value) if isinstance(value, str) else json.dumps(value)
