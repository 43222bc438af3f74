"""Phases, times, sizes and values as people read them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from mlplat.argo import durations
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
    """Write how long something took; empty if it is unknown."""
    took = seconds(started, finished)
    return "" if took is None else durations.short(took)


def size(count: int | None) -> str:
    """Write a number of bytes; empty for None."""
    if count is None:
        return ""
    amount, unit = float(count), 0
    while amount >= 1024 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{count} {'byte' if count == 1 else 'bytes'}" if unit == 0 else f"{amount:.1f} {_UNITS[unit]}"


def value(item: Any) -> str:
    """Write a parameter: a string as it is, anything else as JSON; a long one is cut."""
    text = item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def metric(scalar: Scalar) -> str:
    """Write a metric: numbers to six digits."""
    if isinstance(scalar, bool):
        return str(scalar).lower()
    return f"{scalar:.6g}" if isinstance(scalar, float) else value(scalar)


def counted(count: int, noun: str) -> str:
    """Write a number of things: ``1 task``, ``2 tasks``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
