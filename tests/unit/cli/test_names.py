"""Names that a person gives to runs and resources, and those that resources in files have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlplat.engine.state import RunState
from tests.unit.cli.commands import told

PROGRAM = """
from mlplat import dsl

@dsl.component
def one() -> int:
    return 1

@dsl.pipeline
def p():
    one()
"""


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("My Run_1", "my-run-1"),
        ("../../etc", "etc"),
        ("a" * 80, f"{'a' * 54}-"),
        ("a.b", "a-b"),
    ],
)
@pytest.mark.parametrize("words", [("run", "program.py"), ("compile", "program.py")])
def test_a_name_that_is_none_is_refused_with_one_that_is(
    words: tuple[str, ...], name: str, better: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    better = better if words[0] == "run" else better.replace("a" * 54, "a" * 48)
    _, error = told(capsys, *words, "--name", name, expected=2)
    assert f"MLP417: {name}: not a valid name: use lower-case letters, digits and '-'" in error
    hint = error.partition("hint: --name ")[2].strip()
    assert hint.startswith(better)
    told(capsys, *words, "--name", hint)


def test_rerun_refuses_such_a_name_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "run", "program.py", "--name", "first")
    assert "hint: --name my-run\n" in told(capsys, "rerun", "first", "--name", "My run", expected=2)[1]


def test_the_name_of_a_running_run_gets_no_hint_to_retry(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = ("run", "program.py", "--name", "first")
    told(capsys, *again)
    assert "mlplat retry first" in told(capsys, *again, expected=2)[1]
    file = folder / ".mlplat/runs/first/workflow.json"
    workflow = json.loads(file.read_text())
    workflow["status"]["phase"] = "Running"
    file.write_text(json.dumps(workflow))
    state = RunState(file.parent)
    try:
        error = told(capsys, *again, expected=2)[1]
    finally:
        state.close()
    assert "MLP415: first: a run of this name is still running" in error
    assert "retry" not in error
    assert "hint: choose another --name, or wait until it ends\n" in error


CONFIGURED = """
apiVersion: v1
kind: ConfigMap
metadata: {name: helm-values}
data: {a: from helm}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: other-values}
data: {a: from another}
---
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: example-}
spec:
  entrypoint: main
  templates:
  - name: main
    container:
      image: none
      command: [sh, -c, 'test "$A $B" = "from helm from another"']
      env:
      - {name: A, valueFrom: {configMapKeyRef: {name: helm-values, key: a}}}
      - {name: B, valueFrom: {configMapKeyRef: {name: other-values, key: a}}}
"""


def test_the_config_maps_of_a_file_keep_their_names(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "w.yaml").write_text(CONFIGURED)
    told(capsys, "run", "w.yaml", "--name", "first")
    told(capsys, "rerun", "first", "--name", "second")


def test_the_large_values_of_a_pipeline_have_the_name_of_their_run(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = PROGRAM.replace("def one()", "def one(x: str)").replace("one()", f"one(x={'x' * 40_000!r})")
    (folder / "program.py").write_text(program)
    told(capsys, "run", "program.py", "--name", "first")
    told(capsys, "rerun", "first", "--name", "second")
    [config_map] = json.loads((folder / ".mlplat/runs/second/documents.json").read_text())
    assert config_map["metadata"]["name"] == "second-values"


NAMED = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {metadata}
spec:
  entrypoint: main
  templates: [{{name: main, container: {{image: none, command: [touch, ran]}}}}]
"""


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        (
            "{generateName: ../../escaped/x-}",
            "metadata.generateName: '../../escaped/x-' is not a valid generateName",
        ),
        ("{name: ../escaped}", "metadata.name: '../escaped' is not a valid name"),
        ("{name: ..}", "metadata.name: '..' is not a valid name"),
        ("{name: My_Run}", "hint: use my-run; names have lower-case letters, digits, '-' and '.'"),
        (f"{{name: {'a' * 64}}}", "is not a valid name"),
    ],
)
def test_a_name_in_a_file_that_is_none_is_refused_before_anything_is_written(
    metadata: str, expected: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "w.yaml").write_text(NAMED.format(metadata=metadata))
    error = told(capsys, "run", "w.yaml", expected=2)[1]
    assert "error MLP417" in error
    assert expected in error
    assert expected in told(capsys, "lint", "w.yaml", expected=2)[0]
    assert sorted(path.name for path in folder.iterdir()) == ["program.py", "w.yaml"]


@pytest.mark.parametrize(
    "metadata", ["{name: a.b-1}", f"{{name: {'a' * 63}}}", f"{{generateName: {'a' * 80}-}}"]
)
def test_a_name_that_is_made_from_one_in_a_file_is_as_long_as_kubernetes_takes(
    metadata: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "w.yaml").write_text(NAMED.format(metadata=metadata))
    told(capsys, "lint", "w.yaml")
    told(capsys, "run", "w.yaml")
    [made] = (folder / ".mlplat/runs").iterdir()
    assert len(made.name) <= 63


def test_a_running_run_keeps_its_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    error = told(capsys, "run", "program.py", "--resume", "first", "--name", "second", expected=2)[1]
    assert "error MLP418: --resume first: --name second has no effect" in error
    assert "hint: remove --name" in error
