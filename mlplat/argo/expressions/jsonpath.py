"""JSONPath as Argo's ``jsonpath`` function reads it: the package github.com/evilmonkeyinc/jsonpath, 0.8.1.

It takes members, indexes, ranges, unions, ``*``, ``..``, ``length``, filters (``[?(@.n=="B")]``) and scripts
(``[(@.length-1)]``). Some of what it makes of unusual paths is odd; the tests compare it with the package itself.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from mlplat.argo import goregexp, gotext, govalues
from mlplat.argo.expressions import budget
from mlplat.argo.expressions.syntax import ExpressionError
from mlplat.argo.gonumbers import parse_float, parse_int
from mlplat.argo.govalues import Int64


class _PathError(ExpressionError):
    """A path cannot be read, or selects nothing."""


def query(document: Any, path: str) -> Any:
    """Return what a path selects.

    Args:
        document: decoded JSON.
        path: such as ``$.items[0].name`` or ``$.items[?(@.ready==true)].name``.

    Returns:
        The value; a list of values when the path can select several.

    Raises:
        ExpressionError: the path cannot be read, or names what is not there.
    """
    try:
        steps = _steps(path)
    except _PathError as error:
        raise ExpressionError(f"invalid JSONPath selector '{path}' {error}") from None
    return _apply(steps, 0, document, document)


class _Step:
    """One part of a path."""

    single = False
    """Whether it selects by one index, and so is applied to all that the part before it selected at once."""

    def apply(self, root: Any, current: Any, rest: tuple[_Step, ...]) -> Any:
        raise NotImplementedError


def _apply(steps: tuple[_Step, ...], position: int, root: Any, current: Any) -> Any:
    return _go_on(steps[position:], root, current)


def _go_on(rest: tuple[_Step, ...], root: Any, value: Any) -> Any:
    return rest[0].apply(root, value, rest[1:]) if rest else value


def _tried(rest: tuple[_Step, ...], root: Any, value: Any) -> Any:
    try:
        return _go_on(rest, root, value)
    except _PathError:
        return None


def _each(rest: tuple[_Step, ...], root: Any, values: list[Any]) -> list[Any]:
    """Return what the rest of a path selects in each of some values; the values themselves where it ends."""
    if not rest:
        return values
    results = [_tried(rest, root, value) for value in values]
    return [result for result in results if not govalues.is_nil(result)]


def _children(value: Any) -> list[Any] | None:
    if isinstance(value, Mapping):
        return [value[key] for key in sorted(value)]
    return list(value) if isinstance(value, list) else None


def _wrong(what: str, value: Any) -> _PathError:
    return _PathError(f"{what}: invalid token target. got [{gotext.sprint(govalues.kind_of(value))}]")


class _Root(_Step):
    def apply(self, root: Any, current: Any, rest: tuple[_Step, ...]) -> Any:
        del current
        return _go_on(rest, root, root)


class _Current(_Step):
    def apply(self, root: Any, current: Any, rest: tuple[_Step, ...]) -> Any:
        return _go_on(rest, root, current)


class _Key(_Step):
    def __init__(self, key: str) -> None:
        self.key = key

    def apply(self, root: Any, current: Any, rest: tuple[_Step, ...]) -> Any:
        if not isinstance(current, Mapping):
            raise _wrong("key", current)
        if self.key not in current:
            raise _PathError(f"key: invalid token key '{self.key}' not found")
        return _go_on(rest, root, current[self.key])


class _Index(_Step):
    single = True

    def __init__(self, index: int) -> None:
        self.index = index

    def apply(self, root: Any, current: Any, rest: tuple[_Step, ...]) -> Any:
        if not isinstance(current, list):
            raise _wrong("index", current)
        index = self.index + len(current) if self.index < 0 else self.index
        if not 0 <= index < len(current):
            raise _PathError("index: invalid token out of range")
        return _go_on(rest, root, current[index])


class _Length(_Step):
    def apply(self, root: Any, current: Any, rest: tuple[_Step, ...]) -> Any:
        if isinstance(current, Mapping):
            length: Any = current["length"] if "length" in current else Int64(len(current))
        elif isinstance(current, (list, str)):
            length = Int64(govalues.size(current) if isinstance(current, str) else len(current))
        else:
            raise _wrong("length", current)
        return _go_on(rest, root, length)


class _Wildcard(_Step):
    def apply(self, root: Any, current: Any, rest: tuple[_Step, ...]) -> Any:
        values = _children(current)
        if values is None:
            raise _wrong("wildcard", current)
        return _each(rest, root, values)


class _Recursive(_Step):
    def apply(self, root: Any, current: Any, rest: tuple[_Step, ...]) -> Any:
        hits: list[Any] = []
        self.collect(root, current, rest, hits)
        return hits

    def collect(self, root: Any, current: Any, rest: tuple[_Step, ...], hits: list[Any]) -> None:
        if current is None:
            return
        result = _tried(rest, root, current) if rest else [current]
        if isinstance(result, list):
            hits.extend(result)
        elif result is not None:
            hits.append(result)
        budget.list_of(len(hits))
        for child in _children(current) or ():
            self.collect(root, child, rest, hits)


class _Range(_Step):
    def __init__(self, start: Any, end: Any, step: Any) -> None:
        self.start, self.end, self.step = start, end, step

    def apply(self, root: Any, current: Any, rest: tuple[_Step, ...]) -> Any:
        if not isinstance(current, list):
            raise _wrong("range", current)
        length = len(current)

        def bound(argument: Any, default: int) -> int:
            if argument is None:
                return default
            position = _whole(argument, root, current, "range")
            return min(max(position + length if position < 0 else position, 0), length)

        first, last = bound(self.start, 0), bound(self.end, length)
        step = 1 if self.step is None else _whole(self.step, root, current, "range")
        if step == 0:
            raise _PathError("range: invalid token out of range")
        positions = range(last - 1, first - 1, step) if step < 0 else range(first, last, step)
        return _several(rest, root, [current[position] for position in positions])


def _several(rest: tuple[_Step, ...], root: Any, values: list[Any]) -> Any:
    if rest and rest[0].single:
        return _go_on(rest, root, values)
    return _each(rest, root, values)


def _integer(value: Any) -> int | None:
    if isinstance(value, (bool, govalues.Uint8)):
        return None
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if math.isinf(value):
            return govalues.truncated(value)
        return govalues.truncated(value) if value.is_integer() else None
    return None


def _whole(argument: Any, root: Any, current: Any, what: str) -> int:
    value = argument.evaluate(root, current) if isinstance(argument, _Script) else argument
    number = _integer(value)
    if number is None:
        raise _PathError(f"{what}: invalid token argument. expected [int] got [{govalues.kind_of(value)}]")
    return number


class _Union(_Step):
    def __init__(self, arguments: list[Any]) -> None:
        self.arguments = arguments

    def apply(self, root: Any, current: Any, rest: tuple[_Step, ...]) -> Any:
        keys: list[str] = []
        positions: list[int] = []
        for argument in self.arguments:
            value = argument.evaluate(root, current) if isinstance(argument, _Script) else argument
            number = _integer(value)
            if isinstance(value, str):
                keys.append(value)
            elif number is not None:
                positions.append(number)
            else:
                raise _PathError("union: invalid token argument")
            if keys and positions:
                raise _PathError("union: invalid token argument")
        if keys:
            if not isinstance(current, Mapping):
                raise _wrong("union", current)
            return _several(rest, root, [current[key] for key in keys if key in current])
        if not isinstance(current, list):
            raise _wrong("union", current)
        length = len(current)
        found = [current[at] for at in positions if -length <= at < length]
        return _several(rest, root, found)


class _Filter(_Step):
    def __init__(self, script: _Script) -> None:
        self.script = script

    def apply(self, root: Any, current: Any, rest: tuple[_Step, ...]) -> Any:
        if self.script.text == "":
            raise _PathError("invalid expression. is empty")
        values = _children(current)
        if values is None:
            raise _wrong("filter", current)
        kept = [value for value in values if self.keeps(root, value)]
        if rest and rest[0].single:
            return rest[0].apply(current, kept, rest[1:])
        return _each(rest, root, kept)

    def keeps(self, root: Any, value: Any) -> bool:
        try:
            result = self.script.evaluate(root, value)
        except _PathError:
            return False
        if isinstance(result, str):
            if len(result) > 1 and result[0] == result[-1] and result[0] in "'\"":
                result = result[1:-1]
            return result != ""
        if isinstance(result, (list, Mapping)):
            return len(result) > 0
        return result is not None and result is not False


class _Scripted(_Step):
    """A key or index that a script computes."""

    def __init__(self, script: _Script) -> None:
        self.script = script

    def apply(self, root: Any, current: Any, rest: tuple[_Step, ...]) -> Any:
        if self.script.text == "":
            raise _PathError("invalid expression. is empty")
        value = self.script.evaluate(root, current)
        if isinstance(value, str):
            return _Key(value).apply(root, current, rest)
        number = _integer(value)
        if number is None:
            raise _PathError("unexpected expression result")
        return _Index(number).apply(root, current, rest)


@lru_cache(maxsize=512)
def _steps(path: str) -> tuple[_Step, ...]:
    return tuple(_step(token) for token in _tokens(path))


def _tokens(path: str) -> list[str]:  # noqa: C901
    """Split a path into its parts, as the package's ``Tokenize`` does."""
    if path == "":
        raise _PathError("unexpected part '' at index 0")
    tokens: list[str] = []
    part = ""
    quotes = script_open = script_close = open_count = close_count = 0
    for index, character in enumerate(path):
        if part == "":
            quotes = script_open = script_close = 0
        quotes += character == "'"
        script_open += character == "("
        script_close += character == ")"
        open_count += character == "["
        close_count += character == "]"
        part += character
        if index == 0:
            if part not in ("$", "@"):
                raise _PathError(f"unexpected part '{character}' at index 0")
            if len(path) > 1 and path[1] not in ".[":
                raise _PathError(f"unexpected part '{path[1]}' at index 1")
            tokens.append(part)
            part = ""
        elif part == ".":
            continue
        elif part == "..":
            tokens.append(part)
            part = ""
        elif character == "[":
            if part in ("[", ".[") or part.count("[") > 1:
                continue
            tokens.append(part[1:-1] if part[0] == "." else part[:-1])
            part = "["
        elif "[" in part:
            if quotes % 2 == 1 or script_open != script_close:
                continue
            if character == "]" and open_count == close_count:
                tokens.append(part.removeprefix("."))
                part = ""
        elif character == ".":
            if quotes % 2 == 1 or script_open != script_close:
                continue
            tokens.append(part[1:-1] if part[0] == "." else part[:-1])
            part = "."
    if part:
        tokens.append(part.removeprefix("."))
    return tokens


