"""The types that expr-lang knows before it runs an expression."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mlplat.argo import gotime, govalues


@dataclass(frozen=True, slots=True, eq=False)
class Nature:
    """What is known of a value; compared by identity, as what an evaluation is looked up by.

    Args:
        name: Go's name of the type; empty when nothing is known.
        kind: Go's kind of the type.
        element: what is known of the elements of a list, more than its type tells.
        signature: types of the parameters and of the result of a function.
        variadic: whether the last parameter takes any number of arguments.
    """

    name: str = ""
    kind: str = "invalid"
    element: Nature | None = None
    signature: tuple[tuple[Nature, ...], Nature] | None = None
    variadic: bool = False

    @property
    def is_nil(self) -> bool:
        """Whether this is the type of ``nil``."""
        return self.kind == "nil"

    @property
    def is_unknown(self) -> bool:
        """Whether the value can be of any type."""
        return self.kind in ("invalid", "interface")

    @property
    def is_number(self) -> bool:
        """Whether this is an integer or float."""
        return self.name in _NUMBERS

    @property
    def is_integer(self) -> bool:
        """Whether this is one of Go's own integer types."""
        return self.name in _INTEGERS

    @property
    def is_array(self) -> bool:
        """Whether this is a list."""
        return self.kind in ("slice", "array")

    @property
    def label(self) -> str:
        """The name in messages."""
        return "unknown" if self.kind in ("invalid", "nil") else self.name

    def elements(self) -> Nature:
        """Return what is known of the elements."""
        if self.element is not None:
            return self.element
        return _ELEMENTS.get(self.name, UNKNOWN)

    def key(self) -> Nature:
        """Return the type of a map's keys."""
        return ANY if self.name.startswith("map[interface") else STRING

    def assignable(self, target: Nature) -> bool:
        """Return whether Go lets such a value be assigned to a variable of another type."""
        if self.is_nil:
            return target.kind in ("ptr", "interface", "func", "map", "slice")
        if self.kind == "invalid" or target.kind in ("invalid", "nil"):
            return False
        return target.kind == "interface" or self.name == target.name

    def comparable(self, other: Nature) -> bool:
        """Return whether ``==`` may compare the two."""
        return (
            self.is_unknown
            or other.is_unknown
            or self.is_nil
            or other.is_nil
            or (self.is_number and other.is_number)
            or (self.is_array and other.is_array)
            or self.assignable(other)
        )


_INTEGERS = frozenset(("int", "int64", "uint8"))
_NUMBERS = _INTEGERS | {"float64"}

UNKNOWN = Nature()
NIL = Nature("nil", "nil")
ANY = Nature("interface {}", "interface")
BOOL = Nature("bool", "bool")
INT = Nature("int", "int")
INT64 = Nature("int64", "int64")
FLOAT = Nature("float64", "float64")
STRING = Nature("string", "string")
TIME = Nature("time.Time", "struct")
DURATION = Nature("time.Duration", "int64")
MONTH = Nature("time.Month", "int")
WEEKDAY = Nature("time.Weekday", "int")
LOCATION = Nature("*time.Location", "ptr")
ARRAY = Nature("[]interface {}", "slice")
STRINGS = Nature("[]string", "slice")
INTS = Nature("[]int", "slice")
FLOATS = Nature("[]float64", "slice")
MAP = Nature("map[string]interface {}", "map")
STRING_MAP = Nature("map[string]string", "map")
ANY_MAP = Nature("map[interface {}]interface {}", "map")
GROUPS = Nature("map[interface {}][]interface {}", "map")

_ELEMENTS = {
    ARRAY.name: ANY,
    STRINGS.name: STRING,
    INTS.name: INT,
    FLOATS.name: FLOAT,
    MAP.name: ANY,
    STRING_MAP.name: STRING,
    ANY_MAP.name: ANY,
    GROUPS.name: ARRAY,
}
_BY_NAME = {
    one.name: one
    for one in (
        BOOL,
        INT,
        INT64,
        FLOAT,
        STRING,
        TIME,
        DURATION,
        MONTH,
        WEEKDAY,
        LOCATION,
        ARRAY,
        STRINGS,
        INTS,
        MAP,
        STRING_MAP,
        ANY_MAP,
        GROUPS,
        ANY,
    )
}


def array_of(element: Nature) -> Nature:
    """Return the type of a list that an expression made of such elements."""
    return Nature(ARRAY.name, ARRAY.kind, element)


def function(result: Nature, *parameters: Nature, variadic: bool = False) -> Nature:
    """Return the type of a function; of a variadic one, the last parameter is that of the single arguments."""
    return Nature("func", "func", signature=(parameters, result), variadic=variadic)


def named(name: str) -> Nature:
    """Return the type of a name in Go."""
    return _BY_NAME[name]


