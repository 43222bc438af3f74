"""The search space: typed values, their strings, and how many points there are."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlplat.tuning.experiment import FeasibleSpace, Parameter
from mlplat.tuning.space import Choice, Dimension, Double, Integer, SearchSpace, Value, search_space


def dimension(type_: str, **space: Any) -> Dimension:
    (found,) = search_space(
        [Parameter("x", type_, FeasibleSpace(**space, distribution="uniform"))]
    ).dimensions
    return found


def choice(type_: str, *values: str) -> Dimension:
    (found,) = search_space([Parameter("x", type_, FeasibleSpace(list=values))]).dimensions
    return found


def _values(found: Dimension) -> list[str]:
    assert found.count is not None
    return [found.text(found.value(index)) for index in range(found.count)]


@pytest.mark.parametrize(
    ("found", "texts"),
    [
        (dimension("int", min="1", max="3"), ["1", "2", "3"]),
        (dimension("int", min="1", max="10", step="4"), ["1", "5", "9"]),
        (dimension("int", min="-2", max="2", step="3"), ["-2", "1"]),
        (dimension("int", min="1", max="1"), ["1"]),
        (dimension("double", min="0.1", max="0.5", step="0.1"), ["0.1", "0.2", "0.3", "0.4", "0.5"]),
        (dimension("double", min="0", max="1", step="0.4"), ["0.0", "0.4", "0.8"]),
        (dimension("double", min="0.5", max="0.5"), ["0.5"]),
        (dimension("double", min="1e-05", max="3e-05", step="1e-05"), ["1e-05", "2e-05", "3e-05"]),
        (choice("categorical", "sgd", "1.0"), ["sgd", "1.0"]),
        (choice("discrete", "8", "16", "32"), ["8", "16", "32"]),
    ],
)
def test_values_as_a_trial_gets_them(found: Dimension, texts: list[str]) -> None:
    assert _values(found) == texts


def test_a_tiny_step_is_counted_exactly() -> None:
    found = dimension("double", min="-1e300", max="1e300", step="1e-320")
    assert found.count == 2 * 10**620 + 1
    assert found.value(10**620) == 0.0
    assert found.contains(1.0)


def test_a_range_without_steps_has_no_count() -> None:
    assert dimension("double", min="0", max="1").count is None
    assert dimension("double", min="0", max="1").value(0) == 0.0


def test_numbers_of_a_discrete_parameter_are_ordered() -> None:
    assert choice("discrete", "8", "16") == Choice("x", ("8", "16"), is_ordered=True)
    assert choice("discrete", "8", "many") == Choice("x", ("8", "many"), is_ordered=False)
    assert choice("categorical", "8", "16") == Choice("x", ("8", "16"), is_ordered=False)


def test_the_number_of_points() -> None:
    steps = Double("lr", 0.1, 0.9, 0.1, "uniform")
    layers = Integer("layers", 2, 5, 1, "uniform")
    assert SearchSpace((steps, layers, Choice("o", ("a", "b"), is_ordered=False))).count == 9 * 4 * 2
    assert SearchSpace((layers, Double("lr", 0.0, 1.0, None, "uniform"))).count is None
    assert SearchSpace(()).count == 1


INTEGERS = st.builds(
    lambda low, width, step: Integer("x", low, low + width, step, "uniform"),
    st.integers(-1000, 1000),
    st.integers(0, 100),
    st.integers(1, 7),
)
DOUBLES = st.builds(
    lambda low, width, step: Double("x", float(low), float(low + width), float(step), "uniform"),
    st.decimals(-100, 100, places=3),
    st.decimals(0, 10, places=3),
    st.decimals("0.001", 1, places=3).map(lambda step: max(step, Decimal("0.1"))),
)
CHOICES = st.lists(st.text(), min_size=1, max_size=5, unique=True).map(
    lambda values: Choice("x", tuple(values), is_ordered=False)
)


@given(INTEGERS | DOUBLES | CHOICES, st.data())
def test_each_value_is_read_from_its_string_and_is_in_the_space(
    found: Dimension, data: st.DataObject
) -> None:
    assert found.count is not None
    value = found.value(data.draw(st.integers(0, found.count - 1)))
    assert found.parse(found.text(value)) == value
    assert found.contains(value)


@given(INTEGERS | DOUBLES)
def test_the_last_value_is_the_last_one_below_the_limit(found: Integer | Double) -> None:
    assert found.count is not None
    last, step = found.value(found.count - 1), found.step
    assert step is not None
    assert last <= found.high
    assert Decimal(repr(float(last))) + Decimal(repr(float(step))) > Decimal(repr(float(found.high)))


@given(st.floats(0, 1))
def test_a_float_is_read_from_its_string(value: float) -> None:
    found = dimension("double", min="0", max="1")
    assert found.parse(found.text(value)) == value
    assert found.contains(value)


@pytest.mark.parametrize("value", [0, 11, 2, 1.5, "1"])
def test_other_values_are_not_in_a_range(value: int | float | str) -> None:
    assert not dimension("int", min="1", max="10", step="4").contains(value)


def test_points() -> None:
    space = search_space(
        [
            Parameter("lr", "double", FeasibleSpace(min="0", max="1")),
            Parameter("n", "int", FeasibleSpace(min="1", max="4")),
            Parameter("o", "categorical", FeasibleSpace(list=("a", "b"))),
        ]
    )
    point: dict[str, Value] = {"lr": 0.25, "n": 3, "o": "b"}
    assert space.assignments(point) == {"lr": "0.25", "n": "3", "o": "b"}
    assert space.parse(space.assignments(point)) == point
    assert space.contains(point)
    assert not space.contains({"lr": 0.25, "n": 3})
    assert not space.contains({**point, "n": 5})
    with pytest.raises(ValueError, match="many"):
        space.parse({"lr": "0.5", "n": "many", "o": "a"})
