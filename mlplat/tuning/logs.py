"""Reads metrics from what a trial printed, or wrote into a file.

The rules are those of Katib's collector: regular expressions of Go, whose first group is the name and second group the
value of a metric; a timestamp is the first word of a line, in RFC 3339. In three places the collector is wrong:

* ``loss=nan`` has an empty value there, which makes the trial the best one. Here it is a failed point: a value that is
  not a finite number, and so never the smallest, the largest or the best.
* ``loss=cross_entropy`` has an empty value, too. Here it is not a point.
* In JSON, numbers are skipped, and one line that is not JSON ends the collection. Here numbers count, and such a line
  is skipped.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mlplat.argo import goregexp
from mlplat.argo.gonumbers import parse_float
from mlplat.canonical import read_json
from mlplat.tuning.experiment import JSON, MetricsCollector

DEFAULT_PATTERN = r"([\w|-]+)\s*=\s*([+-]?(?:(?i:nan|inf|infinity)\b|\d*(\.\d+)?([Ee][+-]?\d+)?))"
"""Regular expression of a metric without a filter: Katib's, and values that are not finite."""

_DEFAULT = re.compile(
    r"([\w|-]++)(?:[\t\n\f\r ]*+=[\t\n\f\r ]*+"
    r"([+-]?(?:(?i:nan|inf|infinity)\b|\d*(?:\.\d+)?(?:[Ee][+-]?\d+)?)))?",
    re.ASCII,
)
""":data:`DEFAULT_PATTERN` for Python's engine, so that a trial without a filter does not need google-re2.

It takes linear time: a name without a value is a match, too, so that no part of a name is searched again.
"""

_TIME = re.compile(
    r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:[.,](\d+))?(Z|[+-]\d{2}:\d{2})",
    re.ASCII,
)
_NANOSECONDS = 10**9
_LAST_SECOND = 253402300800
"""The end of the year 9999."""


@dataclass(frozen=True, slots=True)
class Point:
    """A value that a trial reported of a metric.

    Attributes:
        metric: its name.
        text: the value as it was reported.
        time: nanoseconds since 1970 in UTC; None without a timestamp, which is before any other time.
    """

    metric: str
    text: str
    time: int | None = None

    @property
    def number(self) -> float | None:
        """The value; None for a failed point, which is not a finite number."""
        return number(self.text)


def number(text: str) -> float | None:
    """Return the finite number of a string, or None."""
    try:
        found = parse_float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def points(lines: Iterable[str], metrics: Sequence[str], collector: MetricsCollector) -> Iterator[Point]:
    """Yield the points of metrics, in the order of the lines.

    Args:
        lines: without their ends. They may come one by one, while the trial runs.
        metrics: names of the metrics to collect.
        collector: the metrics collector, for its format and filter.

    Raises:
        RegexpError: a pattern of the filter is not a regular expression, or needs google-re2, which is not installed.
    """
    if collector.file is not None and collector.file.format == JSON:
        return _json_points(lines, metrics)
    return _text_points(lines, metrics, collector.patterns)


def timestamp(text: str) -> int | None:
    """Return the time of a string in RFC 3339 in nanoseconds since 1970, or None if it is not one."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    try:
        moment = datetime.fromisoformat(found[1] + found[3].replace("Z", "+00:00"))
    except ValueError:
        return None
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86400 + since.seconds) * _NANOSECONDS + int((found[2] or "").ljust(9, "0")[:9])


def _text_points(lines: Iterable[str], metrics: Sequence[str], patterns: Sequence[str]) -> Iterator[Point]:
    for line in lines:
        if not any(metric in line for metric in metrics):
            continue
        first, space, _ = line.partition(" ")
        time = timestamp(first) if space else None
        for name, value in _pairs(line, patterns):
            if name in metrics and value:
                yield Point(name, value, time)


def _pairs(line: str, patterns: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the names and values in a line."""
    if not patterns:
        yield from ((match[1], match[2] or "") for match in _DEFAULT.finditer(line))
    for pattern in patterns:
        for _, name, value, *_ in goregexp.find_all_groups(pattern, line):
            yield name.strip(), value.strip()


def _json_points(lines: Iterable[str], metrics: Sequence[str]) -> Iterator[Point]:
    for line in lines:
        try:
            fields = read_json(line)
        except ValueError:
            continue
        if not isinstance(fields, Mapping):
            continue
        time = _json_time(fields.get("timestamp"))
        for metric in metrics:
            if text := _json_text(fields.get(metric)):
                yield Point(metric, text, time)


def _json_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return json.dumps(value) if is_number else ""


def _json_time(value: Any) -> int | None:
    if isinstance(value, str):
        return timestamp(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < _LAST_SECOND:
        return None
    seconds = math.floor(value)
    return seconds * _NANOSECONDS + round((value - seconds) * _NANOSECONDS)
