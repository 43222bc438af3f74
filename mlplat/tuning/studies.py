"""Suggestions from Optuna: ``random``, ``tpe``, ``multivariate-tpe`` and ``bayesianoptimization``.

The trials are put into a study in memory, and a sampler that is made for one ask reads them. Optuna's samplers keep
nothing else from ask to ask that matters, so a suggestion depends on the trials and the seed alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from mlplat.tuning.axes import Axis, Point, Ranks
from mlplat.tuning.history import History

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial, TrialState

_NO_HISTORY = History((), (), frozenset())


class StudySampler:
    """Asks one of Optuna's samplers.

    Args:
        axes: of the search space.
        history: the trials so far.
        direction: ``minimize`` or ``maximize``.
        make: returns a sampler with a seed.
    """

    def __init__(
        self, axes: Sequence[Axis], history: History, direction: str, make: Callable[[int], BaseSampler]
    ) -> None:
        import optuna

        self._axes = axes
        self._make = make
        self._distributions = {axis.dimension.name: _distribution(axis) for axis in axes}
        self._storage = optuna.storages.InMemoryStorage()
        with _quiet():
            self._study = optuna.create_study(
                storage=self._storage, direction=optuna.study.StudyDirection[direction.upper()]
            )
        self._id = self._storage.get_study_id_from_name(self._study.study_name)
        for point, value in history.observed:
            self._add(point, optuna.trial.TrialState.COMPLETE, value)
        for point in history.running:
            self.expect(point)

    def ask(self, seed: int) -> Point:
        """Return a point."""
        import optuna

        self._study.sampler = self._make(seed)
        with _quiet():
            trial = self._study.ask(self._distributions)
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
        return tuple(axis.value(trial.params[axis.dimension.name]) for axis in self._axes)

    def expect(self, point: Point) -> None:
        """Note that a trial is going to run."""
        import optuna

        self._add(point, optuna.trial.TrialState.RUNNING, None)

    def _add(self, point: Point, state: TrialState, value: float | None) -> None:
        pairs = zip(self._axes, point, strict=True)
        trial = _trial_type()(
            number=-1,
            trial_id=-1,
            state=state,
            value=value,
            datetime_start=None,
            datetime_complete=None,
            params={axis.dimension.name: axis.coordinate(one) for axis, one in pairs},
            distributions=self._distributions,
            user_attrs={},
            system_attrs={},
            intermediate_values={},
        )
        self._storage.create_new_trial(self._id, template_trial=trial)


def random(axes: Sequence[Axis]) -> StudySampler:
    """Return a sampler that looks at no trial."""

    def make(seed: int) -> BaseSampler:
        import optuna

        return optuna.samplers.RandomSampler(seed=seed)

    return StudySampler(axes, _NO_HISTORY, "minimize", make)


def tpe(
    axes: Sequence[Axis], history: History, direction: str, settings: Mapping[str, Any], *, multivariate: bool
) -> StudySampler:
    """Return a tree-structured Parzen estimator.

    Running trials count as bad ones (Optuna's ``constant_liar``), so that trials in parallel differ.
    """
    candidates = settings.get("n_EI_candidates") or settings["n_ei_candidates"]

    def make(seed: int) -> BaseSampler:
        import optuna

        return optuna.samplers.TPESampler(
            n_startup_trials=settings["n_startup_trials"],
            n_ei_candidates=candidates,
            multivariate=multivariate,
            constant_liar=True,
            seed=seed,
        )

    return StudySampler(axes, history, direction, make)


def gaussian_process(
    axes: Sequence[Axis], history: History, direction: str, settings: Mapping[str, Any]
) -> StudySampler:
    """Return a Gaussian process, which knows the points of running trials."""

    def make(seed: int) -> BaseSampler:
        import optuna

        return optuna.samplers.GPSampler(
            n_startup_trials=settings["n_initial_points"], warn_independent_sampling=False, seed=seed
        )

    return StudySampler(axes, history, direction, make)


@cache
def _trial_type() -> type[FrozenTrial]:
    """Return the type of trials that a study takes as they are: it would spend most of its time on copies of them."""
    import optuna

    class OwnTrial(optuna.trial.FrozenTrial):
        def __deepcopy__(self, memo: dict[int, Any]) -> OwnTrial:
            return self

    return OwnTrial


def _distribution(axis: Axis) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if not isinstance(axis, Ranks):
        return FloatDistribution(0.0, 1.0)
    if axis.has_order:
        return IntDistribution(0, axis.count - 1)
    return CategoricalDistribution(range(axis.count))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Optuna from reporting each study."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)
