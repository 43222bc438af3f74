"""The search space in the coordinates of samplers.

A sampler knows neither decimal steps nor normal distributions, so each dimension becomes an axis with one of two
kinds of coordinates:

* Values that are equally likely have ranks: integers from 0. These are the values of ``uniform`` ranges with steps, of
  ``discrete`` parameters in the order of their numbers, and of ``categorical`` parameters, whose ranks have no order.
* All other ranges have positions from 0 to 1, and equal parts of the axis are equally likely. So ``logUniform`` is
  straight on the axis, and a normal distribution is, too: its mean is the middle of the range, which is six standard
  deviations wide, as in Katib; unlike Katib's, it is truncated to the range. Positions between steps belong to the
  nearest value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TypeAlias

from mlplat.tuning.experiment import LOG_NORMAL, LOG_UNIFORM, NORMAL, UNIFORM
from mlplat.tuning.space import Choice, Dimension, Double, Integer, SearchSpace, Value, finite, is_logarithmic

Point: TypeAlias = tuple[Value, ...]
"""A value for each dimension of a search space, in its order."""

_NORMAL = NormalDist()
_DEVIATIONS = 3
"""Standard deviations between the mean and either end of a range."""
_TAIL = _NORMAL.cdf(-_DEVIATIONS)
_MOST_RANKS = 2**53
"""Above it, floating-point numbers skip integers."""


@dataclass(frozen=True, slots=True)
class Ranks:
    """An axis of equally likely values.

    Attributes:
        dimension: of the search space.
        count: number of values.
        order: positions of the values in the dimension, by rank.
        has_order: whether ranks that are close have values that are close.
    """

    dimension: Dimension
    count: int
    order: tuple[int, ...] | range
    has_order: bool = True

    def coordinate(self, value: Value) -> int:
        """Return the rank of a value."""
        return self.order.index(index(self.dimension, value))

    def value(self, coordinate: float) -> Value:
        """Return the value with a rank."""
        return self.dimension.value(self.order[_between(0, int(coordinate), self.count - 1)])

    def position(self, value: Value) -> float:
        """Return the middle of a value's part of the axis, if that has a length of 1."""
        return (self.coordinate(value) + 0.5) / self.count

    def at(self, position: float) -> Value:
        """Return the value at a position from 0 to 1."""
        return self.value(position * self.count)


@dataclass(frozen=True, slots=True)
class Positions:
    """An axis of positions from 0 to 1.

    Attributes:
        dimension: of the search space.
        low: lower end of the axis, or its logarithm.
        high: upper end of the axis, or its logarithm.
    """

    dimension: Integer | Double
    low: float
    high: float

    def position(self, value: Value) -> float:
        """Return the position of a value."""
        number = float(value)
        if is_logarithmic(self.dimension.distribution):
            number = math.log(number)
        share = (number / 2 - self.low / 2) / (self.high / 2 - self.low / 2)
        if self.dimension.distribution in (NORMAL, LOG_NORMAL):
            share = (_NORMAL.cdf((2 * share - 1) * _DEVIATIONS) - _TAIL) / (1 - 2 * _TAIL)
        return min(max(share, 0.0), 1.0)

    def at(self, position: float) -> Value:
        """Return the value at a position."""
        share = float(position)
        if self.dimension.distribution in (NORMAL, LOG_NORMAL):
            share = (_NORMAL.inv_cdf(_TAIL + share * (1 - 2 * _TAIL)) / _DEVIATIONS + 1) / 2
        number = self.low * (1 - share) + self.high * share
        if is_logarithmic(self.dimension.distribution):
            number = math.exp(number)
        return _nearest(self.dimension, number)

    coordinate = position
    value = at


Axis: TypeAlias = Ranks | Positions


def axes(space: SearchSpace) -> tuple[Axis, ...]:
    """Return an axis for each dimension."""
    return tuple(_axis(one) for one in space.dimensions)


def index(dimension: Dimension, value: Value) -> int:
    """Return the position of a value of a dimension, from 0: the inverse of ``value``."""
    if isinstance(dimension, Choice):
        return dimension.values.index(str(value))
    count, step = dimension.count, dimension.step
    if count is None or step is None:
        return 0
    if isinstance(dimension, Integer) and isinstance(value, int):
        steps = round((value - dimension.low) // dimension.step)
    else:
        steps = round((float(value) - dimension.low) / step)
    return _between(0, steps, count - 1)


def _axis(dimension: Dimension) -> Axis:
    count = dimension.count
    if isinstance(dimension, Choice):
        order = tuple(range(len(dimension.values)))
        if dimension.is_ordered:
            order = tuple(sorted(order, key=lambda position: finite(dimension.values[position])))
        return Ranks(dimension, len(order), order, dimension.is_ordered)
    is_uniform = dimension.distribution in (UNIFORM, "")
    if count is not None and (count == 1 or (is_uniform and count <= _MOST_RANKS)):
        return Ranks(dimension, count, range(count))
    low, high = float(dimension.low), float(dimension.high)
    if dimension.distribution == LOG_UNIFORM and count is not None and dimension.step is not None:
        # The first and the last value have both halves of the space to their neighbors, like the others.
        half = dimension.step / 2
        low, high = low - min(low / 2, half), float(dimension.value(count - 1)) + half
    if is_logarithmic(dimension.distribution):
        low, high = math.log(low), math.log(high)
    return Positions(dimension, low, high)


def _nearest(dimension: Integer | Double, number: float) -> Value:
    if isinstance(dimension, Double) and dimension.step is None:
        return min(max(number, dimension.low), dimension.high)
    return dimension.value(index(dimension, number))


def _between(least: int, number: int, most: int) -> int:
    return min(max(number, least), most)
