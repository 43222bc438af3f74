"""How far an experiment is: its best trial, and whether it has ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mlplat.tuning.experiment import MAXIMIZE, Experiment, Objective
from mlplat.tuning.trials import ACTIVE, FAILED, METRICS_UNAVAILABLE, Trial

GOAL_REACHED = "ExperimentGoalReached"
MAX_TRIALS_REACHED = "ExperimentMaxTrialsReached"
SUGGESTIONS_ENDED = "ExperimentSuggestionEndReached"
TOO_MANY_FAILED = "ExperimentFailed"


@dataclass(frozen=True, slots=True)
class ExperimentOutcome:
    """How an experiment ended.

    Attributes:
        has_succeeded: whether it succeeded.
        reason: Katib's name for it.
        message: a sentence.
    """

    has_succeeded: bool
    reason: str
    message: str


def is_better(value: float, than: float, objective: Objective) -> bool:
    """Return whether a value is strictly better than another one."""
    return value > than if objective.type == MAXIMIZE else value < than


def best_trial(trials: Sequence[Trial], objective: Objective) -> Trial | None:
    """Return the best trial; of equal ones, the first.

    Only trials that succeeded or were stopped early count, and only values that are finite numbers.
    """
    best: tuple[float, Trial] | None = None
    for trial in trials:
        value = trial.value(objective)
        if value is not None and (best is None or is_better(value, best[0], objective)):
            best = value, trial
    return None if best is None else best[1]


def has_reached_goal(trials: Sequence[Trial], objective: Objective) -> bool:
    """Return whether the best trial is as good as the goal."""
    best = best_trial(trials, objective)
    value = None if best is None else best.value(objective)
    if objective.goal is None or value is None:
        return False
    return not is_better(objective.goal, value, objective)


def outcome(
    experiment: Experiment, trials: Sequence[Trial], *, is_exhausted: bool = False
) -> ExperimentOutcome | None:
    """Return how an experiment ended, or None while it runs.

    Katib's order: the goal, then the limit of failed trials, then the limit of trials. With a limit of 0 failed trials,
    as with 1, the first failure ends the experiment. Trials without metrics count as failed.

    Args:
        experiment: the Experiment.
        trials: all trials so far.
        is_exhausted: whether the algorithm has no more suggestions.
    """
    states = Counter(trial.state for trial in trials)
    failed = states[FAILED] + states[METRICS_UNAVAILABLE]
    active = sum(states[state] for state in ACTIVE)
    limit, most = experiment.max_failed_trial_count, experiment.max_trial_count
    if has_reached_goal(trials, experiment.objective):
        return ExperimentOutcome(True, GOAL_REACHED, "the best trial has reached the goal")
    if limit is not None and failed and failed >= limit:
        return ExperimentOutcome(
            False, TOO_MANY_FAILED, f"maxFailedTrialCount is {limit}, number of failed trials: {failed}"
        )
    if most is not None and len(trials) - active >= most:
        return ExperimentOutcome(
            True, MAX_TRIALS_REACHED, f"the experiment has reached maxTrialCount: {most}"
        )
    if is_exhausted and not active:
        return ExperimentOutcome(True, SUGGESTIONS_ENDED, "all points of the search space have been tried")
    return None
