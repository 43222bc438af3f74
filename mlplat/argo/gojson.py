"""Reads JSON as Go's ``encoding/json`` does, and keeps its original spelling.

Argo holds loop items and results as raw JSON (``json.RawMessage``): a number stays ``1.0``, and an object keeps the
order of its keys. The messages are those of ``encoding/json/scanner.go``, because they become messages of nodes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from mlplat.argo.gotext import escape_html

_SPACE = re.compile(r"[ \t\r\n]*")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_LITERALS = {"t": "true", "f": "false", "n": "null"}
_ESCAPES = frozenset('bfnrt\\/"')
_HEXADECIMAL = frozenset("0123456789abcdefABCDEF")
_DIGITS = re.compile(r"[0-9]*")
_BETWEEN = re.compile(r'("(?:[^"\\]|\\.)*")|[ \t\r\n]+')
_KINDS = {"{": "object", '"': "string", "t": "bool", "f": "bool"}
_DEEPEST = 10_000
_NO_SPACE = ("in literal", "in numeric", "in exponent", "in string escape", r"in \u", "after decimal point")
"""Where a space is not skipped: Go ends every text with one."""


class GoJSONError(ValueError):
    """The text is not JSON; the message is Go's."""


def check(text: str) -> None:
    """Check that a string is one JSON value.

    Raises:
        GoJSONError: it is not.
    """
    end = _space(text, _value(text, 0))
    if end < len(text):
        raise _unexpected(text, end, "after top-level value")


def items(text: str, target: str) -> list[str]:
    """Return the items of a JSON array as they are written.

    Args:
        text: JSON text.
        target: the Go type that the array is read into, for the message.

    Returns:
        The JSON text of each item; none for ``null``.

    Raises:
        GoJSONError: the text is not JSON, or not an array.
    """
    check(text)
    start = _space(text, 0)
    if text.startswith("null", start):
        return []
    if text[start] != "[":
        raise GoJSONError(
            f"json: cannot unmarshal {_KINDS.get(text[start], 'number')} into Go value of type {target}"
        )
    return [raw for _, raw in _members(text, start)]


def members(text: str) -> dict[str, str]:
    """Return the members of a JSON object by key, each as it is written; the last one of a key counts.

    Args:
        text: text of a JSON object.
    """
    return {decoded(key): raw for key, raw in _members(text, _space(text, 0))}


def compact(raw: str) -> str:
    """Write JSON text as ``json.Marshal`` writes a raw message: without spaces, HTML characters escaped.

    Args:
        raw: JSON text.
    """
    return escape_html(_BETWEEN.sub(lambda match: match.group(1) or "", raw))


def decoded(raw: str) -> str:
    """Return the text of a JSON string; halves of surrogate pairs become U+FFFD."""
    text = str(json.loads(raw))
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _members(text: str, start: int) -> Iterator[tuple[str, str]]:
    """Yield key and value of each member of a checked object, or an empty key and the item for an array."""
    is_object = text[start] == "{"
    position = _space(text, start + 1)
    while text[position] not in "]}":
        key = ""
        if is_object:
            end = _value(text, position)
            key, position = text[position:end], _space(text, _space(text, end) + 1)
        end = _value(text, position)
        yield key, text[position:end]
        position = _space(text, end)
        if text[position] == ",":
            position = _space(text, position + 1)


def _space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _unexpected(text: str, position: int, context: str) -> GoJSONError:
    if position >= len(text) and not context.startswith(_NO_SPACE):
        return GoJSONError("unexpected end of JSON input")
    character = text[position : position + 1] or " "
    quoted = {"'": r"'\''", '"': "'\"'", "\\": r"'\\'"}.get(character)
    if quoted is None:
        # Go reads bytes: of a longer character it names the first.
        code = character.encode("utf-8", "replace")[0]
        quoted = f"'{chr(code)}'" if chr(code).isprintable() else _go_escape(code)
    return GoJSONError(f"invalid character {quoted} {context}")


