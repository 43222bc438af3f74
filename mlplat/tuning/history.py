"""What samplers need to know of the trials so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlplat.tuning.axes import Point
from mlplat.tuning.experiment import Objective
from mlplat.tuning.space import SearchSpace
from mlplat.tuning.trials import ACTIVE, Trial


@dataclass(frozen=True, slots=True)
class History:
    """The trials so far, as points of the search space. Trials with values from elsewhere are left out.

    Attributes:
        observed: points of trials with a value of the objective, in order, and the value. Trials that failed, or whose
            value is not a finite number, are not among them, so that none is ever the best one.
        running: points of trials that have not ended, in order.
        visited: the points of all trials.
    """

    observed: tuple[tuple[Point, float], ...]
    running: tuple[Point, ...]
    visited: frozenset[Point]


def history(space: SearchSpace, objective: Objective, trials: Sequence[Trial]) -> History:
    """Return the history of an experiment.

    Args:
        space: the search space.
        objective: for the values of trials.
        trials: all trials so far; those that have ended in the order in which they did.
    """
    observed, running, visited = [], [], set()
    for trial in trials:
        point = _point(space, trial)
        if point is None:
            continue
        visited.add(point)
        value = trial.value(objective)
        if trial.state in ACTIVE:
            running.append(point)
        elif value is not None:
            observed.append((point, value))
    return History(tuple(observed), tuple(running), frozenset(visited))


def _point(space: SearchSpace, trial: Trial) -> Point | None:
    try:
        values = space.parse(trial.assignments)
    except (KeyError, ValueError):
        return None
    return tuple(values.values()) if space.contains(values) else None
