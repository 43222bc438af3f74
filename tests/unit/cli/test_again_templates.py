"""Runs of WorkflowTemplates on a cluster are retried, and run again, with other values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlplat import manifest
from mlplat.cli import main
from tests.unit.cli.commands import told
from tests.unit.k8s.conftest import FakeApi, api  # noqa: F401 - a fixture

WORKFLOWS = "/apis/argoproj.io/v1alpha1/namespaces/team-a/workflows"
PROGRAM = """
from mlplat import dsl

@dsl.component
def say(text: str, numbers: list, size: int) -> str:
    return text * size

@dsl.pipeline
def saying(text: str = "{{ a }}", numbers: list = [1], size: int = 2) -> str:
    return say(text=text, numbers=numbers, size=size).output
"""


@pytest.fixture
def run(
    api: FakeApi,  # noqa: F811
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> FakeApi:
    """A run of a template that has failed; only one value was typed."""
    monkeypatch.setenv("KUBECONFIG", str(api.kubeconfig))
    assert main(["compile", "program.py", "--kind", "WorkflowTemplate", "-o", "out.yaml"]) == 0
    (template,) = manifest.load((folder / "out.yaml").read_text())
    typed: list[dict[str, Any]] = [{"name": "size", "value": "3"}]
    by_name = {one["name"]: one for one in template["spec"]["arguments"]["parameters"]}
    merged = list({**by_name, "size": typed[0]}.values())
    reference: dict[str, Any] = {"workflowTemplateRef": {"name": template["metadata"]["name"]}}
    workflow: dict[str, Any] = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "w", "namespace": "team-a", "uid": "u", "resourceVersion": "1", "labels": {}},
        "spec": {**reference, "arguments": {"parameters": typed}},
        "status": {
            "phase": "Failed",
            "nodes": {"w": {"id": "w", "name": "w", "displayName": "w", "type": "DAG", "phase": "Failed"}},
            "storedWorkflowTemplateSpec": {
                **template["spec"],
                **reference,
                "arguments": {"parameters": merged},
            },
        },
    }
    api.on("GET", f"{WORKFLOWS}/w", workflow)
    done = {**workflow, "status": {**workflow["status"], "phase": "Succeeded"}}
    api.on("PUT", f"{WORKFLOWS}/w", done)
    api.on("POST", WORKFLOWS, {**done, "metadata": {**done["metadata"], "name": "w-2"}})
    api.on("GET", f"{WORKFLOWS}/w-2", {**done, "metadata": {**done["metadata"], "name": "w-2"}})
    return api


def sent(api: FakeApi, method: str) -> dict[str, Any]:  # noqa: F811
    (asked,) = [one for one in api.asked if one.method == method]
    assert asked.body is not None
    return asked.body


def values(spec: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["value"] for one in spec["arguments"]["parameters"]}


def test_rerun_knows_every_parameter_and_keeps_what_was_typed(
    run: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, "rerun", "w", "--engine", "argo", "-p", "numbers=[4]", "-p", "text=b")

    spec = sent(run, "POST")["spec"]
    assert "workflowTemplateRef" in spec
    assert "templates" not in spec
    assert values(spec) == {"text": '"b"', "numbers": "[4]", "size": "3"}


def test_retry_writes_values_as_the_template_reads_them(
    run: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, "retry", "w", "--engine", "argo", "-p", "text=b {{", expected=1)

    body = sent(run, "PUT")
    for spec in (body["spec"], body["status"]["storedWorkflowTemplateSpec"]):
        assert json.loads(values(spec)["text"]) == "b {{"
        assert "{{" not in values(spec)["text"]
        assert values(spec)["size"] == "3"


def test_a_value_of_another_type_is_refused(run: FakeApi, capsys: pytest.CaptureFixture[str]) -> None:
    _, err = told(capsys, "retry", "w", "--engine", "argo", "-p", "numbers=4", "-p", "sise=1", expected=2)

    assert "parameter 'numbers': expected a list" in err
    assert "did you mean 'size'?" in err


def test_without_the_cache_the_spec_of_the_template_runs(
    run: FakeApi, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, "rerun", "w", "--engine", "argo", "--no-cache")

    spec = sent(run, "POST")["spec"]
    assert "workflowTemplateRef" not in spec
    assert spec["templates"]
    assert not any("memoize" in template for template in spec["templates"])
    assert values(spec)["size"] == "3"
