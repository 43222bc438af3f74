"""What is observed of a trial, which trial is the best, and when an experiment ends."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlplat.tuning.experiment import Experiment, MetricStrategy, Objective
from mlplat.tuning.logs import Point
from mlplat.tuning.progress import ExperimentOutcome, best_trial, has_reached_goal, outcome
from mlplat.tuning.status import status
from mlplat.tuning.trials import MEASURED, STATES, Metric, Trial, final_state, observation

MINIMIZE = Objective("minimize", metric_name="loss")
MAXIMIZE = Objective("maximize", metric_name="loss")


def trial(name: str, loss: str, state: str = "Succeeded") -> Trial:
    return Trial(name, {"lr": "0.1"}, state, (Metric("loss", loss, loss, loss),))


def reported(*texts: str) -> Metric:
    (found,) = observation([Point("loss", text) for text in texts], MINIMIZE)
    return found


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ((), Metric("loss", "unavailable", "unavailable", "unavailable")),
        (("0.5",), Metric("loss", "0.5", "0.5", "0.5")),
        (("0.5", "0.25", "0.30"), Metric("loss", "0.25", "0.5", "0.30")),
        (("1", "1.0"), Metric("loss", "1", "1", "1.0")),
        (("9", "10"), Metric("loss", "9", "10", "10")),
        (("0.5", "nan"), Metric("loss", "0.5", "0.5", "nan")),
        (("inf", "-inf", "2"), Metric("loss", "2", "2", "2")),
        (("nan",), Metric("loss", "unavailable", "unavailable", "nan")),
    ],
)
def test_the_values_of_a_metric(texts: tuple[str, ...], expected: Metric) -> None:
    assert reported(*texts) == expected


def test_metrics_are_in_the_order_of_the_objective() -> None:
    objective = Objective("minimize", metric_name="loss", additional_metric_names=("f1", "accuracy"))
    found = observation([Point("accuracy", "1"), Point("other", "2"), Point("loss", "3")], objective)
    assert [(one.name, one.latest) for one in found] == [
        ("loss", "3"),
        ("f1", "unavailable"),
        ("accuracy", "1"),
    ]


def test_the_latest_point_has_the_latest_timestamp() -> None:
    late, early = Point("loss", "1", 20), Point("loss", "2", 10)
    assert observation([late, early], MINIMIZE)[0].latest == "1"
    assert observation([early, late], MINIMIZE)[0].latest == "1"
    assert observation([late, Point("loss", "3", 20)], MINIMIZE)[0].latest == "3"
    assert observation([late, Point("loss", "3")], MINIMIZE)[0].latest == "1"


@pytest.mark.parametrize(("strategy", "expected"), [("min", 0.25), ("max", 0.5), ("latest", 0.3)])
def test_strategies(strategy: str, expected: float) -> None:
    objective = Objective(
        "minimize", metric_name="loss", metric_strategies=(MetricStrategy("loss", strategy),)
    )
    metrics = (reported("0.5", "0.25", "0.3"),)
    assert Trial("a", state="Succeeded", metrics=metrics).value(objective) == expected


FLOATS = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(FLOATS, min_size=1))
def test_the_strategies_are_those_of_python(values: list[float]) -> None:
    metric = reported(*map(repr, values))
    found = [metric.value(strategy) for strategy in ("min", "max", "latest")]
    assert found == [min(values), max(values), values[-1]]


@given(st.lists(FLOATS, min_size=1), st.lists(st.sampled_from(["nan", "inf", "-inf", "x"])), st.randoms())
def test_failed_points_change_neither_minimum_nor_maximum(
    values: list[float], failed: list[str], random: Any
) -> None:
    texts = [*map(repr, values), *failed]
    random.shuffle(texts)
    metric = reported(*texts)
    assert (metric.value("min"), metric.value("max")) == (min(values), max(values))


@pytest.mark.parametrize("objective", [MINIMIZE, MAXIMIZE])
@pytest.mark.parametrize("bad", ["nan", "inf", "-inf", "", "unavailable", "Genotype(normal=[])"])
def test_a_trial_without_a_number_is_never_the_best(objective: Objective, bad: str) -> None:
    good = trial("good", "1")
    for order in itertools.permutations([trial("bad", bad), good, trial("worse", bad)]):
        assert best_trial(order, objective) == good
    assert best_trial([trial("bad", bad)], objective) is None
    assert not has_reached_goal([trial("bad", bad)], Objective(objective.type, 0.0, "loss"))


@pytest.mark.parametrize("state", [state for state in STATES if state not in MEASURED])
def test_a_trial_that_failed_or_has_not_ended_is_never_the_best(state: str) -> None:
    assert best_trial([trial("a", "0", state)], MINIMIZE) is None


def test_of_equal_trials_the_first_is_the_best() -> None:
    assert best_trial([trial("a", "1"), trial("b", "1.0")], MINIMIZE) == trial("a", "1")


@given(st.lists(FLOATS, min_size=1), st.sampled_from([MINIMIZE, MAXIMIZE]))
def test_no_trial_is_better_than_the_best(values: list[float], objective: Objective) -> None:
    best = best_trial([trial(str(number), repr(value)) for number, value in enumerate(values)], objective)
    assert best is not None
    extreme = min(values) if objective is MINIMIZE else max(values)
    assert best == trial(str(values.index(extreme)), repr(values[values.index(extreme)]))


@pytest.mark.parametrize(
    ("type_", "goal", "value", "expected"),
    [
        ("minimize", 0.5, "0.5", True),
        ("minimize", 0.5, "0.4", True),
        ("minimize", 0.5, "0.6", False),
        ("maximize", 0.5, "0.5", True),
        ("maximize", 0.5, "0.6", True),
        ("maximize", 0.5, "0.4", False),
        ("minimize", 0.0, "0", True),
        ("minimize", None, "0", False),
    ],
)
def test_the_goal(type_: str, goal: float | None, value: str, expected: bool) -> None:
    assert has_reached_goal([trial("a", value)], Objective(type_, goal, "loss")) is expected


@given(st.lists(FLOATS, min_size=1), FLOATS, st.sampled_from(["minimize", "maximize"]))
def test_the_goal_is_reached_if_any_trial_reaches_it(values: list[float], goal: float, type_: str) -> None:
    trials = [trial("a", repr(value)) for value in values]
    expected = min(values) <= goal if type_ == "minimize" else max(values) >= goal
    assert has_reached_goal(trials, Objective(type_, goal, "loss")) is expected


def _outcome(states: list[str], **limits: int) -> str | None:
    objective = Objective("minimize", 0.0, "loss")
    trials = [trial(str(number), "1", state) for number, state in enumerate(states)]
    found = outcome(Experiment(objective=objective, **limits), trials)  # type: ignore[arg-type]
    return None if found is None else found.reason


GOAL, MOST, FAILED = "ExperimentGoalReached", "ExperimentMaxTrialsReached", "ExperimentFailed"


@pytest.mark.parametrize(
    ("states", "limits", "expected"),
    [
        ([], {"max_trial_count": 1}, None),
        (["Succeeded"], {}, None),
        (["Succeeded", "Running"], {"max_trial_count": 2}, None),
        (["Succeeded", "Pending"], {"max_trial_count": 2}, None),
        (["Succeeded", "EarlyStopped"], {"max_trial_count": 2}, MOST),
        (["Failed", "Killed", "MetricsUnavailable"], {"max_trial_count": 3}, MOST),
        (["Failed", "Succeeded"], {"max_failed_trial_count": 2}, None),
        (["Failed", "MetricsUnavailable"], {"max_failed_trial_count": 2}, FAILED),
        (["Succeeded"], {"max_failed_trial_count": 0}, None),
        (["Failed"], {"max_failed_trial_count": 0}, FAILED),
        (["Failed"], {"max_failed_trial_count": 1}, FAILED),
        (["Failed"], {"max_failed_trial_count": 1, "max_trial_count": 1}, FAILED),
    ],
)
def test_limits(states: list[str], limits: dict[str, int], expected: str | None) -> None:
    assert _outcome(states, **limits) == expected


def test_the_goal_comes_before_the_limits() -> None:
    objective = Objective("minimize", 1.0, "loss")
    experiment = Experiment(objective=objective, max_trial_count=2, max_failed_trial_count=1)
    found = outcome(experiment, [trial("a", "1"), trial("b", "", "Failed")])
    assert found == ExperimentOutcome(True, GOAL, "the best trial has reached the goal")


def test_the_end_of_the_search_space() -> None:
    experiment = Experiment(objective=MINIMIZE)
    running = [trial("a", "1"), trial("b", "", "Running")]
    assert outcome(experiment, running, is_exhausted=True) is None
    found = outcome(experiment, running[:1], is_exhausted=True)
    assert found is not None
    assert (found.has_succeeded, found.reason) == (True, "ExperimentSuggestionEndReached")


@pytest.mark.parametrize(
    ("state", "texts", "expected"),
    [
        ("Succeeded", ["0.5"], "Succeeded"),
        ("Succeeded", [], "MetricsUnavailable"),
        ("Succeeded", ["nan"], "MetricsUnavailable"),
        ("EarlyStopped", ["0.5"], "EarlyStopped"),
        ("EarlyStopped", [], "MetricsUnavailable"),
        ("Failed", [], "Failed"),
        ("Failed", ["0.5"], "Failed"),
    ],
)
def test_the_state_of_a_trial_that_has_ended(state: str, texts: list[str], expected: str) -> None:
    assert final_state(state, (reported(*texts),), MINIMIZE) == expected


START, END = "2026-11-28T20:00:00Z", "2026-11-28T21:00:00Z"


def test_the_status_while_trials_run() -> None:
    trials = [
        trial("a", "1"),
        trial("b", "0.5"),
        trial("c", "", "Running"),
        trial("d", "", "MetricsUnavailable"),
    ]
    assert status(MINIMIZE, trials, None, START) == {
        "startTime": START,
        "conditions": [
            _condition("Created", "True", "ExperimentCreated", "the experiment was created", START),
            _condition("Running", "True", "ExperimentRunning", "the experiment is running", START),
        ],
        "currentOptimalTrial": {
            "bestTrialName": "b",
            "parameterAssignments": [{"name": "lr", "value": "0.1"}],
            "observation": {"metrics": [{"name": "loss", "min": "0.5", "max": "0.5", "latest": "0.5"}]},
        },
        "runningTrialList": ["c"],
        "succeededTrialList": ["a", "b"],
        "metricsUnavailableTrialList": ["d"],
        "trials": 4,
        "trialsSucceeded": 2,
        "trialsRunning": 1,
        "trialMetricsUnavailable": 1,
    }


@pytest.mark.parametrize(("has_succeeded", "type_"), [(True, "Succeeded"), (False, "Failed")])
def test_the_status_at_the_end(has_succeeded: bool, type_: str) -> None:
    found = status(MINIMIZE, [], ExperimentOutcome(has_succeeded, "Reason", "why"), START, END)
    assert found == {
        "startTime": START,
        "completionTime": END,
        "conditions": [
            _condition("Created", "True", "ExperimentCreated", "the experiment was created", START),
            _condition("Running", "False", "ExperimentRunning", "the experiment has ended", END),
            _condition(type_, "True", "Reason", "why", END),
        ],
    }


def test_every_state_has_a_list_and_a_count() -> None:
    found = status(MINIMIZE, [trial(state, "1", state) for state in STATES], None, START)
    lists = {tuple(value): key for key, value in found.items() if key.endswith("TrialList")}
    assert set(lists) == {(state,) for state in STATES}
    counts = [key for key in found if key.startswith("trial") and key != "trials"]
    assert len(counts) == len(STATES)


def _condition(type_: str, value: str, reason: str, message: str, time: str) -> dict[str, str]:
    return {
        "type": type_,
        "status": value,
        "reason": reason,
        "message": message,
        "lastUpdateTime": time,
        "lastTransitionTime": time,
    }
