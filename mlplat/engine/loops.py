"""Expands ``withItems``, ``withParam`` and ``withSequence``.

See ``expandTask``, ``processItem`` and ``expandSequence`` of Argo 4.0.7.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mlplat.argo import gojson, gotext
from mlplat.argo.expressions import ExpressionError, should_execute
from mlplat.argo.templating import EVERYTHING, LENIENT, Scope, Template, TemplatingError

KEYS = ("withItems", "withParam", "withSequence")
_FORMAT = re.compile(r"%([-+ #0]*)(\d*)(?:\.(\d+))?([dxXob%c])")


def is_loop(task: Mapping[str, Any]) -> bool:
    """Return whether a task or step is a loop."""
    return bool(task.get("withItems")) or bool(task.get("withParam")) or task.get("withSequence") is not None


def expand(task: Mapping[str, Any], scope: Scope) -> Iterator[dict[str, Any]]:
    """Make one task of each item.

    Args:
        task: a task or step whose references to others were replaced.
        scope: variables of its tags besides the item.

    Yields:
        Tasks with names such as ``train(0:a)``.

    Raises:
        TemplatingError: the items cannot be read, or a tag cannot be replaced.
    """
    items = _items(task)
    body = {key: value for key, value in task.items() if key not in (*KEYS, "template", "name")}
    template = Template(body)
    skipped = _surely_skipped(str(task.get("when") or ""))
    visible = _present_only(scope) if skipped else scope
    for index, item in enumerate(items):
        variables, described = _variables(item)
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


def _items(task: Mapping[str, Any]) -> list[str]:
    """Return the items of a loop as JSON text, as Argo keeps them for the names of nodes."""
    if task.get("withItems"):
        return [gotext.to_json(value) for value in task["withItems"]]
    try:
        if task.get("withParam"):
            return _param_items(task["withParam"])
        return [json.dumps(text) for text in _sequence(task["withSequence"])]
    except TemplatingError:
        if _surely_skipped(str(task.get("when") or "")):
            return []
        raise


def _param_items(text: str) -> list[str]:
    try:
        return gojson.items(text, "[]v1alpha1.Item")
    except gojson.GoJSONError as error:
        raise TemplatingError(
            f"withParam value could not be parsed as a JSON list: {text.strip()}: {error}"
        ) from None


def _displayed(raw: str) -> str:
    """Show JSON text as ``Item.String`` of Argo's ``item.go`` does: compact, a string without its quotes."""
    written = gojson.compact(raw)
    shown = written[1:-1] if written[0] == '"' else written
    return shown.replace(r"\u003c", "<").replace(r"\u003e", ">").replace(r"\u0026", "&")


def _variables(item: str) -> tuple[dict[str, Any], str]:
    """Return the variables of an item, and its text in the name of its node; see ``processItem`` of Argo 4.0.7."""
    if item[0] == "{":
        members = dict(sorted(gojson.members(item).items()))
        shown = {key: _displayed(raw) for key, raw in members.items()}
        variables = {f"item.{key}": text for key, text in shown.items()}
        written = ",".join(f"{gotext.to_json(key)}:{gojson.compact(raw)}" for key, raw in members.items())
        variables["item"] = f"{{{written}}}"
        return variables, ",".join(sorted(f"{key}:{text}" for key, text in shown.items()))
    if item[0] == "[":
        described = " ".join(map(_displayed, gojson.items(item, "[]v1alpha1.Item")))
        return {"item": gojson.compact(item)}, f"[{described}]"
    if item[0] == '"':
        return {"item": gojson.decoded(item)}, _displayed(item)
    # Go reads null into a list, and prints that as an empty one.
    return {"item": item}, "[]" if item == "null" else item


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
    def replacement(match: re.Match[str]) -> str:
        flags, width, precision, verb = match.groups()
        if verb == "%":
            return "%"
        if verb == "b":
            return f"{number:{'0' if '0' in flags else ''}{width}b}"
        return f"%{flags}{width}{'.' + precision if precision else ''}{verb}" % number

    return _FORMAT.sub(replacement, pattern)
