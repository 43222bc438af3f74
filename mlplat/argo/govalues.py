"""Values that Go's type system tells apart and Python's does not.

Expressions yield Go values. A string, int, float64, bool, nil, ``[]any`` and ``map[string]any`` are Python's ``str``,
``int``, ``float``, ``bool``, ``None``, ``list`` and ``dict``; the classes here are the rest. A string that is not
valid UTF-8 has its stray bytes as surrogates, as Python's ``surrogateescape`` writes them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from mlplat.argo import gotime

_SURROGATES = re.compile("[\ud800-\udfff]")


class Int64(int):
    """An ``int64``, as Sprig's arithmetic yields it."""

    __slots__ = ()


class Uint8(int):
    """A byte of a string."""

    __slots__ = ()


class NilList(list[Any]):
    """A nil ``[]any``: without elements, and ``null`` in JSON."""

    __slots__ = ()


class StringSlice(list[str]):
    """A ``[]string``."""

    __slots__ = ()


class NilStrings(StringSlice):
    """A nil ``[]string``."""

    __slots__ = ()


class Ints(list[int]):
    """A ``[]int``."""

    __slots__ = ()


class Pair(list[Any]):
    """A ``[2]any``."""

    __slots__ = ()


class Pairs(list[Pair]):
    """A ``[][2]any``."""

    __slots__ = ()


class Lists(list[list[Any]]):
    """A ``[][]any``."""

    __slots__ = ()


class StringMap(dict[str, str]):
    """A ``map[string]string``."""

    __slots__ = ()


class AnyMap:
    """A ``map[any]any``, whose keys are equal only with their own type.

    Args:
        pairs: keys and values.
        type_name: of the map, in Go.
    """

    __slots__ = ("_items", "type_name")

    def __init__(
        self,
        pairs: Iterable[tuple[Any, Any]] = (),
        type_name: str = "map[interface {}]interface {}",
    ) -> None:
        self._items: dict[Any, tuple[Any, Any]] = {_hashable(key): (key, value) for key, value in pairs}
        self.type_name = type_name

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Any]:
        return (key for key, _ in self._items.values())

    def __contains__(self, key: Any) -> bool:
        return _hashable(key) in self._items

    def __getitem__(self, key: Any) -> Any:
        return self._items[_hashable(key)][1]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._items[_hashable(key)] = (key, value)

    def items(self) -> list[tuple[Any, Any]]:
        """Return keys and values."""
        return list(self._items.values())


def _hashable(key: Any) -> Any:
    if isinstance(key, (list, dict, AnyMap)) or callable(key):
        raise TypeError(f"runtime error: hash of unhashable type {type_of(key)}")
    return type(key), key


class Function:
    """A function of Go that an expression can call, with the types of its parameters.

    Args:
        name: as it is called.
        call: what does it; gets arguments that have the types.
        parameters: Go's names of the types, without that of the variadic one.
        variadic: the type of any number of further arguments; empty for none.
        supported: whether the function works on this machine.
    """

    __slots__ = ("_checks", "_kinds", "_more", "call", "name", "parameters", "supported", "variadic")

    def __init__(
        self,
        name: str,
        call: Callable[..., Any],
        parameters: tuple[str, ...] = (),
        variadic: str = "",
        *,
        supported: bool = True,
    ) -> None:
        self.supported = supported
        self.name = name
        self.call = call
        self.parameters = parameters
        self.variadic = variadic
        self._checks = tuple(_CONVERTERS[one] for one in parameters)
        self._kinds = tuple(_CLASSES.get(one, _NoValue) for one in parameters)
        self._more = _CONVERTERS[variadic] if variadic else None

    def __call__(self, *arguments: Any) -> Any:
        """Call the function with arguments of any type.

        Raises:
            TypeError: their number or a type is wrong; the message is Go's.
        """
        checks = self._checks
        count = len(arguments)
        if count == len(self._kinds) and self._more is None:
            for kind, argument in zip(self._kinds, arguments, strict=True):
                if kind is not None and type(argument) is not kind:
                    break
            else:
                return self.call(*arguments)
        if count < len(checks):
            raise TypeError("reflect: Call with too few input arguments")
        if count > len(checks) and self._more is None:
            raise TypeError("reflect: Call with too many input arguments")
        values = [check(argument) for check, argument in zip(checks, arguments, strict=False)]
        if self._more is not None:
            values.extend(map(self._more, arguments[len(checks) :]))
        return self.call(*values)


_TYPES: dict[type, str] = {
    type(None): "<nil>",
    bool: "bool",
    int: "int",
    Int64: "int64",
    Uint8: "uint8",
    float: "float64",
    str: "string",
    list: "[]interface {}",
    NilList: "[]interface {}",
    StringSlice: "[]string",
    NilStrings: "[]string",
    Ints: "[]int",
    Pair: "[2]interface {}",
    Pairs: "[][2]interface {}",
    Lists: "[][]interface {}",
    tuple: "[]interface {}",
    dict: "map[string]interface {}",
    StringMap: "map[string]string",
    gotime.Time: "time.Time",
    gotime.Duration: "time.Duration",
    gotime.Month: "time.Month",
    gotime.Weekday: "time.Weekday",
    gotime.Zone: "*time.Location",
}


