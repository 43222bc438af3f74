"""Evaluates ``when`` expressions, after their tags were replaced.

Argo reads what is left with govaluate, another language than that of ``{{= }}`` tags: bare words are strings
(``{{tasks.flip.outputs.result}} == heads``), numbers are float64, and a value of another kind is never equal. What may
follow what, how operators of one level are put in order, and that a quoted date is a number are govaluate's rules.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mlplat.argo import goregexp, gotext, gotime, govalues
from mlplat.argo.expressions.functions import SPACE
from mlplat.argo.expressions.operators import go_power
from mlplat.argo.expressions.syntax import ExpressionError
from mlplat.argo.gonumbers import parse_float

_VALUES = ("NUMERIC", "BOOLEAN", "VARIABLE", "ACCESSOR", "STRING", "TIME", "CLAUSE")
_AFTER_VALUE = frozenset(("MODIFIER", "COMPARATOR", "LOGICALOP", "CLAUSE_CLOSE", "TERNARY", "SEPARATOR"))
_START = frozenset(("PREFIX", "PATTERN", *_VALUES))

_NEXT: dict[str, frozenset[str]] = {
    "": _START,
    "CLAUSE": _START | {"CLAUSE_CLOSE"},
    "CLAUSE_CLOSE": _AFTER_VALUE | {"NUMERIC", "BOOLEAN", "VARIABLE", "STRING", "PATTERN", "TIME", "CLAUSE"},
    "NUMERIC": _AFTER_VALUE,
    "BOOLEAN": _AFTER_VALUE,
    "STRING": _AFTER_VALUE,
    "VARIABLE": _AFTER_VALUE,
    "TIME": _AFTER_VALUE - {"TERNARY"},
    "PATTERN": _AFTER_VALUE - {"TERNARY"},
    "ACCESSOR": _AFTER_VALUE | {"CLAUSE"},
    "MODIFIER": _START - {"PATTERN", "TIME"} | {"CLAUSE_CLOSE"},
    "COMPARATOR": _START | {"CLAUSE_CLOSE"},
    "LOGICALOP": _START - {"PATTERN"} | {"CLAUSE_CLOSE"},
    "PREFIX": frozenset(("NUMERIC", "BOOLEAN", "VARIABLE", "ACCESSOR", "CLAUSE", "CLAUSE_CLOSE")),
    "TERNARY": _START - {"PATTERN"} | {"SEPARATOR"},
    "SEPARATOR": _START - {"PATTERN"},
}
"""What kinds of tokens may follow one of a kind."""

_CAN_END = frozenset(
    ("CLAUSE_CLOSE", "NUMERIC", "BOOLEAN", "STRING", "VARIABLE", "TIME", "PATTERN", "ACCESSOR")
)

_KINDS = {
    **dict.fromkeys(("+", "-", "*", "/", "%", "**", "&", "|", "^", ">>", "<<"), "MODIFIER"),
    **dict.fromkeys(("&&", "||"), "LOGICALOP"),
    **dict.fromkeys(("==", "!=", ">", ">=", "<", "<=", "=~", "!~"), "COMPARATOR"),
    **dict.fromkeys(("?", ":", "??"), "TERNARY"),
}
_PREFIXES = frozenset("-!~")

_LEVELS: tuple[tuple[str, frozenset[str]], ...] = (
    ("SEPARATOR", frozenset(",")),
    ("TERNARY", frozenset(("?", ":", "??"))),
    ("LOGICALOP", frozenset(("||",))),
    ("LOGICALOP", frozenset(("&&",))),
    ("COMPARATOR", frozenset(("==", "!=", ">", ">=", "<", "<=", "=~", "!~", "in"))),
    ("MODIFIER", frozenset("&|^")),
    ("MODIFIER", frozenset(("<<", ">>"))),
    ("MODIFIER", frozenset("+-")),
    ("MODIFIER", frozenset("*/%")),
    ("MODIFIER", frozenset(("**",))),
)
"""Operators from those that bind least to those that bind most, with the kind of their tokens."""

_PRECEDENCE = {
    "(": 0,
    "value": 1,
    "call": 2,
    "prefix": 3,
    **{operator: 20 - level for level, (_, operators) in enumerate(_LEVELS) for operator in operators},
}

_TIME_LAYOUTS = (
    gotime.ANSIC,
    gotime.UNIX_DATE,
    gotime.RUBY_DATE,
    gotime.KITCHEN,
    gotime.RFC3339,
    gotime.RFC3339_NANO,
    "2006-01-02",
    "2006-01-02 15:04",
    "2006-01-02 15:04:05",
    "2006-01-02 15:04:05-07:00",
    "2006-01-02T15Z0700",
    "2006-01-02T15:04Z0700",
    "2006-01-02T15:04:05Z0700",
    "2006-01-02T15:04:05.999999999Z0700",
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    value: Any


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A regular expression that was read before the expression runs."""

    text: str


