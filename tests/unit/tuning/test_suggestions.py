"""Suggestions: in the space, the same again from the same trials, and none twice while there are others."""

from __future__ import annotations

import importlib.util
import json
import logging
import math
import pickle
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlplat.errors import UnsupportedError
from mlplat.tuning.experiment import (
    DISTRIBUTIONS,
    MAXIMIZE,
    MINIMIZE,
    Algorithm,
    Experiment,
    FeasibleSpace,
    MetricStrategy,
    Objective,
    Parameter,
    Setting,
)
from mlplat.tuning.space import search_space
from mlplat.tuning.suggestions import suggest
from mlplat.tuning.trials import (
    EARLY_STOPPED,
    FAILED,
    KILLED,
    METRICS_UNAVAILABLE,
    PENDING,
    RUNNING,
    SUCCEEDED,
    Metric,
    Trial,
)

pytest.importorskip("optuna")
pytest.importorskip("cmaes")
pytest.importorskip("scipy")

DRAWN = ("random", "sobol", "tpe", "multivariate-tpe", "cmaes")
ADAPTIVE = ("tpe", "multivariate-tpe", "cmaes")


def number(name: str, low: str, high: str, step: str = "", distribution: str = "uniform") -> Parameter:
    return Parameter(name, "double", FeasibleSpace(low, high, step, distribution=distribution))


def integer(name: str, low: str, high: str, step: str = "", distribution: str = "uniform") -> Parameter:
    return Parameter(name, "int", FeasibleSpace(low, high, step, distribution=distribution))


def choice(name: str, type_: str, *values: str) -> Parameter:
    return Parameter(name, type_, FeasibleSpace(list=values))


PLANE = (number("x", "-5", "10"), number("y", "0", "15"))
MIXED = (
    number("lr", "1e-05", "0.1", distribution="logUniform"),
    number("momentum", "0.5", "0.9", "0.1"),
    integer("layers", "1", "10", "4", "normal"),
    choice("batch", "discrete", "32", "8", "16"),
    choice("optimizer", "categorical", "sgd", "adam"),
)


def experiment(
    algorithm: str,
    parameters: Sequence[Parameter] = PLANE,
    type_: str = MINIMIZE,
    name: str = "branin",
    **options: Any,
) -> Experiment:
    own = tuple(Setting(key, str(value)) for key, value in options.items())
    return Experiment(
        name=name,
        objective=Objective(type=type_, metric_name="loss"),
        algorithm=Algorithm(algorithm, own),
        parameters=tuple(parameters),
    )


def trial(assignments: dict[str, str], value: float | str = 0.0, state: str = SUCCEEDED) -> Trial:
    text = str(value)
    return Trial("any", assignments, state, (Metric("loss", text, text, text),))


def loss(assignments: dict[str, str]) -> float:
    """Return a value that depends on all parameters."""
    return sum(len(text) if text.isalpha() else math.tanh(float(text)) for text in assignments.values())


def driven(subject: Experiment, size: int, at_once: int = 1) -> list[Trial]:
    trials: list[Trial] = []
    while len(trials) < size:
        found = suggest(subject, trials, at_once)
        trials += [trial(one, loss(one)) for one in found.assignments]
    return trials


@st.composite
def ranges(draw: st.DrawFn, name: str) -> Parameter:
    distribution = draw(st.sampled_from(DISTRIBUTIONS))
    low = draw(st.integers(1, 50) if distribution.startswith("log") else st.integers(-50, 50))
    high = low + draw(st.integers(0, 60))
    if draw(st.booleans()):
        step = draw(st.sampled_from(["", "1", "3", "100"]))
        return integer(name, str(low), str(high), step, distribution)
    step = draw(st.sampled_from(["", "0.1", "0.3", "7"]))
    return number(name, f"{low / 10}", f"{high / 10}", step, distribution)


@st.composite
def lists(draw: st.DrawFn, name: str) -> Parameter:
    texts = st.sampled_from(["1", "0.5", "2e1", "-3", "8"])
    values = draw(st.lists(texts, min_size=1, unique=True))
    return choice(name, draw(st.sampled_from(["discrete", "categorical"])), *values)


@st.composite
def spaces(draw: st.DrawFn) -> tuple[Parameter, ...]:
    size = draw(st.integers(1, 4))
    return tuple(draw(ranges(f"p{place}") | lists(f"p{place}")) for place in range(size))


