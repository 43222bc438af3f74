"""What the operators of expr-lang do with Go's values: ``helpers`` and ``runtime.go`` of expr-lang 1.17.7."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cmp_to_key
from typing import Any

from mlplat.argo import govalues
from mlplat.argo.expressions import budget, natures
from mlplat.argo.expressions.syntax import ExpressionError
from mlplat.argo.gotime import Duration, Time
from mlplat.argo.govalues import AnyMap, Ints, NilList, Pair, StringMap, StringSlice, type_of, wrapped

INTEGERS = frozenset((int, govalues.Int64, govalues.Uint8))
"""Classes of Go's integers."""

NUMBERS = INTEGERS | {float}
"""Classes of Go's numbers."""


def mismatch(operator: str, left: Any, right: Any) -> ExpressionError:
    """Return the error of an operator that is not defined for its operands."""
    return ExpressionError(f"invalid operation: {type_of(left)} {operator} {type_of(right)}")


def truth(value: Any) -> bool:
    """Return a value that must be a boolean.

    Raises:
        ExpressionError: it is of another type.
    """
    if value is True or value is False:
        return bool(value)
    raise ExpressionError(f"interface conversion: interface {{}} is {type_of(value)}, not bool")


def integer(value: Any) -> int:
    """Return a number as ``int``, cut off at the point.

    Raises:
        ExpressionError: it is not a number.
    """
    kind = type(value)
    if kind is int:
        return int(value)
    if kind is float:
        return govalues.truncated(value)
    if kind in INTEGERS:
        return int(value)
    raise ExpressionError(f"invalid operation: int({type_of(value)})")


def add(left: Any, right: Any) -> Any:
    """Return ``left + right``."""
    first, second = type(left), type(right)
    if first is str and second is str:
        budget.string_of(len(left) + len(right))
        joined = left + right
        return joined if joined.isascii() else govalues.rejoined(joined)
    if first in NUMBERS and second in NUMBERS:
        return _sum(left, right)
    if first is Duration:
        if second is Duration:
            return Duration(wrapped(int(left) + int(right)))
        if second is Time:
            return right.add(left)
    if first is Time and second is Duration:
        return left.add(right)
    raise mismatch("+", left, right)


def _sum(left: Any, right: Any) -> Any:
    if type(left) is float or type(right) is float:
        return float(left) + float(right)
    return wrapped(int(left) + int(right))


def subtract(left: Any, right: Any) -> Any:
    """Return ``left - right``."""
    first, second = type(left), type(right)
    if first in NUMBERS and second in NUMBERS:
        if first is float or second is float:
            return float(left) - float(right)
        return wrapped(int(left) - int(right))
    if first is Time:
        if second is Time:
            return left.sub(right)
        if second is Duration:
            return left.add(-int(right))
    if first is Duration and second is Duration:
        return Duration(wrapped(int(left) - int(right)))
    raise mismatch("-", left, right)


def multiply(left: Any, right: Any) -> Any:
    """Return ``left * right``."""
    first, second = type(left), type(right)
    if first is int and second is int:
        return wrapped(left * right)
    numbers = first in NUMBERS, second in NUMBERS
    if not all(known or kind is Duration for known, kind in zip(numbers, (first, second), strict=True)):
        raise mismatch("*", left, right)
    if first is float or second is float:
        return _float_product(float(int(left) if first is not float else left), float(right))
    product = wrapped(int(left) * int(right))
    return product if all(numbers) else Duration(product)


def _float_product(left: float, right: float) -> float:
    return left * right


def divide(left: Any, right: Any) -> float:
    """Return ``left / right``, always a float."""
    if type(left) not in NUMBERS or type(right) not in NUMBERS:
        raise mismatch("/", left, right)
    dividend, divisor = float(left), float(right)
    if divisor == 0:
        if dividend == 0 or math.isnan(dividend):
            return math.nan
        return math.copysign(math.inf, dividend) * math.copysign(1.0, divisor)
    return dividend / divisor


def remainder(left: Any, right: Any) -> int:
    """Return ``left % right``, which has the sign of the dividend."""
    if type(left) not in INTEGERS or type(right) not in INTEGERS:
        raise mismatch("%", left, right)
    if right == 0:
        raise ExpressionError("runtime error: integer divide by zero")
    rest = abs(int(left)) % abs(int(right))
    return -rest if left < 0 else rest


