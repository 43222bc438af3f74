"""Phases, times, sizes and values as people read them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from mlplat.argo.status import MARKS
from mlplat.report.model import Scalar

NOT_RUN = ("Skipped", "Omitted", "Pending")

_CLASSES = {
    "Succeeded": "ok",
    "Failed": "bad",
    "Error": "bad",
    "Running": "live",
}
_LONGEST_VALUE = 2000
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def mark(phase: str) -> str:
    """Return the mark of a phase."""
    return MARKS.get(phase, "?")


def style_of(phase: str) -> str:
    """Return the class of elements that show a phase."""
    return _CLASSES.get(phase, "idle")


def moment(time: datetime | None) -> str:
    """Write a time in UTC; empty for None."""
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if time else ""


def seconds(started: datetime | None, finished: datetime | None) -> float | None:
    """Return the seconds between two times; None if one is unknown."""
    return (finished - started).total_seconds() if started and finished else None


def duration(started: datetime | None, finished: datetime | None) -> str:
    """Write how long something took; empty if it is unknown. Argo's times are whole seconds."""
    took = seconds(started, finished)
    if took is None:
        return ""
    if took < 1:
        return "<1s"
    minutes, rest = divmod(round(took), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}m{rest:02}s" if took >= 120 else f"{took:.0f}s"


def size(count: int | None) -> str:
    """Write a number of bytes; empty for None."""
    if count is None:
        return ""
    amount, unit = float(count), 0
    while amount >= 1024 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{count} {'byte' if count == 1 else 'bytes'}" if unit == 0 else f"{amount:.1f} {_UNITS[unit]}"


def value(found: Any) -> str:
    """Write a parameter: a string as it is, anything else as JSON; a long one is cut."""
    text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def metric(found: Scalar) -> str:
    """Write a metric: numbers to six digits."""
    if isinstance(found, bool):
        return str(found).lower()
    return f"{found:.6g}" if isinstance(found, float) else value(found)


def counted(count: int, noun: str) -> str:
    """Write a number of things: ``1 task``, ``2 tasks``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
