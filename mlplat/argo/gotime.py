"""Go's ``time`` package, as far as expressions and ``when`` reach it: moments, durations, zones and layouts.

The local zone of Argo's controller is UTC: its image has no other.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC as _UTC
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_SECOND = 1_000_000_000
_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": _SECOND,
    "m": 60 * _SECOND,
    "h": 3600 * _SECOND,
}
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_WHOLE = re.compile(rf"([+-]?)((?:{_PART.pattern})+)")
_EPOCH = datetime(1970, 1, 1, tzinfo=_UTC)
_YEAR_ONE = -62135596800
_FIRST_INSTANT = -62135510400  # the second day of the year 1, which has a date in every zone
_LAST_INSTANT = 253402214400  # the last day of the year 9999

ANSIC = "Mon Jan _2 15:04:05 2006"
UNIX_DATE = "Mon Jan _2 15:04:05 MST 2006"
RUBY_DATE = "Mon Jan 02 15:04:05 -0700 2006"
RFC822 = "02 Jan 06 15:04 MST"
RFC850 = "Monday, 02-Jan-06 15:04:05 MST"
RFC1123 = "Mon, 02 Jan 2006 15:04:05 MST"
RFC3339 = "2006-01-02T15:04:05Z07:00"
RFC3339_NANO = "2006-01-02T15:04:05.999999999Z07:00"
KITCHEN = "3:04PM"


class TimeError(ValueError):
    """A string is not a time, duration or zone; the message is Go's."""


class Month(int):
    """A month, from 1."""

    __slots__ = ()

    def __str__(self) -> str:
        return _MONTHS[self - 1]


class Weekday(int):
    """A day of the week, from 0, which is Sunday."""

    __slots__ = ()

    def __str__(self) -> str:
        return _DAYS[self]


class Duration(int):
    """Nanoseconds."""

    __slots__ = ()

    def __str__(self) -> str:
        if self == 0:
            return "0s"
        sign, left = ("-", -int(self)) if self < 0 else ("", int(self))
        if left < _SECOND:
            for unit, size in (("ms", 1_000_000), ("µs", 1_000), ("ns", 1)):
                if left >= size:
                    return f"{sign}{_decimal(left, size)}{unit}"
        minutes, nanoseconds = divmod(left, 60 * _SECOND)
        text = f"{_decimal(nanoseconds, _SECOND)}s"
        if minutes:
            text = f"{minutes % 60}m{text}"
        if minutes >= 60:
            text = f"{minutes // 60}h{text}"
        return sign + text

    def round(self, step: int) -> Duration:
        """Return the nearest multiple of a step, halves away from zero; the duration itself for a step of 0."""
        if step <= 0:
            return self
        left = abs(self) % step
        away = abs(self) + (step - left if left + left >= step else -left)
        return Duration(away if self >= 0 else -away)

    def truncate(self, step: int) -> Duration:
        """Return the multiple of a step towards zero."""
        if step <= 0:
            return self
        return Duration(int(self) - (abs(self) % step if self >= 0 else -(abs(self) % step)))


def _decimal(amount: int, size: int) -> str:
    whole, rest = divmod(amount, size)
    digits = f"{rest:0{len(str(size)) - 1}d}".rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else str(whole)


def parse_duration(text: str) -> Duration:
    """Read a duration as ``time.ParseDuration`` does.

    Args:
        text: such as ``1h30m`` or ``-1.5s``.

    Returns:
        The duration.

    Raises:
        TimeError: the string is not a duration, or exceeds 2^63 nanoseconds.
    """
    if text in ("0", "+0", "-0"):
        return Duration(0)
    match = _WHOLE.fullmatch(text)
    if match is None:
        if re.fullmatch(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)", text):
            raise TimeError(f'time: missing unit in duration "{text}"')
        raise TimeError(f'time: invalid duration "{text}"')
    total = 0
    for number, unit in _PART.findall(match[2]):
        whole, _, fraction = number.partition(".")
        total += int(whole or "0") * _UNITS[unit]
        if fraction:
            total += int(float(int(fraction[:18])) * (_UNITS[unit] / 10.0 ** len(fraction[:18])))
    if total > 2**63 - (match[1] != "-"):
        raise TimeError(f'time: invalid duration "{text}"')
    return Duration(-total if match[1] == "-" else total)