class _InvalidTokenError(ExpressionError):
    pass


@lru_cache(maxsize=4096)
def should_execute(when: str) -> bool:
    """Return whether a ``when`` expression holds.

    Args:
        when: the expression, all tags replaced; empty means yes.

    Returns:
        True when the task should run.

    Raises:
        ExpressionError: it is not an expression, or not a boolean; the message is Argo's.
    """
    if when == "":
        return True
    try:
        tokens = _checked(_tokenize(when))
    except _InvalidTokenError as error:
        hint = '(hint: try wrapping the affected expression in quotes ("))'
        raise ExpressionError(f"Invalid 'when' expression '{when}': {error} {hint}") from None
    except ExpressionError as error:
        raise ExpressionError(f"Invalid 'when' expression '{when}': {error}") from None
    strings = [_Token("STRING", one.value) if one.kind == "VARIABLE" else one for one in tokens]
    try:
        stage = _plan(_checked(strings))
    except RecursionError:
        raise ExpressionError(f"Invalid 'when' expression '{when[:80]}…': it is nested too deeply") from None
    except ExpressionError as error:
        raise ExpressionError(f"Failed to parse 'when' expression '{when}': {error}") from None
    try:
        result = _evaluate(stage)
    except RecursionError:
        raise ExpressionError(
            f"Failed to evaluate 'when' expresion '{when[:80]}…': it is nested too deeply"
        ) from None
    except ExpressionError as error:
        raise ExpressionError(f"Failed to evaluate 'when' expresion '{when}': {error}") from None
    if not isinstance(result, bool):
        raise ExpressionError(f"Expected boolean evaluation for '{when}'. Got {gotext.sprint(result)}")
    return result


