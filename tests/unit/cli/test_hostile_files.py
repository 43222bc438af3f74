"""A file that is wrong in any way gives diagnostics, in lint and in run: never a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlplat.cli import main

WORKFLOW = """apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: example}
spec:
  entrypoint: main
  templates:
  - name: main
    container: {image: none, command: ["true"]}
"""
STEPS = """
  - name: other
    steps: [[{name: a, CALL}]]
"""
IR = json.dumps(
    {
        "pipelineInfo": {"name": "p"},
        "root": {"dag": {"tasks": {"a": {"componentRef": {"name": "comp-a"}, "inputs": {}}}}},
        "components": {"comp-a": {"executorLabel": "exec-a"}},
        "deploymentSpec": {"executors": {"exec-a": {"container": {"image": "none", "command": ["true"]}}}},
    }
)
PLATFORMS = """
---
platforms:
  kubernetes:
    deploymentSpec:
      executors:
        exec-a: {SETTING}
"""
UNKNOWN = "{secretAsVolume: [{mountPath: /s, secretNameParameter: {componentInputParameter: none}}]}"
UNKNOWN_TASK = (
    "{secretAsVolume: [{mountPath: /s, secretNameParameter:"
    " {taskOutputParameter: {producerTask: none, outputParameterKey: o}}}]}"
)

CASES = {
    "settings that name an unknown input": (
        IR + PLATFORMS.replace("{SETTING}", UNKNOWN),
        "MLP306: p.tasks.a: a pod setting reads the input 'none'",
    ),
    "settings that name an unknown task": (
        IR + PLATFORMS.replace("{SETTING}", UNKNOWN_TASK),
        "MLP305: p.tasks.a.settings: it reads an output of the task 'none', which does not exist",
    ),
    "a pipeline that is its platforms too": (
        json.dumps({**json.loads(IR), "pipelineInfo": "p", "platforms": {"kubernetes": {}}}),
        "MLP210: pipelineInfo: 'p' is not of type 'object'",
    ),
    "settings of another platform that are a list": (
        IR.replace('"comp-a"}, "inputs"', '"comp-b"}, "inputs"')
        + "\n---\nplatforms: {other: [a], kubernetes: {}}\n",
        "MLP303: p.tasks.a: the component 'comp-b' does not exist",
    ),
    "a workspace without a size": (
        IR + "\n---\nplatforms: {kubernetes: {pipelineConfig: {workspace: {}}}}\n",
        "MLP210: platforms.kubernetes.pipelineConfig.workspace: 'size' is a required property",
    ),
    "templates beside the spec, with other types": (
        WORKFLOW
        + "templates: [{inputs: {parameters: 5}}, {inputs: {parameters: [{valueFrom: a, enum: 1}]}}]\n",
        "MLP519: templates: unknown field 'templates'",
    ),
    "templateRef without a name": (
        WORKFLOW + STEPS.replace("CALL", "templateRef: {template: a}"),
        "MLP538: spec.templates[1].steps[0][0].templateRef.name: the name is missing",
    ),
    "templateRef that is empty": (
        WORKFLOW + STEPS.replace("CALL", "templateRef: {}"),
        "MLP538: spec.templates[1].steps[0][0].templateRef.name: the name is missing",
    ),
    "workflowTemplateRef without a name": (
        WORKFLOW.partition("  entrypoint")[0] + "  workflowTemplateRef: {clusterScope: true}\n",
        "MLP538: spec.workflowTemplateRef.name: the name is missing",
    ),
    "a claim template without a name": (
        WORKFLOW.replace("spec:\n", "spec:\n  volumeClaimTemplates: [{spec: {}}]\n"),
        "MLP525: spec.volumeClaimTemplates[0].metadata.name: the name is missing",
    ),
    "a list with the tag of a mapping": (
        WORKFLOW.replace("spec:\n", "spec:\n  arguments: !!map [a]\n"),
        "w.yaml:5:14: error MLP201: the tag !!map is not allowed for a list",
    ),
    "an entrypoint with an open tag": (
        WORKFLOW.replace("entrypoint: main", "entrypoint: 'p{{inputs.parameters.x'"),
        "MLP511: spec.entrypoint: 'p{{inputs.parameters.x' is not a template name",
    ),
    "aliases that stand for more than memory holds": (
        WORKFLOW
        + "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30)),
        "MLP216: with expanded aliases",
    ),
    "a hundred thousand levels": (
        WORKFLOW + "a: " + "[" * 100_000,
        "MLP216: more than 100 nested lists and mappings",
    ),
    "an anchor of itself": (WORKFLOW + "a: &a [*a]", "MLP201: the alias *a is inside its own anchor"),
    "control characters": (WORKFLOW + "a: \x1b]52;c;aGk=\x07", "MLP201: not YAML: the character U+001B"),
    "a value outside of its enum": (
        WORKFLOW.replace(
            "spec:\n", "spec:\n  arguments: {parameters: [{name: a, value: c, enum: [a, b]}]}\n"
        ),
        "MLP536: spec.arguments.parameters[0].value: 'c' is not in enum",
    ),
    "JSON that is too deep": ('{"a":' * 5000 + "1" + "}" * 5000, "MLP216"),
    "a list in the IR that is too deep": (
        json.dumps(
            {
                **json.loads(IR),
                "root": {
                    "dag": {
                        "tasks": {
                            "a": {
                                "componentRef": {"name": "comp-a"},
                                "parameterIterator": {
                                    "itemInput": "i",
                                    "items": {"raw": "[" * 5000 + "]" * 5000},
                                },
                            }
                        }
                    }
                },
            }
        ),
        "MLP210: root.dag.tasks.a.parameterIterator.items.raw",
    ),
}


@pytest.mark.parametrize("command", ["lint", "run"])
@pytest.mark.parametrize("case", CASES)
def test_a_wrong_file_gives_diagnostics(
    command: str,
    case: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    text, expected = CASES[case]
    monkeypatch.chdir(tmp_path)
    Path("w.yaml").write_text(text)
    assert main([command, "w.yaml"]) == 2
    printed = capsys.readouterr()
    assert expected in printed.out + printed.err
    assert not Path(".mlplat/runs").exists()


@pytest.mark.parametrize("command", ["lint", "run"])
def test_a_file_that_never_ends_is_not_read_to_its_end(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "/dev/zero"]) == 2
    printed = capsys.readouterr()
    assert "error MLP216: the file is larger than 32 MiB" in printed.out + printed.err


@pytest.mark.parametrize("command", ["lint", "run"])
def test_a_key_that_is_repeated_is_a_warning(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("w.yaml").write_text(
        "\ufeff" + WORKFLOW.replace("spec:\n", "spec:\n  entrypoint: none\n"), encoding="utf-8"
    )
    assert main([command, "w.yaml"]) == 0
    printed = capsys.readouterr()
    assert "w.yaml:6:3: warning MLP214: the key 'entrypoint' is repeated" in printed.out + printed.err
