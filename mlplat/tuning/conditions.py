"""Conditions of trials: GJSON paths over a Kubernetes object, in the subset that Katib's conditions use.

A condition matches an object if its path leads to an object, or to a list that is not empty. The subset is

* fields and positions: ``status.conditions``, ``status.jobs.0``;
* ``[@this]``, which puts a value in a list of one item;
* filters: ``#(type=="Complete")`` for the first item of a list that fits, ``#(type=="Complete")#`` for all of them.
  What follows ``#(…)#`` applies to their list if it is joined by ``|``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from mlplat.argo.gonumbers import parse_float


class ConditionError(ValueError):
    """A condition is not a path of the subset; the message is the end of a sentence about it."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an object, or a position in a list.

    Attributes:
        name: name, or digits.
    """

    name: str


@dataclass(frozen=True, slots=True)
class Wrap:
    """A list with the value as its only item."""


@dataclass(frozen=True, slots=True)
class ItemFilter:
    """The items of a list that fit.

    Attributes:
        path: fields from the item to the value that is compared.
        operator: ``=``, ``!=``, ``<``, ``<=``, ``>`` or ``>=``; empty if the value must only exist.
        value: what it is compared with.
        all: whether the result is the list of all items, and not the first one.
    """

    path: tuple[str, ...]
    operator: str
    value: str
    all: bool


Step: TypeAlias = Field | Wrap | ItemFilter


@dataclass(frozen=True, slots=True)
class TrialCondition:
    """A condition.

    Attributes:
        text: as it is written.
        steps: of its path.
    """

    text: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """What a condition found.

    Attributes:
        reason: field ``reason`` of the object, or of the first one of a list; may be empty.
        message: field ``message`` of it; may be empty.
    """

    reason: str = ""
    message: str = ""


_NAME = re.compile(r"[A-Za-z0-9_$/-]+(?:\\\.[A-Za-z0-9_$/-]+)*")
_FILTER = re.compile(
    r"""\#\(\s*(?P<path>[A-Za-z0-9_$.-]+)\s*
        (?:(?P<operator>==|=|!=|<=|>=|<|>)\s*(?:"(?P<quoted>(?!~)[^"\\]*)"|(?P<bare>[^\s"()\[\]#|~%\\]+))\s*)?
        \)(?P<all>\#?)""",
    re.VERBOSE,
)
_WRAP = "[@this]"
_ABSENT = object()


def parse(text: str) -> TrialCondition:
    """Read a condition.

    Raises:
        ConditionError: it is not a path, or uses more of GJSON than is supported.
    """
    steps: list[Step] = []
    position, joint = 0, "."
    while position <= len(text):
        step, position = _step(text, position)
        is_list = bool(steps) and isinstance(steps[-1], ItemFilter) and steps[-1].all
        if is_list and joint == ".":
            raise ConditionError("'.' after '#(…)#' is not supported; join the next part with '|'")
        steps.append(step)
        if position == len(text):
            return TrialCondition(text, tuple(steps))
        joint = text[position]
        if joint not in ".|":
            raise ConditionError(f"expected '.' or '|' at '{text[position : position + 20]}'")
        position += 1
    raise ConditionError("the path has no last part")


def evaluate(condition: TrialCondition, document: Mapping[str, Any]) -> Match | None:
    """Return what a condition finds in an object, or None if it does not match."""
    value: Any = document
    for step in condition.steps:
        value = _take(step, value)
        if value is _ABSENT:
            return None
    found = value if isinstance(value, list) else [value] if isinstance(value, Mapping) else []
    if not found:
        return None
    first = found[0] if isinstance(found[0], Mapping) else {}
    return Match(*(str(first.get(name) or "") for name in ("reason", "message")))


def _step(text: str, position: int) -> tuple[Step, int]:
    if text.startswith(_WRAP, position):
        return Wrap(), position + len(_WRAP)
    if found := _FILTER.match(text, position):
        path = tuple(found["path"].split("."))
        operator = "=" if found["operator"] == "==" else found["operator"] or ""
        value = found["quoted"] or found["bare"] or ""
        return ItemFilter(path, operator, value, bool(found["all"])), found.end()
    if found := _NAME.match(text, position):
        return Field(found[0].replace("\\.", ".")), found.end()
    rest = text[position : position + 20]
    raise ConditionError(f"'{rest}' is not supported" if rest else "the path has an empty part")


def _take(step: Step, value: Any) -> Any:
    match step:
        case Field(name):
            return _field(value, name)
        case Wrap():
            return [value]
        case _:
            if not isinstance(value, list):
                return _ABSENT
            fitting = (item for item in value if _fits(step, item))
            return list(fitting) if step.all else next(fitting, _ABSENT)


def _field(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(name, _ABSENT)
    if isinstance(value, list) and name.isdecimal() and int(name) < len(value):
        return value[int(name)]
    return _ABSENT


def _fits(query: ItemFilter, item: Any) -> bool:
    value = _along(item, query.path)
    if value is _ABSENT:
        return False
    if not query.operator:
        return True
    if isinstance(value, bool):
        return _flag_fits(value, query.operator, query.value)
    if isinstance(value, (int, float)):
        try:
            expected = parse_float(query.value)
        except ValueError:
            expected = 0.0
        return _compared(value, query.operator, expected)
    return isinstance(value, str) and _compared(value, query.operator, query.value)


def _flag_fits(value: bool, operator: str, text: str) -> bool:
    """Compare a boolean with a word: true is greater than false, and other words equal neither."""
    word, other = ("true", "false") if value else ("false", "true")
    match operator:
        case "=" | "!=":
            return (word == text) == (operator == "=")
        case ">" | "<":
            return text == other and value == (operator == ">")
        case _:
            return value == (operator == ">=")


def _along(value: Any, path: Iterable[str]) -> Any:
    for name in path:
        value = _field(value, name)
    return value


def _compared(left: Any, operator: str, right: Any) -> bool:
    match operator:
        case "=":
            return bool(left == right)
        case "!=":
            return bool(left != right)
        case "<":
            return bool(left < right)
        case "<=":
            return bool(left <= right)
        case ">":
            return bool(left > right)
        case _:
            return bool(left >= right)