class _Stream:
    """The characters of an expression."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def more(self) -> bool:
        return self.position < len(self.text)

    def next(self) -> str:
        if not self.more():
            raise ExpressionError("runtime error: index out of range")
        self.position += 1
        return self.text[self.position - 1]

    def read(self, belongs: Callable[[str], bool], *, spaces: bool = False) -> tuple[str, bool]:
        """Read while characters belong; return them, and whether something ended them."""
        parts: list[str] = []
        while self.more():
            character = self.next()
            if character == "\\":
                parts.append(self.next())
                continue
            if character in SPACE and not spaces:
                if parts:
                    return "".join(parts), True
                continue
            if not belongs(character):
                self.position -= 1
                return "".join(parts), True
            parts.append(character)
        return "".join(parts), False

    def word(self, belongs: Callable[[str], bool]) -> str:
        """Read from the character that was read last."""
        self.position -= 1
        return self.read(belongs)[0]


def _is_numeric(character: str) -> bool:
    return character.isdecimal() or character == "."


def _is_name(character: str) -> bool:
    return character.isalpha() or character.isdecimal() or character in "_."


def _is_symbol(character: str) -> bool:
    return not (character.isdecimal() or character.isalpha() or character in "()[]'\"")


def _is_hex(character: str) -> bool:
    return character.isdecimal() or character.lower() in "abcdef"


def _tokenize(text: str) -> list[_Token]:
    stream = _Stream(text)
    tokens: list[_Token] = []
    while stream.more():
        character = stream.next()
        if character not in SPACE:
            tokens.append(_token(stream, character, tokens[-1].kind if tokens else ""))
    return tokens


def _token(stream: _Stream, character: str, previous: str) -> _Token:
    if _is_numeric(character):
        return _number(stream, character)
    if character == ",":
        return _Token("SEPARATOR", ",")
    if character == "[":
        name, ended = stream.read(lambda one: one != "]", spaces=True)
        if not ended:
            raise ExpressionError("Unclosed parameter bracket")
        stream.position += 1
        return _Token("VARIABLE", name)
    if character.isalpha():
        return _word(stream.word(_is_name))
    if character in "'\"":
        text, ended = stream.read(lambda one: one not in "'\"", spaces=True)
        if not ended:
            raise ExpressionError("Unclosed string literal")
        stream.position += 1
        return _string(text)
    if character == "(":
        return _Token("CLAUSE", character)
    if character == ")":
        return _Token("CLAUSE_CLOSE", character)
    symbol = stream.word(_is_symbol)
    if symbol in _PREFIXES and "PREFIX" in _NEXT[previous]:
        return _Token("PREFIX", symbol)
    if symbol not in _KINDS:
        raise _InvalidTokenError(f"Invalid token: '{symbol}'")
    return _Token(_KINDS[symbol], symbol)


def _number(stream: _Stream, character: str) -> _Token:
    if character == "0" and stream.more():
        if stream.next() == "x" and stream.more():
            digits, _ = stream.read(_is_hex)
            try:
                number = int(digits, 16) if digits.isascii() else -1
            except ValueError:
                number = -1
            if not 0 <= number < 2**64:
                raise ExpressionError(f"Unable to parse hex value '{digits}' to uint64\n")
            return _Token("NUMERIC", float(number))
        stream.position -= 1
    digits = stream.word(_is_numeric)
    try:
        return _Token("NUMERIC", parse_float(digits))
    except ValueError:
        raise ExpressionError(f"Unable to parse numeric value '{digits}' to float64\n") from None


def _word(word: str) -> _Token:
    if word in ("true", "false"):
        return _Token("BOOLEAN", word == "true")
    if word in ("in", "IN"):
        return _Token("COMPARATOR", "in")
    if word.find(".") > 0:
        if word.endswith("."):
            raise ExpressionError(f"Hanging accessor on token '{word}'")
        for part in word.split(".")[1:]:
            if gotext.upper(part[:1]) != part[:1]:
                raise ExpressionError(f"Unable to access unexported field '{part}' in token '{word}'")
        return _Token("ACCESSOR", word)
    return _Token("VARIABLE", word)


def _string(text: str) -> _Token:
    if 6 <= len(text) <= 100 and (text[0].isdecimal() or text[0].isalpha()) and any(map(str.isdecimal, text)):
        for layout in _TIME_LAYOUTS:
            try:
                return _Token("TIME", float(gotime.parse(layout, text).unix))
            except gotime.TimeError:
                continue
    return _Token("STRING", text)


def _checked(tokens: list[_Token]) -> list[_Token]:
    """Check what follows what, and read the regular expressions."""
    if sum((one.kind == "CLAUSE") - (one.kind == "CLAUSE_CLOSE") for one in tokens):
        raise ExpressionError("Unbalanced parenthesis")
    previous = _Token("", None)
    for token in tokens:
        if token.kind not in _NEXT[previous.kind]:
            if (previous.kind, token.kind) == ("VARIABLE", "CLAUSE"):
                raise ExpressionError(f"Undefined function {previous.value}")
            raise ExpressionError(
                f"Cannot transition token types from {previous.kind or 'UNKNOWN'} "
                f"[{gotext.sprint(previous.value)}] to {token.kind} [{gotext.sprint(token.value)}]"
            )
        previous = token
    if previous.kind not in _CAN_END:
        raise ExpressionError("Unexpected end of expression")
    read = list(tokens)
    for position, token in enumerate(tokens):
        if token.kind == "COMPARATOR" and token.value in ("=~", "!~"):
            following = read[position + 1]
            if following.kind == "STRING":
                try:
                    goregexp.check(following.value)
                except goregexp.RegexpError as error:
                    raise ExpressionError(str(error)) from None
                read[position + 1] = _Token("PATTERN", _Pattern(following.value))
    return read


@dataclass(slots=True, eq=False)
class _Stage:
    """An operation and what it is done to."""

    operator: str
    left: _Stage | None = None
    right: _Stage | None = None
    value: Any = None

    @property
    def precedence(self) -> int:
        return _PRECEDENCE[self.operator.split(" ")[0]]


class _Planner:
    """Makes stages of tokens: each level takes everything to its right first; :func:`_reorder` corrects that."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.index = 0

    def more(self) -> bool:
        return self.index < len(self.tokens)

    def next(self) -> _Token:
        self.index += 1
        return self.tokens[self.index - 1]

    def level(self, depth: int) -> _Stage | None:
        if depth == len(_LEVELS):
            return self.value()
        left = self.level(depth + 1)
        kind, operators = _LEVELS[depth]
        if self.more():
            token = self.next()
            if token.kind == kind and token.value in operators:
                return _Stage(token.value, left, self.level(depth))
        self.index -= 1
        return left

    def value(self) -> _Stage | None:
        if not self.more():
            return None
        token = self.next()
        if token.kind == "CLAUSE":
            stage = _Stage("(", None, self.level(0) if self.more() else None)
            self.index += 1
            return stage
        if token.kind == "CLAUSE_CLOSE":
            self.index -= 1
            return None
        if token.kind == "PREFIX":
            return _Stage(f"prefix {token.value}", None, self.value())
        if token.kind == "ACCESSOR":
            given = self.level(0) if self.more() and self.tokens[self.index].kind == "CLAUSE" else None
            return _Stage("call", None, given, token.value)
        if token.kind not in ("VARIABLE", "NUMERIC", "STRING", "PATTERN", "BOOLEAN", "TIME"):
            raise ExpressionError(f"Unable to plan token kind: '{token.kind}', value: '{token.value}'")
        return _Stage("value", value=token.value)


