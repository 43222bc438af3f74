"""The coordinates of samplers: each value has its own, and equal parts of an axis are equally likely."""

from __future__ import annotations

from collections import Counter
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlplat.tuning.axes import Axis, axes
from mlplat.tuning.experiment import DISTRIBUTIONS, FeasibleSpace, Parameter
from mlplat.tuning.space import search_space


def axis(type_: str, low: str, high: str, step: str = "", distribution: str = "uniform") -> Axis:
    space = FeasibleSpace(low, high, step, distribution=distribution)
    (found,) = axes(search_space([Parameter("x", type_, space)]))
    return found


def values(found: Axis, size: int = 10_000) -> Counter[object]:
    return Counter(found.at((place + 0.5) / size) for place in range(size))


@given(st.integers(1, 200), st.integers(0, 200), st.integers(1, 20), st.sampled_from(DISTRIBUTIONS))
def test_each_value_of_a_lattice_has_a_coordinate(low: int, size: int, step: int, distribution: str) -> None:
    whole = axis("int", str(low), str(low + size), str(step), distribution)
    tenths = axis("double", str(low / 10), str((low + size) / 10), str(step / 10), distribution)
    for found in (whole, tenths):
        for place in range(found.dimension.count or 0):
            value = found.dimension.value(place)
            assert found.value(found.coordinate(value)) == value
            assert found.at(found.position(value)) == value


@given(st.floats(0.001, 1000), st.sampled_from(DISTRIBUTIONS))
def test_positions_of_a_continuous_range_and_back(number: float, distribution: str) -> None:
    found = axis("double", "0.001", "1000", distribution=distribution)
    assert found.at(found.position(number)) == pytest.approx(number, rel=1e-6)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize(("low", "high"), [("0.1", "0.3"), ("1e-300", "1e300"), ("1", "1")])
def test_the_ends_of_the_axis_are_the_ends_of_the_range(distribution: str, low: str, high: str) -> None:
    found = axis("double", low, high, distribution=distribution)
    rounding = 1e-12 * float(high)
    assert float(found.at(0.0)) == pytest.approx(float(low), abs=rounding)
    assert float(found.at(1.0)) == pytest.approx(float(high), abs=rounding)
    assert all(found.dimension.contains(found.at(position)) for position in (0.0, 0.3, 1.0))


def test_values_of_a_uniform_range_with_steps_are_equally_likely() -> None:
    assert values(axis("int", "1", "10", "4")) == {1: 3333, 5: 3334, 9: 3333}


def test_a_logarithmic_range_gives_each_factor_the_same() -> None:
    found = values(axis("double", "0.001", "10", distribution="logUniform"))
    decades = Counter(len([end for end in (0.01, 0.1, 1) if float(str(value)) > end]) for value in found)
    assert decades == {0: 2500, 1: 2500, 2: 2500, 3: 2500}


def test_a_normal_range_is_katibs_and_ends_at_its_ends() -> None:
    found = axis("double", "0", "6", distribution="normal")
    truncated = NormalDist(3, 1)
    below = (truncated.cdf(2) - truncated.cdf(0)) / (truncated.cdf(6) - truncated.cdf(0))
    assert found.at(below) == pytest.approx(2)
    assert found.at(0.5) == pytest.approx(3)


def test_numbers_of_a_discrete_parameter_have_ranks_in_their_order() -> None:
    parameters = [
        Parameter("x", "discrete", FeasibleSpace(list=("16", "8", "1e2"))),
        Parameter("y", "categorical", FeasibleSpace(list=("16", "8", "1e2"))),
    ]
    numbers, texts = axes(search_space(parameters))
    assert [numbers.coordinate(value) for value in ("8", "16", "1e2")] == [0, 1, 2]
    assert [texts.coordinate(value) for value in ("8", "16", "1e2")] == [1, 0, 2]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_ranges_beyond_exact_floats(distribution: str) -> None:
    found = axis("int", "1", str(2**63 - 1), distribution=distribution)
    assert all(found.dimension.contains(found.at(place / 100)) for place in range(101))
    assert found.position(1) < found.position(2**62) <= found.position(2**63 - 1)


def test_the_widest_range_of_floats() -> None:
    found = axis("double", "-1.7e308", "1.7e308")
    assert found.at(found.position(0.0)) == pytest.approx(0.0, abs=1e300)
    assert found.at(1.0) == 1.7e308
