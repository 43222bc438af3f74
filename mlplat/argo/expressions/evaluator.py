"""Evaluates the tree of an expression.

A tree is turned once into nested closures; each takes a :class:`Frame` and yields a value. Values are those of Go's
``any``: text, int, float (float64: every number that came from JSON), bool, None (nil), lists, mappings, functions.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mlplat.argo.expressions import syntax
from mlplat.argo.expressions.functions import BUILTINS, type_name
from mlplat.argo.expressions.syntax import ExpressionError


@dataclass(frozen=True, slots=True)
class Frame:
    """What names mean at one place of an expression."""

    names: Mapping[str, Any]
    element: Any = None
    index: int = 0
    accumulator: Any = None


Evaluator = Callable[[Frame], Any]


def evaluate(root: syntax.Node, environment: Mapping[str, Any]) -> Any:
    """Evaluate an expression.

    Args:
        root: the tree, from :func:`mlplat.argo.expressions.syntax.parse`.
        environment: variables and functions by name.

    Returns:
        The value.

    Raises:
        ExpressionError: a name is unknown, or an operation isn't defined for its operands.
    """
    try:
        return _compile(root)(Frame(environment))
    except ExpressionError:
        raise
    except RecursionError:
        raise ExpressionError("expression is nested too deeply") from None
    except (ArithmeticError, LookupError, TypeError, ValueError, re.error) as error:
        raise ExpressionError(str(error)) from error


@lru_cache(maxsize=4096)
def _compile(node: syntax.Node) -> Evaluator:  # noqa: C901
    match node:
        case syntax.Literal(value):
            return lambda _: value
        case syntax.Identifier(name):
            return _identifier(name)
        case syntax.Pointer(name):
            return _pointer(name)
        case syntax.Member():
            return _member(node)
        case syntax.Slice():
            return _slice(node)
        case syntax.Chain(body):
            return _chain(_compile(body))
        case syntax.Call():
            return _call(node)
        case syntax.Builtin():
            return _builtin(node)
        case syntax.Predicate(body):
            return _compile(body)
        case syntax.Unary(operator, operand):
            return _unary(operator, _compile(operand))
        case syntax.Binary():
            return _binary(node)
        case syntax.Conditional(condition, then, otherwise):
            return _conditional(_compile(condition), _compile(then), _compile(otherwise))
        case syntax.Array(items):
            parts = [_compile(item) for item in items]
            return lambda frame: [part(frame) for part in parts]
        case syntax.Map(pairs):
            members = [(_compile(key), _compile(value)) for key, value in pairs]
            return lambda frame: {_map_key(key(frame)): value(frame) for key, value in members}
        case syntax.Let():
            return _let(node)
        case syntax.Sequence(items):
            steps = [_compile(item) for item in items]
            return lambda frame: [step(frame) for step in steps][-1]
    raise AssertionError(f"no evaluator for {type(node).__name__}")


def _map_key(key: Any) -> str:
    if not isinstance(key, str):
        raise ExpressionError(f"cannot use {type_name(key)} as a key of map[string]any")
    return key


def _identifier(name: str) -> Evaluator:
    def run(frame: Frame) -> Any:
        try:
            return frame.names[name]
        except KeyError:
            raise ExpressionError(f"unknown name {name}") from None

    return run


def _pointer(name: str) -> Evaluator:
    if name == "":
        return lambda frame: frame.element
    if name == "index":
        return lambda frame: frame.index
    if name == "acc":
        return lambda frame: frame.accumulator
    raise ExpressionError(f"unknown pointer #{name}")


class _BrokenChainError(Exception):
    """An optional chain met nil."""


def _chain(body: Evaluator) -> Evaluator:
    def run(frame: Frame) -> Any:
        try:
            return body(frame)
        except _BrokenChainError:
            return None

    return run


def _member(node: syntax.Member) -> Evaluator:
    target, key, optional = _compile(node.target), _compile(node.key), node.optional

    def run(frame: Frame) -> Any:
        container = target(frame)
        if container is None and optional:
            raise _BrokenChainError
        return fetch(container, key(frame))

    return run


def fetch(container: Any, key: Any) -> Any:
    """Return ``container[key]``: nil for a key that a mapping lacks, an error beyond the end of a list."""
    if isinstance(container, Mapping):
        return container.get(key)
    if isinstance(container, (list, str)):
        position = _integer(key)
        length = len(container)
        if position < 0:
            position += length
        if not 0 <= position < length:
            raise ExpressionError(f"index out of range: {position} (array length is {length})")
        found = container[position]
        return ord(found) if isinstance(container, str) else found
    raise ExpressionError(f"cannot fetch {key} from {type_name(container)}")


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ExpressionError(f"invalid operation: int({type_name(value)})")
    return int(value)


def _slice(node: syntax.Slice) -> Evaluator:
    target = _compile(node.target)
    start = _compile(node.start) if node.start else None
    end = _compile(node.end) if node.end else None

    def run(frame: Frame) -> Any:
        container = target(frame)
        if not isinstance(container, (list, str)):
            raise ExpressionError(f"cannot slice {type_name(container)}")
        length = len(container)
        first = _integer(start(frame)) if start else 0
        last = _integer(end(frame)) if end else length
        first = max(first + length, 0) if first < 0 else first
        last = min(max(last + length, 0) if last < 0 else last, length)
        return container[min(first, last) : last]

    return run


def _call(node: syntax.Call) -> Evaluator:
    callee = _compile(node.callee)
    arguments = [_compile(argument) for argument in node.arguments]

    def run(frame: Frame) -> Any:
        function = callee(frame)
        if not callable(function):
            raise ExpressionError(f"{type_name(function)} is not callable")
        return function(*(argument(frame) for argument in arguments))

    return run


def _builtin(node: syntax.Builtin) -> Evaluator:
    if node.name in syntax.PREDICATES:
        return _predicate_builtin(node)
    function = BUILTINS.get(node.name)
    if function is None:
        raise ExpressionError(f"function {node.name} is not supported")
    known = function
    arguments = [_compile(argument) for argument in node.arguments]
    return lambda frame: known(*(argument(frame) for argument in arguments))


def _predicate_builtin(node: syntax.Builtin) -> Evaluator:
    items = _compile(node.arguments[0])
    predicate = _compile(node.arguments[1]) if len(node.arguments) > 1 else None
    extra = _compile(node.arguments[2]) if len(node.arguments) > 2 else None
    finish = _PREDICATE_BUILTINS[node.name]

    def run(frame: Frame) -> Any:
        values = items(frame)
        if isinstance(values, Mapping):
            values = list(values.values())
        if not isinstance(values, (list, tuple)):
            raise ExpressionError(f"builtin {node.name} cannot iterate over {type_name(values)}")
        if node.name == "reduce":
            return _reduce(frame, values, predicate, extra)

        def test(index: int) -> Any:
            element = values[index]
            return (
                element
                if predicate is None
                else predicate(Frame(frame.names, element, index, frame.accumulator))
            )

        return finish(values, test, extra(frame) if extra else None)

    return run


def _reduce(
    frame: Frame, values: Sequence[Any], predicate: Evaluator | None, initial: Evaluator | None
) -> Any:
    assert predicate is not None
    if initial is not None:
        accumulator, first = initial(frame), 0
    elif values:
        accumulator, first = values[0], 1
    else:
        raise ExpressionError("reduce of an empty array with no initial value")
    for index in range(first, len(values)):
        accumulator = predicate(Frame(frame.names, values[index], index, accumulator))
    return accumulator


Test = Callable[[int], Any]


def _find(order: Callable[[int], range], *, position: bool) -> Callable[[Sequence[Any], Test, Any], Any]:
    def run(values: Sequence[Any], test: Test, _: Any) -> Any:
        for index in order(len(values)):
            if _truth(test(index)):
                return index if position else values[index]
        return -1 if position else None

    return run


def _group_by(values: Sequence[Any], test: Test, _: Any) -> dict[Any, list[Any]]:
    groups: dict[Any, list[Any]] = {}
    for index, value in enumerate(values):
        groups.setdefault(test(index), []).append(value)
    return groups


def _sort_by(values: Sequence[Any], test: Test, order: Any) -> list[Any]:
    keys = [test(index) for index in range(len(values))]
    positions = sorted(range(len(values)), key=keys.__getitem__, reverse=order == "desc")
    return [values[position] for position in positions]


def _total(values: Sequence[Any], test: Test, _: Any) -> Any:
    total: Any = 0
    for index in range(len(values)):
        total = add(total, test(index))
    return total


_PREDICATE_BUILTINS: dict[str, Callable[[Sequence[Any], Test, Any], Any]] = {
    "all": lambda values, test, _: all(_truth(test(index)) for index in range(len(values))),
    "none": lambda values, test, _: not any(_truth(test(index)) for index in range(len(values))),
    "any": lambda values, test, _: any(_truth(test(index)) for index in range(len(values))),
    "one": lambda values, test, _: sum(_truth(test(index)) for index in range(len(values))) == 1,
    "filter": lambda values, test, _: [value for index, value in enumerate(values) if _truth(test(index))],
    "map": lambda values, test, _: [test(index) for index in range(len(values))],
    "find": _find(range, position=False),
    "findIndex": _find(range, position=True),
    "findLast": _find(lambda length: range(length - 1, -1, -1), position=False),
    "findLastIndex": _find(lambda length: range(length - 1, -1, -1), position=True),
    "count": lambda values, test, _: sum(_truth(test(index)) for index in range(len(values))),
    "sum": _total,
    "groupBy": _group_by,
    "sortBy": _sort_by,
    "reduce": _total,
}


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ExpressionError(f"invalid operation: {type_name(value)} is not a bool")
    return value


def _unary(operator: str, operand: Evaluator) -> Evaluator:
    if operator in ("not", "!"):
        return lambda frame: not _truth(operand(frame))
    sign = -1 if operator == "-" else 1

    def run(frame: Frame) -> Any:
        value = operand(frame)
        if not _is_number(value):
            raise ExpressionError(f"invalid operation: {operator} {type_name(value)}")
        return sign * value

    return run


def _conditional(condition: Evaluator, then: Evaluator, otherwise: Evaluator) -> Evaluator:
    return lambda frame: then(frame) if _truth(condition(frame)) else otherwise(frame)


def _let(node: syntax.Let) -> Evaluator:
    value, body, name = _compile(node.value), _compile(node.body), node.name

    def run(frame: Frame) -> Any:
        names = {**frame.names, name: value(frame)}
        return body(Frame(names, frame.element, frame.index, frame.accumulator))

    return run


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def add(left: Any, right: Any) -> Any:
    """Return ``left + right``: numbers are added, texts joined, anything else is an error."""
    if _is_number(left) and _is_number(right):
        return left + right
    if isinstance(left, str) and isinstance(right, str):
        return left + right
    raise _mismatch("+", left, right)


def _mismatch(operator: str, left: Any, right: Any) -> ExpressionError:
    return ExpressionError(f"invalid operation: {type_name(left)} {operator} {type_name(right)}")


def _numbers(operator: str, compute: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def run(left: Any, right: Any) -> Any:
        if not (_is_number(left) and _is_number(right)):
            raise _mismatch(operator, left, right)
        return compute(left, right)

    return run


def _divide(left: Any, right: Any) -> float:
    if right == 0:
        return (
            math.nan
            if left == 0 or math.isnan(left)
            else math.copysign(math.inf, left) * math.copysign(1.0, right)
        )
    return float(left / right)


def _remainder(left: Any, right: Any) -> int:
    if not (isinstance(left, int) and isinstance(right, int)):
        raise _mismatch("%", left, right)
    if right == 0:
        raise ExpressionError("integer divide by zero")
    return (
        int(math.fmod(left, right))
        if max(abs(left), abs(right)) < 2**53
        else left - right * int(left / right)
    )


def _compare(operator: str, compute: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def run(left: Any, right: Any) -> bool:
        if (_is_number(left) and _is_number(right)) or (isinstance(left, str) and isinstance(right, str)):
            return compute(left, right)
        raise _mismatch(operator, left, right)

    return run


def equal(left: Any, right: Any) -> bool:
    """Return ``left == right``: numbers by value, everything else only with its own kind."""
    if _is_number(left) and _is_number(right):
        return bool(left == right)
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
    return type(left) is type(right) and bool(left == right)


def contains(container: Any, needle: Any) -> bool:
    """Return ``needle in container`` for a list (elements) or a mapping (keys)."""
    if container is None:
        return False
    if isinstance(container, Mapping):
        return needle in container
    if isinstance(container, (list, tuple)):
        return any(equal(item, needle) for item in container)
    raise ExpressionError(f'operator "in" not defined on {type_name(container)}')


def _texts(operator: str, compute: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    def run(left: Any, right: Any) -> bool:
        if left is None or right is None:
            return False
        if not (isinstance(left, str) and isinstance(right, str)):
            raise _mismatch(operator, left, right)
        return compute(left, right)

    return run


def _range(left: Any, right: Any) -> list[int]:
    return list(range(_integer(left), _integer(right) + 1))


_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": add,
    "-": _numbers("-", lambda left, right: left - right),
    "*": _numbers("*", lambda left, right: left * right),
    "/": _numbers("/", _divide),
    "%": _remainder,
    "**": _numbers("**", math.pow),
    "^": _numbers("^", math.pow),
    "<": _compare("<", lambda left, right: left < right),
    "<=": _compare("<=", lambda left, right: left <= right),
    ">": _compare(">", lambda left, right: left > right),
    ">=": _compare(">=", lambda left, right: left >= right),
    "in": lambda left, right: contains(right, left),
    "contains": _texts("contains", lambda left, right: right in left),
    "startsWith": _texts("startsWith", str.startswith),
    "endsWith": _texts("endsWith", str.endswith),
    "matches": _texts("matches", lambda left, right: re.search(right, left) is not None),
    "..": _range,
}


def _binary(node: syntax.Binary) -> Evaluator:
    left, right, operator = _compile(node.left), _compile(node.right), node.operator
    if operator in ("&&", "and"):
        return lambda frame: _truth(left(frame)) and _truth(right(frame))
    if operator in ("||", "or"):
        return lambda frame: _truth(left(frame)) or _truth(right(frame))
    if operator == "??":
        return lambda frame: right(frame) if (value := left(frame)) is None else value
    if operator in ("==", "!="):
        return _equality(node, left, right, negate=operator == "!=")
    compute = _OPERATORS[operator]
    return lambda frame: compute(left(frame), right(frame))


def _equality(node: syntax.Binary, left: Evaluator, right: Evaluator, *, negate: bool) -> Evaluator:
    typed = _typed(node.left) and _typed(node.right)

    def run(frame: Frame) -> bool:
        first, second = left(frame), right(frame)
        if typed and not _comparable(first, second):
            raise ExpressionError(
                f"invalid operation: {node.operator} "
                f"(mismatched types {type_name(first)} and {type_name(second)})"
            )
        return equal(first, second) is not negate

    return run


def _comparable(left: Any, right: Any) -> bool:
    both_numbers = _is_number(left) and _is_number(right)
    return left is None or right is None or both_numbers or type_name(left) == type_name(right)


_TYPED_BUILTINS = frozenset(
    [
        "len",
        "type",
        "ceil",
        "floor",
        "round",
        "int",
        "float",
        "string",
        "trim",
        "trimPrefix",
        "trimSuffix",
        "upper",
        "lower",
        "split",
        "replace",
        "repeat",
        "join",
        "indexOf",
        "lastIndexOf",
        "hasPrefix",
        "hasSuffix",
        "toJSON",
        "toBase64",
        "fromBase64",
        "all",
        "none",
        "any",
        "one",
        "count",
    ]
)


def _typed(node: syntax.Node) -> bool:
    """Whether expr's checker knows the type before it runs, and so refuses to compare it with another."""
    match node:
        case syntax.Literal() | syntax.Identifier():
            return True
        case syntax.Builtin(name, _):
            return name in _TYPED_BUILTINS
        case syntax.Binary(operator, left, right):
            return operator not in ("??", "+", "-", "*") or (
                operator != "??" and _typed(left) and _typed(right)
            )
        case syntax.Unary(operator, operand):
            return operator in ("not", "!") or _typed(operand)
        case _:
            return False
