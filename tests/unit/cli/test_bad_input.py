"""What people get wrong: exit code 2, a sentence with what to do, no traceback."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from mlplat.cli import main
from tests.unit.cli.commands import told

HEADER = """
from mlplat import dsl
from mlplat.dsl import Dataset, Input, Metrics, Model, Output

@dsl.component
def make(size: int, data: Output[Dataset]):
    open(data.path, 'w').write('x' * size)

@dsl.component
def score(data: Input[Dataset], weight: float = 1.0) -> float:
    return weight
"""


class Case:
    """A program, words after ``mlplat compile``, and what the message must say."""

    def __init__(self, body: str, *expected: str, words: tuple[str, ...] = ()) -> None:
        self.body, self.expected, self.words = body, expected, words


CASES = {
    "undefined output": Case(
        "@dsl.pipeline\ndef p():\n    score(data=make(size=1).outputs['dataa'])\n",
        "MLP120",
        "the task has no output 'dataa'",
        "did you mean 'data'?",
        "program.py:14",
    ),
    "cycle": Case(
        "@dsl.pipeline\ndef p():\n    a = make(size=1)\n    b = make(size=2)\n    a.after(b)\n    b.after(a)\n",
        "MLP141",
        "tasks depend on each other in a cycle: make -> make-2 -> make",
    ),
    "wrong type": Case(
        "@dsl.pipeline\ndef p():\n    make(size='big')\n",
        "MLP134",
        "'size' is declared int, but got 'big'",
        "program.py:14",
    ),
    "artifact for a parameter": Case(
        "@dsl.pipeline\ndef p():\n    make(size=make(size=1).output)\n",
        "'size' is declared int, but got 'data', an artifact (system.Dataset)",
    ),
    "parameter for an artifact": Case(
        "@dsl.pipeline\ndef p(size: int):\n    score(data=size)\n",
        "is declared system.Dataset, an artifact, but got 'size', a parameter of type int",
    ),
    "comparison of a dict": Case(
        "@dsl.pipeline\ndef p(x: dict):\n    with dsl.If(x == 1):\n        make(size=1)\n",
        "'x' is of type dict, which cannot be compared",
    ),
    "missing argument": Case(
        "@dsl.pipeline\ndef p():\n    make()\n", "MLP133", "the input 'size' is missing"
    ),
    "argument given twice": Case(
        "@dsl.pipeline\ndef p():\n    make(1, size=2)\n",
        "MLP131",
        "'size' was passed twice, by position and by name",
    ),
    "unknown argument": Case(
        "@dsl.pipeline\ndef p():\n    make(siz=1)\n",
        "MLP132",
        "it has no input 'siz'",
        "did you mean 'size'?",
    ),
    "python and": Case(
        "@dsl.pipeline\ndef p(x: int = 1):\n    with dsl.If((x > 1) and (x < 3)):\n        make(size=1)\n",
        "MLP110",
        "combine conditions with & | ~",
    ),
    "out of a branch": Case(
        "@dsl.pipeline\ndef p(x: int = 1):\n    with dsl.If(x > 1):\n        t = make(size=1)\n"
        "    score(data=t.output)\n",
        "MLP140",
        "which is inside 'condition-1'",
    ),
    "no pipeline": Case("", "MLP207", "components: make, score"),
    "unknown parameter": Case(
        "@dsl.pipeline\ndef p(epochs: int = 1):\n    make(size=epochs)\n",
        "MLP401",
        "the pipeline has no parameter 'epoch'",
        "did you mean 'epochs'?",
        words=("-p", "epoch=2"),
    ),
    "parameter given twice": Case(
        "@dsl.pipeline\ndef p(epochs: int = 1):\n    make(size=epochs)\n",
        "MLP405",
        "parameter 'epochs' is set twice",
        words=("-p", "epochs=2", "-p", "epochs=3"),
    ),
    "parameter of the wrong type": Case(
        "@dsl.pipeline\ndef p(epochs: int = 1):\n    make(size=epochs)\n",
        "MLP403",
        "parameter 'epochs': 'many' is not a valid int",
        "use an integer",
        words=("-p", "epochs=many"),
    ),
    "parameter without a value": Case(
        "@dsl.pipeline\ndef p(epochs: int = 1):\n    make(size=epochs)\n",
        "MLP406",
        "write -p NAME=VALUE",
        words=("-p", "epochs"),
    ),
    "name that was not imported": Case(
        "@dsl.component\ndef c(x: InputPath('Dataset')): ...\n",
        "NameError",
        "write: from mlplat.dsl import InputPath",
    ),
    "several at once": Case(
        "@dsl.pipeline\ndef p():\n    make(size='big')\n    make()\n    score(data=1)\n",
        "MLP133",
        "MLP134",
        "is declared system.Dataset, an artifact, but got the constant 1",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_errors_are_reported_in_a_sentence(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES[name]
    monkeypatch.chdir(tmp_path)
    Path("program.py").write_text(HEADER + case.body)
    code = main(["compile", "program.py", "-o", "out.yaml", *case.words])
    error = capsys.readouterr().err
    for expected in case.expected:
        assert expected in error
    assert "Traceback" not in error or "NameError" in error
    assert code == 2
    assert not Path("out.yaml").exists()


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("data/rows.csv", "hint: each task runs in its own folder; use an absolute path or a URI"),
        ("rows.csv", "hint: each task runs in its own folder; use /"),
        ("/data/rows.csv", ""),
        ("gs://bucket/rows.csv", ""),
    ],
)
def test_an_importer_of_a_relative_path_is_warned_of(
    place: str,
    expected: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.csv").touch()
    body = f"@dsl.pipeline\ndef p():\n    score(data=dsl.importer('{place}', Dataset))\n"
    Path("program.py").write_text(HEADER + body)
    assert main(["compile", "program.py", "-o", "out.yaml"]) == 0
    error = capsys.readouterr().err
    assert ("warning MLP410: importer: " in error) == bool(expected)
    assert expected in error


def test_missing_file_names_the_nearest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("training.py").touch()
    assert main(["compile", "trainin.py"]) == 2
    error = capsys.readouterr().err
    assert "file 'trainin.py' not found" in error
    assert "did you mean 'training.py'?" in error


def test_invalid_yaml_is_placed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("broken.yaml").write_text("pipelineInfo:\n  name: [a\nroot: {}\n")
    assert main(["compile", "broken.yaml"]) == 2
    assert "broken.yaml:3:" in capsys.readouterr().err


def test_ir_with_fields_of_the_wrong_type_tells_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ir.yaml").write_text("pipelineInfo: {}\nroot: {dag: {tasks: [1]}}\n")
    assert main(["compile", "ir.yaml"]) == 2
    error = capsys.readouterr().err
    assert "pipelineInfo: 'name' is a required property" in error
    assert "root.dag.tasks: [1] is not of type 'object'" in error


def test_error_in_the_program_shows_its_own_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("program.py").write_text("def f():\n    return {}['missing']\n\nf()\n")
    assert main(["compile", "program.py"]) == 2
    error = capsys.readouterr().err
    assert 'File "program.py", line 4' in error
    assert "KeyError: 'missing'" in error
    assert "mlplat/cli" not in error


@pytest.mark.parametrize(
    ("program", "hint"),
    [
        ("from mlplat.dsl import Datset", "did you mean 'Dataset'?"),
        ("from mlplat.kubernetes import mount_pcv", "did you mean 'mount_pvc'?"),
        ("from mlplat import dls", "did you mean 'dsl'?"),
        ("from mlplat import Dataset", "write: from mlplat.dsl import Dataset"),
        ("from mlplat import dsl\ndsl.Datset", "did you mean 'Dataset'?"),
        (
            "from mlplat import Client\nClient(host='x')",
            "mlplat run FILE, or on a cluster with --engine argo",
        ),
        ("import mlplat\nmlplat.Client()", "see docs/migrating.md"),
        ("from mlplat import dsl\ndsl.component(base_imag='a')", "did you mean 'base_image'?"),
        ("from mlplat import dsl\ndsl.pipeline(nme='a')", "did you mean 'name'?"),
        (
            "from mlplat import dsl\ndsl.importer('gs://a', dsl.Dataset, reimprt=1)",
            "did you mean 'reimport'?",
        ),
        ("from mlplat import dsl\ndsl.ParallelFor([1], parallelsm=1)", "did you mean 'parallelism'?"),
        (
            "from mlplat import kubernetes\nkubernetes.use_secret_as_env(1, secret_nam='a')",
            "did you mean 'secret_name'?",
        ),
        ("import json\njson.laods('1')", "did you mean 'loads'?"),
        ("''.nonsense", "see the traceback above"),
        (
            "from mlplat import dsl\ndsl.ContainerOp(name='a')",
            "'ContainerOp' belongs to version 1 of KFP's SDK; use @dsl.container_component",
        ),
        ("def f(x: List[int]): ...", "write: from typing import List"),
        ("from mlplat.components import func_to_container_op", "use @dsl.component"),
        ("def f(x): ...\nf(y=1)", "see the traceback above"),
    ],
)
def test_the_nearest_name_is_suggested(
    program: str,
    hint: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("program.py").write_text(f"{program}\n")
    assert main(["compile", "program.py"]) == 2
    error = capsys.readouterr().err
    assert hint in error.rpartition("hint: ")[2]
    assert "__" not in error.rpartition("hint: ")[2].replace("if __name__ == '__main__'", "")


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("score(weight=1.0, data=None).set_retry(num_retrie=1)", "did you mean 'num_retries'?"),
        ("score(weight=1.0, data=None).set_retri(1)", "did you mean 'set_retry'?"),
        (
            "score(weight=make(size=1).output.upper())",
            "it has no value until the pipeline runs; do this in",
        ),
    ],
)
def test_the_nearest_setter_is_suggested(
    line: str, hint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("program.py").write_text(f"{HEADER}@dsl.pipeline\ndef p():\n    {line}\n")
    assert main(["compile", "program.py"]) == 2
    assert f"hint: {hint}" in capsys.readouterr().err


def test_syntax_error_is_placed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("program.py").write_text("def f(:\n")
    assert main(["compile", "program.py"]) == 2
    assert "program.py:1:" in capsys.readouterr().err


def test_unwritable_output_leaves_what_was_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("program.py").write_text(HEADER + "@dsl.pipeline\ndef p():\n    make(size=1)\n")
    assert main(["compile", "program.py", "-o", "missing/out.yaml"]) == 2
    assert capsys.readouterr().err == (
        "missing/out.yaml: error MLP209: the file cannot be written: No such file or directory\n"
        "  hint: create the folder: mkdir -p missing\n"
    )


def test_output_that_is_a_folder_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("program.py").write_text(HEADER + "@dsl.pipeline\ndef p():\n    make(size=1)\n")
    error = told(capsys, "compile", "program.py", "-o", ".", expected=2)[1]
    assert error == ".: error MLP209: the path is a folder\n  hint: use a file in it: pipeline.yaml\n"
    assert [path.name for path in tmp_path.iterdir()] == ["program.py"]


def test_output_goes_through_pipes_and_links(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("program.py").write_text(HEADER + "@dsl.pipeline\ndef p():\n    make(size=1)\n")
    expected = told(capsys, "compile", "program.py")[0]
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDWR)
    told(capsys, "compile", "program.py", "-o", "pipe")
    assert os.read(reader, len(expected) + 1).decode() == expected
    os.close(reader)
    assert Path("pipe").is_fifo()
    Path("folder").mkdir()
    Path("link").symlink_to("folder/out.yaml")
    for _ in range(2):
        told(capsys, "compile", "program.py", "-o", "link")
        assert Path("link").is_symlink()
        assert Path("folder/out.yaml").read_text() == expected
    assert [path.name for path in Path("folder").iterdir()] == ["out.yaml"]
    mask = os.umask(0)
    os.umask(mask)
    assert Path("folder/out.yaml").stat().st_mode & 0o777 == 0o666 & ~mask


@pytest.mark.parametrize("is_there", [True, False])
def test_a_program_of_kfps_sdk_gets_a_hint_on_what_to_change(
    is_there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    kfp = ModuleType("kfp")
    kfp.dsl = type("dsl", (), {"__module__": "kfp.dsl"})()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "kfp", kfp if is_there else None)
    (tmp_path / "program.py").write_text("from kfp import dsl\n")
    assert main(["lint", "program.py"]) == 2
    assert "change the import: from mlplat import dsl" in "".join(capsys.readouterr())


def test_the_line_is_the_last_of_the_users_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "program.py").write_text("import json\n\nCONFIG = json.loads('{bad')\n")
    assert main(["lint", "program.py"]) == 2
    out, err = capsys.readouterr()
    assert "program.py:3: error MLP206" in out
    assert "CONFIG = json.loads" in err


MANIFEST = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: example}
spec:
  entrypoint: main
  templates: [{name: main, container: {image: none, command: ["true"]}}]
"""


