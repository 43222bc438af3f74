"""The built-in functions of expr-lang, and those that Argo adds: ``asInt``, ``asFloat``, ``toJson``, ``jsonpath``."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from mlplat.argo import gotext, gotime, govalues
from mlplat.argo.expressions import budget, operators
from mlplat.argo.expressions.jsonpath import query
from mlplat.argo.expressions.operators import INTEGERS, NUMBERS, equal, integer
from mlplat.argo.expressions.syntax import ExpressionError
from mlplat.argo.gonumbers import parse_float, parse_int
from mlplat.argo.govalues import (
    AnyMap,
    Function,
    NilList,
    NilStrings,
    Pair,
    Pairs,
    StringSlice,
    is_list,
    is_map,
    kind_of,
    size,
    type_of,
)


def type_name(value: Any) -> str:
    """Return the name of a value's type, as expr's ``type`` calls it."""
    if value is None:
        return "nil"
    name = type_of(value)
    if name.startswith("time."):
        return name
    if name.startswith("["):
        return "array"
    if name.startswith("map"):
        return "map"
    if name.startswith("func"):
        return "func"
    return {"int64": "int", "uint8": "uint", "float64": "float"}.get(
        name, name if name[0] != "*" else "unknown"
    )


def _conversion(value: Any, expected: str) -> ExpressionError:
    return ExpressionError(f"interface conversion: interface {{}} is {type_of(value)}, not {expected}")


def _text(value: Any) -> str:
    if type(value) is not str:
        raise _conversion(value, "string")
    return value


def _list(value: Any, what: str) -> list[Any]:
    if not is_list(value):
        raise ExpressionError(f"cannot {what} {kind_of(value)}")
    return list(value)


def to_int(value: Any) -> int:
    """``int``/``asInt``: cuts off the fraction of a number, reads a decimal integer."""
    if type(value) is str:
        try:
            return parse_int(value)
        except ValueError:
            raise ExpressionError(f"invalid operation: int({value})") from None
    if isinstance(value, (gotime.Duration, gotime.Month, gotime.Weekday)):
        return int(value)
    return integer(value)


def to_float(value: Any) -> float:
    """``float``/``asFloat``: numbers, and strings that are numbers."""
    if type(value) is str:
        try:
            return parse_float(value)
        except ValueError:
            raise ExpressionError(f"invalid operation: float({value})") from None
    if type(value) not in NUMBERS:
        raise ExpressionError(f"invalid operation: float({type_of(value)})")
    return float(value)


def to_json(value: Any) -> str:
    """``toJson``: compact JSON."""
    try:
        return gotext.to_json(value)
    except ValueError as error:
        raise ExpressionError(str(error)) from None


def _pretty(value: Any) -> str:
    try:
        return gotext.to_json(value, "  ")
    except ValueError as error:
        raise ExpressionError(str(error)) from None


def from_json(text: Any) -> Any:
    """``fromJSON``: the value of JSON; every number is a float64."""
    return _from_json(_text(text))


def forget_json() -> None:
    """Forget the values of JSON that were read: something may have changed them."""
    _from_json.cache_clear()


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")


@lru_cache(maxsize=256)
def _from_json(text: str) -> Any:
    try:
        value = json.loads(text, parse_int=_number, parse_float=_number, parse_constant=_refuse_constant)
    except RecursionError:
        raise ExpressionError("exceeded max depth") from None
    except ValueError as error:
        raise ExpressionError(f"invalid JSON: {error}") from None
    return _without_surrogates(value) if _SURROGATE.search(text) else value


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return govalues.valid(value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    return value


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"cannot unmarshal number {text} into Go value of type float64")
    return number


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _length(value: Any) -> int:
    if isinstance(value, (str, list, tuple, Mapping, AnyMap)):
        return len(value)
    raise ExpressionError(f"invalid argument for len (type {type_of(value)})")


def _absolute(value: Any) -> Any:
    if type(value) not in NUMBERS:
        raise ExpressionError(f"invalid argument for abs (type {type_of(value)})")
    return operators.negate(value) if value < 0 else value


def _rounded(name: str, compute: Callable[[float], float]) -> Callable[[Any], float]:
    def run(value: Any) -> float:
        if type(value) not in NUMBERS:
            raise ExpressionError(f"invalid argument for {name} (type {type_of(value)})")
        number = float(value)
        if not math.isfinite(number) or number.is_integer():
            return number
        return math.copysign(compute(number), number)

    return run


SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""Characters that ``unicode.IsSpace`` treats as space."""