_FIXED: dict[str, Callable[[], _Step]] = {
    "$": _Root,
    "@": _Current,
    "*": _Wildcard,
    "..": _Recursive,
    "length": _Length,
}
_SPACE = " \t\n\v\f\r\x85\xa0"


def _invalid(token: str) -> _PathError:
    return _PathError(f"invalid token. '{token}' does not match any token format")


def _is_script(text: str) -> bool:
    return len(text) > 2 and text[0] == "(" and text[-1] == ")"


def _is_key(text: str) -> bool:
    return len(text) > 1 and text[0] == text[-1] and text[0] in "'\""


def _step(text: str) -> _Step:
    token = text.strip(_SPACE)
    if token == "":
        raise _PathError("invalid token. token string is empty")
    if token in _FIXED:
        return _FIXED[token]()
    if token[0] != "[":
        return _Key(token)
    if token[-1] != "]":
        raise _invalid(token)
    subscript = token[1:-1].strip(_SPACE)
    if subscript == "":
        raise _invalid(token)
    if subscript == "*":
        return _Wildcard()
    if subscript[0] == "?":
        if not subscript.startswith("?(") or not subscript.endswith(")"):
            raise _invalid(token)
        return _Filter(_Script(subscript[2:-1].strip(_SPACE)))
    return _subscript(token, _arguments(token, subscript))


