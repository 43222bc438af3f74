"""An :class:`~mlplat.tuning.experiment.Experiment` to a document: the inverse of :mod:`~mlplat.tuning.reading`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mlplat.tuning.experiment import (
    API_VERSION,
    KIND,
    Algorithm,
    Experiment,
    FileSystemPath,
    HttpGet,
    MetricsCollector,
    NasConfig,
    Objective,
    Parameter,
    TrialTemplate,
)

_PORT = re.compile(r"0|[1-9][0-9]{0,4}")


def document(experiment: Experiment, status: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Write an Experiment as ``kind: Experiment``.

    Args:
        experiment: the Experiment. Defaults that were filled in are written, as Katib's webhook does.
        status: its status, from :func:`mlplat.tuning.status.status`.

    Returns:
        The document; fields that are not set are left out.
    """
    return {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": _set(
            name=experiment.name,
            generateName=experiment.generate_name,
            namespace=experiment.namespace,
            labels=dict(experiment.labels),
            annotations=dict(experiment.annotations),
        ),
        "spec": _spec(experiment),
        **({"status": dict(status)} if status is not None else {}),
    }


def _set(**fields: Any) -> dict[str, Any]:
    """Return the fields that are set: not None, not empty, not false."""
    return {
        name: value
        for name, value in fields.items()
        if value is not None and value is not False and value not in ("", [], {})
    }


def _limits(experiment: Experiment) -> dict[str, int]:
    limits = {
        "parallelTrialCount": experiment.parallel_trial_count,
        "maxTrialCount": experiment.max_trial_count,
        "maxFailedTrialCount": experiment.max_failed_trial_count,
    }
    return {name: value for name, value in limits.items() if value is not None}


def _spec(experiment: Experiment) -> dict[str, Any]:
    early_stopping, nas_config = experiment.early_stopping, experiment.nas_config
    return {
        **_set(objective=_objective(experiment.objective), algorithm=_algorithm(experiment.algorithm)),
        **({} if early_stopping is None else {"earlyStopping": _algorithm(early_stopping)}),
        **_limits(experiment),
        **_set(
            resumePolicy=experiment.resume_policy,
            parameters=[_parameter(one) for one in experiment.parameters],
        ),
        **({} if nas_config is None else {"nasConfig": _nas_config(nas_config)}),
        "metricsCollectorSpec": _metrics_collector(experiment.metrics_collector),
        **_set(trialTemplate=_trial_template(experiment.trial_template)),
    }


def _objective(objective: Objective) -> dict[str, Any]:
    written = _set(
        type=objective.type,
        objectiveMetricName=objective.metric_name,
        additionalMetricNames=list(objective.additional_metric_names),
        metricStrategies=[_set(name=one.name, value=one.value) for one in objective.metric_strategies],
    )
    return written if objective.goal is None else {**written, "goal": objective.goal}


def _algorithm(algorithm: Algorithm) -> dict[str, Any]:
    settings = [_set(name=one.name, value=one.value) for one in algorithm.settings]
    return _set(algorithmName=algorithm.name, algorithmSettings=settings)


def _parameter(parameter: Parameter) -> dict[str, Any]:
    space = parameter.space
    return _set(
        name=parameter.name,
        parameterType=parameter.type,
        feasibleSpace=_set(
            min=space.min,
            max=space.max,
            step=space.step,
            list=list(space.list),
            distribution=space.distribution,
        ),
    )


def _nas_config(config: NasConfig) -> dict[str, Any]:
    graph = {
        **({} if config.num_layers is None else {"numLayers": config.num_layers}),
        **_set(inputSizes=list(config.input_sizes), outputSizes=list(config.output_sizes)),
    }
    operations = [
        _set(operationType=one.type, parameters=[_parameter(inner) for inner in one.parameters])
        for one in config.operations
    ]
    return _set(graphConfig=graph, operations=operations)


def _metrics_collector(collector: MetricsCollector) -> dict[str, Any]:
    source = _set(
        fileSystemPath=_file_system_path(collector.file) if collector.file else None,
        httpGet=_http_get(collector.http) if collector.http else None,
    )
    if collector.has_filter:
        source["filter"] = _set(metricsFormat=list(collector.patterns))
    container = {} if collector.container is None else {"customCollector": dict(collector.container)}
    return {**_set(source=source), "collector": {**_set(kind=collector.kind), **container}}


def _file_system_path(file: FileSystemPath) -> dict[str, Any]:
    return _set(path=file.path, kind=file.kind, format=file.format)


def _http_get(http: HttpGet) -> dict[str, Any]:
    return _set(
        path=http.path,
        port=int(http.port) if _PORT.fullmatch(http.port) else http.port,
        host=http.host,
        scheme=http.scheme,
        httpHeaders=[_set(name=name, value=value) for name, value in http.headers],
    )


def _trial_template(template: TrialTemplate) -> dict[str, Any]:
    source = template.config_map
    return {
        **_set(
            retain=template.retain,
            primaryContainerName=template.primary_container_name,
            primaryPodLabels=dict(template.primary_pod_labels),
            successCondition=template.success_condition,
            failureCondition=template.failure_condition,
            trialParameters=[
                _set(name=one.name, description=one.description, reference=one.reference)
                for one in template.parameters
            ],
        ),
        **({} if template.trial_spec is None else {"trialSpec": dict(template.trial_spec)}),
        **(
            {}
            if source is None
            else {
                "configMap": _set(
                    configMapName=source.name, configMapNamespace=source.namespace, templatePath=source.path
                )
            }
        ),
    }