def _trim(text: Any, characters: Any = SPACE) -> str:
    return _text(text).strip(_text(characters) or "\0") if characters != "" else _text(text)


def _split(text: Any, separator: Any, *limit: Any) -> list[str]:
    return split_n(_text(text), _text(separator), integer(limit[0]) if limit else -1)


def split_n(text: str, separator: str, limit: int) -> list[str]:
    """Return what ``strings.SplitN`` returns."""
    if limit == 0:
        return NilStrings()
    budget.list_of(text.count(separator) if limit < 0 else 0)
    if separator == "":
        characters = list(text)
        if limit < 0 or limit >= len(characters):
            return StringSlice(characters)
        return StringSlice([*characters[: limit - 1], "".join(characters[limit - 1 :])])
    return StringSlice(text.split(separator, limit - 1 if limit > 0 else -1))


def _split_after(text: Any, separator: Any, *limit: Any) -> list[str]:
    parts = _split(text, separator, *limit)
    if isinstance(parts, NilStrings) or separator == "":
        return parts
    return StringSlice([part + separator for part in parts[:-1]] + parts[-1:])


def replaced(text: str, old: str, new: str, limit: int = -1) -> str:
    """Return what ``strings.Replace`` returns."""
    if old == new or limit == 0:
        return text
    count = text.count(old) if old else len(text) + 1
    if limit > 0:
        count = min(count, limit)
    budget.string_of(len(text) + count * (len(new) - len(old)))
    return govalues.rejoined(text.replace(old, new, limit if limit > 0 else -1))


def _replace(text: Any, old: Any, new: Any, *limit: Any) -> str:
    return replaced(_text(text), _text(old), _text(new), *map(integer, limit[:1]))


def repeated(text: str, count: int) -> str:
    """Return what ``strings.Repeat`` returns.

    Raises:
        ExpressionError: the count is negative, or the result too long.
    """
    if count < 0:
        raise ExpressionError("strings: negative Repeat count")
    budget.string_of(len(text) * count)
    return text * count


def _repeat(text: Any, count: Any) -> str:
    given, times = _text(text), integer(count)
    if times < 0:
        raise ExpressionError(f"invalid argument for repeat (expected positive integer, got {times})")
    if times > 1_000_000 or size(given) * times >= budget.MOST_ELEMENTS:
        raise ExpressionError("memory budget exceeded")
    return given * times


def joined(items: list[str], glue: str) -> str:
    """Return what ``strings.Join`` returns."""
    budget.string_of(len(glue) * max(len(items) - 1, 0) + sum(map(len, items)))
    return govalues.rejoined(glue.join(items))


def _join(items: Any, glue: Any = "") -> str:
    if isinstance(items, StringSlice) or type(items) in (list, NilList):
        return joined([_text(item) for item in items], _text(glue))
    raise ExpressionError(f"invalid argument for join (type {type_of(items)})")


def _index_of(text: Any, part: Any) -> int:
    return _byte_position(_text(text), _text(text).find(_text(part)))


def _last_index_of(text: Any, part: Any) -> int:
    return _byte_position(_text(text), _text(text).rfind(_text(part)))


def _byte_position(text: str, position: int) -> int:
    return position if position < 1 or text.isascii() else size(text[:position])


def _extreme(name: str, replaces: Callable[[Any, Any], bool]) -> Callable[..., Any]:
    def run(*values: Any) -> Any:
        best: Any = None
        for value in values:
            if is_list(value):
                for item in value:
                    candidate = run(item)
                    if type(candidate) not in NUMBERS:
                        raise ExpressionError(f"invalid argument for {name} (type {type_of(candidate)})")
                    if best is None or replaces(best, candidate):
                        best = candidate
            elif isinstance(value, (int, float)) and type(value) is not bool:
                if best is None or replaces(best, value):
                    best = value
            elif len(values) == 1:
                return value
            else:
                raise ExpressionError(f"invalid argument for {name} (type {type_of(value)})")
        return best

    return run