ENDS = st.sampled_from([SUCCEEDED, EARLY_STOPPED, FAILED, KILLED, METRICS_UNAVAILABLE, RUNNING, PENDING])
VALUES = st.sampled_from(["nan", "inf", "-inf", "unavailable", ""]) | st.floats(-1e300, 1e300).map(repr)
LAW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@LAW
@given(st.sampled_from(DRAWN), spaces(), st.lists(st.tuples(ENDS, VALUES), max_size=14))
def test_every_suggestion_is_in_the_space_whatever_became_of_the_trials(
    algorithm: str, parameters: tuple[Parameter, ...], ends: list[tuple[str, str]]
) -> None:
    subject = experiment(algorithm, parameters)
    space = search_space(parameters)
    trials: list[Trial] = []
    for state, value in [*ends, (SUCCEEDED, "0")]:
        (found,) = suggest(subject, trials, 1).assignments
        assert space.contains(space.parse(found))
        assert found == space.assignments(space.parse(found))
        trials.append(trial(found, value, state))
    if space.count is not None:
        points = {tuple(one.assignments.values()) for one in trials}
        assert len(points) == min(len(trials), space.count)


@LAW
@given(st.sampled_from(DRAWN), spaces(), st.integers(0, 12), st.integers(2, 4))
def test_a_batch_is_what_single_asks_get_while_the_earlier_ones_run(
    algorithm: str, parameters: tuple[Parameter, ...], size: int, at_once: int
) -> None:
    subject = experiment(algorithm, parameters)
    trials = driven(subject, size, at_once)
    batch = suggest(subject, trials, at_once).assignments
    singles: list[Trial] = []
    for _ in range(at_once):
        (found,) = suggest(subject, [*trials, *singles], 1).assignments
        singles.append(trial(found, state=RUNNING))
    assert list(batch) == [one.assignments for one in singles]


@pytest.mark.parametrize("algorithm", DRAWN)
@pytest.mark.parametrize("parameters", [PLANE, MIXED])
def test_the_same_asks_and_tells_give_the_same_in_another_process(
    algorithm: str, parameters: tuple[Parameter, ...]
) -> None:
    subject = experiment(algorithm, parameters)
    trials = driven(subject, 20, 3)
    program = "import pickle, sys\nfrom mlplat.tuning.suggestions import suggest\n"
    program += "import json\nprint(json.dumps(suggest(*pickle.load(sys.stdin.buffer)).assignments))"
    again = subprocess.run(
        [sys.executable, "-c", program],
        input=pickle.dumps((subject, trials, 3)),
        capture_output=True,
        check=True,
    )
    assert json.loads(again.stdout) == list(suggest(subject, trials, 3).assignments)


@pytest.mark.parametrize("algorithm", DRAWN)
def test_running_trials_may_stand_anywhere_among_the_others(algorithm: str) -> None:
    subject = experiment(algorithm)
    ended = driven(subject, 15)
    first, second = (
        trial(found, state=state)
        for found, state in zip(suggest(subject, ended, 2).assignments, (RUNNING, PENDING), strict=True)
    )
    expected = suggest(subject, [*ended, first, second], 2)
    assert suggest(subject, [first, *ended[:7], second, *ended[7:]], 2) == expected


@pytest.mark.parametrize("algorithm", ADAPTIVE)
def test_results_matter(algorithm: str) -> None:
    subject = experiment(algorithm)
    trials = driven(subject, 20)
    others = [trial(dict(one.assignments), -loss(dict(one.assignments))) for one in trials]
    assert suggest(subject, others, 1) != suggest(subject, trials, 1)


@pytest.mark.parametrize("algorithm", ADAPTIVE)
def test_to_maximize_is_to_minimize_the_opposite(algorithm: str) -> None:
    low = driven(experiment(algorithm, random_state=1), 20)
    high = [trial(dict(one.assignments), -loss(dict(one.assignments))) for one in low]
    expected = suggest(experiment(algorithm, random_state=1), low, 2)
    assert suggest(experiment(algorithm, type_=MAXIMIZE, random_state=1), high, 2) == expected


@pytest.mark.parametrize("algorithm", ["random", "sobol"])
def test_static_algorithms_ignore_results(algorithm: str) -> None:
    subject = experiment(algorithm, MIXED)
    whole = suggest(subject, [], 12).assignments
    failed = [trial(one, "nan", FAILED) for one in whole[:7]]
    assert suggest(subject, failed, 5).assignments == whole[7:]


@pytest.mark.parametrize("algorithm", ADAPTIVE)
@pytest.mark.parametrize(
    ("value", "state"), [("1", FAILED), ("nan", SUCCEEDED), ("unavailable", METRICS_UNAVAILABLE)]
)
def test_a_trial_without_a_value_is_as_one_that_has_failed(algorithm: str, value: str, state: str) -> None:
    subject = experiment(algorithm)
    trials = driven(subject, 14)
    point = {"x": "1.0", "y": "2.0"}
    expected = suggest(subject, [*trials, trial(point, state=KILLED)], 1)
    assert suggest(subject, [*trials, trial(point, value, state)], 1) == expected


