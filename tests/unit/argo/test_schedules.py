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
        ("", "it has 0 fields, not 5"),
        ("0 0 3 * * *", "it has 6 fields, not 5"),
        ("60 * * * *", "the minute 60 is not within 0 to 59"),
        ("0 3 * * 7", "the day of week 7 is not within 0 to 6"),
        ("0 3 0 * *", "the day of month 0 is not within 1 to 31"),
        ("0 3 * Foo *", "the month 'Foo' is no number"),
        ("9-1 * * * *", "the minute '9-1' is no range"),
        ("1-2-3 * * * *", "the minute '1-2-3' is no range"),
        ("*/0 * * * *", "the minute '*/0' has no step that is a number above 0"),
        ("1, * * * *", "the minute '' is no number"),
        ("² * * * *", "the minute '²' is no number"),
        ("@fortnightly", "there is no such descriptor"),
        ("@every 2 hours", "there is no such descriptor"),
    ],
)
def test_schedules_that_argo_refuses(schedule: str, problem: str) -> None:
    assert schedules.problem(schedule) == problem


def test_a_time_zone_is_known_or_the_nearest_is_named() -> None:
    assert schedules.timezone_problem("Europe/Berlin") == ""
    assert schedules.timezone_problem("Europe/Berln") == "there is no time zone 'Europe/Berln'"
    assert schedules.timezone_hint("Europe/Berln") == "did you mean 'Europe/Berlin'?"
    assert schedules.timezone_hint("?") == "such as Europe/Berlin or UTC"