def _number(text: str) -> Any:
    digits = text[1:] if text[:1] in ("+", "-") else text
    if digits.isascii() and digits.isdigit():
        number = int(text)
        if number == govalues.wrapped(number):
            return number
    return text


class _Mark(str):
    """A colon or comma between the arguments of a subscript."""

    __slots__ = ()


def _arguments(token: str, subscript: str) -> list[Any]:  # noqa: C901
    """Read what stands between brackets, as the package's ``Parse`` does."""
    arguments: list[Any] = []
    buffer = ""
    opened = closed = 0
    quote = ""
    for index, character in enumerate(subscript):
        buffer += character
        if character == " ":
            if not quote and opened == closed:
                buffer = buffer.strip(_SPACE)
        elif character == "(":
            opened += not quote
        elif character == ")":
            closed += 1
            if opened == closed:
                if not _is_script(buffer):
                    raise _PathError(f"invalid expression. invalid format '{buffer}'")
                arguments.append(buffer)
                buffer = ""
        elif character in "'\"":
            if (quote and quote != character) or opened != closed:
                continue
            if len(buffer) > 1 and buffer[-2] == "\\":
                buffer = buffer[:-2] + character
                continue
            if not quote:
                if buffer != character:
                    raise _invalid(token)
                quote = character
            else:
                if not _is_key(buffer):
                    raise _invalid(token)
                quote = ""
                arguments.append(buffer)
                buffer = ""
        elif character in ":,":
            if quote or opened != closed:
                continue
            given = buffer[:-1]
            if given:
                value = _number(given)
                if character == ":" and isinstance(value, str):
                    raise _invalid(token)
                arguments.append(value)
            elif character == ":" and index == 0:
                arguments.append(None)
            arguments.append(_Mark(character))
            buffer = ""
    if buffer:
        arguments.append(_number(buffer))
    return arguments


