"""The built-in functions of expr-lang, and those that Argo adds: ``asInt``, ``asFloat``, ``toJson``, ``jsonpath``."""

from __future__ import annotations

import base64
import json
import math
import statistics
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

from mlplat.argo import gotext
from mlplat.argo.expressions.jsonpath import query
from mlplat.argo.expressions.syntax import ExpressionError


def type_name(value: Any) -> str:
    """Return the name of a value's type, as expr's errors and its ``type`` function call it."""
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int):
        return "int"
    if isinstance(value, float):
        return "float"
    if isinstance(value, Mapping):
        return "map"
    if isinstance(value, (list, tuple)):
        return "array"
    return "func" if callable(value) else "unknown"


def _text(value: Any, function: str) -> str:
    if not isinstance(value, str):
        raise ExpressionError(f"invalid argument for {function} (type {type_name(value)})")
    return value


def _list(value: Any, function: str) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        raise ExpressionError(f"invalid argument for {function} (type {type_name(value)})")
    return list(value)


def _number(value: Any, function: str) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ExpressionError(f"invalid argument for {function} (type {type_name(value)})")
    return value


def to_int(value: Any) -> int:
    """``int``/``asInt``: truncates numbers, reads decimal text."""
    if isinstance(value, str):
        digits = value[1:] if value[:1] in ("+", "-") else value
        if not (digits.isascii() and digits.isdigit()):
            raise ExpressionError(f"invalid operation: int({value})")
        return int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ExpressionError(f"invalid operation: int({type_name(value)})")
    return int(value)


def to_float(value: Any) -> float:
    """``float``/``asFloat``: numbers, and text that is a number."""
    if isinstance(value, str):
        if value != value.strip():
            raise ExpressionError(f"invalid operation: float({value})")
        try:
            return float(value)
        except ValueError:
            raise ExpressionError(f"invalid operation: float({value})") from None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ExpressionError(f"invalid operation: float({type_name(value)})")
    return float(value)


def to_json(value: Any) -> str:
    """``toJson``: compact JSON text."""
    return gotext.to_json(value)


def from_json(text: Any) -> Any:
    """``fromJSON``: what JSON text says; every number is a float64."""
    return _from_json(_text(text, "fromJSON"))


@lru_cache(maxsize=256)
def _from_json(text: str) -> Any:
    try:
        return json.loads(text, parse_int=float, parse_constant=_refuse_constant)
    except ValueError as error:
        raise ExpressionError(f"invalid JSON: {error}") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _length(value: Any) -> int:
    if isinstance(value, (str, list, tuple, Mapping)):
        return len(value)
    raise ExpressionError(f"invalid argument for len (type {type_name(value)})")


def _trim(text: Any, characters: Any = None) -> str:
    return _text(text, "trim").strip(None if characters is None else _text(characters, "trim"))


def _split(text: Any, separator: Any, limit: Any = -1) -> list[str]:
    return split_n(_text(text, "split"), _text(separator, "split"), to_int(limit))


def split_n(text: str, separator: str, limit: int) -> list[str]:
    """Return what ``strings.SplitN`` returns."""
    if limit == 0:
        return []
    if separator == "":
        characters = list(text)
        return (
            characters
            if limit < 0 or limit >= len(characters)
            else [*characters[: limit - 1], "".join(characters[limit - 1 :])]
        )
    return text.split(separator, limit - 1 if limit > 0 else -1)


def _split_after(text: Any, separator: Any, limit: Any = -1) -> list[str]:
    parts = _split(text, separator, limit)
    return [part + separator for part in parts[:-1]] + parts[-1:]


def _replace(text: Any, old: Any, new: Any, limit: Any = -1) -> str:
    return _text(text, "replace").replace(_text(old, "replace"), _text(new, "replace"), to_int(limit))


def _repeat(text: Any, count: Any) -> str:
    times = to_int(count)
    if not 0 <= times <= 1_000_000:
        raise ExpressionError(f"invalid argument for repeat ({times})")
    return _text(text, "repeat") * times


def _join(items: Any, glue: Any = "") -> str:
    return _text(glue, "join").join(_text(item, "join") for item in _list(items, "join"))


def _extreme(name: str, better: Callable[[Any, Any], bool]) -> Callable[..., Any]:
    def run(*values: Any) -> Any:
        numbers = [
            _number(item, name)
            for value in values
            for item in (value if isinstance(value, (list, tuple)) else [value])
        ]
        if not numbers:
            raise ExpressionError(f"not enough arguments to call {name}")
        best = numbers[0]
        for number in numbers[1:]:
            if better(number, best):
                best = number
        return best

    return run


def _numbers(name: str, values: tuple[Any, ...]) -> list[int | float]:
    return [
        _number(item, name)
        for value in values
        for item in (value if isinstance(value, (list, tuple)) else [value])
    ]


def _mean(*values: Any) -> float:
    numbers = _numbers("mean", values)
    return float(sum(numbers)) / len(numbers) if numbers else 0.0


def _median(*values: Any) -> float:
    numbers = _numbers("median", values)
    return float(statistics.median(numbers)) if numbers else 0.0


