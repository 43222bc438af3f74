"""An Experiment as dataclasses, with the fields of ``kubeflow.org/v1beta1``.

The classes accept any value, so that a file with many mistakes can be read and all of them reported. A string that is
missing is empty, as in Katib's own types. Kubernetes objects inside of an Experiment, such as the trial spec, are
plain mappings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

API_VERSION = "kubeflow.org/v1beta1"
KIND = "Experiment"

MINIMIZE, MAXIMIZE = "minimize", "maximize"
OBJECTIVE_TYPES = (MINIMIZE, MAXIMIZE)

INT, DOUBLE, DISCRETE, CATEGORICAL = "int", "double", "discrete", "categorical"
PARAMETER_TYPES = (DOUBLE, INT, DISCRETE, CATEGORICAL)

UNIFORM, LOG_UNIFORM, NORMAL, LOG_NORMAL = "uniform", "logUniform", "normal", "logNormal"
DISTRIBUTIONS = (UNIFORM, LOG_UNIFORM, NORMAL, LOG_NORMAL)

MIN, MAX, LATEST = "min", "max", "latest"
STRATEGIES = (MIN, MAX, LATEST)

NEVER = "Never"
RESUME_POLICIES = (NEVER, "LongRunning", "FromVolume")

STDOUT, FILE, TF_EVENT, PROMETHEUS, CUSTOM, PUSH, NONE = (
    "StdOut",
    "File",
    "TensorFlowEvent",
    "PrometheusMetric",
    "Custom",
    "Push",
    "None",
)
COLLECTORS = (STDOUT, FILE, TF_EVENT, PROMETHEUS, CUSTOM, PUSH, NONE)

TEXT, JSON = "TEXT", "JSON"
FORMATS = (TEXT, JSON)


@dataclass(frozen=True, slots=True)
class MetricStrategy:
    """Which of the values that a trial reports of a metric is the metric's value.

    Attributes:
        name: of the metric.
        value: ``min``, ``max`` or ``latest``.
    """

    name: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Objective:
    """What to optimize.

    Attributes:
        type: ``minimize`` or ``maximize``.
        goal: value that ends the experiment; None without a goal.
        metric_name: metric to optimize.
        additional_metric_names: metrics to record with it.
        metric_strategies: at most one for each metric; after defaulting, exactly one.
    """

    type: str = ""
    goal: float | None = None
    metric_name: str = ""
    additional_metric_names: tuple[str, ...] = ()
    metric_strategies: tuple[MetricStrategy, ...] = ()

    @property
    def metric_names(self) -> tuple[str, ...]:
        """All metrics, the objective first."""
        return (self.metric_name, *self.additional_metric_names)

    def strategy(self, metric: str) -> str:
        """Return the strategy of a metric: its own, or the one that fits the type of the objective."""
        own = (one.value for one in self.metric_strategies if one.name == metric)
        return next(own, MAX if self.type == MAXIMIZE else MIN)


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of an algorithm.

    Attributes:
        name: its name.
        value: its value, always a string.
    """

    name: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Algorithm:
    """An algorithm, for suggestions or for early stopping.

    Attributes:
        name: ``algorithmName``.
        settings: in the order of the file.
    """

    name: str = ""
    settings: tuple[Setting, ...] = ()


@dataclass(frozen=True, slots=True)
class FeasibleSpace:
    """The values that a parameter may have. Numbers are strings, as in the file.

    Attributes:
        min: smallest value.
        max: largest value.
        step: distance between values, from ``min`` on; empty for a continuous range.
        list: the values of a discrete or categorical parameter.
        distribution: how values are spread over the range.
    """

    min: str = ""
    max: str = ""
    step: str = ""
    list: tuple[str, ...] = ()
    distribution: str = ""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the search space.

    Attributes:
        name: its name.
        type: ``int``, ``double``, ``discrete`` or ``categorical``.
        space: its values.
    """

    name: str = ""
    type: str = ""
    space: FeasibleSpace = FeasibleSpace()


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of a neural architecture search.

    Attributes:
        type: ``operationType``.
        parameters: of the operation.
    """

    type: str = ""
    parameters: tuple[Parameter, ...] = ()


@dataclass(frozen=True, slots=True)
class NasConfig:
    """A neural architecture search.

    Attributes:
        num_layers: number of layers.
        input_sizes: dimensions of the input.
        output_sizes: dimensions of the output.
        operations: what a layer may be.
    """

    num_layers: int | None = None
    input_sizes: tuple[int, ...] = ()
    output_sizes: tuple[int, ...] = ()
    operations: tuple[Operation, ...] = ()


