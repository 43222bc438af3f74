"""Suggestions from ``cmaes``, the package that Optuna's CMA-ES uses.

CMA-ES learns from generations of trials. Optuna keeps the state in attributes of trials, some kilobytes each, which
would have to be stored with every trial. Here the state is computed from the trials instead, generation by generation:
it depends on their points and values alone. A generation is the next trials that have ended with a value, in the order
in which they did, even if some were suggested for the generation before; so no trial of a parallel experiment is lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlplat.tuning import studies
from mlplat.tuning.axes import Axis, Point, Ranks
from mlplat.tuning.experiment import MAXIMIZE
from mlplat.tuning.history import History

_SIGMA = 1 / 6
"""Initial standard deviation, as a share of each range; Optuna's."""


class EvolutionSampler:
    """Asks CMA-ES for the numbers of a point, and a random sampler for its other values.

    Args:
        axes: of the search space.
        history: the trials so far.
        direction: ``minimize`` or ``maximize``.
        settings: ``sigma``.
    """

    def __init__(
        self, axes: Sequence[Axis], history: History, direction: str, settings: Mapping[str, Any]
    ) -> None:
        import cmaes
        import numpy as np

        self._axes = axes
        self._is_number = [_is_number(axis) for axis in axes]
        self._others = studies.random(
            [axis for axis, is_number in zip(axes, self._is_number, strict=True) if not is_number]
        )
        size = max(sum(self._is_number), 1)
        self._optimizer = cmaes.CMA(
            mean=np.full(size, 0.5),
            sigma=settings["sigma"] or _SIGMA,
            bounds=np.tile([0.0, 1.0], (size, 1)),
            n_max_resampling=10 * size,
        )
        sign = -1 if direction == MAXIMIZE else 1
        solutions = [(self._positions(point, size), sign * value) for point, value in history.observed]
        population = self._optimizer.population_size
        for start in range(0, len(solutions) - population + 1, population):
            self._optimizer.tell(solutions[start : start + population])

    def ask(self, seed: int) -> Point:
        """Return a point."""
        # The package has no other way to seed an optimizer that has a state; Optuna's sampler does the same.
        self._optimizer._rng.seed(seed)  # noqa: SLF001
        numbers, others = iter(self._optimizer.ask()), iter(self._others.ask(seed))
        return tuple(
            axis.at(float(next(numbers))) if is_number else next(others)
            for axis, is_number in zip(self._axes, self._is_number, strict=True)
        )

    def expect(self, point: Point) -> None:
        """Note that a trial is going to run: CMA-ES draws independent points, so nothing changes."""

    def _positions(self, point: Point, size: int) -> Any:
        import numpy as np

        found = np.full(size, 0.5)
        pairs = zip(self._axes, point, self._is_number, strict=True)
        numbers = [axis.position(value) for axis, value, is_number in pairs if is_number]
        found[: len(numbers)] = numbers
        return found


def _is_number(axis: Axis) -> bool:
    return not isinstance(axis, Ranks) or (axis.has_order and axis.count > 1)
