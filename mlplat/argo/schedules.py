"""Schedules of CronWorkflows, read as Argo's controller reads them.

The format is the standard one of the library that Argo uses (``robfig/cron``, ``ParseStandard``): five fields, where
Sunday is 0 and not 7, or a descriptor such as ``@daily``. The full CRDs refuse a ``TZ=`` prefix.
"""

from __future__ import annotations

import re

HINT = 'minute, hour, day of month, month, day of week, such as "30 3 * * 1-5"; or @daily, or "@every 2h"'

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("day of week", 0, 6, {name: number for number, name in enumerate(_DAYS)}),
)
_DESCRIPTOR = re.compile(r"@(yearly|annually|monthly|weekly|daily|midnight|hourly)\Z")
_EVERY = re.compile(r"@every\s+([0-9]+(ns|us|µs|ms|s|m|h))+\Z")


def problem(schedule: str) -> str:
    """Return the error of a schedule.

    Args:
        schedule: such as ``0 3 * * *``.

    Returns:
        The error; empty if there is none.
    """
    if schedule.startswith("@"):
        known = _DESCRIPTOR.match(schedule) or _EVERY.match(schedule)
        return "" if known else "unknown descriptor"
    fields = schedule.split()
    if len(fields) != len(_FIELDS):
        return f"expected {len(_FIELDS)} fields, got {len(fields)}"
    problems = (
        _problem(part, *field)
        for text, field in zip(fields, _FIELDS, strict=True)
        for part in text.split(",")
    )
    return next(filter(None, problems), "")


def _problem(part: str, field: str, lowest: int, highest: int, words: dict[str, int]) -> str:
    span, slash, step = part.partition("/")
    if slash and not (step.isascii() and step.isdecimal() and int(step) > 0):
        return f"the step of the {field} {part!r} is not a positive integer"
    if span in ("*", "?"):
        return ""
    ends = []
    for text in span.split("-"):
        number = words.get(text.lower(), int(text) if text.isascii() and text.isdecimal() else None)
        if number is None:
            return f"the {field} {text!r} is not a number"
        if not lowest <= number <= highest:
            return f"the {field} {text} is not between {lowest} and {highest}"
        ends.append(number)
    if len(ends) > 2 or ends[0] > ends[-1]:
        return f"the {field} {span!r} is not a valid range"
    return ""


def timezone_problem(name: str) -> str:
    """Return the error of a time zone; if this machine has no time zone database, every name is valid."""
    import zoneinfo

    known = zoneinfo.available_timezones()
    return f"unknown time zone {name!r}" if known and name not in known else ""


def timezone_hint(name: str) -> str:
    """Return a suggestion for an unknown time zone."""
    import difflib
    import zoneinfo

    close = difflib.get_close_matches(name, zoneinfo.available_timezones(), n=1)
    return f"did you mean {close[0]!r}?" if close else "use a name such as Europe/Berlin or UTC"