def _plan(tokens: list[_Token]) -> _Stage | None:
    planner = _Planner(tokens)
    stage = planner.level(0)
    if stage is not None:
        _reorder(stage)
    return stage


def _reorder(root: _Stage) -> None:
    """Turn chains of operators of one level around: they were read from right to left."""
    chain: list[_Stage] = []
    precedence = root.precedence
    stage: _Stage | None = root
    while stage is not None:
        following = stage.right
        if stage.left is not None:
            _reorder(stage.left)
        if stage.precedence == precedence:
            chain.append(stage)
        else:
            if len(chain) > 1:
                _mirror(chain)
            chain, precedence = [stage], stage.precedence
        stage = following
    if len(chain) > 1:
        _mirror(chain)


def _mirror(chain: list[_Stage]) -> None:
    for stage in chain:
        stage.left, stage.right = stage.right, stage.left
    root, end = chain[0], chain[-1]
    end.left, root.right = root.right, end.left
    count = len(chain)
    for position in range((count - 2) // 2 + 1):
        one, other = chain[position + 1], chain[count - position - 1]
        one.right, other.right = other.right, one.right
    for position in range(count // 2):
        one, other = chain[position], chain[count - position - 1]
        one.operator, other.operator = other.operator, one.operator
        one.value, other.value = other.value, one.value


def _evaluate(stage: _Stage | None) -> Any:
    if stage is None:
        return None
    operator = stage.operator
    if operator == "value":
        return stage.value
    left = _evaluate(stage.left)
    if operator == "&&" and left is False:
        return False
    if operator == "||" and left is True:
        return True
    if (operator in ("??", ":") and left is not None) or (operator == "?" and left is False):
        return left if operator != "?" else None
    right = _evaluate(stage.right)
    if operator == "(":
        return right
    if operator == "call":
        raise ExpressionError(f"No parameter '{stage.value.split('.')[0]}' found.")
    if operator.startswith("prefix"):
        return _prefix(operator[-1], right)
    return _apply(operator, left, right)


def _fits(value: Any, kind: type, operator: str, use: str) -> None:
    if type(value) is not kind:
        raise ExpressionError(f"Value '{_displayed(value)}' cannot be used with the {use} '{operator}'")


def _displayed(value: Any) -> str:
    return value.text if isinstance(value, _Pattern) else gotext.sprint(value)


def _prefix(operator: str, value: Any) -> Any:
    _fits(value, bool if operator == "!" else float, operator, "prefix")
    if operator == "!":
        return not value
    return -value if operator == "-" else float(~govalues.truncated(value))


def _apply(operator: str, left: Any, right: Any) -> Any:
    if operator in ("==", "!="):
        return _same(left, right) is (operator == "==")
    if operator == ",":
        return [*left, right] if isinstance(left, list) else [left, right]
    if operator in ("&&", "||"):
        for value in (left, right):
            if type(value) is not bool:
                raise ExpressionError(
                    f"Value '{_displayed(value)}' cannot be used with the logical operator '{operator}', "
                    "it is not a bool"
                )
        return (left and right) if operator == "&&" else (left or right)
    if operator == "?":
        _fits(left, bool, operator, "ternary operator")
        return right
    if operator in (":", "??"):
        return right
    if operator in (">", ">=", "<", "<="):
        return _compared(operator, left, right)
    if operator == "in":
        if not isinstance(right, list):
            raise ExpressionError(
                f"Value '{_displayed(right)}' cannot be used with the comparator 'in', it is not a number"
            )
        return any(_same_scalar(left, item) for item in right)
    if operator in ("=~", "!~"):
        return _matched(operator, left, right)
    if operator == "+" and (type(left) is str or type(right) is str):
        return _displayed(left) + _displayed(right)
    for value in (left, right):
        if type(value) is not float:
            raise ExpressionError(
                f"Value '{_displayed(value)}' cannot be used with the modifier '{operator}', it is not a number"
            )
    return _ARITHMETIC[operator](left, right)


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return type(left) is type(right) and bool(left == right)


def _same_scalar(left: Any, right: Any) -> bool:
    if isinstance(left, list) and isinstance(right, list):
        raise ExpressionError("runtime error: comparing uncomparable type []interface {}")
    return _same(left, right)


def _compared(operator: str, left: Any, right: Any) -> bool:
    if not (type(left) is type(right) and type(left) in (float, str)):
        raise ExpressionError(
            f"Value '{_displayed(left)}' cannot be used with the comparator '{operator}', it is not a number"
        )
    if operator in (">", ">="):
        return bool(left > right if operator == ">" else left >= right)
    return bool(left < right if operator == "<" else left <= right)


def _matched(operator: str, left: Any, right: Any) -> bool:
    _fits(left, str, operator, "comparator")
    pattern = right.text if isinstance(right, _Pattern) else right
    _fits(pattern, str, operator, "comparator")
    try:
        return goregexp.search(pattern, left) is (operator == "=~")
    except goregexp.RegexpError as error:
        raise ExpressionError(f"Unable to compile regexp pattern '{pattern}': {error}") from None


def _quotient(left: float, right: float) -> float:
    if right == 0:
        if left == 0 or math.isnan(left):
            return math.nan
        return math.copysign(math.inf, left) * math.copysign(1.0, right)
    return left / right


def _remainder(left: float, right: float) -> float:
    return math.nan if right == 0 or math.isinf(left) else math.fmod(left, right)


def _unsigned(number: float) -> int:
    if number < 9223372036854775808.0:
        return govalues.truncated(number) & 0xFFFFFFFFFFFFFFFF
    return (govalues.truncated(number - 9223372036854775808.0) ^ -0x8000000000000000) & 0xFFFFFFFFFFFFFFFF


def _bits(compute: Callable[[int, int], int]) -> Callable[[float, float], float]:
    return lambda left, right: float(compute(govalues.truncated(left), govalues.truncated(right)))


def _shifted(compute: Callable[[int, int], int]) -> Callable[[float, float], float]:
    def run(left: float, right: float) -> float:
        return float(compute(_unsigned(left), min(_unsigned(right), 64)) & 0xFFFFFFFFFFFFFFFF)

    return run


_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _quotient,
    "%": _remainder,
    "**": go_power,
    "&": _bits(lambda left, right: left & right),
    "|": _bits(lambda left, right: left | right),
    "^": _bits(lambda left, right: left ^ right),
    "<<": _shifted(lambda left, right: left << right),
    ">>": _shifted(lambda left, right: left >> right),
}