def _numbers(name: str, values: tuple[Any, ...]) -> list[float]:
    numbers: list[float] = []
    for value in values:
        if is_list(value):
            numbers += _numbers(name, tuple(value))
        elif isinstance(value, (int, float)) and type(value) is not bool:
            numbers.append(float(value))
        else:
            raise ExpressionError(f"invalid argument for {name} (type {type_of(value)})")
    return numbers


def _mean(*values: Any) -> float:
    numbers = _numbers("mean", values)
    total = 0.0
    for number in numbers:
        total += number
    return total / len(numbers) if numbers else 0.0


def _median(*values: Any) -> float:
    numbers = _numbers("median", values)
    if not numbers:
        return 0.0
    middle = len(numbers) // 2
    numbers.sort()
    return float(numbers[middle] if len(numbers) % 2 else (numbers[middle - 1] + numbers[middle]) / 2)


def decode_base64(text: str) -> str:
    """Return what standard base64 with padding says; line ends in it do not count.

    Raises:
        ValueError: it is not base64; the message is Go's.
    """
    plain = text.replace("\n", "").replace("\r", "")
    try:
        return govalues.from_bytes(base64.b64decode(plain, validate=True))
    except (binascii.Error, ValueError):
        raise ValueError(f"illegal base64 data at input byte {_first_wrong(text)}") from None


def _first_wrong(text: str) -> int:
    plain = re.match(r"(?:[\r\n]*[A-Za-z0-9+/])*[\r\n]*", text)
    end = plain.end() if plain else 0
    count = len(re.sub(r"[\r\n]", "", text[:end]))
    rest = text[end:]
    if not rest:
        return end - (count % 4) if count % 4 else end
    if rest[0] != "=" or count % 4 < 2:
        return end
    if count % 4 == 2 and rest[1:2] != "=":
        return end if not rest[1:] else end + 1
    return end + (2 if count % 4 == 2 else 1)


def encode_base64(text: str) -> str:
    """Return a string in base64."""
    return base64.b64encode(govalues.to_bytes(text)).decode()


def _from_base64(text: Any) -> str:
    try:
        return decode_base64(_text(text))
    except ValueError as error:
        raise ExpressionError(str(error)) from None


def _end(position: int) -> Callable[[Any], Any]:
    def run(value: Any) -> Any:
        try:
            return operators.fetch(value, position)
        except ExpressionError:
            return None

    return run


def _get(container: Any, key: Any) -> Any:
    if container is None:
        return None
    if is_map(container):
        return operators.fetch(container, key) if key in _keys_of(container, key) else None
    if isinstance(container, (list, tuple, str)):
        position = integer(key)
        length = size(container) if isinstance(container, str) else len(container)
        return operators.fetch(container, position) if -length <= position < length else None
    return None


def _keys_of(container: Any, key: Any) -> Any:
    if not isinstance(container, AnyMap):
        operators.map_key(key)
    return container if key is not None or isinstance(container, AnyMap) else {None: "" in container}


def _take(items: Any, count: Any) -> list[Any]:
    values = _list(items, "take from")
    if type(count) not in (int, govalues.Int64, gotime.Duration, gotime.Month, gotime.Weekday):
        raise ExpressionError(f"cannot take {kind_of(count)} elements")
    if count < 0:
        raise ExpressionError("reflect.Value.Slice: slice index out of bounds")
    taken = values[: int(count)]
    return type(items)(taken) if isinstance(items, list) and not isinstance(items, Pair) else taken


def _items(value: Any, what: str) -> list[tuple[Any, Any]]:
    if not is_map(value):
        raise ExpressionError(f"cannot {what} from {kind_of(value)}")
    return list(value.items())


def _from_pairs(value: Any) -> AnyMap:
    pairs: list[tuple[Any, Any]] = []
    for pair in _list(value, "transform from pairs"):
        if not is_list(pair):
            raise ExpressionError(f"invalid pair {gotext.sprint(pair)}")
        if len(pair) != 2:
            raise ExpressionError(f"invalid pair length {gotext.sprint(pair)}")
        pairs.append((pair[0], pair[1]))
    return AnyMap(pairs)


