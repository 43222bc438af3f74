"""KFP's placeholders in commands, settings and constants, as a small tree.

A string is a :class:`Concat` of literals and :class:`Hole`; an element of a command may also be JSON with
``IfPresent`` or ``Concat``, to any depth.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from mlplat.canonical import read_json

_HOLE = re.compile(r"\{\{\$(?P<path>(?:\.[A-Za-z_]\w*|\[(?:'[^']*'|\"[^\"]*\")\])*)\}\}")
_STEP = re.compile(r"\.(\w+)|\[(?:'([^']*)'|\"([^\"]*)\")\]")


@dataclass(frozen=True, slots=True)
class Hole:
    """A placeholder for a runtime value.

    Attributes:
        path: steps such as ``("inputs", "parameters", "x")`` or ``("pipeline_job_name",)``; empty for the whole
            executor input.
    """

    path: tuple[str, ...]

    def __str__(self) -> str:
        """The placeholder as KFP writes it."""
        steps = (f"['{step}']" if number in {2, 4} else f".{step}" for number, step in enumerate(self.path))
        return "{{$" + "".join(steps) + "}}"


@dataclass(frozen=True, slots=True)
class Concat:
    """A string concatenated from several."""

    items: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class IfPresent:
    """Elements that are used only if an input has a value."""

    input: str
    then: tuple[Part, ...]
    otherwise: tuple[Part, ...] = ()


Part: TypeAlias = str | Hole | Concat | IfPresent


def parse(text: str) -> Part:
    """Read an element of a command.

    Args:
        text: a string with placeholders, or JSON of ``IfPresent`` or ``Concat``.

    Returns:
        The tree; for a string without placeholders, the string.
    """
    if text.startswith('{"'):
        try:
            return _structure(read_json(text))
        except ValueError:
            return parse_text(text)
    return parse_text(text)


def parse_text(text: str) -> Part:
    """Parse a string with placeholders."""
    items: list[Part] = []
    at = 0
    for match in _HOLE.finditer(text):
        if match.start() > at:
            items.append(text[at : match.start()])
        items.append(Hole(tuple("".join(groups) for groups in _STEP.findall(match["path"]))))
        at = match.end()
    if at < len(text):
        items.append(text[at:])
    if not items:
        return ""
    return items[0] if len(items) == 1 else Concat(tuple(items))


def _structure(value: Any) -> Part:
    if isinstance(value, str):
        return parse_text(value)
    match value:
        case {"Concat": [*items], **others} if not others:
            return Concat(tuple(map(_structure, items)))
        case {"IfPresent": {"InputName": str(name), **choice}, **others} if not others:
            return IfPresent(name, _elements(choice.get("Then", [])), _elements(choice.get("Else", [])))
    raise ValueError(f"expected a string, IfPresent or Concat, got {value!r}")


def _elements(value: Any) -> tuple[Part, ...]:
    return tuple(_structure(item) for item in (value if isinstance(value, list) else [value]))


def holes(part: Part) -> Iterator[Hole]:
    """Yield every hole of a tree, from left to right."""
    match part:
        case Hole():
            yield part
        case Concat(items):
            for item in items:
                yield from holes(item)
        case IfPresent(_, then, otherwise):
            for item in (*then, *otherwise):
                yield from holes(item)


def choices(part: Part) -> Iterator[str]:
    """Yield the inputs that the choices of a tree depend on."""
    match part:
        case Concat(items):
            for item in items:
                yield from choices(item)
        case IfPresent(name, then, otherwise):
            yield name
            for item in (*then, *otherwise):
                yield from choices(item)


def resolve(part: Part, present: dict[str, bool]) -> tuple[Part, ...]:
    """Resolve the choices over inputs that are known to have a value or not.

    Args:
        part: a tree.
        present: inputs that are known to have a value, or to have none.

    Returns:
        The elements of the tree; other choices stay in it.
    """
    match part:
        case IfPresent(name, then, otherwise) if name in present:
            chosen = then if present[name] else otherwise
            return tuple(found for item in chosen for found in resolve(item, present))
        case IfPresent(name, then, otherwise):
            sides = (
                tuple(found for item in side for found in resolve(item, present))
                for side in (then, otherwise)
            )
            return (IfPresent(name, *sides),)
        case Concat(items):
            return (Concat(tuple(found for item in items for found in resolve(item, present))),)
    return (part,)


def holes_of(value: Any) -> Iterator[Hole]:
    """Yield every placeholder in the strings of a JSON value."""
    if isinstance(value, str):
        if "{{$" in value:
            yield from holes(parse_text(value))
    elif isinstance(value, (dict, list)):
        for item in (*value, *value.values()) if isinstance(value, dict) else value:
            yield from holes_of(item)


def has_holes(value: Any) -> bool:
    """Return whether any string of a JSON value has a placeholder."""
    return next(holes_of(value), None) is not None