def power(left: Any, right: Any) -> float:
    """Return ``left ** right``, always a float."""
    for value in (left, right):
        if type(value) not in NUMBERS:
            raise ExpressionError(f"invalid operation: float({type_of(value)})")
    return go_power(float(left), float(right))


def go_power(base: float, exponent: float) -> float:
    """Return ``math.Pow`` of Go, which multiplies where others take logarithms, down to the last digit."""
    if exponent == 0 or base == 1:
        return 1.0
    if exponent == 1:
        return base
    if math.isnan(base) or math.isnan(exponent):
        return math.nan
    if base == 0 or math.isinf(base) or math.isinf(exponent):
        return _extreme_power(base, exponent)
    if exponent in (0.5, -0.5):
        root = math.sqrt(base) if base > 0 else math.nan
        return root if exponent > 0 else 1 / root
    fraction, whole = math.modf(abs(exponent))
    if fraction and base < 0:
        return math.nan
    if whole >= 2.0**63:
        return 1.0 if base == -1 else 0.0 if (abs(base) < 1) == (exponent > 0) else math.inf
    return _multiplied(base, exponent, whole, fraction)


def _extreme_power(base: float, exponent: float) -> float:
    if math.isinf(exponent) and base != 0:
        return 1.0 if base == -1 else 0.0 if (abs(base) < 1) == (exponent > 0) else math.inf
    odd = not math.isinf(exponent) and exponent % 2 == 1
    result = 0.0 if (base == 0) == (exponent > 0) else math.inf
    return math.copysign(result, base) if odd else result


def _multiplied(base: float, exponent: float, whole: float, fraction: float) -> float:
    mantissa, power = 1.0, 0
    if fraction:
        if fraction > 0.5:
            fraction, whole = fraction - 1, whole + 1
        mantissa = math.exp(fraction * math.log(base))
    factor, shift = math.frexp(base)
    count = int(whole)
    while count:
        if abs(shift) > 4096:
            power += shift
            break
        if count & 1:
            mantissa, power = mantissa * factor, power + shift
        factor, shift = factor * factor, shift * 2
        if factor < 0.5:
            factor, shift = factor + factor, shift - 1
        count >>= 1
    if exponent < 0:
        mantissa, power = 1 / mantissa, -power
    try:
        return math.ldexp(mantissa, power)
    except OverflowError:
        return math.copysign(math.inf, mantissa)


def negate(value: Any) -> Any:
    """Return ``-value``, of the same type."""
    kind = type(value)
    if kind is float:
        return -value
    if kind is int:
        return wrapped(-value)
    if kind is govalues.Int64:
        return govalues.Int64(wrapped(-int(value)))
    if kind is govalues.Uint8:
        return govalues.Uint8(-int(value) & 0xFF)
    raise ExpressionError(f"invalid operation: - {type_of(value)}")


def order(operator: str, compute: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """Return what ``<`` and its like do."""

    def run(left: Any, right: Any) -> bool:
        first, second = type(left), type(right)
        if first in NUMBERS and second in NUMBERS:
            return compute(left, right)
        if first is second:
            if first is str or first is Duration:
                return compute(left, right)
            if first is Time:
                return compute(left.since_1970, right.since_1970)
        raise mismatch(operator, left, right)

    return run


less = order("<", lambda left, right: left < right)
"""Return whether ``left < right``."""


def equal(left: Any, right: Any) -> bool:
    """Return whether ``left == right``: numbers by value, everything else only with its own type."""
    first, second = type(left), type(right)
    if first in NUMBERS and second in NUMBERS:
        if first is float or second is float:
            return float(left) == float(right)
        return bool(left == right)
    if first is second and first in (str, bool, Duration, Time):
        return bool(left == right)
    if govalues.is_nil(left) and govalues.is_nil(right):
        return True
    if isinstance(left, list) and isinstance(right, list) and _comparable_lists(left, right):
        return len(left) == len(right) and all(map(equal, left, right))
    return deep_equal(left, right)


_ANY_LISTS = (list, NilList)


def _comparable_lists(left: list[Any], right: list[Any]) -> bool:
    plain = type(left) in _ANY_LISTS, type(right) in _ANY_LISTS
    if all(plain):
        return True
    if any(plain):
        return isinstance(right if plain[0] else left, (StringSlice, Ints))
    kinds = (StringSlice, Ints)
    return any(isinstance(left, kind) and isinstance(right, kind) for kind in kinds)


def deep_equal(left: Any, right: Any) -> bool:
    """Return ``reflect.DeepEqual``: of the same type all the way down."""
    if type_of(left) != type_of(right) or govalues.is_nil(left) is not govalues.is_nil(right):
        return False
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(deep_equal, left, right))
    if isinstance(left, (AnyMap, Mapping)):
        return len(left) == len(right) and all(
            key in right and deep_equal(value, right[key]) for key, value in left.items()
        )
    if isinstance(left, Time):
        return bool(left == right and left.zone == right.zone)
    return not callable(left) and bool(left == right)