def of(value: Any) -> Nature:
    """Return what is known of a variable's value before an expression runs."""
    if isinstance(value, str):
        return STRING
    if value is None:
        return NIL
    if isinstance(value, govalues.Function):
        return _of_function(value)
    return _BY_NAME.get(govalues.type_of(value)) or (FUNCTION if callable(value) else ANY)


FUNCTION = function(ANY, ANY, variadic=True)
"""A function of which nothing more is known."""


@lru_cache(maxsize=1024)
def _of_function(value: govalues.Function) -> Nature:
    parameters = [named(one) for one in value.parameters]
    if value.variadic:
        parameters.append(named(value.variadic))
    return function(_RESULTS.get(value.name, ANY), *parameters, variadic=bool(value.variadic))


_RESULTS = {"toJson": STRING}


def _method(
    result: Nature, call: Callable[..., Any], *parameters: Nature
) -> tuple[Nature, Callable[..., Any]]:
    return function(result, *parameters), call


METHODS: dict[str, dict[str, tuple[Nature, Callable[..., Any]]]] = {
    TIME.name: {
        "Year": _method(INT, lambda time: time.date[0]),
        "Month": _method(MONTH, lambda time: gotime.Month(time.date[1])),
        "Day": _method(INT, lambda time: time.date[2]),
        "Hour": _method(INT, lambda time: time.clock[0]),
        "Minute": _method(INT, lambda time: time.clock[1]),
        "Second": _method(INT, lambda time: time.clock[2]),
        "Nanosecond": _method(INT, lambda time: time.nanosecond),
        "YearDay": _method(INT, lambda time: time.day_of_year),
        "Weekday": _method(WEEKDAY, lambda time: time.weekday),
        "Unix": _method(INT64, lambda time: govalues.Int64(time.unix)),
        "UnixMilli": _method(INT64, lambda time: govalues.Int64(time.since_1970 // 1_000_000)),
        "UnixMicro": _method(INT64, lambda time: govalues.Int64(time.since_1970 // 1_000)),
        "UnixNano": _method(INT64, lambda time: govalues.Int64(govalues.wrapped(time.since_1970))),
        "Format": _method(STRING, lambda time, layout: time.format(layout), STRING),
        "String": _method(STRING, str),
        "Add": _method(TIME, lambda time, duration: time.add(duration), DURATION),
        "Sub": _method(DURATION, lambda time, other: time.sub(other), TIME),
        "Round": _method(TIME, lambda time, step: time.round(step), DURATION),
        "Truncate": _method(TIME, lambda time, step: time.truncate(step), DURATION),
        "AddDate": _method(TIME, lambda time, *parts: time.add_date(*parts), INT, INT, INT),
        "After": _method(BOOL, lambda time, other: time.since_1970 > other.since_1970, TIME),
        "Before": _method(BOOL, lambda time, other: time.since_1970 < other.since_1970, TIME),
        "Equal": _method(BOOL, lambda time, other: time == other, TIME),
        "Compare": _method(
            INT,
            lambda time, other: (time.since_1970 > other.since_1970) - (time.since_1970 < other.since_1970),
            TIME,
        ),
        "IsZero": _method(BOOL, lambda time: time == gotime.moment(1, 1, 1, 0, 0, 0, 0, gotime.UTC)),
        "UTC": _method(TIME, lambda time: gotime.Time(time.unix, time.nanosecond)),
        "Local": _method(TIME, lambda time: gotime.Time(time.unix, time.nanosecond)),
        "In": _method(TIME, lambda time, zone: gotime.Time(time.unix, time.nanosecond, zone), LOCATION),
    },
    DURATION.name: {
        "Hours": _method(FLOAT, lambda duration: _in_units(duration, 3600 * 10**9)),
        "Minutes": _method(FLOAT, lambda duration: _in_units(duration, 60 * 10**9)),
        "Seconds": _method(FLOAT, lambda duration: _in_units(duration, 10**9)),
        "Milliseconds": _method(INT64, lambda duration: govalues.Int64(_quotient(duration, 1_000_000))),
        "Microseconds": _method(INT64, lambda duration: govalues.Int64(_quotient(duration, 1_000))),
        "Nanoseconds": _method(INT64, govalues.Int64),
        "String": _method(STRING, str),
        "Abs": _method(DURATION, lambda duration: gotime.Duration(min(abs(duration), 2**63 - 1))),
        "Round": _method(DURATION, lambda duration, step: duration.round(step), DURATION),
        "Truncate": _method(DURATION, lambda duration, step: duration.truncate(step), DURATION),
    },
    MONTH.name: {"String": _method(STRING, str)},
    WEEKDAY.name: {"String": _method(STRING, str)},
    LOCATION.name: {"String": _method(STRING, str)},
}
"""Methods that expressions can call, by type and name: their types and what they do."""


def _in_units(duration: int, unit: int) -> float:
    whole = _quotient(duration, unit)
    return float(whole) + float(int(duration) - whole * unit) / unit


def _quotient(amount: int, size: int) -> int:
    return int(amount) // size if amount >= 0 else -(-int(amount) // size)
