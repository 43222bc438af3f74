"""Evaluates ``when`` texts, after their tags were replaced.

Argo reads what is left with govaluate, another language than that of ``{{= }}`` tags: bare words are texts
(``{{tasks.flip.outputs.result}} == heads``), numbers are float64, and a value of another kind is never equal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mlplat.argo import gotext
from mlplat.argo.expressions.syntax import ExpressionError

_SYMBOLS = frozenset(
    ("==", "!=", ">", ">=", "<", "<=", "=~", "!~", "+", "-", "*", "/", "%", "**", "&", "|", "^", "<<", ">>")
) | {"&&", "||", "?", ":", "??", "!", "~"}
_LEVELS: tuple[tuple[str, ...], ...] = (
    ("||",),
    ("&&",),
    ("==", "!=", ">", ">=", "<", "<=", "=~", "!~", "in"),
    ("&", "|", "^"),
    ("<<", ">>"),
    ("+", "-"),
    ("*", "/", "%"),
    ("**",),
)
_COMPARISONS = frozenset((">", ">=", "<", "<="))


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    value: Any


class _InvalidTokenError(ExpressionError):
    pass


@lru_cache(maxsize=4096)
def should_execute(when: str) -> bool:
    """Say whether a ``when`` text holds.

    Args:
        when: the text, all tags replaced; empty means yes.

    Returns:
        True when the task should run.

    Raises:
        ExpressionError: the text isn't an expression or isn't a boolean; the message is Argo's.
    """
    if when == "":
        return True
    try:
        parser = _Parser(_tokenize(when))
        tree = parser.whole()
    except _InvalidTokenError as error:
        hint = '(hint: try wrapping the affected expression in quotes ("))'
        raise ExpressionError(f"Invalid 'when' expression '{when}': {error} {hint}") from None
    except ExpressionError as error:
        raise ExpressionError(f"Invalid 'when' expression '{when}': {error}") from None
    try:
        result = _evaluate(tree)
    except ExpressionError as error:
        raise ExpressionError(f"Failed to evaluate 'when' expresion '{when}': {error}") from None
    if not isinstance(result, bool):
        raise ExpressionError(f"Expected boolean evaluation for '{when}'. Got {gotext.sprint(result)}")
    return result


def _tokenize(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    while position < len(text):
        character = text[position]
        if character.isspace():
            position += 1
        elif character.isdigit() or character == ".":
            token, position = _read_number(text, position)
            tokens.append(token)
        elif character == ",":
            tokens.append(_Token("symbol", ","))
            position += 1
        elif character == "[":
            body, position = _read_quoted(text, position + 1, "]", "Unclosed parameter bracket")
            tokens.append(_Token("value", body))
        elif character.isalpha():
            word, position = _read_while(text, position, lambda one: one.isalnum() or one in "_.")
            tokens.append(_word(word))
        elif character in "'\"":
            body, position = _read_quoted(text, position + 1, "'\"", "Unclosed string literal")
            tokens.append(_Token("value", body))
        elif character in "()":
            tokens.append(_Token("symbol", character))
            position += 1
        else:
            symbol, position = _read_while(
                text, position, lambda one: not (one.isalnum() or one in "()[]'\"")
            )
            if symbol not in _SYMBOLS:
                raise _InvalidTokenError(f"Invalid token: '{symbol}'")
            tokens.append(_Token("symbol", symbol))
    return tokens


def _read_number(text: str, position: int) -> tuple[_Token, int]:
    if text[position : position + 2] == "0x":
        match = re.match(r"[0-9a-fA-F]+", text[position + 2 :])
        if match is None:
            raise ExpressionError("Unable to parse hex value '' to uint64\n")
        return _Token("value", float(int(match.group(), 16))), position + 2 + match.end()
    digits, end = _read_while(text, position, lambda one: one.isdigit() or one == ".")
    try:
        return _Token("value", float(digits)), end
    except ValueError:
        raise ExpressionError(f"Unable to parse numeric value '{digits}' to float64\n") from None


def _read_while(text: str, position: int, belongs: Any) -> tuple[str, int]:
    parts: list[str] = []
    while position < len(text):
        character = text[position]
        if character == "\\":
            parts.append(text[position + 1 : position + 2])
            position += 2
            continue
        if character.isspace() or not belongs(character):
            break
        parts.append(character)
        position += 1
    return "".join(parts), position


def _read_quoted(text: str, position: int, closing: str, unclosed: str) -> tuple[str, int]:
    parts: list[str] = []
    while position < len(text):
        character = text[position]
        if character == "\\":
            parts.append(text[position + 1 : position + 2])
            position += 2
        elif character in closing:
            return "".join(parts), position + 1
        else:
            parts.append(character)
            position += 1
    raise ExpressionError(unclosed)


def _word(word: str) -> _Token:
    if word in ("true", "false"):
        return _Token("value", word == "true")
    if word in ("in", "IN"):
        return _Token("symbol", "in")
    if "." in word:
        if word.endswith("."):
            raise ExpressionError(f"Hanging accessor on token '{word}'")
        for part in word.split(".")[1:]:
            if part[:1].upper() != part[:1]:
                raise ExpressionError(f"Unable to access unexported field '{part}' in token '{word}'")
        return _Token("accessor", word)
    return _Token("value", word)


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.index = 0

    def whole(self) -> Any:
        tree = self.ternary()
        if self.index < len(self.tokens):
            raise self.fail()
        return tree

    def fail(self) -> ExpressionError:
        if self.index >= len(self.tokens):
            return ExpressionError("Unexpected end of expression")
        token = self.tokens[self.index]
        return ExpressionError(
            f"Cannot transition token types to {token.kind.upper()} [{gotext.sprint(token.value)}]"
        )

    def accept(self, *symbols: str) -> str:
        if self.index < len(self.tokens):
            token = self.tokens[self.index]
            if token.kind == "symbol" and token.value in symbols:
                self.index += 1
                return str(token.value)
        return ""

    def ternary(self) -> Any:
        left = self.level(0)
        if self.accept("??"):
            return ("??", left, self.ternary())
        if self.accept("?"):
            then = self.level(0)
            return ("?", left, then, self.ternary() if self.accept(":") else None)
        return left

    def level(self, depth: int) -> Any:
        if depth == len(_LEVELS):
            return self.prefix()
        left = self.level(depth + 1)
        while operator := self.accept(*_LEVELS[depth]):
            left = (operator, left, self.level(depth + 1))
        return left

    def prefix(self) -> Any:
        if operator := self.accept("-", "!", "~"):
            return ("prefix " + operator, self.prefix())
        if self.accept("("):
            items = [self.ternary()]
            while self.accept(","):
                items.append(self.ternary())
            if not self.accept(")"):
                raise ExpressionError("Unbalanced parenthesis")
            return items[0] if len(items) == 1 else ("list", *items)
        if self.index >= len(self.tokens) or self.tokens[self.index].kind == "symbol":
            raise self.fail()
        token = self.tokens[self.index]
        self.index += 1
        return ("accessor", token.value) if token.kind == "accessor" else ("value", token.value)


def _evaluate(tree: Any) -> Any:
    operator, *parts = tree
    if operator == "value":
        return parts[0]
    if operator == "accessor":
        raise ExpressionError(f"No parameter '{parts[0].split('.')[0]}' found.")
    if operator == "list":
        return [_evaluate(part) for part in parts]
    if operator in ("&&", "||"):
        left = _boolean(_evaluate(parts[0]), operator)
        if left is (operator == "||"):
            return left
        return _boolean(_evaluate(parts[1]), operator)
    if operator == "?":
        if _boolean(_evaluate(parts[0]), "?"):
            return _evaluate(parts[1])
        return _evaluate(parts[2]) if parts[2] is not None else None
    if operator == "??":
        left = _evaluate(parts[0])
        return _evaluate(parts[1]) if left is None else left
    if operator.startswith("prefix"):
        return _prefix(operator[-1], _evaluate(parts[0]))
    return _apply(operator, _evaluate(parts[0]), _evaluate(parts[1]))


def _boolean(value: Any, operator: str) -> bool:
    if not isinstance(value, bool):
        raise ExpressionError(
            f"Value '{gotext.sprint(value)}' cannot be used with the logical operator '{operator}', it is not a bool"
        )
    return value


def _prefix(operator: str, value: Any) -> Any:
    if operator == "!":
        if not isinstance(value, bool):
            raise ExpressionError(
                f"Value '{gotext.sprint(value)}' cannot be used with the prefix '!', it is not a bool"
            )
        return not value
    if not isinstance(value, float):
        raise ExpressionError(
            f"Value '{gotext.sprint(value)}' cannot be used with the prefix '{operator}', it is not a number"
        )
    return -value if operator == "-" else float(~int(value))


def _apply(operator: str, left: Any, right: Any) -> Any:
    if operator in ("==", "!="):
        return (type(left) is type(right) and left == right) is (operator == "==")
    if operator in _COMPARISONS:
        if not (isinstance(left, (float, str)) and type(left) is type(right)):
            odd = right if isinstance(left, float) else left
            raise ExpressionError(
                f"Value '{gotext.sprint(odd)}' cannot be used with the comparator '{operator}', it is not a number"
            )
        order = (left > right) - (left < right)  # type: ignore[operator]
        return {">": order > 0, ">=": order >= 0, "<": order < 0, "<=": order <= 0}[operator]
    if operator == "in":
        if not isinstance(right, list):
            raise ExpressionError(
                f"Value '{gotext.sprint(right)}' cannot be used with the comparator 'in', it is not an array"
            )
        return any(type(item) is type(left) and item == left for item in right)
    if operator in ("=~", "!~"):
        try:
            return (re.search(str(right), str(left)) is not None) is (operator == "=~")
        except re.error as error:
            raise ExpressionError(str(error)) from None
    if operator == "+" and (isinstance(left, str) or isinstance(right, str)):
        return gotext.sprint(left) + gotext.sprint(right)
    for value in (left, right):
        if not isinstance(value, float):
            raise ExpressionError(
                f"Value '{gotext.sprint(value)}' cannot be used with the modifier '{operator}', it is not a number"
            )
    return _arithmetic(operator, left, right)


def _arithmetic(operator: str, left: float, right: float) -> float:
    try:
        match operator:
            case "+":
                return left + right
            case "-":
                return left - right
            case "*":
                return left * right
            case "/":
                return left / right
            case "%":
                return float(left - right * int(left / right))
            case "**":
                return float(left**right)
            case "&":
                return float(int(left) & int(right))
            case "|":
                return float(int(left) | int(right))
            case "^":
                return float(int(left) ^ int(right))
            case "<<":
                return float(int(left) << int(right))
            case _:
                return float(int(left) >> int(right))
    except ArithmeticError as error:
        raise ExpressionError(str(error)) from None