def _go_escape(code: int) -> str:
    named = {7: r"\a", 8: r"\b", 9: r"\t", 10: r"\n", 11: r"\v", 12: r"\f", 13: r"\r"}
    escaped = named.get(code) or (rf"\x{code:02x}" if code < 0x80 else rf"\u{code:04x}")
    return f"'{escaped}'"


def _value(text: str, position: int) -> int:
    """Return the position after the value that starts at a position; nesting is walked, not recursed."""
    open_brackets: list[str] = []
    while True:
        position = _space(text, position)
        character = text[position : position + 1]
        if character and character in "[{":
            if len(open_brackets) >= _DEEPEST:
                raise GoJSONError("exceeded max depth")
            open_brackets.append(character)
            position = _space(text, position + 1)
            closing = "]" if character == "[" else "}"
            if text[position : position + 1] != closing:
                if character == "{":
                    position = _key(text, position, "looking for beginning of object key string")
                continue
            position += 1
            open_brackets.pop()
        else:
            position = _scalar(text, position)
        while open_brackets:
            position = _space(text, position)
            character = text[position : position + 1]
            is_object = open_brackets[-1] == "{"
            if character == ",":
                position += 1
                if is_object:
                    position = _key(
                        text, _space(text, position), "looking for beginning of object key string"
                    )
                break
            if character != ("}" if is_object else "]"):
                place = "after object key:value pair" if is_object else "after array element"
                raise _unexpected(text, position, place)
            position += 1
            open_brackets.pop()
        else:
            return position


def _key(text: str, position: int, expected: str) -> int:
    if text[position : position + 1] != '"':
        raise _unexpected(text, position, expected)
    position = _space(text, _string(text, position))
    if text[position : position + 1] != ":":
        raise _unexpected(text, position, "after object key")
    return position + 1


def _scalar(text: str, position: int) -> int:
    character = text[position : position + 1]
    if character == '"':
        return _string(text, position)
    if character in _LITERALS:
        return _literal(text, position, _LITERALS[character])
    if character == "-" or (character.isascii() and character.isdecimal()):
        return _number(text, position)
    raise _unexpected(text, position, "looking for beginning of value")


def _string(text: str, position: int) -> int:
    position += 1
    while True:
        match = _PLAIN.match(text, position)
        position = match.end() if match else position
        character = text[position : position + 1]
        if character == '"':
            return position + 1
        if character != "\\":
            raise _unexpected(text, position, "in string literal")
        escape = text[position + 1 : position + 2]
        if escape == "u":
            for offset in range(2, 6):
                if text[position + offset : position + offset + 1] not in _HEXADECIMAL:
                    raise _unexpected(text, position + offset, r"in \u hexadecimal character escape")
            position += 6
        elif escape in _ESCAPES:
            position += 2
        else:
            raise _unexpected(text, position + 1, "in string escape code")


def _literal(text: str, position: int, literal: str) -> int:
    for offset, expected in enumerate(literal):
        if text[position + offset : position + offset + 1] != expected:
            raise _unexpected(text, position + offset, f"in literal {literal} (expecting '{expected}')")
    return position + len(literal)


def _number(text: str, position: int) -> int:
    if text[position] == "-":
        position += 1
    if text[position : position + 1] == "0":
        position += 1
    else:
        position = _digits(text, position, "in numeric literal")
    if text[position : position + 1] == ".":
        position = _digits(text, position + 1, "after decimal point in numeric literal")
    if text[position : position + 1] in ("e", "E"):
        position += 1
        if text[position : position + 1] in ("+", "-"):
            position += 1
        position = _digits(text, position, "in exponent of numeric literal")
    return position


def _digits(text: str, position: int, context: str) -> int:
    match = _DIGITS.match(text, position)
    if match is None or match.end() == position:
        raise _unexpected(text, position, context)
    return match.end()
