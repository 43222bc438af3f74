"""Names in expressions that are written without braces."""

from __future__ import annotations

from typing import Any

import pytest

from mlplat.argo.lint import problems

OK = {"name": "ok", "container": {"image": "none", "command": ["true"]}}


def told(*templates: dict[str, Any]) -> list[tuple[str, str, str]]:
    document = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "wf"},
        "spec": {"entrypoint": templates[0]["name"], "templates": [*templates, OK]},
    }
    codes = ("MLP515", "MLP539", "MLP540")
    return [(one.code, one.path, one.severity) for one in problems(document) if one.code in codes]


def gives(expression: str) -> dict[str, Any]:
    return {"parameters": [{"name": "r", "valueFrom": {"expression": expression}}]}


def dag(expression: str) -> dict[str, Any]:
    tasks = [{"name": "a", "template": "ok"}]
    inputs = {"parameters": [{"name": "i", "value": "1"}]}
    return {"name": "main", "inputs": inputs, "dag": {"tasks": tasks}, "outputs": gives(expression)}


def steps(expression: str) -> dict[str, Any]:
    return {"name": "main", "steps": [[{"name": "a", "template": "ok"}]], "outputs": gives(expression)}


@pytest.mark.parametrize(
    "expression",
    [
        "workflow.uid",
        "workflow.outputs.parameters.x",
        "steps.a.status",
        "tasks.a.status + string(workflow['name'])",
    ],
)
def test_outputs_of_a_dag_see_its_inputs_and_tasks(expression: str) -> None:
    place = "spec.templates.main.outputs.parameters.r.valueFrom.expression"
    assert told(dag(expression)) == [("MLP539", place, "error")]


@pytest.mark.parametrize(
    "expression",
    [
        "tasks.a.status",
        "inputs.parameters.i",
        "sprig.upper(tasks['a'].status)",
        "map([1], {# + 1})",
        "let x = 1; x",
    ],
)
def test_what_a_dag_gives_may_name_its_inputs_and_tasks(expression: str) -> None:
    assert told(dag(expression)) == []


def test_outputs_of_steps_see_outputs_of_the_workflow_too() -> None:
    assert told(steps("workflow.outputs.parameters.x ?? steps.a.status")) == []
    assert [code for code, _, _ in told(steps("workflow.name"))] == ["MLP539"]


def test_an_expression_that_cannot_be_read_is_reported() -> None:
    assert [code for code, _, _ in told(dag("tasks.a.status +"))] == ["MLP515"]


def test_artifact_expressions_are_checked() -> None:
    main = {
        "name": "main",
        "dag": {
            "tasks": [
                {
                    "name": "a",
                    "template": "ok",
                    "arguments": {"artifacts": [{"name": "d", "fromExpression": "workflow.name"}]},
                }
            ]
        },
        "outputs": {"artifacts": [{"name": "o", "fromExpression": "workflow.name"}]},
    }
    assert [path for _, path, _ in told(main)] == [
        "spec.templates.main.outputs.artifacts.o.fromExpression",
        "spec.templates.main.dag.tasks.a.arguments.artifacts.d.fromExpression",
    ]


@pytest.mark.parametrize(
    ("strategy", "found"),
    [
        ({}, [("MLP540", "warning")]),
        ({"limit": 3}, []),
        ({"backoff": {"duration": "1", "maxDuration": "1m"}}, [("MLP540", "warning")]),
        ({"expression": "asInt(lastRetry.exitCode) > 1 && retries < '3'"}, []),
        ({"expression": "inputs.parameters.i == '1'"}, [("MLP539", "error")]),
    ],
)
def test_a_strategy_has_an_end_and_sees_attempts_only(strategy: dict[str, Any], found: list[Any]) -> None:
    main = {**OK, "name": "main", "retryStrategy": strategy}
    assert [(code, severity) for code, _, severity in told(main)] == found