@dataclass(frozen=True, slots=True)
class TrialParameter:
    """A value that a trial template contains as ``${trialParameters.NAME}``.

    Attributes:
        name: its name in the template.
        reference: name of a parameter of the search space, or ``${trialSpec.…}`` for metadata of the trial.
        description: for people.
    """

    name: str = ""
    reference: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class ConfigMapSource:
    """A trial template in a ConfigMap.

    Attributes:
        name: of the ConfigMap.
        namespace: of the ConfigMap.
        path: key of the template in its ``data``.
    """

    name: str = ""
    namespace: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class TrialTemplate:
    """What each trial runs.

    Attributes:
        trial_spec: the Kubernetes object of a trial; None if it is in a ConfigMap.
        config_map: where it is, if not in :attr:`trial_spec`.
        parameters: values that the object contains.
        primary_container_name: container that reports the metrics.
        primary_pod_labels: labels of the pod with that container; all pods without them.
        success_condition: GJSON path that matches the object of a trial that succeeded.
        failure_condition: GJSON path that matches the object of a trial that failed; it is tested first.
        retain: whether the object is kept after the trial.
    """

    trial_spec: Mapping[str, Any] | None = None
    config_map: ConfigMapSource | None = None
    parameters: tuple[TrialParameter, ...] = ()
    primary_container_name: str = ""
    primary_pod_labels: Mapping[str, str] = field(default_factory=dict)
    success_condition: str = ""
    failure_condition: str = ""
    retain: bool = False


@dataclass(frozen=True, slots=True)
class FileSystemPath:
    """Where a trial writes its metrics.

    Attributes:
        path: absolute path in the container.
        kind: ``File`` or ``Directory``.
        format: ``TEXT`` or ``JSON``; empty for a directory.
    """

    path: str = ""
    kind: str = ""
    format: str = ""


@dataclass(frozen=True, slots=True)
class HttpGet:
    """Where a trial serves its metrics.

    Attributes:
        path: path of the URL.
        port: number or name.
        host: host name; empty for the pod.
        scheme: ``HTTP`` or ``HTTPS``.
        headers: name and value of each header.
    """

    path: str = ""
    port: str = ""
    host: str = ""
    scheme: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class MetricsCollector:
    """How metrics leave a trial.

    Attributes:
        kind: one of :data:`COLLECTORS`.
        container: of a ``Custom`` collector.
        file: source of ``File`` and ``TensorFlowEvent``; a ``Custom`` collector may have one.
        http: source of ``PrometheusMetric``.
        patterns: ``filter.metricsFormat``, regular expressions of Go; empty for the default one.
        has_filter: whether there is a ``filter``, even an empty one.
    """

    kind: str = STDOUT
    container: Mapping[str, Any] | None = None
    file: FileSystemPath | None = None
    http: HttpGet | None = None
    patterns: tuple[str, ...] = ()
    has_filter: bool = False


@dataclass(frozen=True, slots=True)
class Experiment:
    """An Experiment.

    Attributes:
        name: ``metadata.name``.
        generate_name: ``metadata.generateName``, for an Experiment without a name.
        namespace: ``metadata.namespace``.
        labels: ``metadata.labels``.
        annotations: ``metadata.annotations``.
        objective: what to optimize.
        algorithm: what suggests trials.
        early_stopping: what stops trials that are not promising.
        parameters: the search space.
        nas_config: the search space of a neural architecture search.
        trial_template: what each trial runs.
        metrics_collector: how metrics leave a trial.
        parallel_trial_count: number of trials that run at the same time.
        max_trial_count: number of trials; None for no limit.
        max_failed_trial_count: number of failed trials that end the experiment; None for no limit.
        resume_policy: whether the experiment can continue after its end.
    """

    name: str = ""
    generate_name: str = ""
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    objective: Objective = Objective()
    algorithm: Algorithm = Algorithm()
    early_stopping: Algorithm | None = None
    parameters: tuple[Parameter, ...] = ()
    nas_config: NasConfig | None = None
    trial_template: TrialTemplate = field(default_factory=TrialTemplate)
    metrics_collector: MetricsCollector = field(default_factory=MetricsCollector)
    parallel_trial_count: int = 3
    max_trial_count: int | None = None
    max_failed_trial_count: int | None = None
    resume_policy: str = NEVER