@pytest.mark.parametrize("algorithm", ADAPTIVE)
def test_a_trial_that_was_stopped_early_counts_as_a_result(algorithm: str) -> None:
    subject = experiment(algorithm)
    trials = driven(subject, 20)
    stopped = [Trial("any", one.assignments, EARLY_STOPPED, one.metrics) for one in trials]
    assert suggest(subject, stopped, 1) == suggest(subject, trials, 1)


def test_the_strategy_selects_the_value() -> None:
    plain = experiment("tpe", random_state=1)
    trials = driven(plain, 20)
    latest = Objective(MINIMIZE, metric_name="loss", metric_strategies=(MetricStrategy("loss", "latest"),))
    subject = Experiment(
        name="branin", objective=latest, algorithm=plain.algorithm, parameters=plain.parameters
    )
    others = [
        Trial("any", one.assignments, SUCCEEDED, (Metric("loss", "-7", "9", one.metrics[0].latest),))
        for one in trials
    ]
    assert suggest(subject, others, 1) == suggest(plain, trials, 1)


@pytest.mark.parametrize("algorithm", DRAWN)
def test_trials_with_values_from_elsewhere_break_nothing(algorithm: str) -> None:
    odd = [trial({"x": "1.0"}), trial({"x": "99.0", "y": "0.0"}), trial({"x": "many", "y": "1.0"}), trial({})]
    subject = experiment(algorithm)
    assert len(suggest(subject, [*odd, *driven(subject, 12)], 3).assignments) == 3


@pytest.mark.parametrize("algorithm", DRAWN)
def test_a_parallel_batch_repeats_no_point(algorithm: str) -> None:
    subject = experiment(algorithm)
    found = suggest(subject, driven(subject, 21, 3), 8).assignments
    assert len({tuple(one.values()) for one in found}) == 8


@pytest.mark.parametrize("algorithm", DRAWN)
def test_after_all_points_were_visited_suggestions_continue(algorithm: str) -> None:
    subject = experiment(algorithm, [choice("a", "categorical", "1", "2"), integer("b", "0", "1")])
    found = suggest(subject, [], 6).assignments
    assert len(found) == 6
    assert len({tuple(one.values()) for one in found[:4]}) == 4


def test_grid_gives_all_combinations_in_the_order_of_the_file() -> None:
    subject = experiment(
        "grid", [number("lr", "0.1", "0.3", "0.1"), choice("optimizer", "categorical", "sgd", "adam")]
    )
    whole = suggest(subject, [], 6)
    assert [(one["lr"], one["optimizer"]) for one in whole.assignments] == [
        ("0.1", "sgd"),
        ("0.1", "adam"),
        ("0.2", "sgd"),
        ("0.2", "adam"),
        ("0.3", "sgd"),
        ("0.3", "adam"),
    ]
    assert whole.is_exhausted
    assert not suggest(subject, [], 5).is_exhausted


@pytest.mark.parametrize("options", [{}, {"random_state": 3}])
def test_a_grid_ends(options: dict[str, Any]) -> None:
    subject = experiment("grid", [integer("a", "1", "3"), integer("b", "1", "2")], **options)
    whole = suggest(subject, [], 100)
    assert whole.is_exhausted
    assert len({tuple(one.values()) for one in whole.assignments}) == len(whole.assignments) == 6
    trials = [trial(one) for one in whole.assignments]
    assert suggest(subject, trials[:4], 2).assignments == whole.assignments[4:]
    after = suggest(subject, trials, 1)
    assert after.is_exhausted
    assert not after.assignments


def test_random_state_shuffles_a_grid() -> None:
    parameters = [integer("a", "1", "40")]
    seeds: list[dict[str, Any]] = [{}, {"random_state": 1}, {"random_state": 2}]
    orders = [
        tuple(one["a"] for one in suggest(experiment("grid", parameters, **seed), [], 40).assignments)
        for seed in seeds
    ]
    assert len(set(orders)) == 3


@pytest.mark.parametrize("algorithm", DRAWN)
def test_the_seed_is_random_state_or_depends_on_name_and_spec(algorithm: str) -> None:
    def first(subject: Experiment) -> Any:
        return suggest(subject, [], 1).assignments

    assert first(experiment(algorithm, random_state=1)) != first(experiment(algorithm, random_state=2))
    assert first(experiment(algorithm, name="a", random_state=1)) == first(
        experiment(algorithm, name="b", random_state=1)
    )
    assert first(experiment(algorithm, name="a")) != first(experiment(algorithm, name="b"))
    assert first(experiment(algorithm)) != first(experiment(algorithm, type_=MAXIMIZE))