def _from_base64(text: Any) -> str:
    return base64.b64decode(_text(text, "fromBase64"), validate=True).decode("utf-8", "replace")


def _first(items: Any) -> Any:
    values = _list(items, "first")
    return values[0] if values else None


def _last(items: Any) -> Any:
    values = _list(items, "last")
    return values[-1] if values else None


def _get(container: Any, key: Any, default: Any = None) -> Any:
    if isinstance(container, Mapping):
        return container.get(key, default)
    values = _list(container, "get")
    position = to_int(key)
    return values[position] if -len(values) <= position < len(values) else default


def _take(items: Any, count: Any) -> list[Any]:
    values, length = _list(items, "take"), to_int(count)
    if length < 0:
        raise ExpressionError(f"invalid argument for take (expected positive integer, got {length})")
    return values[:length]


def _mapping(value: Any, function: str) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise ExpressionError(f"cannot get {function} from {type_name(value)}")
    return value


def _uniq(items: Any) -> list[Any]:
    unique: list[Any] = []
    for item in _list(items, "uniq"):
        if item not in unique:
            unique.append(item)
    return unique


def _flatten(items: Any) -> list[Any]:
    flat: list[Any] = []
    for item in _list(items, "flatten"):
        flat.extend(_flatten(item) if isinstance(item, (list, tuple)) else [item])
    return flat


def _sort(items: Any, order: Any = "asc") -> list[Any]:
    return sorted(_list(items, "sort"), reverse=order == "desc")


def _now() -> str:
    return datetime.now(timezone.utc).isoformat()


def _round(value: Any) -> float:
    number = float(_number(value, "round"))
    return math.copysign(math.floor(abs(number) + 0.5), number)


BUILTINS: dict[str, Callable[..., Any]] = {
    "len": _length,
    "type": type_name,
    "abs": lambda value: abs(_number(value, "abs")),
    "ceil": lambda value: float(math.ceil(_number(value, "ceil"))),
    "floor": lambda value: float(math.floor(_number(value, "floor"))),
    "round": _round,
    "int": to_int,
    "float": to_float,
    "string": gotext.sprint,
    "trim": _trim,
    "trimPrefix": lambda text, prefix=" ": _text(text, "trimPrefix").removeprefix(
        _text(prefix, "trimPrefix")
    ),
    "trimSuffix": lambda text, suffix=" ": _text(text, "trimSuffix").removesuffix(
        _text(suffix, "trimSuffix")
    ),
    "upper": lambda text: _text(text, "upper").upper(),
    "lower": lambda text: _text(text, "lower").lower(),
    "split": _split,
    "splitAfter": _split_after,
    "replace": _replace,
    "repeat": _repeat,
    "join": _join,
    "indexOf": lambda text, part: _text(text, "indexOf").find(_text(part, "indexOf")),
    "lastIndexOf": lambda text, part: _text(text, "lastIndexOf").rfind(_text(part, "lastIndexOf")),
    "hasPrefix": lambda text, part: _text(text, "hasPrefix").startswith(_text(part, "hasPrefix")),
    "hasSuffix": lambda text, part: _text(text, "hasSuffix").endswith(_text(part, "hasSuffix")),
    "max": _extreme("max", lambda one, best: bool(one > best)),
    "min": _extreme("min", lambda one, best: bool(one < best)),
    "mean": _mean,
    "median": _median,
    "toJSON": lambda value: gotext.to_json(value, "  "),
    "fromJSON": from_json,
    "toBase64": lambda text: base64.b64encode(_text(text, "toBase64").encode()).decode(),
    "fromBase64": _from_base64,
    "now": _now,
    "first": _first,
    "last": _last,
    "get": _get,
    "take": _take,
    "keys": lambda value: list(_mapping(value, "keys")),
    "values": lambda value: list(_mapping(value, "values").values()),
    "toPairs": lambda value: [[key, item] for key, item in _mapping(value, "toPairs").items()],
    "fromPairs": lambda pairs: {pair[0]: pair[1] for pair in _list(pairs, "fromPairs")},
    "reverse": lambda items: _list(items, "reverse")[::-1],
    "uniq": _uniq,
    "concat": lambda *lists: [item for one in lists for item in _list(one, "concat")],
    "flatten": _flatten,
    "sort": _sort,
    "bitand": lambda left, right: to_int(left) & to_int(right),
    "bitor": lambda left, right: to_int(left) | to_int(right),
    "bitxor": lambda left, right: to_int(left) ^ to_int(right),
    "bitnand": lambda left, right: to_int(left) & ~to_int(right),
    "bitshl": lambda left, right: to_int(left) << to_int(right),
    "bitshr": lambda left, right: to_int(left) >> to_int(right),
    "bitushr": lambda left, right: (to_int(left) & 0xFFFFFFFFFFFFFFFF) >> to_int(right),
    "bitnot": lambda value: ~to_int(value),
}
"""Functions of the language itself: an expression can call them whatever its environment holds."""

ARGO: dict[str, Callable[..., Any]] = {
    "asInt": to_int,
    "asFloat": to_float,
    "toJson": to_json,
    "jsonpath": lambda text, path: query(from_json(text), _text(path, "jsonpath")),
}
"""Functions that Argo puts into the environment of every expression."""