@pytest.mark.parametrize(
    ("written", "changed", "expected"),
    [
        ("metadata: {name: example}", "metadata: foo", "MLP525: metadata: expected a mapping, got "),
        (
            "metadata: {name: example}",
            "metadata: {name: 5}",
            "MLP525: metadata.name: expected a string, got 5",
        ),
        ("spec:\n", "spec:\n  arguments: [a]\n", "MLP525: spec.arguments: expected a mapping, got a list"),
        ("spec:\n", "more:\n", "MLP525: spec: the field is required"),
        ("kind: Workflow", "kind: CronWorkflow", "MLP525: spec.workflowSpec: the field is required"),
        (
            "apiVersion",
            "kind: ConfigMap\nmetadata: x\n---\napiVersion",
            "MLP525: ConfigMap.metadata: expected a mapping, got ",
        ),
    ],
)
def test_a_manifest_of_the_wrong_type_is_reported_before_it_runs(
    written: str,
    changed: str,
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("w.yaml").write_text(MANIFEST.replace(written, changed, 1))
    assert expected in told(capsys, "run", "w.yaml", expected=2)[1]
    assert not Path(".mlplat").exists()


def test_a_template_without_a_version_is_run_as_a_workflow_without_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    without = MANIFEST.partition("\nkind:")[2]
    for kind in ("Workflow", "WorkflowTemplate"):
        Path("w.yaml").write_text("kind:" + without.replace("Workflow", kind, 1))
        told(capsys, "run", "w.yaml")


@pytest.mark.parametrize("empty", ["arguments:", "arguments: {parameters: }", "volumes:"])
def test_fields_that_are_left_empty_are_none(
    empty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    values = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: w-values}\n---\n"
    manifest = MANIFEST.replace("spec:\n", f"spec:\n  {empty}\n")
    Path("w.yaml").write_text(values + manifest.replace("{name: example}", "{name: example, annotations: }"))
    told(capsys, "run", "w.yaml", "--name", "done")
    assert "MLP412" in told(capsys, "run", "w.yaml", "--resume", "done", expected=2)[1]
    assert (
        "MLP401: the Workflow has no parameter 'x'"
        in told(capsys, "run", "w.yaml", "-p", "x=1", expected=2)[1]
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            ["--executor", "podman", "--executor-options", "'"],
            "error MLP416: --executor-options ': No closing",
        ),
        (["-p", "x=\udcff"], "error MLP403: -p 'x': the value is not valid UTF-8"),
        (["-p", "\udcff=x"], r"error MLP403: -p '\udcff': the value is not valid UTF-8"),
    ],
)
def test_arguments_that_are_not_utf_8_are_refused(
    words: list[str],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("w.yaml").write_text(MANIFEST)
    assert expected in told(capsys, "run", "w.yaml", *words, expected=2)[1]
