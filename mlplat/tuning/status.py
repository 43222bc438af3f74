"""The ``status`` of an Experiment, with Katib's names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlplat.tuning.experiment import Objective
from mlplat.tuning.progress import ExperimentOutcome, best_trial
from mlplat.tuning.trials import (
    EARLY_STOPPED,
    FAILED,
    KILLED,
    METRICS_UNAVAILABLE,
    PENDING,
    RUNNING,
    SUCCEEDED,
    Trial,
)

_COUNTS = {
    SUCCEEDED: "trialsSucceeded",
    FAILED: "trialsFailed",
    KILLED: "trialsKilled",
    PENDING: "trialsPending",
    RUNNING: "trialsRunning",
    EARLY_STOPPED: "trialsEarlyStopped",
    METRICS_UNAVAILABLE: "trialMetricsUnavailable",
}
"""Fields with the number of trials in a state."""

_LISTS = {
    RUNNING: "runningTrialList",
    PENDING: "pendingTrialList",
    FAILED: "failedTrialList",
    SUCCEEDED: "succeededTrialList",
    KILLED: "killedTrialList",
    EARLY_STOPPED: "earlyStoppedTrialList",
    METRICS_UNAVAILABLE: "metricsUnavailableTrialList",
}
"""Fields with the names of the trials in a state."""


def status(
    objective: Objective,
    trials: Sequence[Trial],
    outcome: ExperimentOutcome | None,
    started_at: str,
    finished_at: str = "",
) -> dict[str, Any]:
    """Return the status of an Experiment.

    Args:
        objective: of the Experiment.
        trials: all trials so far, in the order in which they were suggested.
        outcome: how the experiment ended; None while it runs.
        started_at: when it started, in RFC 3339.
        finished_at: when it ended; empty while it runs.

    Returns:
        Times, conditions, the best trial, and the trials in each state; counts that are 0 and lists that are empty are
        left out.
    """
    by_state: dict[str, list[str]] = {}
    for trial in trials:
        by_state.setdefault(trial.state, []).append(trial.name)
    best = best_trial(trials, objective)
    return {
        "startTime": started_at,
        **({"completionTime": finished_at} if outcome is not None else {}),
        "conditions": _conditions(outcome, started_at, finished_at),
        **({"currentOptimalTrial": _optimal(best)} if best is not None else {}),
        **{field: by_state[state] for state, field in _LISTS.items() if state in by_state},
        **({"trials": len(trials)} if trials else {}),
        **{field: len(by_state[state]) for state, field in _COUNTS.items() if state in by_state},
    }


def _conditions(outcome: ExperimentOutcome | None, started_at: str, finished_at: str) -> list[dict[str, str]]:
    running = ("Running", "ExperimentRunning")
    created = _condition("Created", "ExperimentCreated", "the experiment was created", started_at)
    if outcome is None:
        return [created, _condition(*running, "the experiment is running", started_at)]
    type_ = "Succeeded" if outcome.has_succeeded else "Failed"
    return [
        created,
        _condition(*running, "the experiment has ended", finished_at, is_true=False),
        _condition(type_, outcome.reason, outcome.message, finished_at),
    ]


def _condition(type_: str, reason: str, message: str, time: str, *, is_true: bool = True) -> dict[str, str]:
    return {
        "type": type_,
        "status": "True" if is_true else "False",
        "reason": reason,
        "message": message,
        "lastUpdateTime": time,
        "lastTransitionTime": time,
    }


def _optimal(trial: Trial) -> dict[str, Any]:
    return {
        "bestTrialName": trial.name,
        "parameterAssignments": [{"name": name, "value": value} for name, value in trial.assignments.items()],
        "observation": {
            "metrics": [
                {"name": one.name, "min": one.min, "max": one.max, "latest": one.latest}
                for one in trial.metrics
            ]
        },
    }
