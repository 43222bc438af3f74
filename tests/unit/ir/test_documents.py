"""IR documents, read and written."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from mlplat import ir, manifest
from mlplat.cli import main
from mlplat.errors import ManifestError
from mlplat.ir import bootstrap
from mlplat.ir.effects import without_effect
from mlplat.ir.model import Container, PythonFunction
from mlplat.runs.load import load

IR: dict[str, Any] = {
    "pipelineInfo": {"name": "p"},
    "root": {"dag": {"tasks": {"t": {"componentRef": {"name": "comp-t"}}}}},
    "components": {"comp-t": {"executorLabel": "exec-t"}},
    "deploymentSpec": {"executors": {"exec-t": {"container": {"image": "alpine", "command": ["true"]}}}},
    "schemaVersion": "2.1.0",
}


def test_corpus_survives_reading_and_writing(corpus: Path) -> None:
    files = sorted(corpus.glob("kfp-ir/*.yaml"))
    assert files
    for file in files:
        spec = ir.read(manifest.load(file.read_text(), file.name), file.name)
        assert ir.read(manifest.load(manifest.dump(ir.write(spec)))) == spec, file.name


def test_nothing_of_the_corpus_is_without_effect(corpus: Path) -> None:
    for file in sorted(corpus.glob("kfp-ir/*.yaml")):
        assert without_effect(manifest.load(file.read_text(encoding="utf-8"))) == [], file


def test_functions_of_the_corpus_are_recognized(corpus: Path) -> None:
    for file in sorted(corpus.glob("kfp-ir/*.yaml")):
        text = file.read_text()
        spec = ir.read(manifest.load(text), file.name)
        functions = [
            executor.python
            for executor in spec.executors.values()
            if isinstance(executor, Container) and executor.python
        ]
        bootstraps = text.count("--component_module_path")
        assert len(functions) >= min(bootstraps, 1), file.name
        travelling = [function for function in functions if function.source]
        assert all(f"def {function.name}(" in function.source for function in travelling), file.name
        assert not any(package.startswith("kfp") for function in functions for package in function.packages)


@pytest.mark.parametrize(
    "function",
    [
        PythonFunction("def f(): ...\n", "f"),
        PythonFunction("def f(): ...\n", "f", ("pandas==2.0", "numpy>=1,<3", "a[b]; python_version<'3.12'")),
        PythonFunction("def f(): ...\n", "f", ("x",), ("--index-url", "file:///i", "--trusted-host", "h")),
        PythonFunction(
            "def f(): ...\n",
            "f",
            ("typing-extensions",),
            ("--index-url", "file:///i; a", "--extra-index-url", "b&c", "--extra-index-url", "d"),
        ),
    ],
)
def test_function_is_recognized_in_what_is_written(function: PythonFunction) -> None:
    assert bootstrap.from_command(*bootstrap.to_command(function)) == function


def test_other_commands_are_no_functions() -> None:
    unbalanced = (
        "sh",
        "-c",
        "python3 -m pip install 'x",
        "sh",
        "-ec",
        "kfp.dsl.executor_main",
        "def f(): ...",
    )
    assert bootstrap.from_command(unbalanced, ("--function_to_execute", "f")) is None
    assert bootstrap.from_command(("sh", "-c", "echo"), ("--function_to_execute", "f")) is None


def test_missing_and_wrong_fields_are_reported_together() -> None:
    broken = {
        **IR,
        "pipelineInfo": {},
        "components": {"comp-t": {"inputDefinitions": {"parameters": {"x": {}}}}},
    }
    with pytest.raises(ManifestError) as raised:
        ir.read([broken], "p.yaml")
    paths = [diagnostic.path for diagnostic in raised.value.diagnostics]
    assert paths == ["components.comp-t.inputDefinitions.parameters.x", "pipelineInfo"]


@pytest.mark.parametrize(
    ("task", "path"),
    [
        ({"parameterIterator": {"itemInput": "i", "items": {"raw": "[1"}}}, "parameterIterator.items.raw"),
        ({"parameterIterator": {"itemInput": "i", "items": {"raw": '"ab"'}}}, "parameterIterator.items.raw"),
        ({"parameterIterator": {"itemInput": "i", "items": {}}}, "parameterIterator.items"),
        ({"iteratorPolicy": {"parallelismLimit": "many"}}, "iteratorPolicy.parallelismLimit"),
        ({"retryPolicy": {"maxRetryCount": -1}}, "retryPolicy.maxRetryCount"),
        ({"retryPolicy": {"backoffDuration": "soon"}}, "retryPolicy.backoffDuration"),
        ({"inputs": {"artifacts": {"a": {}}}}, "inputs.artifacts.a"),
        ({"inputs": {"parameters": {"a": {}}}}, "inputs.parameters.a"),
    ],
)
def test_wrong_field_of_a_task_is_reported_with_its_place(task: dict[str, Any], path: str) -> None:
    tasks = {"t": {"componentRef": {"name": "comp-t"}, **task}}
    with pytest.raises(ManifestError) as raised:
        ir.read([{**IR, "root": {"dag": {"tasks": tasks}}}], "p.yaml")
    assert [diagnostic.path for diagnostic in raised.value.diagnostics] == [f"root.dag.tasks.t.{path}"]


def test_numbers_get_their_declared_type_back() -> None:
    parameters = {
        "n": {"parameterType": "NUMBER_INTEGER", "defaultValue": 3.0},
        "x": {"parameterType": "NUMBER_DOUBLE", "defaultValue": 3},
    }
    document = {**IR, "root": {**IR["root"], "inputDefinitions": {"parameters": parameters}}}
    inputs = ir.read([document]).root.input_parameters
    assert repr(inputs["n"].default) == "3"
    assert repr(inputs["x"].default) == "3.0"


def test_platform_document_is_kept() -> None:
    executors = {"exec-t": {"nodeSelector": {"labels": {"disk": "ssd"}}}}
    platform: dict[str, Any] = {
        "platforms": {
            "kubernetes": {
                "deploymentSpec": {"executors": executors},
                "pipelineConfig": {"workspace": {"size": "1Gi"}},
            }
        }
    }
    assert ir.write(ir.read([IR, platform]))[1] == platform


@pytest.mark.parametrize(
    ("place", "value", "path", "said"),
    [
        (
            ("deploymentSpec", "executors", "exec-u"),
            {"container": {}},
            "exec-u",
            "no component uses the executor",
        ),
        (("components", "comp-u"), {"executorLabel": "exec-t"}, "comp-u", "no task uses the component"),
        (("rootPath",), "x", "rootPath", "unknown field 'rootPath'"),
        (
            ("deploymentSpec", "executors", "exec-t", "container", "resourcess"),
            {},
            "exec-t.container.resourcess",
            "did you mean 'resources'?",
        ),
        (
            ("root", "dag", "tasks", "t", "retryPolicyy"),
            {},
            "tasks.t.retryPolicyy",
            "did you mean 'retryPolicy'?",
        ),
    ],
)
def test_what_has_no_effect_is_reported(place: tuple[str, ...], value: Any, path: str, said: str) -> None:
    document = copy.deepcopy(IR)
    at = document
    for name in place[:-1]:
        at = at[name]
    at[place[-1]] = value
    ((number, found),) = without_effect([document])
    assert (number, found.code, found.severity) == (0, "MLP213", "warning")
    assert found.path.endswith(path)
    assert said in f"{found.message} {found.hint}"


def test_settings_of_an_executor_that_does_not_exist_are_reported() -> None:
    settings = {"exec-t": {"imagePullPolicyy": "Always"}, "exec-z": {"imagePullPolicy": "Always"}}
    platforms = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": settings}}}}
    found = [(number, one.message) for number, one in without_effect([IR, platforms])]
    assert found == [
        (1, "no effect: unknown field 'imagePullPolicyy'"),
        (1, "no effect: unknown executor 'exec-z'"),
    ]


def test_all_that_is_written_has_an_effect() -> None:
    for file in sorted((Path(__file__).parents[2] / "programs").glob("*.py")):
        spec = load(str(file)).spec
        assert spec is not None
        assert without_effect(ir.write(spec)) == [], file


def test_lint_says_where_in_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(manifest.dump({**IR, "rootPath": "x"}))
    assert main(["lint", str(file)]) == 0
    line = file.read_text().splitlines().index("rootPath: x") + 1
    assert f"p.yaml:{line}: warning MLP213: rootPath" in capsys.readouterr().out
