"""Durations: as Go writes them, and as people read them."""

from __future__ import annotations

import re

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_WHOLE = re.compile(rf"[+-]?({_PART.pattern})+")
_NUMBER = re.compile(r"[+-]?[0-9]+")


class DurationError(ValueError):
    """A string is not a duration."""


def seconds(text: str) -> float:
    """Read a duration as Argo reads most of them.

    Args:
        text: a whole number of seconds, or a duration with units.

    Returns:
        Seconds.

    Raises:
        DurationError: the text isn't a duration.
    """
    text = str(text).strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    try:
        return with_units(text)
    except DurationError as error:
        raise DurationError(f"unable to parse {text} as a duration: {error}") from None


def with_units(text: str) -> float:
    """Read a duration with units, as Go's ``time.ParseDuration`` does, which takes a bare ``0`` too.

    Args:
        text: such as ``1h30m``.

    Returns:
        Seconds.

    Raises:
        DurationError: the text isn't a duration; the message is Go's.
    """
    if _NUMBER.fullmatch(text):
        raise DurationError(f'time: missing unit in duration "{text}"')
    if not _WHOLE.fullmatch(text):
        raise DurationError(f'time: invalid duration "{text}"')
    total = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    return -total if text.startswith("-") else total


def short(seconds: float) -> str:
    """Write a duration in a few characters, such as ``2m05s``; Argo's times have whole seconds and nothing finer."""
    if seconds < 1:
        return "<1s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}m{rest:02}s" if seconds >= 120 else f"{seconds:.0f}s"
