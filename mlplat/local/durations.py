"""Durations as Go writes them."""

from __future__ import annotations

import re

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")


class DurationError(ValueError):
    """A text isn't a duration."""


def seconds(text: str) -> float:
    """Read a duration.

    Args:
        text: a whole number of seconds, or such as ``1h30m`` (Go's ``time.ParseDuration``).

    Returns:
        Seconds.

    Raises:
        DurationError: the text isn't a duration.
    """
    text = str(text).strip()
    if re.fullmatch(r"[+-]?\d+", text):
        return float(text)
    sign = -1.0 if text.startswith("-") else 1.0
    body = text.lstrip("+-")
    position, total = 0, 0.0
    while position < len(body):
        match = _PART.match(body, position)
        if match is None:
            break
        total += float(match[1]) * _UNITS[match[2]]
        position = match.end()
    if not body or position < len(body):
        raise DurationError(f'unable to parse {text} as a duration: time: invalid duration "{text}"')
    return sign * total
