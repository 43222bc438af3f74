"""Schedules are read as Argo's controller reads them."""

from __future__ import annotations

import pytest

from mlplat.argo import schedules


@pytest.mark.parametrize(
    "schedule",
    [
        "* * * * *",
        "0 3 * * *",
        "*/5 0-12/2 1,15 JAN-mar MON",
        "? ? ? ? 0",
        "5/10 * * * *",
        "@daily",
        "@every 1h30m",
    ],
)
def test_schedules_that_argo_takes(schedule: str) -> None:
    assert schedules.problem(schedule) == ""


@pytest.mark.parametrize(
    ("schedule", "problem"),
    [
        ("", "expected 5 fields, got 0"),
        ("0 0 3 * * *", "expected 5 fields, got 6"),
        ("60 * * * *", "the minute 60 is not between 0 and 59"),
        ("0 3 * * 7", "the day of week 7 is not between 0 and 6"),
        ("0 3 0 * *", "the day of month 0 is not between 1 and 31"),
        ("0 3 * Foo *", "the month 'Foo' is not a number"),
        ("9-1 * * * *", "the minute '9-1' is not a valid range"),
        ("1-2-3 * * * *", "the minute '1-2-3' is not a valid range"),
        ("*/0 * * * *", "the step of the minute '*/0' is not a positive integer"),
        ("1, * * * *", "the minute '' is not a number"),
        ("² * * * *", "the minute '²' is not a number"),
        ("@fortnightly", "unknown descriptor"),
        ("@every 2 hours", "unknown descriptor"),
    ],
)
def test_schedules_that_argo_refuses(schedule: str, problem: str) -> None:
    assert schedules.problem(schedule) == problem


def test_a_time_zone_is_known_or_the_nearest_is_named() -> None:
    assert schedules.timezone_problem("Europe/Berlin") == ""
    assert schedules.timezone_problem("Europe/Berln") == "unknown time zone 'Europe/Berln'"
    assert schedules.timezone_hint("Europe/Berln") == "did you mean 'Europe/Berlin'?"
    assert schedules.timezone_hint("?") == "use a name such as Europe/Berlin or UTC"
