"""All rules for an Experiment."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from mlplat.errors import Diagnostic, nearest
from mlplat.tuning import algorithm_rules, collector_rules, parameter_rules, trial_rules
from mlplat.tuning.experiment import (
    OBJECTIVE_TYPES,
    RESUME_POLICIES,
    STRATEGIES,
    Experiment,
    Objective,
)
from mlplat.tuning.templates import ParsedTemplate

LONGEST_NAME = 40
"""Characters of a name: Katib makes longer names from it."""

_NAME = re.compile(r"[a-z](?:[-a-z0-9]*[a-z0-9])?")


def problems(experiment: Experiment, template: ParsedTemplate | Diagnostic) -> Iterator[Diagnostic]:
    """Yield what is wrong with an Experiment.

    Args:
        experiment: with defaults.
        template: its trial template, or why there is none.
    """
    yield from _name(experiment)
    yield from _counts(experiment)
    yield from _objective(experiment.objective)
    yield from algorithm_rules.problems(experiment)
    yield from _resume_policy(experiment)
    yield from _search_space(experiment)
    yield from trial_rules.problems(experiment, template)
    yield from collector_rules.problems(experiment.metrics_collector)


def _name(experiment: Experiment) -> Iterator[Diagnostic]:
    name = experiment.name
    if not name and experiment.generate_name:
        return
    if not name:
        yield Diagnostic("MLP904", "metadata.name", "must be specified", "for example name: random-search")
    elif not _NAME.fullmatch(name):
        message = (
            f"'{name}' is not a valid name: a name must consist of lower case alphanumeric characters or '-', "
            "start with an alphabetic character, and end with an alphanumeric character"
        )
        yield Diagnostic("MLP906", "metadata.name", message, "for example my-name or abc-123")
    elif len(name) > LONGEST_NAME:
        message = f"'{name}' has {len(name)} characters, but a name must have at most {LONGEST_NAME}"
        yield Diagnostic("MLP906", "metadata.name", message, "shorten it")


def _counts(experiment: Experiment) -> Iterator[Diagnostic]:
    parallel, most = experiment.parallel_trial_count, experiment.max_trial_count
    failed = experiment.max_failed_trial_count
    if most is not None and most <= 0:
        hint = "remove it for no limit"
        yield Diagnostic("MLP907", "spec.maxTrialCount", f"must be greater than 0, got {most}", hint)
    if parallel <= 0:
        hint = "remove it for 3"
        yield Diagnostic("MLP907", "spec.parallelTrialCount", f"must be greater than 0, got {parallel}", hint)
    if failed is not None and failed < 0:
        hint = "remove it for no limit"
        yield Diagnostic(
            "MLP907", "spec.maxFailedTrialCount", f"should not be less than 0, got {failed}", hint
        )
    if most is None or most <= 0:
        return
    if parallel > most:
        message = f"should be less than or equal to spec.maxTrialCount, got {parallel} and {most}"
        hint = f"write parallelTrialCount: {most}, or less; the default is 3"
        yield Diagnostic("MLP907", "spec.parallelTrialCount", message, hint)
    if failed is not None and failed > most:
        message = f"should be less than or equal to spec.maxTrialCount, got {failed} and {most}"
        hint = "it has no effect: remove it"
        yield Diagnostic("MLP909", "spec.maxFailedTrialCount", message, hint, severity="warning")


def _objective(objective: Objective) -> Iterator[Diagnostic]:
    path = "spec.objective"
    if objective == Objective():
        hint = "for example objective: {type: minimize, objectiveMetricName: loss}"
        yield Diagnostic("MLP904", path, "must be specified", hint)
        return
    if objective.type not in OBJECTIVE_TYPES:
        message = f"must be {' or '.join(OBJECTIVE_TYPES)}, got '{objective.type}'"
        yield Diagnostic("MLP905", f"{path}.type", message, nearest(objective.type, OBJECTIVE_TYPES))
    if not objective.metric_name:
        hint = "the name that the trial prints, such as loss"
        yield Diagnostic("MLP904", f"{path}.objectiveMetricName", "must be specified", hint)
    yield from _metrics(objective, path)


def _metrics(objective: Objective, path: str) -> Iterator[Diagnostic]:
    place = f"{path}.additionalMetricNames"
    if objective.metric_name and objective.metric_name in objective.additional_metric_names:
        message = f"should not contain spec.objective.objectiveMetricName '{objective.metric_name}'"
        yield Diagnostic("MLP908", place, message, "remove it from the list")
    for name, count in Counter(objective.additional_metric_names).items():
        if count > 1:
            yield Diagnostic("MLP908", place, f"metric '{name}' is repeated", "list each metric once")
    seen: set[str] = set()
    for number, strategy in enumerate(objective.metric_strategies):
        place = f"{path}.metricStrategies[{number}]"
        if strategy.value not in STRATEGIES:
            message = f"must be {', '.join(STRATEGIES[:-1])} or {STRATEGIES[-1]}, got '{strategy.value}'"
            yield Diagnostic("MLP905", f"{place}.value", message, nearest(strategy.value, STRATEGIES))
        if strategy.name in seen:
            message = f"metric '{strategy.name}' has several strategies"
            yield Diagnostic("MLP908", f"{place}.name", message, "remove all but one")
        elif strategy.name not in objective.metric_names:
            message = f"metric '{strategy.name}' is not a metric of this objective"
            hint = nearest(strategy.name, [name for name in objective.metric_names if name])
            yield Diagnostic("MLP908", f"{place}.name", message, hint)
        seen.add(strategy.name)


def _resume_policy(experiment: Experiment) -> Iterator[Diagnostic]:
    if experiment.resume_policy not in RESUME_POLICIES:
        message = f"invalid ResumePolicyType '{experiment.resume_policy}'"
        hint = nearest(experiment.resume_policy, RESUME_POLICIES)
        yield Diagnostic("MLP905", "spec.resumePolicy", message, hint)


def _search_space(experiment: Experiment) -> Iterator[Diagnostic]:
    if not experiment.parameters and experiment.nas_config is None:
        message = "spec.parameters or spec.nasConfig must be specified"
        hint = "list the parameters to tune"
        yield Diagnostic("MLP904", "spec.parameters", message, hint)
    if experiment.parameters and experiment.nas_config is not None:
        message = "only one of spec.parameters and spec.nasConfig can be specified"
        yield Diagnostic("MLP904", "spec.nasConfig", message, "remove nasConfig")
    yield from parameter_rules.problems(experiment.parameters, "spec.parameters")
