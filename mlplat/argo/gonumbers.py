"""Numbers as Go's ``strconv`` reads them."""

from __future__ import annotations

import math
import re

from mlplat.argo import govalues

_DECIMAL = re.compile(r"[+-]?[0-9]+")
_FLOAT = re.compile(
    r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf(?:inity)?|nan)|[+-]?(?P<hex>0x[0-9a-f.]*p[+-]?[0-9]+)",
    re.IGNORECASE,
)


def parse_int(text: str) -> int:
    """Return what ``strconv.Atoi`` returns.

    Raises:
        ValueError: the string is not a decimal integer of 64 bits.
    """
    if not _DECIMAL.fullmatch(text):
        raise ValueError(text)
    number = int(text)
    if number != govalues.wrapped(number):
        raise ValueError(text)
    return number


def parse_float(text: str) -> float:
    """Return what ``strconv.ParseFloat`` returns.

    Raises:
        ValueError: the string is not a number, or is too large.
    """
    match = _FLOAT.fullmatch(text)
    if match is None:
        raise ValueError(text)
    if match["hex"]:
        return float.fromhex(text)
    number = float(text)
    if math.isinf(number) and "n" not in text.lower():
        raise ValueError(text)
    return -abs(number) if math.isnan(number) and text[0] == "-" else number
