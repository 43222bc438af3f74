"""The part of JSONPath that Argo users write: members, indexes, slices, ``*`` and ``..``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mlplat.argo.expressions.syntax import ExpressionError

_STEP = re.compile(
    r"""\.\.(?P<deep>[\w-]+|\*) | \.(?P<name>[\w$@-]+|\*) | \[\s*(?P<quote>['"])(?P<quoted>.*?)(?P=quote)\s*\]
      | \[\s*(?P<index>-?\d+)\s*\] | \[\s*(?P<all>\*)\s*\] | \[\s*(?P<start>-?\d*)\s*:\s*(?P<end>-?\d*)\s*\]""",
    re.VERBOSE,
)


def query(document: Any, path: str) -> Any:
    """Return what a path selects.

    Args:
        document: decoded JSON.
        path: such as ``$.items[0].name``.

    Returns:
        The value; a list of values when the path has ``*``, ``..`` or a slice.

    Raises:
        ExpressionError: the path can't be read, or a member or index that it names isn't there.
    """
    text = path.strip()
    if not text.startswith("$"):
        raise ExpressionError(f"invalid JSONPath query {path!r}: unexpected token")
    selected, many, position = [document], False, 1
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise ExpressionError(f"JSONPath {path!r} is not supported from {text[position:]!r} on")
        position = match.end()
        name = match["quoted"] if match["quoted"] is not None else match["name"]
        if match["deep"] is not None:
            selected, many = [hit for value in selected for hit in _deep(value, match["deep"])], True
        elif (name == "*" and match["quoted"] is None) or match["all"]:
            selected, many = [child for value in selected for child in _children(value)], True
        elif name is not None:
            selected = _each(selected, lambda value, key=name: _member(value, key, path), many)
        elif match["index"] is not None:
            selected = _each(selected, lambda value, at=int(match["index"]): _item(value, at, path), many)
        else:
            start, end = (int(match[part]) if match[part] else None for part in ("start", "end"))
            selected, many = (
                [item for value in selected if isinstance(value, list) for item in value[start:end]],
                True,
            )
    return selected if many else selected[0]


def _each(values: list[Any], step: Any, many: bool) -> list[Any]:
    results = []
    for value in values:
        try:
            results.append(step(value))
        except ExpressionError:
            if not many:
                raise
    return results


def _member(value: Any, key: str, path: str) -> Any:
    if not isinstance(value, Mapping) or key not in value:
        raise ExpressionError(f"JSONPath {path!r}: key {key!r} not found")
    return value[key]


def _item(value: Any, index: int, path: str) -> Any:
    if not isinstance(value, list) or not -len(value) <= index < len(value):
        raise ExpressionError(f"JSONPath {path!r}: index {index} out of range")
    return value[index]


def _children(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return [value[key] for key in sorted(value)]
    return list(value) if isinstance(value, list) else []


def _deep(value: Any, name: str) -> list[Any]:
    hits: list[Any] = []
    if isinstance(value, Mapping) and name in value:
        hits.append(value[name])
    for child in _children(value):
        if name == "*":
            hits.append(child)
        hits.extend(_deep(child, name))
    return hits
