"""Expands ``withItems``, ``withParam`` and ``withSequence``.

See ``expandTask``, ``processItem`` and ``expandSequence`` of Argo 4.0.7.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlplat.argo import gotext
from mlplat.argo.expressions import ExpressionError, should_execute
from mlplat.argo.templating import EVERYTHING, LENIENT, Scope, Template, TemplatingError

KEYS = ("withItems", "withParam", "withSequence")
_DECODER = json.JSONDecoder()
_BETWEEN = re.compile(r'("(?:[^"\\]|\\.)*")|[ \t\r\n]+')
_SPACE = re.compile(r"[ \t\r\n]*")
_FORMAT = re.compile(r"%([-+ #0]*)(\d*)(?:\.(\d+))?([dxXob%c])")


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a loop.

    Attributes:
        value: the item.
        raw: its JSON text as it stood in the list: names of nodes are made of it.
    """

    value: Any
    raw: str


def is_loop(task: Mapping[str, Any]) -> bool:
    """Whether a task or step is to be expanded."""
    return bool(task.get("withItems")) or bool(task.get("withParam")) or task.get("withSequence") is not None


def expand(task: Mapping[str, Any], scope: Scope) -> Iterator[dict[str, Any]]:
    """Make one task of each item.

    Args:
        task: a task or step whose references to others were replaced.
        scope: what its tags can name besides the item.

    Yields:
        Tasks with names such as ``train(0:a)``.

    Raises:
        TemplatingError: the items can't be read, or a tag can't be replaced.
    """
    items = _items(task)
    body = {key: value for key, value in task.items() if key not in (*KEYS, "template", "name")}
    template = Template(body)
    skipped = _surely_skipped(str(task.get("when") or ""))
    visible = _present_only(scope) if skipped else scope
    for index, item in enumerate(items):
        variables, described = _variables(item, index)
        expanded = template.replace(visible.child(variables), LENIENT if skipped else EVERYTHING)
        name = f"{task['name']}({index}:{described.replace('(', '').replace(')', '')})"
        kept = {"template": task["template"]} if "template" in task else {}
        yield {**expanded, **kept, "name": name}


def _surely_skipped(when: str) -> bool:
    try:
        return not should_execute(when)
    except ExpressionError:
        return False


def _present_only(scope: Scope) -> Scope:
    names = {name: scope.get(name) for layer in scope.layers for name in layer.names()}
    return Scope({name: value for name, value in names.items() if value is not None})


def _items(task: Mapping[str, Any]) -> list[Item]:
    if task.get("withItems"):
        return [Item(value, gotext.to_json(value)) for value in task["withItems"]]
    try:
        if task.get("withParam"):
            return _param_items(task["withParam"])
        return [Item(text, json.dumps(text)) for text in _sequence(task["withSequence"])]
    except TemplatingError:
        if _surely_skipped(str(task.get("when") or "")):
            return []
        raise


def _param_items(text: str) -> list[Item]:
    try:
        if text.strip() == "null":
            return []
        return [Item(json.loads(raw), raw) for _, raw in _members(text, "[]")]
    except ValueError as error:
        raise TemplatingError(
            f"withParam value could not be parsed as a JSON list: {text.strip()}: {error}"
        ) from None


def _members(text: str, brackets: str) -> Iterator[tuple[str, str]]:
    """Yield key and text of each member of a JSON object, or of each item of a list with an empty key."""
    position = _skip(text, 0)
    if text[position : position + 1] != brackets[0]:
        raise ValueError(f"expected {brackets[0]!r} at character {position}")
    position = _skip(text, position + 1)
    empty = text[position : position + 1] == brackets[1]
    while not empty:
        key = ""
        if brackets == "{}":
            key, position = _DECODER.raw_decode(text, position)
            position = _skip(text, _skip(text, position) + 1)
        _, end = _DECODER.raw_decode(text, position)
        yield key, text[position:end]
        position = _skip(text, end)
        following = text[position : position + 1]
        if following == brackets[1]:
            break
        if following != ",":
            raise ValueError(f"expected ',' or {brackets[1]!r} at character {position}")
        position = _skip(text, position + 1)
    if _skip(text, position + 1) != len(text):
        raise ValueError(f"text after the value, at character {position + 1}")


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _compact(raw: str) -> str:
    """Return JSON text without the spaces between its parts: numbers and escapes stay as they are written."""
    return _BETWEEN.sub(lambda match: match.group(1) or "", raw)


def _shown(raw: str) -> str:
    """Show JSON text as Argo shows an item: compact, text without its quotes."""
    return raw[1:-1] if raw[0] == '"' else _compact(raw)


def _variables(item: Item, index: int) -> tuple[dict[str, Any], str]:
    if isinstance(item.value, dict):
        members = dict(sorted(_members(item.raw, "{}")))
        shown = {key: _shown(raw) for key, raw in members.items()}
        variables = {f"item.{key}": text for key, text in shown.items()}
        variables["item"] = (
            "{" + ",".join(f"{gotext.to_json(key)}:{_compact(raw)}" for key, raw in members.items()) + "}"
        )
        return variables, ",".join(sorted(f"{key}:{text}" for key, text in shown.items()))
    if isinstance(item.value, list):
        described = "[" + " ".join(_shown(raw) for _, raw in _members(item.raw, "[]")) + "]"
        return {"item": _compact(item.raw)}, described
    if isinstance(item.value, str):
        return {"item": item.value}, _shown(item.raw)
    if item.value is None:
        raise TemplatingError(f"withItems[{index}] expected string, number, list, or map. received: null")
    return {"item": item.raw}, item.raw


def _sequence(sequence: Mapping[str, Any]) -> list[str]:
    start = _integer(sequence["start"]) if sequence.get("start") is not None else 0
    if sequence.get("end") is not None:
        end = _integer(sequence["end"])
    elif sequence.get("count") is not None:
        count = _integer(sequence["count"])
        if count == 0:
            return []
        end = start + count - 1
    else:
        raise TemplatingError("neither end nor count was specified in withSequence")
    numbers = range(start, end + 1) if start <= end else range(start, end - 1, -1)
    pattern = sequence.get("format") or "%d"
    return [_formatted(pattern, number) for number in numbers]


def _integer(value: Any) -> int:
    text = str(value)
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise TemplatingError(f"strconv.Atoi: parsing {gotext.to_json(text)}: invalid syntax")
    return int(text)


def _formatted(pattern: str, number: int) -> str:
    def one(match: re.Match[str]) -> str:
        flags, width, precision, verb = match.groups()
        if verb == "%":
            return "%"
        if verb == "b":
            return f"{number:{'0' if '0' in flags else ''}{width}b}"
        return f"%{flags}{width}{'.' + precision if precision else ''}{verb}" % number

    return _FORMAT.sub(one, pattern)