@dataclass(frozen=True, slots=True)
class Zone:
    """A time zone.

    Args:
        name: of the place, or the abbreviation of a fixed zone.
        offset: seconds east of UTC; None for a place.
    """

    name: str
    offset: int | None = None

    def at(self, unix: int) -> tuple[str, int]:
        """Return the abbreviation and the offset at a moment in seconds since 1970."""
        if self.offset is not None:
            return self.name, self.offset
        seconds = max(min(unix, _LAST_INSTANT), _FIRST_INSTANT)
        moment = (_EPOCH + timedelta(seconds=seconds)).astimezone(_location(self.name))
        offset = moment.utcoffset()
        return moment.tzname() or "", int(offset.total_seconds()) if offset is not None else 0

    def __str__(self) -> str:
        return self.name


UTC = Zone("UTC", 0)


@lru_cache(maxsize=64)
def _location(name: str) -> ZoneInfo:
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)


def zone(name: str) -> Zone:
    """Return a zone by its name in the IANA database, as ``time.LoadLocation`` does.

    Raises:
        TimeError: there is no such zone.
    """
    if name in ("", "UTC"):
        return UTC
    if name == "Local":
        return UTC
    if ".." in name or name.startswith(("/", "\\")):
        raise TimeError("time: invalid location name")
    try:
        _location(name)
    except (KeyError, ValueError, OSError):
        raise TimeError(f"unknown time zone {name}") from None
    return Zone(name)


