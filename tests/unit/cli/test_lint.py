"""What ``mlplat lint`` tells of programs and manifests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlplat.cli import main

WORKFLOW = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{generateName: example-}}
spec:
  entrypoint: main
  templates:
  - name: main
    dag: {{tasks: [{task}]}}
  - name: echo
    container: {{image: alpine, command: [echo, hi]{more}}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lint(capsys: pytest.CaptureFixture[str], *files: str) -> tuple[int, str]:
    code = main(["lint", *files])
    return code, capsys.readouterr().out


def test_wrong_references_of_a_workflow_are_told_together(capsys: pytest.CaptureFixture[str]) -> None:
    task = "{name: a, template: ehco, depends: b.Succeeded}"
    Path("w.yaml").write_text(WORKFLOW.format(task=task, more=""))
    code, out = lint(capsys, "w.yaml")
    assert code == 2
    assert "did you mean 'echo'?" in out
    assert "there is no task 'b'" in out


def test_what_only_this_machine_refuses_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    task = "{name: a, template: echo}"
    Path("w.yaml").write_text(
        WORKFLOW.format(task=task, more="}\n    daemon: true\n    metadata: {labels: {a: b}")
    )
    code, out = lint(capsys, "w.yaml")
    assert code == 0
    assert "w.yaml: warning MLP501" in out


def test_size_of_what_compiles_is_told_and_bad_files_do_not_stop_the_rest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("good.py").write_text(
        "from mlplat import dsl\n@dsl.component\ndef f(x: int): ...\n@dsl.pipeline\ndef p(x: int):\n    f(x=x)\n"
    )
    Path("bad.yaml").write_text("a: [\n")
    code, out = lint(capsys, "bad.yaml", "good.py")
    assert code == 2
    assert "bad.yaml:2:1: error MLP201" in out
    assert "good.py: Workflow:" in out
    assert "of 1,048,576 bytes" in out


def test_more_tasks_than_argo_takes_are_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    tasks = [{"name": f"t{number}", "template": "one"} for number in range(201)]
    templates = [
        {"name": "main", "dag": {"tasks": tasks}},
        {"name": "one", "container": {"image": "alpine", "command": ["true"]}},
    ]
    workflow = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "wide"},
        "spec": {"entrypoint": "main", "templates": templates},
    }
    Path("wide.yaml").write_text(json.dumps(workflow))
    code, out = lint(capsys, "wide.yaml")
    assert code == 0
    assert "warning MLP354" in out
