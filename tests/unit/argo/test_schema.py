"""The types of Argo's own resources, as its Go code reads them."""

from __future__ import annotations

from typing import Any

import pytest

from mlplat import manifest
from mlplat.argo import schema

WORKFLOW = """
apiVersion: argoproj.io/v1alpha1
kind: {kind}
metadata: {{name: example}}
spec:
  templates:
  - name: main
    container:
      image: alpine
"""


def found(kind: str, fields: str) -> list[tuple[str, str, str, str]]:
    (made,) = manifest.load(f"fields: {fields}")
    return [
        (one.code, one.path, one.message, one.hint) for one in schema.fields_problems(kind, made["fields"])
    ]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("Parameter", "{name: a, value: 5, default: true, enum: [1, x, 2.5], description: 1}"),
        ("ResourceRequirements", "{limits: {cpu: 1, memory: 1.5, a: 500m, b: '1e3', c: 2Gi, d: +.5E}}"),
        ("Probe", "{httpGet: {port: http}, tcpSocket: {port: 80}, periodSeconds: 5.0}"),
        ("Sequence", "{count: '{{inputs.parameters.n}}', start: 1}"),
        ("RetryStrategy", "{limit: 2, backoff: {factor: '2', duration: 1m}}"),
        ("Histogram", "{value: '1', buckets: [1, 2.5]}"),
        ("Template", "{steps: [[{name: a, template: b, withItems: [1, a, [b], {c: null}]}]]}"),
        ("Template", "{dag: {tasks: [{name: a, inline: {dag: {tasks: [{name: b, inline: {suspend: }}]}}}]}}"),
        ("Template", "{plugin: {mine: {any: [thing]}}, metadata: , name: , volumes: }"),
        ("ArtifactGC", "{strategy: ''}"),
        ("WorkflowSpec", "{podDisruptionBudget: {minAvailable: 50%}, podGC: {strategy: OnPodSuccess}}"),
    ],
)
def test_what_argo_reads_is_taken(kind: str, fields: str) -> None:
    assert found(kind, fields) == []


@pytest.mark.parametrize(
    ("kind", "fields", "code", "path", "message"),
    [
        ("EnvVar", "{name: a, value: 5}", "MLP525", "value", "expected a string, got 5"),
        ("EnvVar", "{name: a, value: no}", "MLP525", "value", "expected a string, got false"),
        ("Container", "{image: [a]}", "MLP525", "image", "expected a string, got a list"),
        ("Container", "{args: [1.5]}", "MLP525", "args[0]", "expected a string, got 1.5"),
        ("Container", "{args: [~]}", "MLP525", "args[0]", "expected a string, got null"),
        ("Container", "{tty: 'yes'}", "MLP525", "tty", "expected true or false, got 'yes'"),
        ("Container", "{env: {a: b}}", "MLP525", "env", "expected a list, got a mapping"),
        ("Probe", "{periodSeconds: 1.5}", "MLP525", "periodSeconds", "expected an integer, got 1.5"),
        ("Probe", "{tcpSocket: {port: true}}", "MLP525", "tcpSocket.port", "expected an integer or a string"),
        (
            "Parameter",
            "{name: a, value: [x]}",
            "MLP525",
            "value",
            "expected a string or a number, got a list",
        ),
        (
            "ResourceRequirements",
            "{limits: {cpu: lots}}",
            "MLP525",
            "limits.cpu",
            "expected a quantity, such as 500m or 2Gi, got 'lots'",
        ),
        ("WorkflowSpec", "{templates: [x]}", "MLP525", "templates[0]", "expected a mapping, got 'x'"),
        (
            "WorkflowSpec",
            "{templates: [{}]}",
            "MLP525",
            "templates[0].name",
            "the field is required",
        ),
        ("Template", "{steps: [{name: a}]}", "MLP525", "steps.a", "expected a list, got a mapping"),
        ("Template", "{steps: [[{template: a}]]}", "MLP525", "steps[0][0].name", "the field is required"),
        ("Template", "{hooks: {}}", "MLP519", "hooks", "unknown field 'hooks'"),
        ("WorkflowSpec", "{hooks: {a: ~}}", "MLP525", "hooks.a", "expected a mapping, got null"),
        (
            "WorkflowSpec",
            "{hooks: {a: {tmplate: b}}}",
            "MLP519",
            "hooks.a.tmplate",
            "unknown field 'tmplate'",
        ),
        ("RawArtifact", "{}", "MLP525", "data", "the field is required"),
        (
            "Memoize",
            "{key: a, maxAge: 1h, cache: {configMap: {}}}",
            "MLP525",
            "cache.configMap.name",
            "the field is required",
        ),
        (
            "ValueFrom",
            "{configMapKeyRef: {key: a}}",
            "MLP525",
            "configMapKeyRef.name",
            "the field is required",
        ),
        (
            "RetryStrategy",
            "{retryPolicy: Sometimes}",
            "MLP532",
            "retryPolicy",
            "'Sometimes' is not one of Always,",
        ),
        ("Artifact", "{name: a, mode: 512}", "MLP532", "mode", "512 is more than the maximum, 511"),
        ("WorkflowSpec", "{parallelism: 0}", "MLP532", "parallelism", "0 is less than the minimum, 1"),
        ("Prometheus", "{name: a, help: ''}", "MLP532", "help", "the value is empty"),
    ],
)
def test_what_argo_refuses_is_reported(kind: str, fields: str, code: str, path: str, message: str) -> None:
    ((told, place, said, _),) = found(kind, fields)
    assert (told, place) == (code, path)
    assert message in said


def test_hints_say_what_to_write() -> None:
    ((_, _, _, field),) = found("Template", "{retryStategy: {}}")
    ((_, _, _, choice),) = found("PodGC", "{strategy: OnPodSucess}")
    ((_, _, _, tag),) = found("ResourceRequirements", "{limits: {cpu: '{{inputs.parameters.cpu}}'}}")
    ((_, _, _, text),) = found("EnvVar", "{name: a, value: on}")
    assert field == "did you mean 'retryStrategy'?"
    assert choice == "did you mean 'OnPodSuccess'?"
    assert "podSpecPatch" in tag
    assert "quote it" in text


@pytest.mark.parametrize("kind", schema.KINDS)
def test_each_kind_has_its_fields(kind: str) -> None:
    (document,) = manifest.load(WORKFLOW.format(kind=kind))
    if kind == "CronWorkflow":
        document["spec"] = {"schedules": ["@daily"], "workflowSpec": document["spec"]}
    assert schema.problems(document) == []
    document["spec"]["nothing"] = 1
    assert [(one.code, one.path) for one in schema.problems(document)] == [("MLP519", "spec.nothing")]


def test_a_thousand_errors_are_reported_in_part() -> None:
    many: list[Any] = [{"name": "m", "container": {"imag": 1}}] * 1000
    assert len(schema.fields_problems("WorkflowSpec", {"templates": many})) == 100


def test_no_number_of_unknown_fields_hides_a_wrong_type() -> None:
    unknown = {f"f{number}": 1 for number in range(100)}
    problems = schema.fields_problems("WorkflowSpec", unknown | {"templates": [{"container": {}}]})
    assert [one.path for one in problems if one.code == schema.WRONG] == ["templates[0].name"]