def test_a_larger_budget_keeps_the_seed() -> None:
    subject = experiment("random")
    larger = Experiment(
        name=subject.name,
        objective=subject.objective,
        algorithm=subject.algorithm,
        parameters=subject.parameters,
        max_trial_count=99,
        parallel_trial_count=9,
        max_failed_trial_count=5,
    )
    assert suggest(larger, [], 3) == suggest(subject, [], 3)


@pytest.mark.parametrize(
    ("algorithm", "options"),
    [
        ("tpe", {"n_startup_trials": 30}),
        ("tpe", {"n_ei_candidates": 2}),
        ("tpe", {"n_EI_candidates": 2}),
        ("multivariate-tpe", {"n_startup_trials": 30}),
        ("multivariate-tpe", {"n_ei_candidates": 2}),
        ("cmaes", {"sigma": 0.01}),
    ],
)
def test_settings_have_an_effect(algorithm: str, options: dict[str, Any]) -> None:
    trials = driven(experiment(algorithm, random_state=1), 20)
    plain = suggest(experiment(algorithm, random_state=1), trials, 3)
    assert suggest(experiment(algorithm, random_state=1, **options), trials, 3) != plain


@pytest.mark.parametrize(
    ("algorithm", "options"),
    [
        ("tpe", {"gamma": 0.3, "prior_weight": 2}),
        ("cmaes", {"restart_strategy": "ipop"}),
    ],
)
def test_settings_of_other_libraries_have_none(algorithm: str, options: dict[str, Any]) -> None:
    trials = driven(experiment(algorithm, random_state=1), 20)
    plain = suggest(experiment(algorithm, random_state=1), trials, 3)
    assert suggest(experiment(algorithm, random_state=1, **options), trials, 3) == plain


def test_sobol_spreads_points_evenly() -> None:
    found = suggest(experiment("sobol", [number("x", "0", "1"), number("y", "0", "1")]), [], 64).assignments
    cells = {(int(float(one["x"]) * 8), int(float(one["y"]) * 8)) for one in found}
    assert len(cells) == 64


@pytest.mark.parametrize("name", ["hyperband", "pbt"])
def test_other_algorithms_are_refused(name: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        suggest(experiment(name), [], 1)
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("MLP928", f"algorithm {name} is not supported")


@pytest.mark.parametrize(
    ("algorithm", "package", "extra"),
    [
        ("bayesianoptimization", "torch", "tuning-gp"),
        ("tpe", "optuna", "tuning"),
        ("sobol", "scipy", "tuning"),
        ("cmaes", "cmaes", "tuning"),
    ],
)
def test_a_missing_package_is_told_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, algorithm: str, package: str, extra: str
) -> None:
    monkeypatch.setattr(
        "mlplat.tuning.suggestions.find_spec", lambda name: None if name == package else object()
    )
    with pytest.raises(UnsupportedError) as caught:
        suggest(experiment(algorithm), [], 1)
    (found,) = caught.value.diagnostics
    assert found.code == "MLP927"
    assert found.message == f"algorithm {algorithm} needs the package {package}, which is not installed"
    assert found.hint == f"pip install 'mlplat[{extra}]'"


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs torch")
def test_the_gaussian_process_suggests_points_of_the_space() -> None:
    subject = experiment("bayesianoptimization", MIXED, n_initial_points=3)
    trials = driven(subject, 6)
    found = suggest(subject, trials, 3)
    space = search_space(MIXED)
    assert all(space.contains(space.parse(one)) for one in found.assignments)
    assert found == suggest(subject, trials, 3)


def test_optuna_reports_nothing_and_keeps_its_verbosity(caplog: pytest.LogCaptureFixture) -> None:
    import optuna

    optuna.logging.enable_propagation()
    before = optuna.logging.get_verbosity()
    try:
        with caplog.at_level(logging.DEBUG):
            suggest(experiment("tpe"), [], 2)
    finally:
        optuna.logging.disable_propagation()
    assert not caplog.records
    assert optuna.logging.get_verbosity() == before


def test_importing_suggestions_loads_no_sampler() -> None:
    program = "import sys, mlplat.tuning.suggestions\n"
    program += "print([name for name in ('cmaes', 'numpy', 'optuna', 'scipy') if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert found.stdout == "[]\n"