def _subscript(token: str, arguments: list[Any]) -> _Step:  # noqa: C901
    if len(arguments) == 1:
        only = arguments[0]
        if isinstance(only, str):
            if _is_key(only):
                return _Key(only[1:-1])
            if _is_script(only):
                return _Scripted(_Script(only[1:-1]))
        elif isinstance(only, int):
            return _Index(only)
        raise _invalid(token)
    colons = commas = 0
    elements: list[Any] = []
    after_colon = False
    for argument in arguments:
        if argument == ":":
            colons += 1
            if after_colon:
                elements.append(None)
            after_colon = True
            continue
        if argument == ",":
            commas += 1
        else:
            elements.append(argument)
        after_colon = False
    if (colons and commas) or not (colons or commas):
        raise _invalid(token)
    if commas:
        if commas >= len(elements):
            raise _invalid(token)
        return _Union([_union_argument(token, argument) for argument in elements])
    if colons > 2:
        raise _invalid(token)
    if colons == 1 and len(elements) == 1:
        elements.append(None)
    if len(elements) < 2:
        raise _invalid(token)
    bounds = [_range_argument(argument) for argument in elements]
    return _Range(bounds[0], bounds[1], bounds[2] if len(bounds) > 2 else None)


def _union_argument(token: str, argument: Any) -> Any:
    if isinstance(argument, str):
        if _is_script(argument):
            return _Script(argument[1:-1])
        if _is_key(argument):
            return argument[1:-1]
    elif argument is not None:
        return argument
    raise _invalid(token)


def _range_argument(argument: Any) -> Any:
    if not isinstance(argument, str):
        return argument
    if not _is_script(argument):
        raise _PathError(f"invalid expression. invalid format '{argument}'")
    return _Script(argument[1:-1])


_OPERATORS = (
    "||",
    "&&",
    "==",
    "!=",
    "<=",
    ">=",
    "<",
    ">",
    "=~",
    "!",
    "+",
    "-",
    "**",
    "*",
    "/",
    "%",
    "not in",
    "in",
    "@",
    "$",
)


class _Operation:
    """An operator of a script, with its operands: operations, paths, or what stands there as a string."""

    def __init__(self, operator: str, left: Any, right: Any) -> None:
        self.operator, self.left, self.right = operator, left, right

    def evaluate(self, parameters: Mapping[str, Any]) -> Any:
        return _OPERATIONS[self.operator](self.left, self.right, parameters)


class _Selector:
    """A path within a script."""

    def __init__(self, path: str) -> None:
        self.steps = _steps(path)

    def evaluate(self, parameters: Mapping[str, Any]) -> Any:
        value = _go_on(self.steps, parameters["$"], parameters["@"])
        return _quoted(value) if isinstance(value, str) else value


def _is_quoted(text: str) -> bool:
    return len(text) > 1 and text[0] == "'" and text[-1] == "'"


def _quoted(text: str) -> str:
    return text if _is_quoted(text) else f"'{text}'"


