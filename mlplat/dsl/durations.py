"""Durations as people write them."""

from __future__ import annotations

import re
from typing import Any

HINT = "use numbers with units, such as 10s, 2m or 1h30m"

_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_PART = re.compile(f"({_NUMBER})(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(duration: Any) -> float | None:
    """Return the seconds of a duration.

    Args:
        duration: a string such as ``90s`` or ``1h30m``, or a number of seconds, which may be a string too.

    Returns:
        The seconds; None if the duration is not valid.
    """
    if isinstance(duration, (int, float)) and not isinstance(duration, bool):
        return float(duration) if 0 <= duration < float("inf") else None
    written = duration.replace(" ", "") if isinstance(duration, str) else ""
    if re.fullmatch(_NUMBER, written):
        return float(written)
    if not re.fullmatch(f"({_PART.pattern})+", written):
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(written))


def text(seconds: float) -> str:
    """Return seconds as Argo writes them, such as ``90s``."""
    return f"{seconds:f}".rstrip("0").rstrip(".") + "s"
