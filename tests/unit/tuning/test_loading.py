"""An Experiment is read with Katib's defaults, or refused with everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mlplat import manifest
from mlplat.errors import Diagnostic, ManifestError
from mlplat.tuning import Experiment, load
from mlplat.tuning.experiment import (
    Algorithm,
    FeasibleSpace,
    FileSystemPath,
    HttpGet,
    MetricsCollector,
    MetricStrategy,
    Objective,
    Parameter,
)
from tests.unit.tuning.samples import REMOVED, TEXT, experiment, loaded, problems


def test_the_fields_of_an_experiment() -> None:
    found = loaded().experiment
    assert (found.name, found.namespace) == ("random", "team")
    assert found.objective == Objective(
        type="minimize",
        goal=0.001,
        metric_name="loss",
        additional_metric_names=("accuracy",),
        metric_strategies=(MetricStrategy("loss", "min"), MetricStrategy("accuracy", "min")),
    )
    assert found.algorithm == Algorithm("random")
    assert found.parameters == (
        Parameter("lr", "double", FeasibleSpace(min="0.01", max="0.05", distribution="uniform")),
        Parameter("optimizer", "categorical", FeasibleSpace(list=("sgd", "adam"), distribution="uniform")),
    )
    assert (found.parallel_trial_count, found.max_trial_count, found.max_failed_trial_count) == (3, 12, 3)
    assert found.metrics_collector == MetricsCollector("StdOut")


def test_defaults_of_what_is_left_out() -> None:
    left_out = {f"spec/{name}": REMOVED for name in ("parallelTrialCount", "maxTrialCount")}
    found = loaded({**left_out, "spec/maxFailedTrialCount": None}).experiment
    assert (found.parallel_trial_count, found.max_trial_count, found.max_failed_trial_count) == (
        3,
        None,
        None,
    )
    assert found.resume_policy == "Never"
    assert found.early_stopping is None


@pytest.mark.parametrize(("type_", "strategy"), [("minimize", "min"), ("maximize", "max")])
def test_strategies_follow_the_type_of_the_objective(type_: str, strategy: str) -> None:
    own = [{"name": "accuracy", "value": "latest"}]
    found = loaded({"spec/objective/type": type_, "spec/objective/metricStrategies": own}).experiment
    assert found.objective.strategy("loss") == strategy
    assert found.objective.strategy("accuracy") == "latest"
    assert found.objective.metric_strategies == (
        MetricStrategy("accuracy", "latest"),
        MetricStrategy("loss", strategy),
    )


MASTER = {"training.kubeflow.org/job-role": "master"}
NODE = {"jobset.sigs.k8s.io/replicatedjob-name": "node", "batch.kubernetes.io/job-completion-index": "0"}


@pytest.mark.parametrize(
    ("kind", "success", "labels"),
    [
        ("Job", "Complete", {}),
        ("TFJob", "Succeeded", MASTER),
        ("PyTorchJob", "Succeeded", MASTER),
        ("XGBoostJob", "Succeeded", MASTER),
        ("MPIJob", "Succeeded", MASTER),
        ("TrainJob", "Complete", NODE),
    ],
)
def test_conditions_and_pod_labels_follow_the_kind_of_trial(
    kind: str, success: str, labels: dict[str, str]
) -> None:
    version = "batch/v1" if kind == "Job" else "example.com/v1"
    spec = "spec/trialTemplate/trialSpec"
    template = loaded({f"{spec}/kind": kind, f"{spec}/apiVersion": version}).experiment.trial_template
    assert template.success_condition == f'status.conditions.#(type=="{success}")#|#(status=="True")#'
    assert template.failure_condition == 'status.conditions.#(type=="Failed")#|#(status=="True")#'
    assert template.primary_pod_labels == labels


@pytest.mark.parametrize(
    ("kind", "file", "http"),
    [
        ("StdOut", None, None),
        ("File", FileSystemPath("/var/log/katib/metrics.log", "File", "TEXT"), None),
        ("TensorFlowEvent", FileSystemPath("/var/log/katib/tfevent/", "Directory"), None),
        ("PrometheusMetric", None, HttpGet(path="/metrics", port="8080")),
        ("Push", None, None),
        ("None", None, None),
    ],
)
def test_sources_of_metrics_collectors(kind: str, file: FileSystemPath | None, http: HttpGet | None) -> None:
    found = loaded({"spec/metricsCollectorSpec": {"collector": {"kind": kind}}}).experiment
    assert found.metrics_collector == MetricsCollector(kind, file=file, http=http)


def _collector(kind: str, **source: Any) -> dict[str, Any]:
    return {"spec/metricsCollectorSpec": {"collector": {"kind": kind}, "source": source}}


def _pattern(pattern: str) -> dict[str, Any]:
    return _collector("StdOut", filter={"metricsFormat": [pattern]})


def _parameter(type_: str, **space: Any) -> dict[str, Any]:
    return {"spec/parameters/0": {"name": "lr", "parameterType": type_, "feasibleSpace": space}}


def _algorithm(name: str, **settings: str) -> dict[str, Any]:
    listed = [{"name": key, "value": value} for key, value in settings.items()]
    return {"spec/algorithm": {"algorithmName": name, "algorithmSettings": listed}}


def _early_stopping(name: str, **settings: str) -> dict[str, Any]:
    return {"spec/earlyStopping": _algorithm(name, **settings)["spec/algorithm"]}


HYPERBAND = _algorithm("hyperband", r_l="9", resource_name="lr")
PBT = _algorithm("pbt", suggestion_trial_dir="/tmp", n_population="5", truncation_threshold="0.2")
STEPS = _parameter("double", min="0.1", max="0.5", step="0.1")
SPACE = "spec.parameters[0].feasibleSpace"
SETTING = "spec.algorithm.algorithmSettings[0]"
TEMPLATE = "spec.trialTemplate"
POD = "spec/trialTemplate/trialSpec/spec/template/spec"
CONFIG_MAP = {"configMapName": "templates", "configMapNamespace": "team", "templatePath": "job.yaml"}

NAME_RULE = (
    "'my_name' is not a valid name: a name must consist of lower case alphanumeric characters or '-', "
    "start with an alphabetic character, and end with an alphanumeric character"
)

CASES: list[tuple[dict[str, Any], str, str, str]] = [
    # Types and fields.
    (
        {"apiVersion": "kubeflow.org/v1alpha3"},
        "MLP903",
        "apiVersion",
        "apiVersion 'kubeflow.org/v1alpha3' is not supported",
    ),
    ({"spec/maxTrialCount": "12"}, "MLP901", "spec.maxTrialCount", "expected an integer, got '12'"),
    ({"spec/maxTrialCount": True}, "MLP901", "spec.maxTrialCount", "expected an integer, got true"),
    ({"spec/maxTrialCount": 2**31}, "MLP901", "spec.maxTrialCount", "expected an integer, got 2147483648"),
    ({"spec/objective/goal": float("nan")}, "MLP901", "spec.objective.goal", "expected a number, got NaN"),
    ({"spec/objective": "loss"}, "MLP901", "spec.objective", "expected a mapping, got 'loss'"),
    ({"spec/parameters": {}}, "MLP901", "spec.parameters", "expected a list, got a mapping"),
    (_parameter("double", min=0.01, max="1"), "MLP901", f"{SPACE}.min", "expected a string, got 0.01"),
    (
        {"spec/maxTrialCounts": 12},
        "MLP902",
        "spec.maxTrialCounts",
        "unknown field 'maxTrialCounts' is ignored",
    ),
    ({"spec/parameters/0/name": 7}, "MLP901", "spec.parameters[0].name", "expected a string, got 7"),
    # What must be there.
    ({"spec/objective": REMOVED}, "MLP904", "spec.objective", "must be specified"),
    (
        {"spec/objective/objectiveMetricName": ""},
        "MLP904",
        "spec.objective.objectiveMetricName",
        "must be specified",
    ),
    ({"spec/algorithm": REMOVED}, "MLP904", "spec.algorithm", "must be specified"),
    ({"spec/trialTemplate": REMOVED}, "MLP904", TEMPLATE, "must be specified"),
    ({"spec/earlyStopping": {}}, "MLP904", "spec.earlyStopping.algorithmName", "must be specified"),
    (
        {"spec/parameters": REMOVED},
        "MLP904",
        "spec.parameters",
        "spec.parameters or spec.nasConfig must be specified",
    ),
    (
        {"spec/trialTemplate/primaryContainerName": REMOVED},
        "MLP904",
        f"{TEMPLATE}.primaryContainerName",
        "must be specified",
    ),
    (
        {"spec/trialTemplate/trialParameters": REMOVED},
        "MLP904",
        f"{TEMPLATE}.trialParameters",
        "must be specified",
    ),
    # Choices.
    (
        {"spec/objective/type": "minimise"},
        "MLP905",
        "spec.objective.type",
        "must be minimize or maximize, got 'minimise'",
    ),
    (
        {"spec/resumePolicy": "Sometimes"},
        "MLP905",
        "spec.resumePolicy",
        "invalid ResumePolicyType 'Sometimes'",
    ),
    (
        _parameter("float"),
        "MLP905",
        "spec.parameters[0].parameterType",
        "parameterType: float is not supported",
    ),
    (
        _parameter("unknown"),
        "MLP905",
        "spec.parameters[0].parameterType",
        "parameterType: unknown is not supported",
    ),
    (
        _parameter("int", min="1", max="2", distribution="log"),
        "MLP905",
        f"{SPACE}.distribution",
        "distribution: log is not supported",
    ),
    (
        _collector("Stdout"),
        "MLP905",
        "spec.metricsCollectorSpec.collector.kind",
        "invalid metrics collector kind: Stdout",
    ),
    (
        {"spec/objective/metricStrategies": [{"name": "loss", "value": "mean"}]},
        "MLP905",
        "spec.objective.metricStrategies[0].value",
        "must be min, max or latest, got 'mean'",
    ),
    # Name and counts.
    ({"metadata/name": REMOVED}, "MLP904", "metadata.name", "must be specified"),
    (
        {"metadata/name": "my_name"},
        "MLP906",
        "metadata.name",
        NAME_RULE,
    ),
    (
        {"metadata/name": "a" * 41},
        "MLP906",
        "metadata.name",
        f"'{'a' * 41}' has 41 characters, but a name must have at most 40",
    ),
    ({"spec/maxTrialCount": 0}, "MLP907", "spec.maxTrialCount", "must be greater than 0, got 0"),
    ({"spec/parallelTrialCount": 0}, "MLP907", "spec.parallelTrialCount", "must be greater than 0, got 0"),
    (
        {"spec/maxFailedTrialCount": -1},
        "MLP907",
        "spec.maxFailedTrialCount",
        "should not be less than 0, got -1",
    ),
    (
        {"spec/parallelTrialCount": 13},
        "MLP907",
        "spec.parallelTrialCount",
        "should be less than or equal to spec.maxTrialCount, got 13 and 12",
    ),
    (
        {"spec/maxFailedTrialCount": 13},
        "MLP909",
        "spec.maxFailedTrialCount",
        "should be less than or equal to spec.maxTrialCount, got 13 and 12",
    ),
    # Metrics.
    (
        {"spec/objective/additionalMetricNames": ["loss"]},
        "MLP908",
        "spec.objective.additionalMetricNames",
        "should not contain spec.objective.objectiveMetricName 'loss'",
    ),
    (
        {"spec/objective/additionalMetricNames": ["f1", "f1"]},
        "MLP908",
        "spec.objective.additionalMetricNames",
        "metric 'f1' is repeated",
    ),
    (
        {"spec/objective/metricStrategies": [{"name": "los", "value": "min"}]},
        "MLP908",
        "spec.objective.metricStrategies[0].name",
        "metric 'los' is not a metric of this objective",
    ),
    (
        {
            "spec/objective/metricStrategies": [
                {"name": "loss", "value": "min"},
                {"name": "loss", "value": "max"},
            ]
        },
        "MLP908",
        "spec.objective.metricStrategies[1].name",
        "metric 'loss' has several strategies",
    ),
    # Search space.
    (
        _parameter("int", list=["1"], min="1", max="2"),
        "MLP911",
        f"{SPACE}.list",
        "feasibleSpace.list is not supported for parameterType: int",
    ),
    (
        _parameter("double", min="1"),
        "MLP911",
        f"{SPACE}.max",
        "feasibleSpace.max and feasibleSpace.min must be specified for parameterType: double",
    ),
    (
        _parameter("discrete", list=["1"], max="2"),
        "MLP911",
        SPACE,
        "feasibleSpace .max, .min and .step is not supported for parameterType: discrete",
    ),
    (
        _parameter("categorical", list=[]),
        "MLP911",
        f"{SPACE}.list",
        "feasibleSpace.list must be specified for parameterType: categorical",
    ),
    (_parameter("double", min="low", max="1"), "MLP912", f"{SPACE}.min", "'low' is not a finite number"),
    (_parameter("double", min="0", max="inf"), "MLP912", f"{SPACE}.max", "'inf' is not a finite number"),
    (_parameter("int", min="1", max="2.5"), "MLP912", f"{SPACE}.max", "'2.5' is not an integer"),
    (_parameter("int", min="1", max="9", step="x"), "MLP912", f"{SPACE}.step", "'x' is not an integer"),
    (
        _parameter("int", min="1", max="9", step="0"),
        "MLP912",
        f"{SPACE}.step",
        "step '0' must be greater than 0",
    ),
    (
        _parameter("double", min="0.5", max="0.1"),
        "MLP912",
        f"{SPACE}.min",
        "min '0.5' is greater than max '0.1'",
    ),
    (
        _parameter("double", min="0", max="1", distribution="logUniform"),
        "MLP913",
        f"{SPACE}.min",
        "min '0' must be greater than 0 for distribution: logUniform",
    ),
    (
        _parameter("int", min="-1", max="1", distribution="logNormal"),
        "MLP913",
        f"{SPACE}.min",
        "min '-1' must be greater than 0 for distribution: logNormal",
    ),
    (_parameter("discrete", list=["1", "2", "1"]), "MLP914", f"{SPACE}.list", "'1' is repeated in the list"),
    (
        _parameter("discrete", list=["1", "2"], distribution="normal"),
        "MLP915",
        f"{SPACE}.distribution",
        "distribution: normal has no effect for parameterType: discrete",
    ),
    (
        {
            "spec/parameters/1/name": "lr",
            "spec/trialTemplate/trialParameters/1/reference": "${trialSpec.Name}",
        },
        "MLP910",
        "spec.parameters[1].name",
        "parameter name lr cannot be duplicated in spec.parameters",
    ),
    # Algorithms.
    (_algorithm("radnom"), "MLP920", "spec.algorithm.algorithmName", "unknown algorithm 'radnom'"),
    (
        _early_stopping("median"),
        "MLP920",
        "spec.earlyStopping.algorithmName",
        "unknown early stopping algorithm 'median'",
    ),
    (
        _algorithm("random", seed="1"),
        "MLP921",
        f"{SETTING}.name",
        "unknown setting seed for algorithm random",
    ),
    (
        {
            "spec/algorithm/algorithmSettings": [
                {"name": "random_state", "value": "1"},
                {"name": "random_state", "value": "2"},
            ]
        },
        "MLP921",
        "spec.algorithm.algorithmSettings[1].name",
        "setting random_state is repeated",
    ),
    (
        _algorithm("random", random_state="-1"),
        "MLP922",
        f"{SETTING}.value",
        "random_state must be an integer from 0 to 4294967295, got '-1'",
    ),
    (
        _algorithm("tpe", gamma="1"),
        "MLP922",
        f"{SETTING}.value",
        "gamma must be a number between 0 and 1, exclusive, got '1'",
    ),
    (
        _algorithm("cmaes", restart_strategy="always")
        | _parameter("int", min="1", max="2")
        | {
            "spec/parameters/1": {
                "name": "optimizer",
                "parameterType": "int",
                "feasibleSpace": {"min": "1", "max": "2"},
            }
        },
        "MLP922",
        f"{SETTING}.value",
        "restart_strategy must be one of none, None, ipop, bipop, got 'always'",
    ),
    (
        _algorithm("hyperband", r_l="9"),
        "MLP922",
        "spec.algorithm.algorithmSettings",
        "algorithm hyperband requires the setting resource_name",
    ),
    (
        _early_stopping("medianstop", min_trials_required="0"),
        "MLP922",
        "spec.earlyStopping.algorithmSettings[0].value",
        "min_trials_required must be an integer of 1 or more, got '0'",
    ),
    (
        _algorithm("grid"),
        "MLP923",
        f"{SPACE}.step",
        "parameter 'lr' has no step, which algorithm grid requires",
    ),
    (PBT, "MLP923", f"{SPACE}.step", "parameter 'lr' has no step, which algorithm pbt requires"),
    (
        _algorithm("grid") | STEPS,
        "MLP923",
        "spec.maxTrialCount",
        "Max Trial Count: 12 > all possible search combinations: 10",
    ),
    (
        _algorithm("cmaes"),
        "MLP923",
        "spec.algorithm.algorithmName",
        "cmaes requires two parameters of type int or double, got 1",
    ),
    (
        _algorithm("hyperband", r_l="9", resource_name="epochs"),
        "MLP923",
        "spec.algorithm.algorithmSettings[1].value",
        "resource_name 'epochs' does not exist in spec.parameters",
    ),
    (
        _algorithm("hyperband", r_l="9", resource_name="optimizer"),
        "MLP923",
        "spec.algorithm.algorithmSettings[1].value",
        "resource_name 'optimizer' is not a numeric parameter",
    ),
    (
        _algorithm("tpe", prior_weight="2"),
        "MLP925",
        SETTING,
        "setting prior_weight has no effect: trials are sampled by Optuna, which has no such setting",
    ),
    (
        _algorithm("enas"),
        "MLP926",
        "spec.algorithm.algorithmName",
        "neural architecture search is not supported (algorithm enas)",
    ),
    (
        {"spec/nasConfig": {"graphConfig": {"numLayers": 1}}, "spec/parameters": REMOVED},
        "MLP926",
        "spec.nasConfig",
        "neural architecture search is not supported",
    ),
    # Trial template.
    (
        {"spec/trialTemplate/trialSpec": "job.yaml"},
        "MLP901",
        f"{TEMPLATE}.trialSpec",
        "expected a mapping, got 'job.yaml'",
    ),
    (
        {"spec/trialTemplate/trialSpec/kind": REMOVED},
        "MLP934",
        f"{TEMPLATE}.trialSpec",
        "APIVersion and Kind in spec.trialTemplate must be specified",
    ),
    (
        {"spec/trialTemplate/trialSpec": REMOVED},
        "MLP930",
        f"{TEMPLATE}.trialSpec",
        "spec.trialTemplate.trialSpec or spec.trialTemplate.configMap must be specified",
    ),
    (
        {"spec/trialTemplate/configMap": CONFIG_MAP},
        "MLP930",
        f"{TEMPLATE}.configMap",
        "only one of spec.trialTemplate.trialSpec or spec.trialTemplate.configMap can be specified",
    ),
    (
        {"spec/trialTemplate/trialParameters/0/name": "{lr}"},
        "MLP932",
        f"{TEMPLATE}.trialParameters[0]",
        "name and reference must be specified and name must not contain '{' or '}'",
    ),
    (
        {"spec/trialTemplate/trialParameters/1/name": "learningRate"},
        "MLP932",
        f"{TEMPLATE}.trialParameters[1].name",
        "parameter name learningRate cannot be duplicated in spec.trialTemplate.trialParameters",
    ),
    (
        {"spec/trialTemplate/trialParameters/1/reference": "lr"},
        "MLP932",
        f"{TEMPLATE}.trialParameters[1].reference",
        "parameter reference lr cannot be duplicated in spec.trialTemplate.trialParameters",
    ),
    (
        {"spec/trialTemplate/trialParameters/0/reference": "rate"},
        "MLP932",
        f"{TEMPLATE}.trialParameters[0].reference",
        "parameter reference rate does not exist in spec.parameters",
    ),
    (
        {"spec/trialTemplate/trialParameters/0/reference": "${trialSpec.Uid}"},
        "MLP932",
        f"{TEMPLATE}.trialParameters[0].reference",
        "${trialSpec.Uid} is not a reference to metadata of a trial",
    ),
    (
        {"spec/trialTemplate/trialParameters/0/reference": "${trialSpec.Labels[team]}"},
        "MLP932",
        f"{TEMPLATE}.trialParameters[0].reference",
        "'team' does not exist in metadata.labels of the template",
    ),
    (
        {"spec/trialTemplate/trialParameters/1": REMOVED, f"{POD}/containers/0/command/2": "adam"},
        "MLP932",
        "spec.parameters[1].name",
        "parameter optimizer is not referenced in spec.trialTemplate.trialParameters",
    ),
    (
        {f"{POD}/containers/0/command": ["train", "${trialParameters.optimizer}"]},
        "MLP933",
        f"{TEMPLATE}.trialParameters[0].name",
        "parameter name: learningRate in spec.trialParameters not found in spec.trialTemplate",
    ),
    (
        {f"{POD}/containers/0/args": ["${trialParameters.momentum}"]},
        "MLP933",
        f"{TEMPLATE}.trialSpec",
        "parameters: [${trialParameters.momentum}] in spec.trialTemplate not found in spec.trialParameters",
    ),
    (
        {"spec/trialTemplate/trialSpec/metadata": {"name": "job"}},
        "MLP934",
        f"{TEMPLATE}.trialSpec.metadata.name",
        "metadata.name and metadata.namespace in spec.trialTemplate must be omitted",
    ),
    (
        {"spec/trialTemplate/trialSpec/apiVersion": REMOVED},
        "MLP934",
        f"{TEMPLATE}.trialSpec",
        "APIVersion and Kind in spec.trialTemplate must be specified",
    ),
    (
        {"spec/trialTemplate/trialSpec/metadata": "job"},
        "MLP934",
        f"{TEMPLATE}.trialSpec.metadata",
        "expected a mapping",
    ),
    (
        {f"{POD}/restart": "Never"},
        "MLP935",
        f"{TEMPLATE}.trialSpec.spec.template.spec.restart",
        "unknown field 'restart'",
    ),
    (
        {"spec/trialTemplate/trialSpec/spec/parallelism": "4"},
        "MLP935",
        f"{TEMPLATE}.trialSpec.spec.parallelism",
        "expected an integer, got '4'",
    ),
    (
        {f"{POD}/containers/0/img": "python"},
        "MLP935",
        f"{TEMPLATE}.trialSpec.spec.template.spec.containers[0].img",
        "unknown field 'img'",
    ),
    (
        {"spec/trialTemplate/primaryContainerName": "main"},
        "MLP935",
        f"{TEMPLATE}.primaryContainerName",
        "container 'main' not found in spec.trialTemplate.trialSpec",
    ),
    (
        {"spec/trialTemplate/trialSpec/kind": "Pod"},
        "MLP904",
        f"{TEMPLATE}.successCondition",
        "successCondition and failureCondition must be specified",
    ),
    (
        {"spec/trialTemplate/successCondition": "status.@reverse"},
        "MLP936",
        f"{TEMPLATE}.successCondition",
        "'status.@reverse' is not a supported GJSON condition: '@reverse' is not supported",
    ),
    # Metrics collectors.
    (
        _collector("File", fileSystemPath={"path": "metrics.log"}),
        "MLP940",
        "spec.metricsCollectorSpec.source.fileSystemPath.path",
        "file path where metrics file exists is required, got 'metrics.log' of kind File",
    ),
    (
        _collector("File", fileSystemPath={"format": "CSV"}),
        "MLP940",
        "spec.metricsCollectorSpec.source.fileSystemPath.format",
        "format must be TEXT or JSON, got 'CSV'",
    ),
    (
        _collector("File", fileSystemPath={"format": "JSON"}, filter={}),
        "MLP940",
        "spec.metricsCollectorSpec.source.filter",
        "filter must be nil when format of metrics file is json",
    ),
    (
        _collector("TensorFlowEvent", fileSystemPath={"kind": "File"}),
        "MLP940",
        "spec.metricsCollectorSpec.source.fileSystemPath.path",
        "directory path where tensorflow event files exist is required, got '/var/log/katib/tfevent/' of kind File",
    ),
    (
        _collector("TensorFlowEvent", fileSystemPath={"format": "TEXT"}),
        "MLP940",
        "spec.metricsCollectorSpec.source.fileSystemPath.format",
        "format must be empty, got 'TEXT'",
    ),
    (
        _collector("PrometheusMetric", httpGet={"port": "metrics"}),
        "MLP940",
        "spec.metricsCollectorSpec.source.httpGet.port",
        "must be a positive integer value for metrics collector kind: PrometheusMetric, got 'metrics'",
    ),
    (
        _collector("PrometheusMetric", httpGet={"path": "metrics"}),
        "MLP940",
        "spec.metricsCollectorSpec.source.httpGet.path",
        "path is invalid for metrics collector kind: PrometheusMetric, got 'metrics'",
    ),
    (
        _collector("Custom"),
        "MLP940",
        "spec.metricsCollectorSpec.collector.customCollector",
        "must be specified for metrics collector kind: Custom",
    ),
    (
        _pattern("(loss)=(?=1)"),
        "MLP941",
        "spec.metricsCollectorSpec.source.filter.metricsFormat[0]",
        "invalid filter '(loss)=(?=1)': error parsing regexp: invalid perl operator: (?=",
    ),
    (
        _pattern(r"loss=(\d+)"),
        "MLP941",
        "spec.metricsCollectorSpec.source.filter.metricsFormat[0]",
        r"two top subexpressions are required, got 1 in 'loss=(\d+)'",
    ),
]


@pytest.mark.parametrize(("changes", "code", "path", "message"), CASES)
def test_each_mistake_is_reported_once_and_alone(
    changes: dict[str, Any], code: str, path: str, message: str
) -> None:
    found = [(one.code, one.path, one.message) for one in problems(changes)]
    assert found == [(code, path, message)]


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        (_algorithm("radnom"), "did you mean 'random'?"),
        (_algorithm("random", random_stat="1"), "did you mean 'random_state'?"),
        ({"spec/objective/type": "minimise"}, "did you mean 'minimize'?"),
        ({"spec/maxTrialCounts": 12}, "did you mean 'maxTrialCount'?"),
        (_parameter("double", min=0.01, max="1"), 'quote it: "0.01"'),
        ({"spec/maxTrialCount": "12"}, "remove the quotes: 12"),
        ({"spec/objective/goal": "1e-3"}, "remove the quotes: 1e-3"),
        ({"spec/trialTemplate/retain": "true"}, "remove the quotes: true"),
        ({"spec/maxTrialCount": 2**31}, "an integer has at most 32 bits"),
        ({"spec/parameters/1/name": "lr"}, "available: lr"),
        ({"spec/trialTemplate/trialParameters/0/reference": "l"}, "did you mean 'lr'?"),
        (_early_stopping("stop"), "available: medianstop"),
    ],
)
def test_hints_say_what_to_write(changes: dict[str, Any], hint: str) -> None:
    assert hint in [one.hint for one in problems(changes)]


def test_all_mistakes_are_reported_at_once_with_their_lines() -> None:
    text = (
        TEXT.replace("minimize", "less")
        .replace("algorithmName: random", "algorithmName: rand")
        .replace('max: "0.05"', 'max: "0.001"')
        .replace("reference: lr", "reference: rate")
    )
    with pytest.raises(ManifestError) as caught:
        load(manifest.load(text), "e.yaml", text)
    found = [(str(one.source), one.code) for one in caught.value.diagnostics]
    assert found == [
        ("e.yaml:8", "MLP905"),
        ("e.yaml:13", "MLP920"),
        ("e.yaml:20", "MLP912"),
        ("e.yaml:27", "MLP932"),
    ]


def test_lines_are_those_of_the_experiments_document() -> None:
    before = "kind: ConfigMap\nmetadata: {name: other}\n---\n"
    text = before + TEXT.replace("minimize", "less")
    with pytest.raises(ManifestError) as caught:
        load(manifest.load(text), "e.yaml", text)
    assert [str(one.source) for one in caught.value.diagnostics] == ["e.yaml:11"]


@pytest.mark.parametrize("documents", [[], [{"kind": "Workflow"}], [experiment(), experiment()]])
def test_a_file_has_one_experiment(documents: list[dict[str, Any]]) -> None:
    with pytest.raises(ManifestError, match=r"expected one Experiment, got [02]"):
        load(documents)


def test_a_name_may_be_generated() -> None:
    found = loaded({"metadata": {"generateName": "random-"}}).experiment
    assert (found.name, found.generate_name) == ("", "random-")


def test_what_a_cluster_adds_is_accepted() -> None:
    added = {
        "uid": "1",
        "resourceVersion": "2",
        "generation": 1,
        "creationTimestamp": None,
        "managedFields": [],
    }
    document = experiment()
    document["metadata"] |= added
    document["status"] = {"trials": 3}
    assert load([document]).warnings == []


@pytest.mark.parametrize(
    "kind", ["random", "grid", "sobol", "tpe", "multivariate-tpe", "bayesianoptimization"]
)
def test_algorithms_without_required_settings(kind: str) -> None:
    assert problems(_algorithm(kind, random_state="7") | STEPS | {"spec/maxTrialCount": 10}) == ()


@pytest.mark.parametrize("changes", [HYPERBAND, PBT | STEPS])
def test_algorithms_with_required_settings(changes: dict[str, Any]) -> None:
    assert problems(changes) == ()


@pytest.mark.parametrize("value", [None, [], {}, "", 0, True, "x"])
@pytest.mark.parametrize(
    "field", [*experiment()["spec"], "earlyStopping", "nasConfig", "metricsCollectorSpec"]
)
def test_no_value_of_a_field_is_a_surprise(field: str, value: Any) -> None:
    for found in problems({f"spec/{field}": value}):
        assert isinstance(found, Diagnostic)
        assert found.path.startswith(("spec", "metadata"))


def _places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield (*path, key)
        yield from _places(item, (*path, key))


@pytest.mark.parametrize("value", [None, [], {}, "", 0, True, "x", [1], {"a": 1}, ["${trialParameters.x}"]])
def test_no_value_at_any_place_is_a_surprise(value: Any) -> None:
    for path in _places(experiment()):
        if path not in (("apiVersion",), ("kind",)):
            for found in problems({"/".join(map(str, path)): value}):
                assert str(found)


def test_an_empty_document_is_an_experiment_in_which_all_is_missing() -> None:
    with pytest.raises(ManifestError) as caught:
        load([{"apiVersion": "kubeflow.org/v1beta1", "kind": "Experiment"}])
    assert {one.path for one in caught.value.diagnostics} == {
        "metadata.name",
        "spec.algorithm",
        "spec.objective",
        "spec.parameters",
        "spec.trialTemplate",
    }
    assert Experiment().parallel_trial_count == 3
