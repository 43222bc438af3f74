"""Manifests as objects of hera and back, and programs that make them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, ir, manifest
from mlplat.argo import hera
from mlplat.argo.schema import KINDS
from mlplat.cli import main
from mlplat.errors import ManifestError, MlplatError
from mlplat.runs.load import load

ROOT = Path(__file__).parents[3]
GOLDEN = sorted((ROOT / "tests/golden").glob("*.yaml"))
CORPUS = sorted((ROOT / "../shared/corpus/kfp-ir").resolve().rglob("*.yaml"))
CORPUS_AT_ONCE = 8


def workflow_of(file: Path) -> dict[str, Any]:
    (found,) = (one for one in manifest.load(file.read_text(), str(file)) if one["kind"] in KINDS)
    return dict(found)


def made_by(program: str) -> Any:
    names: dict[str, Any] = {"__name__": "program"}
    exec(compile(program, "program", "exec"), names)
    return names["workflow"]


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.stem)
def test_manifest_survives_hera_and_its_program(file: Path) -> None:
    document = workflow_of(file)
    assert hera.from_hera(hera.to_hera(document)) == document
    assert hera.from_hera(made_by(hera.program(document))) == document


@pytest.mark.skipif(not CORPUS, reason="the corpus is not here")
@pytest.mark.parametrize("part", range(CORPUS_AT_ONCE))
def test_compiled_corpus_passes_through_the_models_of_hera(part: int) -> None:
    passed = 0
    for file in CORPUS[part::CORPUS_AT_ONCE]:
        try:
            spec = ir.read(manifest.load(file.read_text(), str(file)), str(file))
            documents = compiler.manifest(spec, compiler.Options(require_arguments=False))
        except MlplatError:
            continue
        (document,) = (one for one in documents if one["kind"] == "Workflow")
        assert hera.from_hera(hera.to_hera(document)) == document, file.name
        passed += 1
    assert passed


@pytest.mark.parametrize("kind", ["WorkflowTemplate", "CronWorkflow"])
def test_other_kinds_survive_as_well(kind: str) -> None:
    spec = {"entrypoint": "a", "templates": [{"name": "a", "suspend": {}}]}
    more = {"schedules": ["0 1 * * *"], "timezone": "Europe/Berlin", "workflowSpec": spec}
    document = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": "n"},
        "spec": more if kind == "CronWorkflow" else spec,
    }
    assert hera.from_hera(hera.to_hera(document)) == document
    assert hera.from_hera(made_by(hera.program(document))) == document


def test_field_that_hera_would_drop_is_named() -> None:
    document = workflow_of(GOLDEN[0])
    document["spec"]["templates"][0]["pendingTimeout"] = "1m"
    with pytest.raises(ManifestError, match=r"MLP361: spec\.templates\[0\]\.pendingTimeout: hera would drop"):
        hera.to_hera(document)


def test_field_of_the_wrong_type_is_named() -> None:
    document = workflow_of(GOLDEN[0])
    document["spec"]["parallelism"] = "many"
    with pytest.raises(ManifestError, match=r"MLP362.*parallelism"):
        hera.to_hera(document)


def test_document_that_hera_has_no_class_for_is_named() -> None:
    values = {"kind": "ConfigMap", "metadata": {"name": "p-values"}}
    with pytest.raises(ManifestError, match=r"MLP360.*ConfigMap/p-values"):
        hera.to_hera([values, workflow_of(GOLDEN[0])])


HERA = """
from hera.workflows import DAG, Parameter, Workflow, script

@script(image="python:3.11", command=["python3"], outputs=Parameter(name="twice", value_from={"path": "/tmp/twice"}))
def double(x: int):
    open("/tmp/twice", "w").write(str(2 * int(x)))

with Workflow(generate_name="doubled-", entrypoint="main", arguments={"x": 4}) as workflow:
    with DAG(name="main"):
        first = double(name="first", arguments={"x": "{{workflow.parameters.x}}"})
        second = double(name="second", arguments={"x": first.get_parameter("twice")})
        first >> second
"""


PIPELINE = """
from mlplat import dsl

@dsl.component
def f(x: str): ...

@dsl.pipeline
def p(x: str = "1e-5"):
    f(x=x)
"""

SUSPENDED = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec: {entrypoint: a, templates: [{name: a, suspend: {}}]}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLPLAT_HOME", raising=False)
    (tmp_path / "flow.py").write_text(HERA)
    return tmp_path


def test_workflow_made_with_hera_runs_locally(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "flow.py", "-p", "x=5", "-o", "json"]) == 0
    nodes = json.loads(capsys.readouterr().out)["status"]["nodes"].values()
    (second,) = (node for node in nodes if node["displayName"] == "second")
    assert second["outputs"]["parameters"][0]["value"] == "20"
    assert main(["lint", "flow.py"]) == 0


def test_one_of_several_workflows_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    more = "\nother = Workflow(name='other', entrypoint='main', templates=workflow.templates)\n"
    (folder / "two.py").write_text(HERA + more)
    assert main(["run", "two.py"]) == 2
    assert "specify one: two.py:workflow, two.py:other" in capsys.readouterr().err
    assert load("two.py:other").documents[-1]["metadata"] == {"name": "other"}


def test_pipeline_is_compiled_to_a_program(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "p.py").write_text(PIPELINE)
    assert main(["compile", "p.py", "--to", "hera", "-o", "made.py"]) == 0
    assert main(["compile", "p.py", "-o", "made.yaml"]) == 0
    (expected,) = manifest.load((folder / "made.yaml").read_text())
    assert load("made.py").documents == (expected,)
    printed = subprocess.run([sys.executable, "made.py"], capture_output=True, text=True, check=True).stdout
    assert "kind: Workflow" in printed


def test_argo_yaml_is_written_as_a_program(folder: Path) -> None:
    (folder / "w.yaml").write_text(SUSPENDED)
    assert main(["compile", "w.yaml", "--to", "hera", "-o", "made.py"]) == 0
    assert load("made.py").documents[0]["spec"]["entrypoint"] == "a"


def test_compiling_does_not_import_hera(folder: Path) -> None:
    program = (
        "import sys; import mlplat.runs.load, mlplat.argo.hera, mlplat.compiler; print('hera' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_documented_programs_do_what_the_page_says(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs/hera.md").read_text()
    program, printed = re.findall(r"```(?:python|text)\n(.*?)```", page, re.DOTALL)[:2]
    (folder / "greet.py").write_text(program)
    assert main(["run", "greet.py", "--name", "greet", "-p", "who=Grace"]) == 0
    out = re.sub(r"\b\d+s|<1s", "TIME", capsys.readouterr().out)
    for line in re.sub(r"\b\d+s|<1s", "TIME", printed).splitlines():
        assert line in out
