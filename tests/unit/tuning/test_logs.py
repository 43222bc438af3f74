"""Metrics are read from logs as Katib's collector reads them, where it is right."""

from __future__ import annotations

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlplat.argo import goregexp
from mlplat.tuning.experiment import FileSystemPath, MetricsCollector
from mlplat.tuning.logs import DEFAULT_PATTERN, Point, number, points, timestamp

METRICS = ("loss", "accuracy")
STDOUT = MetricsCollector()
JSON = MetricsCollector("File", file=FileSystemPath("/metrics", "File", "JSON"))


def found(line: str, *patterns: str) -> list[tuple[str, str]]:
    return [(one.metric, one.text) for one in points([line], METRICS, MetricsCollector(patterns=patterns))]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("loss=0.3", [("loss", "0.3")]),
        ("loss = -1.5e-3, accuracy=.9", [("loss", "-1.5e-3"), ("accuracy", ".9")]),
        ("epoch 1: loss=+2 accuracy=1E2", [("loss", "+2"), ("accuracy", "1E2")]),
        ("loss=0.3 loss=0.2", [("loss", "0.3"), ("loss", "0.2")]),
        ("train/loss=0.5", [("loss", "0.5")]),
        ("val_loss=0.5", []),
        ("train|loss=0.5", []),
        ("loss: 0.3", []),
        ('"loss": 0.3', []),
        ("loss=0.3é", [("loss", "0.3")]),
        ("loss=\u0663", []),  # a digit of another script
        ("loss\u00a0=1", []),  # a space that is not ASCII
        ("lossé=1", []),
        ("loss=cross_entropy", []),
        ("loss=", []),
        ("loss=nan", [("loss", "nan")]),
        ("loss=NaN accuracy=-inf", [("loss", "NaN"), ("accuracy", "-inf")]),
        ("loss=Infinity", [("loss", "Infinity")]),
        ("loss=nanometers", []),
        ("loss=1e400", [("loss", "1e400")]),
    ],
)
def test_points_of_a_line(line: str, expected: list[tuple[str, str]]) -> None:
    assert found(line) == expected


@pytest.mark.parametrize("text", ["nan", "NaN", "inf", "-Infinity", "1e400", "", "abc", "0x10", "1_000"])
def test_what_is_not_a_finite_number_is_a_failed_point(text: str) -> None:
    assert number(text) is None


@pytest.mark.parametrize(
    ("text", "expected"), [("0.3", 0.3), (".5", 0.5), ("+2", 2.0), ("-1e-3", -0.001), ("1E2", 100.0)]
)
def test_numbers(text: str, expected: float) -> None:
    assert number(text) == expected


@given(st.text(st.sampled_from("loss=|-+ \t\v\r1.eEnaifty\u00e9\u0663\u017f"), max_size=40))
def test_the_default_filter_is_its_regular_expression(line: str) -> None:
    line = f"loss={line} loss {line}"
    assert found(line) == found(line, DEFAULT_PATTERN)


def test_without_google_re2_the_default_filter_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "re2", None)
    goregexp._compiled.cache_clear()
    assert found("loss=0.3 accuracy=nan") == [("loss", "0.3"), ("accuracy", "nan")]
    with pytest.raises(goregexp.MissingEngineError, match="pip install"):
        found("loss=0.3", r"(loss)=([\d.]+)")


def test_a_long_line_without_a_value_has_no_points() -> None:
    assert found("loss" * 50_000) == found("loss" + " " * 200_000) == found("loss " * 40_000) == []


def test_a_filter_of_ones_own() -> None:
    braces = r"{metricName: ([\w|-]+), metricValue: ((-?\d+)(\.\d+)?)}"
    assert found("{metricName: loss, metricValue: 0.25} loss=1", braces) == [("loss", "0.25")]
    assert found("loss 1; accuracy is 2", r"(loss) (\d+)", r"(accuracy) is (\d+)") == [
        ("loss", "1"),
        ("accuracy", "2"),
    ]
    assert found("loss:  0.5 ", r"(loss):([ \d.]+)") == [("loss", "0.5")]
    assert found("loss=1", r"(x)?(loss)=1") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:01Z", 10**9),
        ("1970-01-01T00:00:00.000000001Z", 1),
        ("1970-01-01T01:00:00+01:00", 0),
        ("2026-11-28T20:00:00.5Z", 1795896000500000000),
        ("0001-01-01T00:00:00Z", -62135596800 * 10**9),
        ("2026-11-28", None),
        ("2026-13-28T20:00:00Z", None),
        ("2026-11-28T20:00:00", None),
        ("2026-11-28 20:00:00Z", None),
    ],
)
def test_timestamps(text: str, expected: int | None) -> None:
    assert timestamp(text) == expected


def test_the_first_word_of_a_line_is_its_time() -> None:
    lines = ["1970-01-01T00:00:02Z loss=1", "loss=2 1970-01-01T00:00:02Z", "1970-01-01T00:00:02Z\tloss=3"]
    times = [one.time for one in points(lines, METRICS, STDOUT)]
    assert times == [2 * 10**9, None, None]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"loss": "0.3", "accuracy": "0.9"}', [("loss", "0.3"), ("accuracy", "0.9")]),
        ('{"loss": 0.3, "step": 1}', [("loss", "0.3")]),
        ('{"loss": NaN}', [("loss", "NaN")]),
        ('{"loss": null, "accuracy": true}', []),
        ('{"loss": {"value": 1}}', []),
        ('{"loss": ""}', []),
        ("loss=0.3", []),
        ('["loss"]', []),
        ('{"loss": 0.', []),
        ("", []),
    ],
)
def test_points_of_a_line_of_json(line: str, expected: list[tuple[str, str]]) -> None:
    assert [(one.metric, one.text) for one in points([line], METRICS, JSON)] == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1970-01-01T00:00:02Z", 2 * 10**9),
        (1.5, 15 * 10**8),
        (2, 2 * 10**9),
        ("yesterday", None),
        (10**400, None),
        (1e300, None),
        (True, None),
        (None, None),
    ],
)
def test_the_timestamp_of_a_line_of_json(value: object, expected: int | None) -> None:
    (point,) = points([json.dumps({"loss": "1", "timestamp": value})], METRICS, JSON)
    assert point == Point("loss", "1", expected)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_that_is_printed_is_read_again(value: float) -> None:
    (text,) = points([f"loss={value}"], METRICS, STDOUT)
    assert text.number == value
    (of_json,) = points([json.dumps({"loss": value})], METRICS, JSON)
    assert of_json.number == value


@given(st.text())
def test_no_line_is_a_surprise(line: str) -> None:
    for collector in (STDOUT, JSON):
        assert all(one.metric in METRICS for one in points([line, f"loss=1 {line}"], METRICS, collector))