def type_of(value: Any) -> str:
    """Return the name of a value's type, as Go's ``%T`` prints it."""
    name = _TYPES.get(type(value))
    if name is not None:
        return name
    if isinstance(value, AnyMap):
        return value.type_name
    if isinstance(value, Mapping):
        return "map[string]interface {}"
    return "func(...interface {}) interface {}" if callable(value) else type(value).__name__


_KINDS = {
    "<nil>": "invalid",
    "float64": "float64",
    "[2]interface {}": "array",
    "time.Time": "struct",
    "time.Duration": "int64",
    "time.Month": "int",
    "time.Weekday": "int",
    "*time.Location": "ptr",
}


def kind_of(value: Any) -> str:
    """Return the kind of a value's type, as ``reflect`` calls it."""
    name = type_of(value)
    if name in _KINDS:
        return _KINDS[name]
    if name.startswith("["):
        return "slice"
    if name.startswith("map"):
        return "map"
    return "func" if name.startswith("func") else name


def is_list(value: Any) -> bool:
    """Return whether a value is a slice or an array."""
    return isinstance(value, (list, tuple))


def is_map(value: Any) -> bool:
    """Return whether a value is a map."""
    return isinstance(value, (dict, AnyMap, Mapping))


def is_nil(value: Any) -> bool:
    """Return whether a value is nil, or a slice that is."""
    return value is None or type(value) in (NilList, NilStrings)


def _exactly(expected: type, name: str, zero: Callable[[], Any]) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        if type(value) is expected:
            return value
        if value is None:
            return zero()
        raise TypeError(f"reflect: Call using {type_of(value)} as type {name}")

    return convert


def _string_map(value: Any) -> Any:
    if value is None:
        return {}
    if type_of(value) != "map[string]interface {}":
        raise TypeError(f"reflect: Call using {type_of(value)} as type map[string]interface {{}}")
    return value


def _any_list(value: Any) -> Any:
    if value is None:
        return NilList()
    if type_of(value) != "[]interface {}":
        raise TypeError(f"reflect: Call using {type_of(value)} as type []interface {{}}")
    return value


def _anything(value: Any) -> Any:
    return value


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "string": _exactly(str, "string", str),
    "int": _exactly(int, "int", int),
    "float64": _exactly(float, "float64", float),
    "bool": _exactly(bool, "bool", bool),
    "time.Time": _exactly(gotime.Time, "time.Time", lambda: gotime.moment(1, 1, 1, 0, 0, 0, 0, gotime.UTC)),
    "time.Duration": _exactly(gotime.Duration, "time.Duration", lambda: gotime.Duration(0)),
    "*time.Location": _exactly(gotime.Zone, "*time.Location", lambda: None),
    "map[string]interface {}": _string_map,
    "[]interface {}": _any_list,
    "interface {}": _anything,
}


class _NoValue:
    """The class of no value: such an argument is always converted."""


_CLASSES: dict[str, type | None] = {
    "string": str,
    "int": int,
    "float64": float,
    "bool": bool,
    "map[string]interface {}": dict,
    "interface {}": None,
}


def wrapped(number: int) -> int:
    """Return what is left of an integer in 64 bits."""
    if -0x8000000000000000 <= number <= 0x7FFFFFFFFFFFFFFF:
        return number
    return ((number + 0x8000000000000000) & 0xFFFFFFFFFFFFFFFF) - 0x8000000000000000


def truncated(number: float) -> int:
    """Return a float as an ``int``: on amd64, what does not fit is the least integer."""
    if math.isfinite(number) and -9223372036854775808.0 <= number < 9223372036854775808.0:
        return int(number)
    return -0x8000000000000000


def to_bytes(text: str) -> bytes:
    """Return the bytes of a string."""
    return text.encode("utf-8", "surrogateescape")


def from_bytes(data: bytes) -> str:
    """Return the string of some bytes."""
    return data.decode("utf-8", "surrogateescape")


def rejoined(text: str) -> str:
    """Return a string whose parts were joined: bytes that now make a character become that character."""
    if text.isascii() or not _SURROGATES.search(text):
        return text
    return from_bytes(to_bytes(text))


def valid(text: str, substitute: str = "\ufffd") -> str:
    """Return a string with a substitute for each byte that is not valid UTF-8."""
    return text if text.isascii() else _SURROGATES.sub(lambda _: substitute, text)


def sliced(text: str, start: int, end: int) -> str:
    """Return the bytes of a string from a position up to another; both must be within it."""
    return text[start:end] if text.isascii() else from_bytes(to_bytes(text)[start:end])


def size(text: str) -> int:
    """Return the number of a string's bytes."""
    return len(text) if text.isascii() else len(to_bytes(text))
