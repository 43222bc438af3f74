"""How Go writes values as text.

Argo's controller is a Go program: what a template's text becomes depends on ``encoding/json``, ``strconv.Quote`` and
``fmt``. These functions write the same characters, so that both engines hand the same bytes to a task.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from mlplat.argo import gotime, govalues

_QUOTED = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    '"': r"\"",
    "\\": r"\\",
}
_STRAY_BYTE = re.compile("([\udc80-\udcff])")
_HTML = {"<": r"\u003c", ">": r"\u003e", "&": r"\u0026", "\u2028": r"\u2028", "\u2029": r"\u2029"}
_INTEGER = re.compile("[+-]?[0-9]+")
_HTML_PATTERN = re.compile("[<>&\u2028\u2029]")


def quote_inner(text: str) -> str:
    r"""Write text as ``strconv.Quote`` does, without the quotes around it.

    Args:
        text: any text.

    Returns:
        The escaped text. Characters that Go doesn't print become ``\x``, ``\u`` or ``\U`` escapes, of which only
        ``\u`` can stand in JSON: Argo refuses a replacement that holds others.
    """
    if text.isprintable() and '"' not in text and "\\" not in text:
        return text
    parts = []
    for character in text:
        escaped = _QUOTED.get(character)
        if escaped is not None:
            parts.append(escaped)
        elif character.isprintable():
            parts.append(character)
        else:
            code = ord(character)
            if code < 0x20 or code == 0x7F:
                parts.append(f"\\x{code:02x}")
            elif code < 0x10000:
                parts.append(f"\\u{code:04x}")
            else:
                parts.append(f"\\U{code:08x}")
    return "".join(parts)


def quote(text: str) -> str:
    r"""Write a string as ``%q`` does: a byte that is not valid UTF-8 becomes ``\xff``."""
    parts = [
        f"\\x{ord(part) - 0xDC00:02x}" if _STRAY_BYTE.fullmatch(part) else quote_inner(part)
        for part in _STRAY_BYTE.split(text)
    ]
    return f'"{"".join(parts)}"'


def float_json(number: float) -> str:
    """Write a float64 as ``encoding/json`` does.

    Args:
        number: a finite number.

    Returns:
        The shortest digits that read back as the same number, without an exponent from 1e-6 up to 1e21.

    Raises:
        ValueError: the number is infinite or not a number.
    """
    if not math.isfinite(number):
        raise ValueError(f"json: unsupported value: {number}")
    magnitude = abs(number)
    if magnitude == 0:
        return "-0" if math.copysign(1.0, number) < 0 else "0"
    return _plain(number) if 1e-6 <= magnitude < 1e21 else _scientific(number, strip_zero=True)


def _digits(number: float) -> tuple[str, str, int]:
    body, _, exponent = repr(abs(number)).partition("e")
    whole, _, fraction = body.partition(".")
    whole = whole.lstrip("0")
    significant = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or "0")
    if not whole:
        point -= len(fraction) - len(fraction.lstrip("0"))
    return ("-" if number < 0 else ""), significant.rstrip("0"), point


def _plain(number: float) -> str:
    sign, digits, point = _digits(number)
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if point >= len(digits):
        return sign + digits + "0" * (point - len(digits))
    return f"{sign}{digits[:point]}.{digits[point:]}"


def _scientific(number: float, *, strip_zero: bool) -> str:
    sign, digits, point = _digits(number)
    exponent = point - 1
    mantissa = digits[0] + (f".{digits[1:]}" if len(digits) > 1 else "")
    shown = f"{abs(exponent)}" if strip_zero and exponent < 0 else f"{abs(exponent):02d}"
    return f"{sign}{mantissa}e{'-' if exponent < 0 else '+'}{shown}"


def to_json(value: Any, indent: str = "", *, html: bool = True) -> str:
    """Write a value as ``json.Marshal`` does: sorted keys, no spaces, ``<``, ``>`` and ``&`` escaped.

    Args:
        value: what an expression can yield: text, numbers, booleans, None, lists and mappings.
        indent: one step of indentation, for ``json.MarshalIndent``; empty for one line.
        html: whether ``<``, ``>`` and ``&`` are escaped.

    Returns:
        JSON text.

    Raises:
        ValueError: the value has no JSON form, such as a function or an infinite number.
    """
    parts: list[str] = []
    _write(value, parts, indent, "\n")
    text = "".join(parts)
    return text if html else _HTML_ESCAPE.sub(_unescaped, text)


_HTML_ESCAPE = re.compile(r"\\(?:u003c|u003e|u0026|.)", re.DOTALL)
_UNESCAPED = {r"\u003c": "<", r"\u003e": ">", r"\u0026": "&"}


def _unescaped(match: re.Match[str]) -> str:
    return _UNESCAPED.get(match.group(), match.group())


def _write(value: Any, parts: list[str], indent: str, newline: str) -> None:
    if value is None:
        parts.append("null")
    elif isinstance(value, bool):
        parts.append("true" if value else "false")
    elif isinstance(value, str):
        parts.append(_string(value))
    elif isinstance(value, int):
        parts.append(int.__repr__(value))
    elif isinstance(value, float):
        parts.append(float_json(value))
    elif govalues.is_nil(value):
        parts.append("null")
    elif isinstance(value, Mapping):
        members = [(_key(key), value[key]) for key in value]
        members.sort(key=lambda member: member[0])
        _group(("{", "}"), members, parts, indent, newline)
    elif isinstance(value, (list, tuple)):
        _group(("[", "]"), [("", item) for item in value], parts, indent, newline)
    elif isinstance(value, gotime.Time):
        parts.append(f'"{_rfc3339(value)}"')
    elif isinstance(value, gotime.Zone):
        parts.append("{}")
    else:
        raise ValueError(f"json: unsupported type: {govalues.type_of(value)}")


def _rfc3339(moment: gotime.Time) -> str:
    if not 0 <= moment.date[0] <= 9999:
        raise ValueError("Time.MarshalJSON: year outside of range [0,9999]")
    return moment.format(gotime.RFC3339_NANO)


def _group(
    brackets: tuple[str, str], members: list[tuple[str, Any]], parts: list[str], indent: str, newline: str
) -> None:
    opening, closing = brackets
    inner = newline + indent
    parts.append(opening)
    for position, (key, item) in enumerate(members):
        if position:
            parts.append(",")
        if indent:
            parts.append(inner)
        if opening == "{":
            parts.append(_string(key) + (": " if indent else ":"))
        _write(item, parts, indent, inner)
    if indent and members:
        parts.append(newline)
    parts.append(closing)


def _key(key: Any) -> str:
    return key if isinstance(key, str) else str(key)


def _string(text: str) -> str:
    return govalues.valid(escape_html(json.dumps(text, ensure_ascii=False)), r"\ufffd")


def escape_html(text: str) -> str:
    """Escape ``<``, ``>``, ``&`` and line separators in JSON text, as ``json.Marshal`` does."""
    return _HTML_PATTERN.sub(lambda match: _HTML[match.group()], text)


def sprint(value: Any) -> str:
    """Write a value as ``fmt.Sprintf("%v", value)`` does.

    Args:
        value: what an expression can yield.

    Returns:
        The text; ``<nil>`` for None, ``map[a:1 b:2]`` for a mapping, ``[1 2]`` for a list.
    """
    if value is None:
        return "<nil>"
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _sprint_float(value)
    if isinstance(value, Mapping):
        return (
            "map[" + " ".join(f"{sprint(key)}:{sprint(value[key])}" for key in sorted(value, key=str)) + "]"
        )
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(sprint(item) for item in value) + "]"
    if isinstance(value, govalues.AnyMap):
        pairs = sorted(value.items(), key=lambda pair: _map_order(pair[0]))
        return "map[" + " ".join(f"{sprint(key)}:{sprint(item)}" for key, item in pairs) + "]"
    return str(value)


def _map_order(key: Any) -> tuple[str, Any]:
    if key is None:
        return "", 0
    return govalues.type_of(key), key if isinstance(key, (int, float, str)) else sprint(key)


def upper(text: str) -> str:
    """Write a string in upper case, as ``strings.ToUpper`` does: no character becomes several."""
    return text.upper() if text.isascii() else govalues.valid("".join(map(_upper, text)))


def lower(text: str) -> str:
    """Write a string in lower case, as ``strings.ToLower`` does: no character becomes several."""
    return text.lower() if text.isascii() else govalues.valid("".join(map(_lower, text)))


def _upper(character: str) -> str:
    changed = character.upper()
    return changed if len(changed) == 1 else character


def _lower(character: str) -> str:
    changed = character.lower()
    return changed if len(changed) == 1 else character[:1] if character != "\u0130" else "i"


def _sprint_float(number: float) -> str:
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "+Inf" if number > 0 else "-Inf"
    if number == 0:
        return "-0" if math.copysign(1.0, number) < 0 else "0"
    exponent = _digits(number)[2] - 1
    return _scientific(number, strip_zero=False) if exponent < -4 or exponent >= 6 else _plain(number)


def any_string(value: Any) -> str:
    """Return a value of a parameter as the string that Argo reads it as (``AnyString``)."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        is_plain = abs(value) < 1e21 and (value == 0 or abs(value) >= 1e-6)
        return float_json(value) if is_plain else f"{value:f}"
    return "" if value is None or isinstance(value, (dict, list)) else str(value)


def int_or_string(value: Any) -> int:
    """Read what Kubernetes has as an ``IntOrString``, once its tags are replaced; see Argo's ``util/intstr``.

    Args:
        value: an integer, or a string of one.

    Raises:
        ValueError: the string is not an integer; the message is Argo's.
    """
    if isinstance(value, str) and not _INTEGER.fullmatch(value):
        raise ValueError(f"value '{value}' cannot be resolved to an int")
    return int(value)