def identity(item: Any) -> Any:
    """Return what equal scalars have in common, None for a value that must be compared one by one."""
    kind = type(item)
    if kind in NUMBERS:
        return None if item != item else ("number", item)  # noqa: PLR0124
    if kind in (str, bool):
        return kind, item
    return ("nil",) if govalues.is_nil(item) else None


def distinct(items: list[Any], same: Callable[[Any, Any], bool], key: Callable[[Any], Any]) -> list[Any]:
    """Return the first of equal items.

    Args:
        items: what to choose from.
        same: whether two items are equal.
        key: what equal scalars have in common; None for anything else.

    Raises:
        BudgetError: too many items are not scalars.
    """
    unique: list[Any] = []
    known: set[Any] = set()
    others: list[Any] = []
    for item in items:
        mark = key(item)
        if mark is not None:
            if mark in known:
                continue
            known.add(mark)
        elif any(same(item, other) for other in others):
            continue
        else:
            others.append(item)
            if len(others) > 2_000:
                raise budget.BudgetError("uniq can compare at most 2,000 lists or maps")
        unique.append(item)
    return unique


def _uniq(items: Any) -> list[Any]:
    return distinct(_list(items, "uniq"), equal, identity)


def _reverse(items: Any) -> list[Any]:
    return _list(items, "reverse")[::-1]


def _concat(*lists: Any) -> list[Any]:
    if not lists:
        raise ExpressionError("invalid number of arguments (expected at least 1, got 0)")
    return [item for one in lists for item in _list(one, "concat")] or NilList()


def _flatten(items: Any) -> list[Any]:
    flat: list[Any] = []
    for item in _list(items, "flatten"):
        if is_list(item):
            flat += _flatten(item)
        else:
            flat.append(item)
    return flat


def _sort(items: Any, *direction: Any) -> list[Any]:
    if direction and _text(direction[0]) not in ("asc", "desc"):
        raise ExpressionError(f"invalid order {direction[0]}, expected asc or desc")
    if not isinstance(items, (list, StringSlice, govalues.Ints)) or isinstance(
        items, (Pair, Pairs, govalues.Lists)
    ):
        return NilList()
    values = list(items)
    return operators.ordered(values, values, descending=direction[:1] == ("desc",))


def _now(*zone: Any) -> gotime.Time:
    if not zone:
        return gotime.now()
    if len(zone) > 1 or not isinstance(zone[0], gotime.Zone):
        raise ExpressionError(f"invalid number of arguments (expected 0, got {len(zone)})")
    moment = gotime.now()
    return gotime.Time(moment.unix, moment.nanosecond, zone[0])


_DATE_LAYOUTS = (
    "2006-01-02",
    "15:04:05",
    "2006-01-02 15:04:05",
    gotime.RFC3339,
    gotime.RFC822,
    gotime.RFC850,
    gotime.RFC1123,
)


def _date(*arguments: Any) -> gotime.Time:
    zone = gotime.UTC
    if isinstance(arguments[0], gotime.Zone):
        zone, arguments = arguments[0], arguments[1:]
    text = _text(arguments[0])
    try:
        if len(arguments) == 2:
            return gotime.parse(_text(arguments[1]), text, zone)
        if len(arguments) == 3:
            return gotime.parse(_text(arguments[1]), text, gotime.zone(_text(arguments[2])))
    except gotime.TimeError as error:
        raise ExpressionError(str(error)) from None
    for layout in _DATE_LAYOUTS:
        try:
            return gotime.parse(layout, text, zone)
        except gotime.TimeError:
            continue
    raise ExpressionError(f"invalid date {text}")


def _duration(text: Any) -> gotime.Duration:
    try:
        return gotime.parse_duration(_text(text))
    except gotime.TimeError as error:
        raise ExpressionError(str(error)) from None


def _timezone(name: Any) -> gotime.Zone:
    try:
        return gotime.zone(_text(name))
    except gotime.TimeError as error:
        raise ExpressionError(str(error)) from None


