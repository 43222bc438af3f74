"""Trials, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mlplat.tuning.experiment import LATEST, MAX, MIN, Objective
from mlplat.tuning.logs import Point, number

PENDING, RUNNING, SUCCEEDED, FAILED, KILLED, EARLY_STOPPED, METRICS_UNAVAILABLE = (
    "Pending",
    "Running",
    "Succeeded",
    "Failed",
    "Killed",
    "EarlyStopped",
    "MetricsUnavailable",
)
STATES = (PENDING, RUNNING, SUCCEEDED, FAILED, KILLED, EARLY_STOPPED, METRICS_UNAVAILABLE)

ACTIVE = (PENDING, RUNNING)
"""States of trials that have not ended."""

MEASURED = (SUCCEEDED, EARLY_STOPPED)
"""States of trials whose metrics count."""

UNAVAILABLE = "unavailable"
"""What Katib writes for a value that was never reported."""


@dataclass(frozen=True, slots=True)
class Metric:
    """The values of a metric of one trial, as they were reported.

    Attributes:
        name: its name.
        min: smallest value; :data:`UNAVAILABLE` if no point is a finite number.
        max: largest value; the same.
        latest: last value, even if it is not a finite number; :data:`UNAVAILABLE` without a point.
    """

    name: str
    min: str = UNAVAILABLE
    max: str = UNAVAILABLE
    latest: str = UNAVAILABLE

    def value(self, strategy: str) -> float | None:
        """Return the value that a strategy selects; None if it is not a finite number."""
        return number({MIN: self.min, MAX: self.max, LATEST: self.latest}[strategy])


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial.

    Attributes:
        name: its name.
        assignments: values of the parameters, as the trial got them.
        state: one of :data:`STATES`.
        metrics: one for each metric of the objective; empty before there are any.
    """

    name: str
    assignments: Mapping[str, str] = field(default_factory=dict)
    state: str = PENDING
    metrics: tuple[Metric, ...] = ()

    def value(self, objective: Objective) -> float | None:
        """Return the value of the objective; None if the trial has none that counts."""
        if self.state not in MEASURED:
            return None
        own = (one for one in self.metrics if one.name == objective.metric_name)
        metric = next(own, None)
        return None if metric is None else metric.value(objective.strategy(objective.metric_name))


def observation(points: Iterable[Point], objective: Objective) -> tuple[Metric, ...]:
    """Return the metrics of a trial.

    The latest point is the one with the latest timestamp; of equal ones, and of those without a timestamp, the last.
    Equal values keep the spelling of the first one.

    Args:
        points: what the trial reported, in order.
        objective: whose metrics.

    Returns:
        One for each metric of the objective, in its order.
    """
    of_metric: dict[str, list[Point]] = {name: [] for name in objective.metric_names}
    for point in points:
        if point.metric in of_metric:
            of_metric[point.metric].append(point)
    return tuple(_metric(name, own) for name, own in of_metric.items())


def final_state(state: str, metrics: Iterable[Metric], objective: Objective) -> str:
    """Return the state of a trial when its object has ended.

    A trial that succeeded without a value of the objective has no metrics; Katib looks at the latest value only.

    Args:
        state: what became of its object.
        metrics: what it reported.
        objective: of the experiment.
    """
    trial = Trial("", state=state, metrics=tuple(metrics))
    is_missing = state in MEASURED and trial.value(objective) is None
    return METRICS_UNAVAILABLE if is_missing else state


def _metric(name: str, points: list[Point]) -> Metric:
    if not points:
        return Metric(name)
    latest = points[0]
    for point in points[1:]:
        if _moment(point) >= _moment(latest):
            latest = point
    numbers = [(value, point.text) for point in points if (value := point.number) is not None]
    if not numbers:
        return Metric(name, latest=latest.text)
    smallest, largest = (pick(numbers, key=lambda pair: pair[0])[1] for pick in (min, max))
    return Metric(name, smallest, largest, latest.text)


def _moment(point: Point) -> tuple[bool, int]:
    return point.time is not None, point.time or 0
