"""An Experiment that is written is read again as it was."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mlplat import manifest
from mlplat.tuning import document, parse, with_defaults
from mlplat.tuning.experiment import (
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
from tests.unit.tuning.samples import loaded

WORDS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=8) | st.sampled_from(
    ["1e-5", "no", "0.10", "007", "{{x}}", "a: b"]
)
NAMES = st.text(st.characters(min_codepoint=0x61, max_codepoint=0x7A), min_size=1, max_size=5)
COUNTS = st.none() | st.integers(-5, 5)
MAPPINGS: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    NAMES, WORDS | st.integers() | st.lists(WORDS), max_size=3
)


def _many(one: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(one, max_size=3).map(tuple)


def _collector(has_filter: bool, patterns: tuple[str, ...], **fields: Any) -> MetricsCollector:
    return MetricsCollector(**fields, has_filter=has_filter, patterns=patterns if has_filter else ())


SPACES = st.builds(FeasibleSpace, WORDS, WORDS, WORDS, _many(WORDS), WORDS)
PARAMETERS = st.builds(Parameter, WORDS, WORDS, SPACES)
ALGORITHMS = st.builds(Algorithm, WORDS, _many(st.builds(Setting, WORDS, WORDS)))
EXPERIMENTS = st.builds(
    Experiment,
    name=WORDS,
    generate_name=WORDS,
    namespace=WORDS,
    labels=st.dictionaries(NAMES, WORDS, max_size=2),
    annotations=st.dictionaries(NAMES, WORDS, max_size=2),
    objective=st.builds(
        Objective,
        WORDS,
        st.none() | st.floats(allow_nan=False, allow_infinity=False),
        WORDS,
        _many(WORDS),
        _many(st.builds(MetricStrategy, WORDS, WORDS)),
    ),
    algorithm=ALGORITHMS,
    early_stopping=st.none() | ALGORITHMS,
    parameters=_many(PARAMETERS),
    nas_config=st.none()
    | st.builds(
        NasConfig,
        COUNTS,
        _many(st.integers(1, 9)),
        _many(st.integers(1, 9)),
        _many(st.builds(Operation, WORDS, _many(PARAMETERS))),
    ),
    trial_template=st.builds(
        TrialTemplate,
        trial_spec=st.none() | MAPPINGS,
        config_map=st.none() | st.builds(ConfigMapSource, WORDS, WORDS, WORDS),
        parameters=_many(st.builds(TrialParameter, WORDS, WORDS, WORDS)),
        primary_container_name=WORDS,
        primary_pod_labels=st.dictionaries(NAMES, WORDS, max_size=2),
        success_condition=WORDS,
        failure_condition=WORDS,
        retain=st.booleans(),
    ),
    metrics_collector=st.builds(
        _collector,
        st.booleans(),
        _many(WORDS),
        kind=WORDS,
        container=st.none() | MAPPINGS,
        file=st.none() | st.builds(FileSystemPath, NAMES, WORDS, WORDS),
        http=st.none() | st.builds(HttpGet, NAMES, WORDS, WORDS, WORDS, _many(st.tuples(WORDS, WORDS))),
    ),
    parallel_trial_count=st.integers(-5, 5),
    max_trial_count=COUNTS,
    max_failed_trial_count=COUNTS,
    resume_policy=NAMES,
)


@given(EXPERIMENTS)
def test_reading_what_was_written(experiment: Experiment) -> None:
    written = manifest.dump(document(experiment))
    assert parse(manifest.load(written)[0]) == (experiment, [])


@given(EXPERIMENTS)
def test_defaults_are_filled_in_once(experiment: Experiment) -> None:
    filled = with_defaults(experiment)
    assert with_defaults(filled) == filled


def test_the_document_of_an_experiment() -> None:
    experiment = loaded().experiment
    written = document(experiment, {"trials": 2})
    assert [*written] == ["apiVersion", "kind", "metadata", "spec", "status"]
    assert written["metadata"] == {"name": "random", "namespace": "team"}
    assert written["status"] == {"trials": 2}
    spec = written["spec"]
    assert spec["objective"]["metricStrategies"] == [
        {"name": "loss", "value": "min"},
        {"name": "accuracy", "value": "min"},
    ]
    assert spec["metricsCollectorSpec"] == {"collector": {"kind": "StdOut"}}
    assert spec["parameters"][0] == {
        "name": "lr",
        "parameterType": "double",
        "feasibleSpace": {"min": "0.01", "max": "0.05", "distribution": "uniform"},
    }
    assert spec["trialTemplate"]["successCondition"] == (
        'status.conditions.#(type=="Complete")#|#(status=="True")#'
    )
    assert "status" not in document(experiment)
