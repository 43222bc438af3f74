"""Translates CEL conditions of the IR to Argo expressions.

The IR's conditions compare ``inputs.parameter_values['name']`` with each other or with constants, with ``int()`` and
``double()`` around numbers, joined by ``&&``, ``||`` and ``!``. The syntax is the same in both languages; names of
values and functions differ, and strings are escaped again, so that a user's string cannot end a tag.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from mlplat.argo.reasons import harmless
from mlplat.argo.values import literal
from mlplat.errors import CompileError, Diagnostic

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | inputs\.parameter_values\[(?P<quote>['"])(?P<input>[^'"]*)(?P=quote)\]
  | (?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
  | (?P<number>-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)
  | (?P<operator>==|!=|<=|>=|<|>|&&|\|\||!|\(|\)|\[|\]|-)
  | (?P<word>[A-Za-z_]\w*)
    """,
    re.VERBOSE,
)
_WORDS = {
    "true": "true",
    "false": "false",
    "null": "nil",
    "int": "int",
    "double": "float",
    "string": "string",
}
_CONVERSIONS = ("int", "double", "string")
_PYTHON = {"&&": "and", "||": "or", "!": "not ", "true": "True", "false": "False", "null": "None"}
_ESCAPES = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "\\": "\\",
    "'": "'",
    '"': '"',
    "b": "\b",
    "f": "\f",
    "a": "\a",
    "v": "\v",
}


def inputs_of(condition: str) -> frozenset[str]:
    """Return the names of the inputs that a condition reads; empty for an invalid condition."""
    return frozenset(token["input"] for token in _TOKEN.finditer(condition) if token["input"] is not None)


def to_expression(condition: str, value: Callable[[str], str], path: str) -> str:
    """Translate a condition.

    Args:
        condition: CEL of the IR.
        value: returns the expression for an input's value.
        path: path of the condition, for errors.

    Returns:
        A boolean expression.

    Raises:
        CompileError: the condition has anything but comparisons of inputs and constants.
    """
    parts: list[str] = []
    at = 0
    while at < len(condition):
        token = _TOKEN.match(condition, at)
        if token is None or (token["word"] and token["word"] not in _WORDS):
            message = f"invalid condition at '{condition[at : at + 20]}': {condition}"
            raise CompileError(
                Diagnostic(
                    "MLP330",
                    path,
                    message,
                    "use comparisons of inputs and constants: == != < <= > >= && || !",
                )
            )
        if token["input"] is not None:
            parts.append(value(token["input"]))
        elif token["string"]:
            parts.append(literal(_unquoted(token["string"])))
        elif token["space"]:
            parts.append(" ")
        elif token["word"]:
            parts.append(_WORDS[token["word"]])
        else:
            parts.append(token[0])
        at = token.end()
    return "".join(parts)


def display(condition: str, name: Callable[[str], str]) -> str:
    """Write a condition as in Python, for the message of a skipped task.

    Args:
        condition: CEL of the IR that is valid for :func:`to_expression`.
        name: returns the display name of an input.

    Returns:
        One line, such as ``if evaluate.accuracy > 0.9``, for :func:`mlplat.argo.reasons.explained`.
    """
    parts: list[str] = []
    brackets: list[bool] = []
    is_converted = False
    for token in _TOKEN.finditer(condition):
        text = token[0]
        if text == "(":
            brackets.append(not is_converted)
            text = "" if is_converted else text
        elif text == ")" and brackets:
            text = text if brackets.pop() else ""
        elif token["input"] is not None:
            text = name(token["input"])
        elif token["string"]:
            text = f"“{_unquoted(token['string'])}”"
        is_converted = token["word"] in _CONVERSIONS
        parts.append("" if is_converted else _PYTHON.get(text, text))
    return harmless(f"if {''.join(parts)}")


def _unquoted(text: str) -> str:
    def unescaped(match: re.Match[str]) -> str:
        if match[1]:
            return chr(int(match[1], 16))
        return _ESCAPES.get(match[2], match[2])

    return re.sub(r"\\(?:u([0-9a-fA-F]{4})|(.))", unescaped, text[1:-1], flags=re.DOTALL)