@dataclass(frozen=True, slots=True, order=True)
class Time:
    """A moment.

    Args:
        unix: seconds since 1970.
        nanosecond: after that second.
        zone: in which it is written; moments in different zones can be equal.
    """

    unix: int
    nanosecond: int
    zone: Zone = UTC

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Time) and (self.unix, self.nanosecond) == (other.unix, other.nanosecond)

    def __hash__(self) -> int:
        return hash((self.unix, self.nanosecond))

    @property
    def date(self) -> tuple[int, int, int]:
        """Year, month and day."""
        return _civil((self.unix + self.zone.at(self.unix)[1]) // 86400)

    @property
    def clock(self) -> tuple[int, int, int]:
        """Hour, minute and second."""
        second = (self.unix + self.zone.at(self.unix)[1]) % 86400
        return second // 3600, second // 60 % 60, second % 60

    @property
    def weekday(self) -> Weekday:
        """The day of the week."""
        return Weekday(((self.unix + self.zone.at(self.unix)[1]) // 86400 + 4) % 7)

    @property
    def day_of_year(self) -> int:
        """The day of the year, from 1."""
        year, month, day = self.date
        return _days(year, month, day) - _days(year, 1, 1) + 1

    @property
    def since_1970(self) -> int:
        """Nanoseconds since 1970."""
        return self.unix * _SECOND + self.nanosecond

    def add(self, duration: int) -> Time:
        """Return a later moment."""
        second, nanosecond = divmod(self.nanosecond + int(duration), _SECOND)
        return Time(self.unix + second, nanosecond, self.zone)

    def sub(self, other: Time) -> Duration:
        """Return the time since another moment, at most 2^63 nanoseconds."""
        return Duration(max(min(self.since_1970 - other.since_1970, 2**63 - 1), -(2**63)))

    def truncate(self, step: int) -> Time:
        """Return the last multiple of a step since the year 1; the moment itself for a step of 0."""
        since = self.since_1970 - _YEAR_ONE * _SECOND
        return self.add(-(since % step)) if step > 0 else self

    def round(self, step: int) -> Time:
        """Return the nearest multiple of a step since the year 1, halves up."""
        if step <= 0:
            return self
        rest = (self.since_1970 - _YEAR_ONE * _SECOND) % step
        return self.add(step - rest if rest + rest >= step else -rest)

    def add_date(self, years: int, months: int, days: int) -> Time:
        """Return the same clock on another date."""
        year, month, day = self.date
        return moment(year + years, month + months, day + days, *self.clock, self.nanosecond, self.zone)

    def format(self, layout: str) -> str:
        """Write the moment in a layout of Go, such as ``2006-01-02``."""
        return _format(self, layout)

    def __str__(self) -> str:
        return _format(self, "2006-01-02 15:04:05.999999999 -0700 MST")


def now() -> Time:
    """Return the current moment, in UTC."""
    second, nanosecond = divmod(int(datetime.now(_UTC).timestamp() * 1_000_000) * 1_000, _SECOND)
    return Time(second, nanosecond)


def _civil(days: int) -> tuple[int, int, int]:
    """Return the date of a day since 1970: Howard Hinnant's ``civil_from_days``, of the proleptic calendar."""
    days += 719468
    era, day_of_era = divmod(days, 146097)
    year = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year + year // 4 - year // 100)
    month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month + 2) // 5 + 1
    month += 3 if month < 10 else -9
    return era * 400 + year + (month <= 2), month, day


def _days(year: int, month: int, day: int) -> int:
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719468


def moment(
    year: int, month: int, day: int, hour: int, minute: int, second: int, nanosecond: int, where: Zone
) -> Time:
    """Return the moment of a date and clock, which may overflow, in a zone."""
    extra, month = divmod(month - 1, 12)
    days = _days(year + extra, month + 1, 1) + day - 1
    unix = days * 86400 + hour * 3600 + minute * 60 + second
    offset = where.at(unix)[1]
    if offset:
        unix -= where.at(unix - offset)[1]
    return Time(unix, nanosecond, where)


_CHUNK = re.compile(
    r"January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|0[1-6]|002|15|1|2006|2|__2|_2(?!006)|3|4|5|PM|pm"
    r"|[-Z]07(?:0000|:00:00|00|:00)?|[.,](?:0+|9+)(?![0-9])"
)


@lru_cache(maxsize=256)
def _chunks(layout: str) -> tuple[tuple[str, str], ...]:
    """Split a layout into pairs of what is literal and the reference part after it; the last part is empty."""
    parts: list[tuple[str, str]] = []
    position = 0
    for match in _CHUNK.finditer(layout):
        parts.append((layout[position : match.start()], match.group()))
        position = match.end()
    parts.append((layout[position:], ""))
    return tuple(parts)


def _format(time: Time, layout: str) -> str:
    parts: list[str] = []
    for literal, chunk in _chunks(layout):
        parts.append(literal)
        if chunk:
            parts.append(_WRITERS[chunk](time) if chunk in _WRITERS else _formatted(time, chunk))
    return "".join(parts)


def _formatted(time: Time, chunk: str) -> str:
    if chunk[0] in ".,":
        return _fraction(time.nanosecond, chunk)
    abbreviation, offset = time.zone.at(time.unix)
    if chunk == "MST":
        return abbreviation or _offset_text(offset, "-0700")
    return "Z" if chunk[0] == "Z" and offset == 0 else _offset_text(offset, chunk)


def _year(time: Time) -> str:
    year = time.date[0]
    return f"-{-year:04d}" if year < 0 else f"{year:04d}"


_WRITERS: dict[str, Callable[[Time], str]] = {
    "2006": _year,
    "06": lambda time: f"{time.date[0] % 100:02d}",
    "January": lambda time: _MONTHS[time.date[1] - 1],
    "Jan": lambda time: _MONTHS[time.date[1] - 1][:3],
    "1": lambda time: str(time.date[1]),
    "01": lambda time: f"{time.date[1]:02d}",
    "Monday": lambda time: str(time.weekday),
    "Mon": lambda time: str(time.weekday)[:3],
    "2": lambda time: str(time.date[2]),
    "_2": lambda time: f"{time.date[2]:2d}",
    "02": lambda time: f"{time.date[2]:02d}",
    "__2": lambda time: f"{time.day_of_year:3d}",
    "002": lambda time: f"{time.day_of_year:03d}",
    "15": lambda time: f"{time.clock[0]:02d}",
    "3": lambda time: str(time.clock[0] % 12 or 12),
    "03": lambda time: f"{time.clock[0] % 12 or 12:02d}",
    "4": lambda time: str(time.clock[1]),
    "04": lambda time: f"{time.clock[1]:02d}",
    "5": lambda time: str(time.clock[2]),
    "05": lambda time: f"{time.clock[2]:02d}",
    "PM": lambda time: "PM" if time.clock[0] >= 12 else "AM",
    "pm": lambda time: "pm" if time.clock[0] >= 12 else "am",
}


def _fraction(nanosecond: int, chunk: str) -> str:
    digits = f"{nanosecond:09d}"[: len(chunk) - 1]
    if chunk[1] == "9":
        digits = digits.rstrip("0")
        return chunk[0] + digits if digits else ""
    return chunk[0] + digits


def _offset_text(offset: int, chunk: str) -> str:
    sign, seconds = ("-", -offset) if offset < 0 else ("+", offset)
    colon = ":" if ":" in chunk else ""
    text = f"{sign}{seconds // 3600:02d}"
    if len(chunk) > 3:
        text += f"{colon}{seconds // 60 % 60:02d}"
    if len(chunk) > 6:
        text += f"{colon}{seconds % 60:02d}"
    return text


class _Reader:
    """Reads a string along a layout: ``time.Parse``."""

    def __init__(self, text: str) -> None:
        self.left = text
        self.year, self.month, self.day, self.day_of_year = 0, -1, -1, -1
        self.hour = self.minute = self.second = self.nanosecond = 0
        self.pm = self.am = False
        self.utc = False
        self.offset: int | None = None
        self.abbreviation = ""

    def fail(self) -> TimeError:
        return TimeError(self.left)

    def skip(self, literal: str) -> None:
        while literal:
            if literal[0] == " ":
                if self.left and self.left[0] != " ":
                    raise self.fail()
                literal, self.left = literal.lstrip(" "), self.left.lstrip(" ")
                continue
            if not self.left or self.left[0] != literal[0]:
                raise self.fail()
            literal, self.left = literal[1:], self.left[1:]

    def take(self, length: int) -> str:
        if len(self.left) < length:
            raise self.fail()
        taken, self.left = self.left[:length], self.left[length:]
        return taken

    def digits(self, least: int, most: int) -> int:
        match = re.match(f"[0-9]{{{least},{most}}}", self.left)
        if match is None:
            raise self.fail()
        self.left = self.left[match.end() :]
        return int(match.group())

    def number(self, low: int, high: int, *, fixed: bool) -> int:
        value = self.digits(2 if fixed else 1, 2)
        if not low <= value <= high:
            raise self.fail()
        return value

    def name(self, names: tuple[str, ...], length: int | None = None) -> int:
        for index, name in enumerate(names):
            known = name if length is None else name[:length]
            if self.left[: len(known)].lower() == known.lower():
                self.left = self.left[len(known) :]
                return index
        raise self.fail()

    def fraction(self, *, digits: int | None) -> None:
        match = re.match(r"[.,]([0-9]+)" if digits is None else rf"[.,]([0-9]{{{digits}}})", self.left)
        if match is None:
            raise self.fail()
        self.left = self.left[match.end() :]
        self.nanosecond = int(match[1][:9].ljust(9, "0"))

    def read(self, chunk: str, following: str) -> None:  # noqa: C901
        match chunk:
            case "2006":
                self.year = self.digits(4, 4)
            case "06":
                year = self.digits(2, 2)
                self.year = year + (1900 if year >= 69 else 2000)
            case "January":
                self.month = self.name(_MONTHS) + 1
            case "Jan":
                self.month = self.name(_MONTHS, 3) + 1
            case "1" | "01":
                self.month = self.number(1, 12, fixed=chunk == "01")
            case "Monday":
                self.name(_DAYS)
            case "Mon":
                self.name(_DAYS, 3)
            case "2" | "_2" | "02":
                if chunk == "_2":
                    self.left = self.left.removeprefix(" ")
                self.day = self.number(0, 99, fixed=chunk == "02")
            case "__2" | "002":
                if chunk == "__2":
                    self.left = self.left.removeprefix(" ").removeprefix(" ")
                self.day_of_year = self.digits(3 if chunk == "002" else 1, 3)
            case "15":
                self.hour = self.number(0, 23, fixed=False)
            case "3" | "03":
                self.hour = self.number(0, 12, fixed=chunk == "03")
            case "4" | "04":
                self.minute = self.number(0, 59, fixed=chunk == "04")
            case "5" | "05":
                self.second = self.number(0, 59, fixed=chunk == "05")
                if re.match(r"[.,][0-9]", self.left) and following[:1] not in (".", ","):
                    self.fraction(digits=None)
            case "PM" | "pm":
                half = self.take(2)
                if half not in ((chunk, "AM") if chunk == "PM" else (chunk, "am")):
                    raise self.fail()
                self.pm, self.am = half == chunk, half != chunk
            case "MST":
                self.zone()
            case _ if chunk[0] in ".,":
                if chunk[1] == "0":
                    self.fraction(digits=len(chunk) - 1)
                elif re.match(r"[.,][0-9]", self.left):
                    self.fraction(digits=None)
            case _:
                self.numeric_zone(chunk)

    def numeric_zone(self, chunk: str) -> None:
        if chunk[0] == "Z" and len(chunk) <= 6 and self.left[:1] == "Z":
            self.left = self.left[1:]
            self.utc = True
            return
        colon = ":" if ":" in chunk else ""
        pattern = r"([+-])([0-9]{2})"
        if len(chunk) > 3:
            pattern += colon + "([0-9]{2})"
        if len(chunk) > 6:
            pattern += colon + "([0-9]{2})"
        match = re.match(pattern, self.left)
        if match is None:
            raise self.fail()
        hours, minutes, seconds = (int(part) for part in (*match.groups()[1:], "0", "0")[:3])
        if hours > 24 or minutes > 60 or seconds > 60:
            raise self.fail()
        self.left = self.left[match.end() :]
        offset = (hours * 60 + minutes) * 60 + seconds
        self.offset = -offset if match[1] == "-" else offset

    def zone(self) -> None:
        if self.left.startswith("UTC"):
            self.left, self.utc = self.left[3:], True
            return
        match = re.match(
            r"ChST|MeST|GMT(?:[+-](?:1?[0-9]|2[0-3])(?![0-9]))?|[+-](?:0*1?[0-9]|0*2[0-3])(?![0-9])"
            r"|[A-Z]{4}T(?![A-Z])|(?:[A-Z]{3}T|WITA)(?![A-Z])|[A-Z]{3}(?![A-Z])",
            self.left,
        )
        if match is None:
            raise self.fail()
        self.abbreviation = match.group()
        self.left = self.left[match.end() :]

    def result(self, where: Zone) -> Time:
        hour = self.hour
        if self.pm and hour < 12:
            hour += 12
        elif self.am and hour == 12:
            hour = 0
        year, month, day = self.year, self.month, self.day
        if self.day_of_year >= 0:
            month, day = self.date_in_year()
        month, day = (1 if month < 0 else month), (1 if day < 0 else day)
        last = _days(year + month // 12, month % 12 + 1, 1) - _days(year, month, 1)
        if not 1 <= day <= last:
            raise TimeError("day out of range")
        clock = (year, month, day, hour, self.minute, self.second, self.nanosecond)
        if self.utc:
            return moment(*clock, UTC)
        if self.offset is not None:
            plain = moment(*clock, UTC)
            unix = plain.unix - self.offset
            name, offset = where.at(unix)
            if offset == self.offset and self.abbreviation in ("", name):
                return Time(unix, self.nanosecond, where)
            return Time(unix, self.nanosecond, Zone(self.abbreviation, self.offset))
        if self.abbreviation:
            return self.in_named_zone(moment(*clock, UTC), where)
        return moment(*clock, where)

    def in_named_zone(self, plain: Time, where: Zone) -> Time:
        for unix in (plain.unix, plain.unix - 182 * 86400, plain.unix + 182 * 86400):
            name, offset = where.at(unix)
            if name == self.abbreviation:
                return Time(plain.unix - offset, plain.nanosecond, where)
        hours = self.abbreviation[3:] if self.abbreviation.startswith("GMT") else ""
        offset = int(hours) * 3600 if hours else 0
        return Time(plain.unix - offset, plain.nanosecond, Zone(self.abbreviation, offset))

    def date_in_year(self) -> tuple[int, int]:
        length = _days(self.year + 1, 1, 1) - _days(self.year, 1, 1)
        if not 1 <= self.day_of_year <= length:
            raise TimeError("day-of-year out of range")
        _, month, day = _civil(_days(self.year, 1, 1) + self.day_of_year - 1)
        if (self.month >= 0 and self.month != month) or (self.day >= 0 and self.day != day):
            raise TimeError("day-of-year does not match the date")
        return month, day


def parse(layout: str, text: str, where: Zone = UTC) -> Time:
    """Read a moment in a layout of Go, as ``time.ParseInLocation`` does.

    Args:
        layout: such as ``2006-01-02``.
        text: the moment.
        where: the zone of moments that name none.

    Returns:
        The moment.

    Raises:
        TimeError: the string does not have this layout.
    """
    reader = _Reader(text)
    parts = _chunks(layout)
    try:
        for index, (literal, chunk) in enumerate(parts):
            reader.skip(literal)
            if chunk:
                reader.read(chunk, parts[index + 1][1])
        if reader.left:
            raise reader.fail()
        return reader.result(where)
    except TimeError as error:
        raise TimeError(f'parsing time "{text}" as "{layout}": cannot parse "{error}"') from None
