"""The algorithms by Katib's names, and their settings.

Settings are strings in the file. :func:`settings` gives them types and fills in defaults; :mod:`mlplat.tuning.rules`
checks them before anything runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from mlplat.argo.gonumbers import parse_int
from mlplat.tuning.experiment import Algorithm
from mlplat.tuning.space import finite


@dataclass(frozen=True, slots=True)
class SettingKind:
    """A setting that an algorithm has.

    Attributes:
        read: returns the value of a string, or raises ValueError.
        rule: what a value must be, as the end of a sentence.
        default: value without the setting; None if the algorithm decides.
        required: whether there must be a value.
        no_effect: why the setting is accepted and has no effect; empty if it has one.
    """

    read: Callable[[str], Any]
    rule: str
    default: Any = None
    required: bool = False
    no_effect: str = ""


@dataclass(frozen=True, slots=True)
class AlgorithmKind:
    """An algorithm.

    Attributes:
        settings: by name.
        is_static: whether its suggestions don't depend on the results of earlier trials.
        needs_steps: whether a ``double`` parameter must have a step.
    """

    settings: Mapping[str, SettingKind]
    is_static: bool = False
    needs_steps: bool = False


def settings(algorithm: Algorithm, known: Mapping[str, SettingKind]) -> dict[str, Any]:
    """Return the settings of an algorithm with types and defaults.

    Args:
        algorithm: one whose settings have no problems.
        known: the settings of its kind.

    Returns:
        A value for each known setting; None where the algorithm decides.
    """
    own = {one.name: known[one.name].read(one.value) for one in algorithm.settings}
    return {name: own.get(name, kind.default) for name, kind in known.items()}


def _integer(at_least: int, at_most: int | None = None, **options: Any) -> SettingKind:
    def read(text: str) -> int:
        number = parse_int(text)
        if number < at_least or (at_most is not None and number > at_most):
            raise ValueError(text)
        return number

    limits = f"of {at_least} or more" if at_most is None else f"from {at_least} to {at_most}"
    return SettingKind(read, f"must be an integer {limits}", **options)


def _number(fits: Callable[[float], bool], rule: str, **options: Any) -> SettingKind:
    def read(text: str) -> float:
        number = finite(text)
        if not fits(number):
            raise ValueError(text)
        return number

    return SettingKind(read, f"must be a number {rule}", **options)


def _one_of(*choices: str, **options: Any) -> SettingKind:
    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(text)
        return text

    return SettingKind(read, f"must be one of {', '.join(choices)}", **options)


def _string(**options: Any) -> SettingKind:
    def read(text: str) -> str:
        if not text:
            raise ValueError(text)
        return text

    return SettingKind(read, "must be a string that is not empty", **options)


def _is_positive(number: float) -> bool:
    return number > 0


def _is_share(number: float) -> bool:
    return 0 <= number <= 1


_SEED = {"random_state": _integer(0, 2**32 - 1)}
"""Seeds of NumPy."""

_TPE = {
    "n_startup_trials": _integer(0, default=10),
    "n_ei_candidates": _integer(1, default=24),
    **_SEED,
}

_NOT_HYPEROPT = "trials are sampled by Optuna, which has no such setting"
_NOT_SKOPT = "the Gaussian process is Optuna's, which has no such setting"
_NO_RESTART = "Optuna's CMA-ES does not restart"

ALGORITHMS: Mapping[str, AlgorithmKind] = MappingProxyType(
    {
        "random": AlgorithmKind(_SEED, is_static=True),
        "grid": AlgorithmKind(_SEED, is_static=True, needs_steps=True),
        "sobol": AlgorithmKind(_SEED, is_static=True),
        "tpe": AlgorithmKind(
            {
                **_TPE,
                "n_EI_candidates": _integer(1),
                "gamma": _number(
                    lambda number: 0 < number < 1, "between 0 and 1, exclusive", no_effect=_NOT_HYPEROPT
                ),
                "prior_weight": _number(_is_positive, "greater than 0", no_effect=_NOT_HYPEROPT),
            }
        ),
        "multivariate-tpe": AlgorithmKind(_TPE),
        "bayesianoptimization": AlgorithmKind(
            {
                "base_estimator": _one_of("GP", "RF", "ET", "GBRT", default="GP", no_effect=_NOT_SKOPT),
                "n_initial_points": _integer(0, default=10),
                "acq_func": _one_of("gp_hedge", "LCB", "EI", "PI", "EIps", "PIps", no_effect=_NOT_SKOPT),
                "acq_optimizer": _one_of("auto", "sampling", "lbfgs", no_effect=_NOT_SKOPT),
                **_SEED,
            }
        ),
        "cmaes": AlgorithmKind(
            {
                "sigma": _number(_is_positive, "greater than 0"),
                "restart_strategy": _one_of("none", "None", "ipop", "bipop", no_effect=_NO_RESTART),
                **_SEED,
            }
        ),
        "hyperband": AlgorithmKind(
            {
                "r_l": _number(_is_positive, "greater than 0", required=True),
                "resource_name": _string(required=True),
                "eta": _number(lambda number: number > 1, "greater than 1", default=3.0),
                **_SEED,
            }
        ),
        "pbt": AlgorithmKind(
            {
                "suggestion_trial_dir": _string(required=True),
                "n_population": _integer(5, required=True),
                "truncation_threshold": _number(_is_share, "from 0 to 1", required=True),
                "resample_probability": _number(_is_share, "from 0 to 1"),
                **_SEED,
            },
            needs_steps=True,
        ),
    }
)
"""Algorithms for suggestions."""

NAS_ALGORITHMS = ("darts", "enas")
"""Algorithms for neural architecture search, which are not supported."""

EARLY_STOPPING: Mapping[str, Mapping[str, SettingKind]] = MappingProxyType(
    {
        "medianstop": {
            "min_trials_required": _integer(1, default=3),
            "start_step": _integer(1, default=4),
        },
    }
)
"""Settings of algorithms for early stopping."""