class _Script:
    """An expression in parentheses."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.operation = _operation(text, _OPERATORS)

    def evaluate(self, root: Any, current: Any) -> Any:
        if self.text == "":
            raise _PathError("invalid expression. is empty")
        parameters = {"$": root, "@": current, "nil": None, "null": None}
        if self.operation is not None:
            return self.operation.evaluate(parameters)
        if self.text in parameters:
            return parameters[self.text]
        for read in (_as_number, _as_boolean):
            try:
                return read(self.text, parameters)
            except _PathError:
                continue
        return self.text


def _operation(text: str, operators: tuple[str, ...]) -> Any:
    """Read a script: its operators are looked for one after the other, each from the left."""
    while True:
        text = text.strip(_SPACE)
        if text == "":
            return None
        operator = operators[0]
        if text[0] == "(" and text[-1] == ")":
            text = text[1:-1].strip(_SPACE)
            operators = ("", *_OPERATORS)
        position = _unquoted(text, operator)
        if position >= 0:
            right = text[position + len(operator) :].strip(_SPACE)
            left = text[:position].strip(_SPACE)
            path = operator in ("@", "$")
            second = _operand(right, operators) if right or path else None
            if (right or path) and (left or path or operator == "!"):
                first = _operand(left, operators)
                if path and first is None:
                    return _Selector(text)
                if not path and not (operator == "!" and first is not None):
                    return _Operation(operator, first, second)
        if len(operators) == 1:
            return None
        operators = operators[1:]


def _operand(text: str, operators: tuple[str, ...]) -> Any:
    operation = _operation(text, operators)
    if operation is not None:
        return operation
    return text.strip(_SPACE) or None


def _unquoted(text: str, operator: str) -> int:
    """Return where an operator stands outside of quotes and brackets, -1 where it does not."""
    single = double = False
    square = round_ = 0
    for index, character in enumerate(text):
        if character in "()":
            if single or double or square > 0:
                continue
            round_ += 1 if character == "(" else -1
        elif character in "[]":
            if single or double or round_ > 0:
                continue
            square += 1 if character == "[" else -1
        elif character == "'":
            if double or square > 0 or round_ > 0:
                continue
            single = not single
        elif character == '"':
            if single or square > 0 or round_ > 0:
                continue
            double = not double
        if single or double or square > 0 or round_ > 0 or len(operator) > index + 1:
            continue
        start = index + 1 - len(operator)
        if text[start : index + 1] == operator:
            return start
    return -1


def _value(argument: Any, parameters: Mapping[str, Any]) -> Any:
    if isinstance(argument, (_Operation, _Selector)):
        argument = argument.evaluate(parameters)
    if isinstance(argument, str) and argument in parameters:
        return parameters[argument]
    return argument


def _as_number(argument: Any, parameters: Mapping[str, Any]) -> float:
    if argument is None:
        raise _PathError("invalid argument. is nil")
    try:
        return parse_float(gotext.sprint(_value(argument, parameters)))
    except ValueError:
        raise _PathError("invalid argument. expected number") from None


def _as_integer(argument: Any, parameters: Mapping[str, Any]) -> int:
    if argument is None:
        raise _PathError("invalid argument. is nil")
    try:
        return parse_int(gotext.sprint(_value(argument, parameters)))
    except ValueError:
        raise _PathError("invalid argument. expected integer") from None


_BOOLEANS = {
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), False),
}


def _as_boolean(argument: Any, parameters: Mapping[str, Any]) -> bool:
    value = _value(argument, parameters) if argument is not None else None
    if value is None:
        return False
    known = _BOOLEANS.get(gotext.sprint(value))
    if known is None:
        raise _PathError("invalid argument. expected boolean")
    return known


def _as_string(argument: Any, parameters: Mapping[str, Any]) -> str:
    if argument is None:
        raise _PathError("invalid argument. is nil")
    if isinstance(argument, (_Operation, _Selector)):
        argument = argument.evaluate(parameters)
    if isinstance(argument, str):
        if argument in parameters:
            argument = parameters[argument]
            if isinstance(argument, str):
                double = len(argument) > 1 and argument[0] == argument[-1] == '"'
                return _quoted(argument[1:-1] if double and not _is_quoted(argument) else argument)
        else:
            if len(argument) > 1 and argument[0] == argument[-1] == '"':
                return f"'{argument[1:-1]}'"
            return argument
    return gotext.sprint(argument)


def _equal(left: Any, right: Any, parameters: Mapping[str, Any]) -> bool:
    try:
        return _as_number(left, parameters) == _as_number(right, parameters)
    except _PathError:
        return _as_string(left, parameters) == _as_string(right, parameters)


def _matches(left: Any, right: Any, parameters: Mapping[str, Any]) -> bool:
    text, pattern = (
        one[1:-1] if _is_quoted(one) else one
        for one in (_as_string(left, parameters), _as_string(right, parameters))
    )
    try:
        return goregexp.search(pattern, text)
    except goregexp.MissingEngineError as error:
        raise budget.of_pattern(error) from None
    except goregexp.RegexpError as error:
        raise _PathError(f"invalid argument. expected a valid regexp: {error}") from None


def _elements(argument: Any, parameters: Mapping[str, Any]) -> list[Any]:
    if argument is None:
        raise _PathError("invalid argument. is nil")
    value = _value(argument, parameters)
    if isinstance(value, str) and value[:1] + value[-1:] in ("{}", "[]"):
        try:
            value = json.loads(value, parse_int=float)
        except (ValueError, RecursionError):
            raise _PathError("invalid argument") from None
    if isinstance(value, Mapping):
        return list(value.values())
    if not isinstance(value, list):
        raise _PathError("invalid argument. expected array, map, or slice")
    return value


def _is_in(left: Any, right: Any, parameters: Mapping[str, Any]) -> bool:
    item: Any = left
    for read in (_as_number, _as_string, _as_boolean):
        try:
            item = read(left, parameters)
            break
        except _PathError:
            continue
    for element in _elements(right, parameters):
        if isinstance(element, (list, Mapping)):
            if isinstance(item, (list, Mapping)):
                raise ExpressionError("runtime error: comparing uncomparable type")
            continue
        if type(element) is type(item) and element == item:
            return True
    return False


def _numeric(compute: Callable[[float, float], Any]) -> Callable[[Any, Any, Mapping[str, Any]], Any]:
    def run(left: Any, right: Any, parameters: Mapping[str, Any]) -> Any:
        return compute(_as_number(left, parameters), _as_number(right, parameters))

    return run


def _quotient(left: float, right: float) -> float:
    from mlplat.argo.expressions.operators import divide

    return divide(left, right)


def _power(left: float, right: float) -> float:
    from mlplat.argo.expressions.operators import go_power

    return go_power(left, right)


def _remainder(left: Any, right: Any, parameters: Mapping[str, Any]) -> Any:
    dividend, divisor = _as_integer(left, parameters), _as_integer(right, parameters)
    if divisor == 0:
        raise ExpressionError("runtime error: integer divide by zero")
    rest = abs(dividend) % abs(divisor)
    return Int64(-rest if dividend < 0 else rest)


def _both(left: Any, right: Any, parameters: Mapping[str, Any]) -> bool:
    first, second = _as_boolean(left, parameters), _as_boolean(right, parameters)
    return first and second


def _either(left: Any, right: Any, parameters: Mapping[str, Any]) -> bool:
    first, second = _as_boolean(left, parameters), _as_boolean(right, parameters)
    return first or second


_OPERATIONS: dict[str, Callable[[Any, Any, Mapping[str, Any]], Any]] = {
    "||": _either,
    "&&": _both,
    "==": _equal,
    "!=": lambda left, right, parameters: not _equal(left, right, parameters),
    "<=": _numeric(lambda left, right: left <= right),
    ">=": _numeric(lambda left, right: left >= right),
    "<": _numeric(lambda left, right: left < right),
    ">": _numeric(lambda left, right: left > right),
    "=~": _matches,
    "!": lambda _, right, parameters: not _as_boolean(right, parameters),
    "+": _numeric(lambda left, right: left + right),
    "-": _numeric(lambda left, right: left - right),
    "**": _numeric(_power),
    "*": _numeric(lambda left, right: left * right),
    "/": _numeric(_quotient),
    "%": _remainder,
    "not in": lambda left, right, parameters: not _is_in(left, right, parameters),
    "in": _is_in,
}
