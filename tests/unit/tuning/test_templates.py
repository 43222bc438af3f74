"""Values are put into a trial template as data: none can change what is around it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlplat import manifest
from mlplat.errors import Diagnostic, ManifestError
from mlplat.tuning import references, templates
from mlplat.tuning.experiment import TrialParameter
from mlplat.tuning.templates import fill, from_document, from_text, with_name
from tests.unit.tuning.samples import REMOVED, loaded, problems

JOB = """\
apiVersion: batch/v1
kind: Job
metadata:
  labels: {team: blue}
spec:
  parallelism: ${trialParameters.workers}
  template:
    spec:
      containers:
      - name: training
        image: python:3.12
        command: [train, --lr=${trialParameters.lr}, "--workers=${trialParameters.workers}"]
"""
CONFIG_MAP = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "templates", "namespace": "team"},
    "data": {"job.yaml": JOB},
}
FROM_CONFIG_MAP: dict[str, Any] = {
    "spec/trialTemplate": {
        "primaryContainerName": "training",
        "successCondition": 'status.conditions.#(type=="Complete")#|#(status=="True")#',
        "failureCondition": 'status.conditions.#(type=="Failed")#|#(status=="True")#',
        "trialParameters": [{"name": "lr", "reference": "lr"}, {"name": "workers", "reference": "optimizer"}],
        "configMap": {"configMapName": "templates", "configMapNamespace": "team", "templatePath": "job.yaml"},
    }
}

HOSTILE = [
    '"',
    "\\",
    'x", "y": "z',
    "a\nb: c",
    "${trialParameters.b}",
    "{{inputs.parameters.x}}",
    "# no",
    "é\u2028",
]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_stays_one_string(value: str) -> None:
    document = {"args": ["--a=${trialParameters.a}", "${trialParameters.b}"], "plain": 1}
    filled = fill(from_document(document), {"a": value, "b": "2"})
    assert filled == {"args": [f"--a={value}", "2"], "plain": 1}


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_of_a_text_stays_one_scalar(value: str) -> None:
    filled = fill(from_text("args: [--a=${trialParameters.a}, '${trialParameters.a}']"), {"a": value})
    assert filled == {"args": [f"--a={value}", value]}


NAMES = st.sampled_from(["lr", "numberLayers", "a b", "x-1"])
TEXTS = st.lists(
    st.one_of(st.text(max_size=5), NAMES.map(lambda name: f"${{trialParameters.{name}}}")), max_size=4
).map("".join)


def _documents(keys: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return st.recursive(
        st.none() | st.booleans() | st.integers() | TEXTS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=6,
    )


DOCUMENTS = _documents(TEXTS)
PLAIN_VALUES = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters='"\\${}'), max_size=6
)


@given(DOCUMENTS, st.dictionaries(NAMES, PLAIN_VALUES, min_size=4))
def test_the_result_is_that_of_replacing_in_the_json_text_where_that_works(
    inner: Any, values: dict[str, str]
) -> None:
    document = {"spec": inner}
    text = json.dumps(document, ensure_ascii=False)
    for name, value in values.items():
        text = text.replace(f"${{trialParameters.{name}}}", value)
    assert fill(from_document(document), values) == json.loads(text)


@given(DOCUMENTS)
def test_a_template_without_values_is_the_document(inner: Any) -> None:
    assert fill(from_document({"spec": inner}), {}) == {"spec": inner}


@given(_documents(st.text("abc")), st.text(max_size=8))
def test_no_value_changes_the_shape_of_the_document(inner: Any, value: str) -> None:
    document = {"spec": [inner]}
    names = ("lr", "numberLayers", "a b", "x-1")
    filled = fill(from_document(document), dict.fromkeys(names, value))
    assert _shape(filled) == _shape(document)


def _shape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_shape(item) for item in value]
    return type(value)


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("n: ${trialParameters.n}", "4", 4),
        ("n: ${trialParameters.n}", "0.5", 0.5),
        ("n: ${trialParameters.n}", "1e-5", 1e-5),
        ("n: ${trialParameters.n}", "true", True),
        ("n: ${trialParameters.n}", "adam", "adam"),
        ("n: ${trialParameters.n}", ".nan", ".nan"),
        ("n: ${trialParameters.n}0", "4", 40),
        ("n: 1e${trialParameters.n}", "-3", 0.001),
        ("n: 0o${trialParameters.n}", "17", 15),
        ("n: -${trialParameters.n}", "2", -2),
        ("n: '${trialParameters.n}'", "4", "4"),
        ('n: "${trialParameters.n}"', "4", "4"),
        ("n: lr=${trialParameters.n}", "4", "lr=4"),
        ("n: |-\n  ${trialParameters.n}", "4", "4"),
    ],
)
def test_a_plain_scalar_has_the_type_that_yaml_gives_it(text: str, value: str, expected: Any) -> None:
    filled = fill(from_text(text), {"n": value})
    assert filled == {"n": expected}
    assert type(filled["n"]) is type(expected)


SCALARS = st.sampled_from(
    [
        "${trialParameters.a}",
        "${trialParameters.b}0",
        "1${trialParameters.a}",
        "-${trialParameters.b}",
        "1e${trialParameters.a}",
        "0x${trialParameters.a}",
        "${trialParameters.a}${trialParameters.b}",
        "lr=${trialParameters.a}",
        "'${trialParameters.b}'",
        '"x ${trialParameters.a}"',
        "[${trialParameters.a}, '${trialParameters.b}', 1]",
        "{x: ${trialParameters.a}}",
        "plain",
    ]
)
WORDS = (
    st.integers(-99, 99).map(str)
    | st.floats(allow_nan=False, allow_infinity=False).map(repr)
    | st.text("abcdefgh", min_size=1, max_size=4)
    | st.sampled_from(["true", "no", "null", "~", "1e-5", ".5", "0x1f", "0o14", "012", "1_000", "+1", "adam"])
)


@given(st.lists(SCALARS, min_size=1, max_size=5), WORDS, WORDS)
def test_the_result_is_that_of_replacing_in_the_yaml_text_where_that_works(
    scalars: list[str], first: str, second: str
) -> None:
    text = "\n".join(f"key{number}: {scalar}" for number, scalar in enumerate(scalars))
    replaced = text.replace("${trialParameters.a}", first).replace("${trialParameters.b}", second)
    assert fill(from_text(text), {"a": first, "b": second}) == manifest.load(replaced)[0]


def test_keys_have_placeholders_too() -> None:
    document = {"${trialParameters.resource}": 1}
    assert fill(from_document(document), {"resource": "example.com/gpu"}) == {"example.com/gpu": 1}


def test_a_name_may_have_any_characters_but_braces() -> None:
    assert from_document({"a": "${trialParameters.my rate-1.x}"}).names == {"my rate-1.x"}
    assert from_document({"a": "${trialParameters.}", "b": "$(trialParameters.x)"}).names == frozenset()


def test_metadata_of_the_trial() -> None:
    spec = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"labels": {"team": "blue"}, "annotations": {"example.com/a[0]": "1"}},
    }
    listed = [
        TrialParameter("lr", "rate"),
        TrialParameter("name", "${trialSpec.Name}"),
        TrialParameter("namespace", "${trialSpec.Namespace}"),
        TrialParameter("kind", "${trialSpec.Kind}"),
        TrialParameter("version", "${trialSpec.APIVersion}"),
        TrialParameter("team", "${trialSpec.Labels[team]}"),
        TrialParameter("note", "${trialSpec.Annotations[example.com/a[0]]}"),
    ]
    assert references.values(listed, {"rate": "0.1"}, spec, "trial-1", "blue-team") == {
        "lr": "0.1",
        "name": "trial-1",
        "namespace": "blue-team",
        "kind": "Job",
        "version": "batch/v1",
        "team": "blue",
        "note": "1",
    }


def test_a_trial_has_its_own_name_and_keeps_the_metadata_of_the_template() -> None:
    spec = {"kind": "Job", "metadata": {"labels": {"team": "blue"}}}
    assert with_name(spec, "trial-1", "team")["metadata"] == {
        "labels": {"team": "blue"},
        "name": "trial-1",
        "namespace": "team",
    }


def test_a_template_in_a_config_map_of_the_same_file() -> None:
    _, template, warnings = loaded(FROM_CONFIG_MAP, [CONFIG_MAP])
    assert warnings == []
    filled = fill(template, {"lr": "0.1", "workers": "4"})
    assert filled["spec"]["parallelism"] == 4
    (container,) = filled["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["train", "--lr=0.1", "--workers=4"]


@pytest.mark.parametrize("namespace", [None, "team"])
def test_a_config_map_without_a_namespace_is_in_that_of_the_experiment(namespace: str | None) -> None:
    config_map = {**CONFIG_MAP, "metadata": {"name": "templates", "namespace": namespace}}
    assert problems(FROM_CONFIG_MAP, [config_map]) == ()


def _source(**fields: Any) -> dict[str, Any]:
    template = FROM_CONFIG_MAP["spec/trialTemplate"]
    return {"spec/trialTemplate": {**template, "configMap": {**template["configMap"], **fields}}}


@pytest.mark.parametrize(
    ("changes", "others", "expected"),
    [
        (
            FROM_CONFIG_MAP,
            [],
            Diagnostic(
                "MLP931",
                "spec.trialTemplate.configMap",
                "ConfigMap 'templates' of namespace 'team' is not in this file",
                "add it as another document, for example from: "
                "kubectl get configmap templates -n team -o yaml; or use trialSpec",
            ),
        ),
        (
            FROM_CONFIG_MAP,
            [{**CONFIG_MAP, "metadata": {"name": "templates", "namespace": "other"}}],
            Diagnostic(
                "MLP931",
                "spec.trialTemplate.configMap",
                "ConfigMap 'templates' of namespace 'team' is not in this file",
                "add it as another document, for example from: "
                "kubectl get configmap templates -n team -o yaml; or use trialSpec",
            ),
        ),
        (
            _source(templatePath="jobs.yaml"),
            [CONFIG_MAP],
            Diagnostic(
                "MLP931",
                "spec.trialTemplate.configMap.templatePath",
                "templatePath 'jobs.yaml' not found in ConfigMap 'templates'",
                "did you mean 'job.yaml'?",
            ),
        ),
        (
            _source(templatePath=""),
            [CONFIG_MAP],
            Diagnostic(
                "MLP930",
                "spec.trialTemplate.configMap",
                "configMapName, configMapNamespace and templatePath must be specified",
                "write all three",
            ),
        ),
        (
            FROM_CONFIG_MAP,
            [{**CONFIG_MAP, "data": {"job.yaml": "a: 1\nb: c: d"}}],
            Diagnostic(
                "MLP934",
                "spec.trialTemplate.configMap.templatePath",
                "'job.yaml' of ConfigMap 'templates' cannot be read, line 2: not YAML: "
                "mapping values are not allowed in this context",
                "write one YAML document",
            ),
        ),
        (
            FROM_CONFIG_MAP,
            [{**CONFIG_MAP, "data": {"job.yaml": "a: 1\n---\na: 2"}}],
            Diagnostic(
                "MLP934",
                "spec.trialTemplate.configMap.templatePath",
                "'job.yaml' of ConfigMap 'templates' cannot be read: expected one document, got 2",
                "write one YAML document",
            ),
        ),
    ],
)
def test_a_config_map_that_can_not_be_used(
    changes: dict[str, Any], others: list[dict[str, Any]], expected: Diagnostic
) -> None:
    assert problems(changes, others) == (expected,)


def test_conditions_are_required_with_a_config_map() -> None:
    template = {
        key: value for key, value in FROM_CONFIG_MAP["spec/trialTemplate"].items() if "Condition" not in key
    }
    (found,) = problems({"spec/trialTemplate": template}, [CONFIG_MAP])
    assert found.message == "successCondition and failureCondition must be specified"
    assert found.hint.startswith(
        "there are no default conditions for a trial from a ConfigMap, only for Job, "
    )


@pytest.mark.parametrize("text", ["", "- a", "a: b: c"])
def test_a_text_that_is_not_a_mapping(text: str) -> None:
    with pytest.raises((ManifestError, ValueError)):
        templates.from_text(text)


@pytest.mark.parametrize(
    "pod",
    [{"containers": []}, {}, {"containers": REMOVED}, {"containers": "x"}, {"containers": [1]}],
)
def test_a_job_without_containers(pod: dict[str, Any]) -> None:
    spec = "spec/trialTemplate/trialSpec/spec/template/spec"
    found = problems({spec: {key: value for key, value in pod.items() if value is not REMOVED}})
    assert "MLP935" in [one.code for one in found]
