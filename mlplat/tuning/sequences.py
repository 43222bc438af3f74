"""Suggestions that follow a sequence: ``grid`` and ``sobol``. The n-th one needs no trials."""

from __future__ import annotations

import random
from collections.abc import Sequence

from mlplat.tuning.axes import Axis, Point, index
from mlplat.tuning.space import SearchSpace


def combination(space: SearchSpace, number: int) -> Point:
    """Return a point of a finite search space by its number, from 0; the last parameter changes first."""
    values = []
    for dimension in reversed(space.dimensions):
        number, position = divmod(number, dimension.count or 1)
        values.append(dimension.value(position))
    return tuple(reversed(values))


def combination_number(space: SearchSpace, point: Point) -> int:
    """Return the number of a point of a finite search space: the inverse of :func:`combination`."""
    number = 0
    for dimension, value in zip(space.dimensions, point, strict=True):
        number = number * (dimension.count or 1) + index(dimension, value)
    return number


class Grid:
    """All combinations, once each: in order, or shuffled if the experiment has a ``random_state``, as Katib's are.

    Args:
        space: a finite search space.
        seed: ``random_state``.
    """

    def __init__(self, space: SearchSpace, seed: int | None) -> None:
        self._space = space
        self._random = None if seed is None else random.Random(seed)  # noqa: S311 - an order, not a secret
        self._order: list[int] = []
        self._moved: dict[int, int] = {}

    def point(self, number: int) -> Point | None:
        """Return a point by its number, from 0; None after the last one."""
        count = self._space.count or 0
        if number >= count:
            return None
        if self._random is None:
            return combination(self._space, number)
        while len(self._order) <= number:
            place = len(self._order)
            chosen = self._random.randrange(place, count)
            self._order.append(self._moved.get(chosen, chosen))
            self._moved[chosen] = self._moved.get(place, place)
        return combination(self._space, self._order[number])


class Sobol:
    """A Sobol' sequence, scrambled by a seed.

    Args:
        axes: of the search space.
        seed: of the experiment.
    """

    def __init__(self, axes: Sequence[Axis], seed: int) -> None:
        from scipy.stats import qmc

        self._axes = axes
        self._sequence = qmc.Sobol(len(axes), scramble=True, rng=seed)

    def point(self, number: int) -> Point:
        """Return a point by its number, from 0; numbers must ascend from call to call."""
        skipped = number - self._sequence.num_generated
        if skipped:
            self._sequence.fast_forward(skipped)
        (positions,) = self._sequence.random(1)
        return tuple(axis.at(float(position)) for axis, position in zip(self._axes, positions, strict=True))
