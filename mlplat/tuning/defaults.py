"""Fills in what Katib's webhook fills in when an Experiment is created."""

from __future__ import annotations

from dataclasses import replace

from mlplat.tuning import kinds
from mlplat.tuning.experiment import (
    FILE,
    OBJECTIVE_TYPES,
    PROMETHEUS,
    TEXT,
    TF_EVENT,
    UNIFORM,
    Experiment,
    FileSystemPath,
    HttpGet,
    MetricsCollector,
    MetricStrategy,
    Objective,
    Parameter,
    TrialTemplate,
)

FILE_PATH = "/var/log/katib/metrics.log"
TF_EVENT_PATH = "/var/log/katib/tfevent/"
PROMETHEUS_PATH, PROMETHEUS_PORT = "/metrics", "8080"


def with_defaults(experiment: Experiment) -> Experiment:
    """Fill in the defaults that depend on other fields.

    Args:
        experiment: as it is written. The defaults of counts and of the resume policy are already set: they are those
            of the dataclass.

    Returns:
        The Experiment with a strategy for each metric, a distribution for each parameter, the source of its metrics
        collector, and the conditions and pod labels of its kind of trial. Filling in twice changes nothing.
    """
    return replace(
        experiment,
        objective=_objective(experiment.objective),
        parameters=tuple(_parameter(one) for one in experiment.parameters),
        trial_template=_trial_template(experiment.trial_template),
        metrics_collector=_metrics_collector(experiment.metrics_collector),
    )


def _objective(objective: Objective) -> Objective:
    if objective.type not in OBJECTIVE_TYPES:
        return objective
    own = {one.name for one in objective.metric_strategies}
    added = (
        MetricStrategy(name, objective.strategy(name))
        for name in dict.fromkeys(objective.metric_names)
        if name and name not in own
    )
    return replace(objective, metric_strategies=(*objective.metric_strategies, *added))


def _parameter(parameter: Parameter) -> Parameter:
    space = parameter.space
    return parameter if space.distribution else replace(parameter, space=replace(space, distribution=UNIFORM))


def _trial_template(template: TrialTemplate) -> TrialTemplate:
    known = kinds.KINDS.get(kinds.kind_of(template.trial_spec))
    if known is None:
        return template
    return replace(
        template,
        success_condition=template.success_condition or kinds.condition(known.success),
        failure_condition=template.failure_condition or kinds.condition(known.failure),
        primary_pod_labels=template.primary_pod_labels or known.pod_labels,
    )


def _metrics_collector(collector: MetricsCollector) -> MetricsCollector:
    file, http = collector.file or FileSystemPath(), collector.http or HttpGet()
    if collector.kind == FILE:
        made = FileSystemPath(file.path or FILE_PATH, file.kind or "File", file.format or TEXT)
        return replace(collector, file=made)
    if collector.kind == TF_EVENT:
        made = FileSystemPath(file.path or TF_EVENT_PATH, file.kind or "Directory", file.format)
        return replace(collector, file=made)
    if collector.kind == PROMETHEUS:
        port = PROMETHEUS_PORT if http.port in ("", "0") else http.port
        return replace(collector, http=replace(http, path=http.path or PROMETHEUS_PATH, port=port))
    return collector