def _bits(name: str, compute: Callable[[int, int], int]) -> Callable[[Any, Any], int]:
    def run(left: Any, right: Any) -> int:
        for value in (left, right):
            if type(value) not in INTEGERS:
                raise ExpressionError(f"cannot use {type_of(value)} as argument (type int) to call {name}")
        return govalues.wrapped(compute(int(left), int(right)))

    return run


def _shift(compute: Callable[[int, int], int]) -> Callable[[int, int], int]:
    def run(left: int, right: int) -> int:
        if right < 0:
            raise ExpressionError(f"invalid operation: negative shift count {right} (type int)")
        return compute(left, min(right, 64))

    return run


def _bitnot(value: Any) -> int:
    if type(value) not in INTEGERS:
        raise ExpressionError(f"cannot use {type_of(value)} as argument (type int) to call bitnot")
    return ~int(value)


BUILTINS: dict[str, Callable[..., Any]] = {
    "len": _length,
    "type": type_name,
    "abs": _absolute,
    "ceil": _rounded("ceil", math.ceil),
    "floor": _rounded("floor", math.floor),
    "round": _rounded(
        "round", lambda number: math.floor(abs(number) + 0.5) if abs(number) < 2**52 else abs(number)
    ),
    "int": to_int,
    "float": to_float,
    "string": gotext.sprint,
    "trim": _trim,
    "trimPrefix": lambda text, prefix=" ": _text(text).removeprefix(_text(prefix)),
    "trimSuffix": lambda text, suffix=" ": _text(text).removesuffix(_text(suffix)),
    "upper": lambda text: gotext.upper(_text(text)),
    "lower": lambda text: gotext.lower(_text(text)),
    "split": _split,
    "splitAfter": _split_after,
    "replace": _replace,
    "repeat": _repeat,
    "join": _join,
    "indexOf": _index_of,
    "lastIndexOf": _last_index_of,
    "hasPrefix": lambda text, part: _text(text).startswith(_text(part)),
    "hasSuffix": lambda text, part: _text(text).endswith(_text(part)),
    "max": _extreme("max", operators.less),
    "min": _extreme("min", operators.order(">", lambda left, right: left > right)),
    "mean": _mean,
    "median": _median,
    "toJSON": _pretty,
    "fromJSON": from_json,
    "toBase64": lambda text: encode_base64(_text(text)),
    "fromBase64": _from_base64,
    "now": _now,
    "date": _date,
    "duration": _duration,
    "timezone": _timezone,
    "first": _end(0),
    "last": _end(-1),
    "get": _get,
    "take": _take,
    "keys": lambda value: [key for key, _ in _items(value, "get keys")],
    "values": lambda value: [item for _, item in _items(value, "get values")],
    "toPairs": lambda value: Pairs([Pair(item) for item in _items(value, "transform to pairs")]),
    "fromPairs": _from_pairs,
    "reverse": _reverse,
    "uniq": _uniq,
    "concat": _concat,
    "flatten": _flatten,
    "sort": _sort,
    "bitand": _bits("bitand", lambda left, right: left & right),
    "bitor": _bits("bitor", lambda left, right: left | right),
    "bitxor": _bits("bitxor", lambda left, right: left ^ right),
    "bitnand": _bits("bitnand", lambda left, right: left & ~right),
    "bitshl": _bits("bitshl", _shift(lambda left, right: left << right)),
    "bitshr": _bits("bitshr", _shift(lambda left, right: left >> right)),
    "bitushr": _bits("bitushr", _shift(lambda left, right: (left & 0xFFFFFFFFFFFFFFFF) >> right)),
    "bitnot": _bitnot,
}
"""Functions of the language itself: an expression can call them whatever its environment holds."""

COUNTED = frozenset(("repeat", "reverse", "concat", "flatten", "sort"))
"""Functions of whose result expr-lang counts the elements or bytes."""


def _jsonpath(text: str, path: str) -> Any:
    return query(from_json(text), path)


ARGO: dict[str, Any] = {
    "asInt": Function("asInt", to_int, ("interface {}",)),
    "asFloat": Function("asFloat", to_float, ("interface {}",)),
    "toJson": Function("toJson", to_json, ("interface {}",)),
    "jsonpath": Function("jsonpath", _jsonpath, ("string", "string")),
}
"""Functions that Argo puts into the environment of every expression."""