def fetch(container: Any, key: Any) -> Any:
    """Return ``container[key]``.

    Raises:
        ExpressionError: an index is out of range, or the container has no such parts.
    """
    if type(container) is dict or isinstance(container, (Mapping, AnyMap)):
        return _fetch_from_map(container, key)
    if isinstance(container, (list, tuple, str)):
        position = integer(key)
        length = govalues.size(container) if isinstance(container, str) else len(container)
        if position < 0:
            position += length
        if not 0 <= position < length:
            raise ExpressionError(f"index out of range: {position} (array length is {length})")
        if isinstance(container, str):
            return govalues.Uint8(govalues.to_bytes(container)[position])
        return container[position]
    methods = natures.METHODS.get(type_of(container))
    if methods is not None and key in methods:
        return bound(container, key)
    raise ExpressionError(f"cannot fetch {key} from {type_of(container)}")


def bound(value: Any, name: str) -> govalues.Function:
    """Return a method of a value."""
    nature, call = natures.METHODS[type_of(value)][name]
    assert nature.signature is not None
    parameters = tuple(one.name for one in nature.signature[0])
    return govalues.Function(name, lambda *arguments: call(value, *arguments), parameters)


def _fetch_from_map(container: Any, key: Any) -> Any:
    if isinstance(container, AnyMap):
        if key in container:
            return container[key]
        return NilList() if container.type_name.endswith("[]interface {}") else None
    name = map_key(key)
    if isinstance(container, StringMap):
        return container.get(name, "")
    return container.get(name)


def map_key(key: Any) -> str:
    """Return a key of a map whose keys are strings.

    Raises:
        ExpressionError: it is of another type.
    """
    if type(key) is str:
        return key
    if key is None:
        return ""
    raise ExpressionError(
        f"reflect.Value.MapIndex: value of type {type_of(key)} is not assignable to type string"
    )


def contains(container: Any, needle: Any) -> bool:
    """Return ``needle in container``."""
    if container is None:
        return False
    if isinstance(container, (list, tuple)):
        return any(equal(item, needle) for item in container)
    if isinstance(container, AnyMap):
        return needle in container
    if isinstance(container, Mapping):
        return bool(map_key(needle) in container)
    if isinstance(container, Time) and type(needle) is str:
        return False
    raise ExpressionError(f'operator "in" not defined on {type_of(container)}')


def cut(container: Any, start: Any, end: Any) -> Any:
    """Return ``container[start:end]``; None stands for a bound that is not given."""
    if not isinstance(container, (list, str)):
        raise ExpressionError(f"cannot slice {type_of(container)}")
    length = govalues.size(container) if isinstance(container, str) else len(container)
    first = integer(start) if start is not None else 0
    last = integer(end) if end is not None else length
    first = max(first + length, 0) if first < 0 else first
    last = min(max(last + length, 0) if last < 0 else last, length)
    first = min(first, last)
    if isinstance(container, str):
        return govalues.sliced(container, first, last)
    kind = list if isinstance(container, Pair) else type(container)
    return kind(container[first:last])


def ordered(items: list[Any], keys: list[Any], *, descending: bool) -> list[Any]:
    """Return items in the order of their keys.

    Raises:
        ExpressionError: two keys cannot be compared.
    """
    positions = list(range(len(items)))
    kinds = set(map(type, keys))
    if kinds == {str} or (kinds <= NUMBERS and not any(key != key for key in keys)):  # noqa: PLR0124
        positions.sort(key=keys.__getitem__, reverse=descending)
    else:
        sign = -1 if descending else 1

        def compare(left: int, right: int) -> int:
            if less(keys[left], keys[right]):
                return -sign
            return sign if less(keys[right], keys[left]) else 0

        positions.sort(key=cmp_to_key(compare))
    return [items[position] for position in positions]
