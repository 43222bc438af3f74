"""A document to an :class:`~mlplat.tuning.experiment.Experiment`: names and types of fields, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlplat.errors import Diagnostic
from mlplat.tuning.experiment import (
    API_VERSION,
    KIND,
    STDOUT,
    Algorithm,
    ConfigMapSource,
    Experiment,
    FeasibleSpace,
    FileSystemPath,
    HttpGet,
    MetricsCollector,
    MetricStrategy,
    NasConfig,
    Objective,
    Operation,
    Parameter,
    Setting,
    TrialParameter,
    TrialTemplate,
)
from mlplat.tuning.fields import Fields


def is_experiment(document: Mapping[str, Any]) -> bool:
    """Return whether a document is an Experiment of Katib, of any version."""
    group, _, _ = str(document.get("apiVersion", "")).partition("/")
    return document.get("kind") == KIND and group == API_VERSION.partition("/")[0]


def parse(document: Mapping[str, Any]) -> tuple[Experiment, list[Diagnostic]]:
    """Read an Experiment as it is written, without defaults.

    Args:
        document: one for which :func:`is_experiment` is true, of version ``v1beta1``. Its ``status`` is not read.

    Returns:
        The Experiment, in which a field of the wrong type is missing; and such fields. Unknown fields are warnings, as
        Katib ignores them.
    """
    problems: list[Diagnostic] = []
    fields = Fields(document, "", problems)
    metadata = fields.part("metadata", _metadata) or {}
    spec = fields.part("spec", _spec) or {}
    fields.ignore("apiVersion", "kind", "status")
    fields.done()
    return Experiment(**metadata, **spec), problems


def _metadata(fields: Fields) -> dict[str, Any]:
    fields.ignore("uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp")
    fields.ignore("managedFields", "finalizers", "ownerReferences", "selfLink", "deletionGracePeriodSeconds")
    return {
        "name": fields.text("name"),
        "generate_name": fields.text("generateName"),
        "namespace": fields.text("namespace"),
        "labels": fields.text_map("labels"),
        "annotations": fields.text_map("annotations"),
    }


def _spec(fields: Fields) -> dict[str, Any]:
    read = {
        "objective": fields.part("objective", _objective),
        "algorithm": fields.part("algorithm", _algorithm),
        "early_stopping": fields.part("earlyStopping", _algorithm),
        "parameters": fields.parts("parameters", _parameter),
        "nas_config": fields.part("nasConfig", _nas_config),
        "trial_template": fields.part("trialTemplate", _trial_template),
        "metrics_collector": fields.part("metricsCollectorSpec", _metrics_collector),
        "parallel_trial_count": fields.integer("parallelTrialCount"),
        "max_trial_count": fields.integer("maxTrialCount"),
        "max_failed_trial_count": fields.integer("maxFailedTrialCount"),
        "resume_policy": fields.text("resumePolicy") or None,
    }
    return {name: value for name, value in read.items() if value is not None}


def _objective(fields: Fields) -> Objective:
    return Objective(
        type=fields.text("type"),
        goal=fields.number("goal"),
        metric_name=fields.text("objectiveMetricName"),
        additional_metric_names=fields.texts("additionalMetricNames"),
        metric_strategies=fields.parts(
            "metricStrategies", lambda item: MetricStrategy(item.text("name"), item.text("value"))
        ),
    )


def _algorithm(fields: Fields) -> Algorithm:
    return Algorithm(
        name=fields.text("algorithmName"),
        settings=fields.parts(
            "algorithmSettings", lambda item: Setting(item.text("name"), item.text("value"))
        ),
    )


def _parameter(fields: Fields) -> Parameter:
    return Parameter(
        name=fields.text("name"),
        type=fields.text("parameterType"),
        space=fields.part("feasibleSpace", _feasible_space) or FeasibleSpace(),
    )


def _feasible_space(fields: Fields) -> FeasibleSpace:
    return FeasibleSpace(
        min=fields.text("min"),
        max=fields.text("max"),
        step=fields.text("step"),
        list=fields.texts("list"),
        distribution=fields.text("distribution"),
    )


def _nas_config(fields: Fields) -> NasConfig:
    graph = fields.part("graphConfig", _graph_config) or NasConfig()
    operations = fields.parts(
        "operations", lambda item: Operation(item.text("operationType"), item.parts("parameters", _parameter))
    )
    return NasConfig(graph.num_layers, graph.input_sizes, graph.output_sizes, operations)


def _graph_config(fields: Fields) -> NasConfig:
    return NasConfig(
        fields.integer("numLayers"), fields.integers("inputSizes"), fields.integers("outputSizes")
    )


def _trial_template(fields: Fields) -> TrialTemplate:
    return TrialTemplate(
        trial_spec=fields.mapping("trialSpec"),
        config_map=fields.part("configMap", _config_map),
        parameters=fields.parts("trialParameters", _trial_parameter),
        primary_container_name=fields.text("primaryContainerName"),
        primary_pod_labels=fields.text_map("primaryPodLabels"),
        success_condition=fields.text("successCondition"),
        failure_condition=fields.text("failureCondition"),
        retain=fields.flag("retain"),
    )


def _config_map(fields: Fields) -> ConfigMapSource:
    return ConfigMapSource(
        fields.text("configMapName"), fields.text("configMapNamespace"), fields.text("templatePath")
    )


def _trial_parameter(fields: Fields) -> TrialParameter:
    return TrialParameter(fields.text("name"), fields.text("reference"), fields.text("description"))


def _metrics_collector(fields: Fields) -> MetricsCollector:
    kind, container = fields.part("collector", _collector) or (STDOUT, None)
    source = fields.part("source", _source) or {}
    return MetricsCollector(kind=kind, container=container, **source)


def _collector(fields: Fields) -> tuple[str, Mapping[str, Any] | None]:
    return fields.text("kind"), fields.mapping("customCollector")


def _source(fields: Fields) -> dict[str, Any]:
    patterns = fields.part("filter", lambda item: item.texts("metricsFormat"))
    return {
        "file": fields.part("fileSystemPath", _file_system_path),
        "http": fields.part("httpGet", _http_get),
        "patterns": patterns or (),
        "has_filter": patterns is not None,
    }


def _file_system_path(fields: Fields) -> FileSystemPath:
    return FileSystemPath(fields.text("path"), fields.text("kind"), fields.text("format"))


def _http_get(fields: Fields) -> HttpGet:
    return HttpGet(
        path=fields.text("path"),
        port=fields.port("port"),
        host=fields.text("host"),
        scheme=fields.text("scheme"),
        headers=fields.parts("httpHeaders", lambda item: (item.text("name"), item.text("value"))),
    )
