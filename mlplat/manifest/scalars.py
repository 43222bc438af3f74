"""Reads unquoted YAML scalars as Go does (``resolve.go`` of go-yaml v2, which Kubernetes uses)."""

from __future__ import annotations

import math
import re
from typing import Any

_BOOLEANS = {
    word: value
    for value, names in ((True, ("yes", "true", "on")), (False, ("no", "false", "off")))
    for name in names
    for word in (name, name.capitalize(), name.upper())
}
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_INTEGER = re.compile(r"[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*)\Z")
_FLOAT = re.compile(r"[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9_]+)(?:[eE][-+]?[0-9]+)?\Z")
_NOT_JSON = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")
_FIRST = frozenset("-+.0123456789yYnNtTfFoO~")
_LONGEST_NUMBER = 400
"""Digits; a longer number is beyond any float."""


def plain(text: str) -> Any:
    """Return the value of a scalar without quotes and tag.

    Args:
        text: as written.

    Returns:
        A boolean, an int within 64 bits, a float for a larger one, None, or the string itself. A number beyond the
        range of floats is a string, too.

    Raises:
        ValueError: it is an infinity or NaN, for which JSON has no form.
    """
    if text and text[0] not in _FIRST:
        return text
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _NOT_JSON.match(text):
        raise ValueError(f"{text} has no JSON form; put it into quotes to make it a string")
    if _INTEGER.match(text):
        return integer(text)
    return floating(text) if _FLOAT.match(text) else text


def integer(text: str) -> int | float | str:
    """Return the value of an integer: a float beyond 64 bits, a string beyond the range of floats."""
    digits = text.replace("_", "").lower()
    if len(digits) > _LONGEST_NUMBER:
        return text
    sign, digits = (-1, digits[1:]) if digits.startswith("-") else (1, digits.removeprefix("+"))
    if digits.startswith("0") and digits.isdigit() and len(digits) > 1:
        digits = "0o" + digits
    try:
        value = sign * int(digits, 0)
    except ValueError:
        return text
    if -(2**63) <= value < 2**64:
        return value
    try:
        return float(value)
    except OverflowError:
        return text


def floating(text: str) -> float | str:
    """Return the value of a number with a point or exponent; a string beyond the range of floats."""
    value = float(text.replace("_", ""))
    return value if math.isfinite(value) else text


def tagged(tag: str, text: str) -> Any:
    """Return the value of a scalar with a tag.

    Args:
        tag: one of YAML's own, without ``tag:yaml.org,2002:``.
        text: as written.

    Raises:
        ValueError: the text is not one of that tag, or the tag is for something else.
    """
    if tag == "str":
        return text
    value = plain(text)
    if tag == "float" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if tag not in _KINDS:
        raise ValueError(f"the tag !!{tag} is not allowed for a scalar; remove it")
    if type(value) is not _KINDS[tag]:
        raise ValueError(f"{text[:40]!r} is not a !!{tag}; remove the tag")
    return value


_KINDS = {"int": int, "float": float, "bool": bool, "null": type(None)}
