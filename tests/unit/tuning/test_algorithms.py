"""Settings of algorithms have types and defaults."""

from __future__ import annotations

from typing import Any

import pytest

from mlplat.tuning.algorithms import ALGORITHMS, EARLY_STOPPING, settings
from mlplat.tuning.experiment import Algorithm, Setting


def _settings(name: str, **values: str) -> dict[str, Any]:
    own = tuple(Setting(key, value) for key, value in values.items())
    return settings(Algorithm(name, own), ALGORITHMS[name].settings)


def test_settings_of_the_file_have_types() -> None:
    assert _settings("random", random_state="10") == {"random_state": 10}
    assert _settings("hyperband", r_l="81", resource_name="epochs", eta="3") == {
        "r_l": 81.0,
        "resource_name": "epochs",
        "eta": 3.0,
        "random_state": None,
    }


@pytest.mark.parametrize(
    ("name", "defaults"),
    [
        ("random", {"random_state": None}),
        ("multivariate-tpe", {"n_startup_trials": 10, "n_ei_candidates": 24}),
        ("bayesianoptimization", {"base_estimator": "GP", "n_initial_points": 10}),
        ("hyperband", {"eta": 3.0}),
    ],
)
def test_defaults(name: str, defaults: dict[str, Any]) -> None:
    found = _settings(name)
    assert {key: found[key] for key in defaults} == defaults


def test_defaults_of_early_stopping() -> None:
    found = settings(Algorithm("medianstop"), EARLY_STOPPING["medianstop"])
    assert found == {"min_trials_required": 3, "start_step": 4}


def test_the_algorithms_that_need_no_results_of_earlier_trials() -> None:
    assert {name for name, kind in ALGORITHMS.items() if kind.is_static} == {"random", "grid", "sobol"}
