"""What ``mlplat lint`` tells of programs and manifests."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mlplat.cli import main

PAGE = Path(__file__).parents[3] / "docs/diagnostics.md"

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


def test_wrong_references_of_a_workflow_are_reported_together(capsys: pytest.CaptureFixture[str]) -> None:
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


def test_sizes_are_reported_and_bad_files_do_not_stop_the_rest(
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


def test_errors_of_a_workflow_are_reported_with_their_lines(capsys: pytest.CaptureFixture[str]) -> None:
    Path("w.yaml").write_text(
        """apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  generateName: example-
spec:
  entrypoint: main
  templates:
  - name: main
    dag:
      tasks:
      - name: a
        template: echo
        arguments:
          parameters:
          - name: txt
            value: "{{workflow.parameters.message}}"
  - name: echo
    retryStategy: {limit: 2}
    inputs:
      parameters:
      - name: text
    container:
      image: alpine
      command: [echo, "{{inputs.parameters.text}}"]
"""
    )
    code, out = lint(capsys, "w.yaml")
    assert code == 2
    assert "w.yaml:11: error MLP517" in out
    assert "w.yaml:16: error MLP518" in out
    assert "w.yaml:18: error MLP519" in out


def test_templates_in_other_files_count(capsys: pytest.CaptureFixture[str]) -> None:
    task = "{name: a, templateRef: {name: shared, template: echo}}"
    Path("w.yaml").write_text(WORKFLOW.format(task=task, more=""))
    template = WORKFLOW.format(task="{name: a, template: echo}", more="")
    template = template.replace("kind: Workflow", "kind: WorkflowTemplate").replace(
        "generateName: example-", "name: shared"
    )
    Path("shared.yaml").write_text(template)
    code, out = lint(capsys, "w.yaml")
    assert code == 0
    assert "warning MLP520" in out
    code, out = lint(capsys, "w.yaml", "shared.yaml")
    assert code == 0
    assert "MLP520" not in out
    Path("shared.yaml").write_text(template.replace("name: echo", "name: echos"))
    code, out = lint(capsys, "w.yaml", "shared.yaml")
    assert code == 2
    assert "there is no template 'echo' in 'shared'" in out


def test_a_malformed_document_is_reported_and_not_checked_further(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("w.yaml").write_text(
        WORKFLOW.format(task="{name: a, template: echo, hooks: [exit]}", more="").replace("hi]", "on]")
    )
    code, out = lint(capsys, "w.yaml")
    assert code == 2
    assert (
        "w.yaml:9: error MLP525: spec.templates.main.dag.tasks.a.hooks: expected a mapping, got a list" in out
    )
    assert "expected a string, got true" in out


def test_each_pipeline_of_a_file_is_checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "two.py").write_text(
        "from mlplat import dsl\n\n"
        "@dsl.component\ndef one(x: int) -> int:\n    return x\n\n"
        "@dsl.pipeline\ndef first(x: int = 1):\n    one(x=x)\n\n"
        "@dsl.pipeline\ndef second(x: int = 2):\n    one(x=x)\n"
    )
    assert main(["lint", "two.py"]) == 0
    printed = capsys.readouterr().out
    assert "two.py:first: Workflow: " in printed
    assert "two.py:second: Workflow: " in printed
    assert main(["compile", "two.py"]) == 2
    assert "specify one: two.py:first, two.py:second" in capsys.readouterr().err


def test_an_unknown_setter_is_reported_with_the_nearest(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "typo.py").write_text(
        "from mlplat import dsl\n\n"
        "@dsl.component\ndef one() -> int:\n    return 1\n\n"
        "@dsl.pipeline\ndef p():\n    one().set_memory_limt('1Gi')\n"
    )
    assert main(["lint", "typo.py"]) == 2
    assert "did you mean 'set_memory_limit'?" in capsys.readouterr().out


def test_a_folder_stands_for_its_pipelines_and_manifests(capsys: pytest.CaptureFixture[str]) -> None:
    """Other files of a repository are neither checked nor run."""
    workflow = WORKFLOW.format(task="{name: a, template: echo}", more="")
    program = "from mlplat import dsl\n@dsl.component\ndef f(): ...\n@dsl.pipeline\ndef p():\n    f()\n"
    written = {
        "setup.py": "raise SystemExit(1)\n",
        "kustomization.yaml": "resources: [w.yaml]\n",
        "pipe.py": program,
        "deep/w.yaml": workflow,
        "deep/w.json": json.dumps({"pipelineInfo": {"name": "p"}}),
        ".hidden/pipe.py": "broken(",
        "env/pyvenv.cfg": "",
        "env/lib/pipe.py": "@dsl.pipeline\nbroken(",
    }
    for name, text in written.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)

    code, out = lint(capsys, ".", "pipe.py")

    assert code == 2
    assert list(dict.fromkeys(line.split(":")[0] for line in out.splitlines() if line[0] != " ")) == [
        "pipe.py",
        "deep/w.json",
        "deep/w.yaml",
    ]
    assert lint(capsys, "deep/w.yaml", "deep")[1].count("deep/w.yaml: Workflow") == 1


def test_a_folder_without_pipelines_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty").mkdir()
    (Path("empty") / "notes.txt").write_text("a")
    code, printed = lint(capsys, "empty")
    assert (code, printed.splitlines()) == (
        2,
        [
            "empty: error MLP207: the folder has no pipeline and no Workflow",
            "  hint: it needs a .py file with @dsl.pipeline, or IR YAML or Argo YAML (.yaml, .yml, .json)",
        ],
    )


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"\x89PNG\r\n"])
def test_the_kinds_of_files_are_named_where_one_is_of_another(
    content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("data.csv").write_bytes(content)
    code, out = lint(capsys, "data.csv")
    assert code == 2
    assert "data.csv: error MLP20" in out
    assert "hint: use Python (.py), or IR YAML or Argo YAML (.yaml, .yml, .json)" in out


def test_the_example_of_the_page_of_diagnostics_is_true(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = re.findall(r"^```text\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    program = "from mlplat import dsl\n@dsl.component\ndef train(epochs: int): ...\n\n\n\n\n\n\n\n\n"
    Path("pipeline.py").write_text(f"{program}@dsl.pipeline\ndef p():\n    train(epochs='many')\n")
    assert lint(capsys, "pipeline.py") == (2, example)
