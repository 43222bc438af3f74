"""The next suggestions of an experiment, from the trials so far and nothing else.

There is no state between calls, so a server that was restarted continues where it stopped. Whether an experiment asks
for three suggestions at once, or for one after the other while the earlier ones run, makes no difference. The number
of an ask is the number of trials before it, and decides its seed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count as numbers
from typing import Protocol

from mlplat.errors import Diagnostic, UnsupportedError
from mlplat.tuning import studies
from mlplat.tuning.algorithms import ALGORITHMS, settings
from mlplat.tuning.axes import Point, axes
from mlplat.tuning.evolution import EvolutionSampler
from mlplat.tuning.experiment import Experiment
from mlplat.tuning.history import History, history
from mlplat.tuning.seeds import ask_seed, experiment_seed
from mlplat.tuning.sequences import Grid, Sobol, combination, combination_number
from mlplat.tuning.space import SearchSpace, search_space
from mlplat.tuning.trials import ACTIVE, Trial

_ATTEMPTS = 8
"""How often a sampler is asked for a point that was not visited, before one is taken by its number."""

_PACKAGES = {
    "random": ("optuna",),
    "sobol": ("scipy",),
    "tpe": ("optuna",),
    "multivariate-tpe": ("optuna",),
    "cmaes": ("cmaes", "optuna"),
    "bayesianoptimization": ("optuna", "scipy", "torch"),
}
"""What an algorithm needs. The others need nothing."""

_EXTRAS = {"torch": "tuning-gp"}
"""The extras that install packages; of the others it is ``tuning``."""


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What to try next.

    Attributes:
        assignments: the values of the parameters of each trial, as the trial gets them.
        is_exhausted: whether there are no more suggestions after these, as all combinations of a grid were suggested.
    """

    assignments: tuple[dict[str, str], ...]
    is_exhausted: bool = False


def suggest(experiment: Experiment, trials: Sequence[Trial], count: int) -> Suggestions:
    """Return the next suggestions.

    In a search space with a finite number of points, no point is suggested again while there is one that no trial had.

    Args:
        experiment: one without problems, with defaults.
        trials: all trials so far. Those that have ended are in the order in which they did; those that have not ended
            are in the order in which they were suggested. How the former are mixed with the latter makes no difference.
        count: how many suggestions.

    Returns:
        The suggestions; fewer than asked for if all combinations of a grid were suggested.

    Raises:
        UnsupportedError: the algorithm needs a package that is not installed, or cannot make suggestions.
    """
    space = search_space(experiment.parameters)
    ended = [trial for trial in trials if trial.state not in ACTIVE]
    active = [trial for trial in trials if trial.state in ACTIVE]
    past = history(space, experiment.objective, [*ended, *active])
    sampler = _sampler(experiment, space, past)
    visited, assignments = set(past.visited), list[dict[str, str]]()
    for number in range(len(trials), len(trials) + count):
        point = _new_point(sampler, number, space, visited)
        if point is None:
            return Suggestions(tuple(assignments), is_exhausted=True)
        visited.add(point)
        sampler.expect(point)
        names = (dimension.name for dimension in space.dimensions)
        assignments.append(space.assignments(dict(zip(names, point, strict=True))))
    is_exhausted = experiment.algorithm.name == "grid" and len(trials) + count >= (space.count or 0)
    return Suggestions(tuple(assignments), is_exhausted)


class _Sampler(Protocol):
    def ask(self, number: int, attempt: int) -> Point | None:
        """Return a point for an ask; None if there are no more."""

    def expect(self, point: Point) -> None:
        """Note that a trial is going to run."""


class _Seeded(Protocol):
    def ask(self, seed: int) -> Point: ...

    def expect(self, point: Point) -> None: ...


@dataclass(frozen=True, slots=True)
class _Adaptive:
    """A sampler that draws, with a seed for each attempt of each ask."""

    sampler: _Seeded
    seed: int

    def ask(self, number: int, attempt: int) -> Point:
        return self.sampler.ask(ask_seed(self.seed, number, attempt))

    def expect(self, point: Point) -> None:
        self.sampler.expect(point)


@dataclass(frozen=True, slots=True)
class _Sequence:
    """A sequence of points, which has one for each ask."""

    point: Callable[[int], Point | None]

    def ask(self, number: int, attempt: int) -> Point | None:
        return None if attempt else self.point(number)

    def expect(self, point: Point) -> None:
        """Do nothing: the sequence is fixed."""


def _sampler(experiment: Experiment, space: SearchSpace, past: History) -> _Sampler:
    name, direction = experiment.algorithm.name, experiment.objective.type
    own = settings(experiment.algorithm, ALGORITHMS[name].settings)
    _check_packages(name)
    if name == "grid":
        return _Sequence(Grid(space, own["random_state"]).point)
    seed, all_axes = experiment_seed(experiment), axes(space)
    if name == "sobol":
        return _Sequence(Sobol(all_axes, seed).point)
    sampler: _Seeded
    if name == "random":
        sampler = studies.random(all_axes)
    elif name in ("tpe", "multivariate-tpe"):
        multivariate = name == "multivariate-tpe"
        sampler = studies.tpe(all_axes, past, direction, own, multivariate=multivariate)
    elif name == "bayesianoptimization":
        sampler = studies.gaussian_process(all_axes, past, direction, own)
    elif name == "cmaes":
        sampler = EvolutionSampler(all_axes, past, direction, own)
    else:
        message = f"algorithm {name} is not supported"
        hint = "use another algorithm, such as tpe; early stopping ends bad trials early"
        raise UnsupportedError(Diagnostic("MLP928", "spec.algorithm.algorithmName", message, hint))
    return _Adaptive(sampler, seed)


def _check_packages(algorithm: str) -> None:
    for package in _PACKAGES.get(algorithm, ()):
        if find_spec(package) is None:
            extra = _EXTRAS.get(package, "tuning")
            message = f"algorithm {algorithm} needs the package {package}, which is not installed"
            hint = f"pip install 'mlplat[{extra}]'"
            raise UnsupportedError(Diagnostic("MLP927", "spec.algorithm.algorithmName", message, hint))


def _new_point(sampler: _Sampler, number: int, space: SearchSpace, visited: Set[Point]) -> Point | None:
    first = sampler.ask(number, 0)
    if first is None or first not in visited or space.count is None or len(visited) >= space.count:
        return first
    for attempt in range(1, _ATTEMPTS):
        point = sampler.ask(number, attempt)
        if point is None:
            break
        if point not in visited:
            return point
    start = combination_number(space, first)
    following = (combination(space, (start + steps) % space.count) for steps in numbers(1))
    return next(point for point in following if point not in visited)
