"""What programs compile to, reviewed as text; and what they give when they run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, ir, local, manifest, runtime
from mlplat.cli.load import load
from mlplat.ir.model import Container

ROOT = Path(__file__).parents[3]
PROGRAMS = {
    **{path.stem: str(path) for path in sorted((ROOT / "tests/programs").glob("*.py"))},
    "nested": f"{ROOT / 'tests/programs/nested.py'}:nested",
    "ml_pipeline": str(ROOT / "examples/ml_pipeline.py"),
    "conditional_pipeline": str(ROOT / "examples/conditional_pipeline.py"),
}


def documents_of(name: str) -> list[dict[str, Any]]:
    spec = load(PROGRAMS[name]).spec
    assert spec is not None
    return compiler.manifest(spec, compiler.Options(require_arguments=False))


@pytest.mark.parametrize("name", PROGRAMS)
def test_manifest_is_what_was_reviewed(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"{name}.yaml", manifest.dump(documents_of(name)))


@pytest.mark.parametrize("name", PROGRAMS)
def test_written_ir_compiles_to_the_same_templates(name: str) -> None:
    spec = load(PROGRAMS[name]).spec
    assert spec is not None
    again = ir.read(manifest.load(manifest.dump(ir.write(spec))))
    options = compiler.Options(require_arguments=False)
    (*_, before), (*_, after) = compiler.manifest(spec, options), compiler.manifest(again, options)

    def key(template: dict[str, Any]) -> str:
        return str(template["name"])

    for template_before, template_after in zip(
        sorted(before["spec"]["templates"], key=key), sorted(after["spec"]["templates"], key=key), strict=True
    ):
        for template in (template_before, template_after):
            template.get("dag", {}).get("tasks", []).sort(key=key)
        assert template_before.get("memoize") == template_after.get("memoize")
        assert template_before["name"] == template_after["name"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_function_and_runtime_stand_once(name: str) -> None:
    text = json.dumps(documents_of(name))
    assert text.count(json.dumps(runtime.text())[1:-1]) == 1
    spec = load(PROGRAMS[name]).spec
    assert spec is not None
    for executor in spec.executors.values():
        assert isinstance(executor, Container)
        assert executor.python is not None
        (definition,) = [line for line in executor.python.source.splitlines() if line.startswith("def ")]
        assert text.count(json.dumps(definition)[1:-1]) == 1


def finished(name: str, home: Path, **arguments: Any) -> dict[str, Any]:
    spec = load(PROGRAMS[name]).spec
    assert spec is not None
    documents = compiler.manifest(spec, compiler.Options(name="run", arguments=arguments, cache=False))
    return local.run(documents, home=home)


def outputs(workflow: dict[str, Any], task: str) -> list[Any]:
    nodes = [node for node in workflow["status"]["nodes"].values() if node["displayName"] == task]
    return [
        json.loads(parameter["value"])
        for node in sorted(nodes, key=lambda node: str(node["name"]))
        for parameter in node.get("outputs", {}).get("parameters", ())
    ]


def test_loops_give_what_python_gives(tmp_path: Path) -> None:
    workflow = finished(
        "loops", tmp_path, people=[{"first": "Ada", "last": "L"}, {"first": "é{{", "last": "$$"}]
    )
    assert workflow["status"]["phase"] == "Succeeded"
    assert sorted(outputs(workflow, "add")) == sorted(left + right for left in range(3) for right in (10, 20))
    assert sorted(outputs(workflow, "name")) == ["Ada L", "é{{ $$"]


@pytest.mark.parametrize(("seed", "taken"), [(1, ["heads"]), (2, ["neither"]), (8, ["large"])])
def test_one_branch_of_a_chain_runs(seed: int, taken: list[str], tmp_path: Path) -> None:
    workflow = finished("branches", tmp_path, seed=seed, names=["{{workflow.name}}"])
    assert workflow["status"]["phase"] == "Succeeded"
    notes = [
        name
        for number in range(1, 6)
        for name in outputs(workflow, "note" if number == 1 else f"note-{number}")
    ]
    assert notes == taken


def test_nested_pipelines_hand_their_output_on(tmp_path: Path) -> None:
    workflow = finished("nested", tmp_path, text="ab")
    assert workflow["status"]["phase"] == "Succeeded"
    assert outputs(workflow, "inner-2") == ["ab" * 6]
    assert (tmp_path / "artifacts/run/write/data").read_text() == "ab" * 6


def test_texts_arrive_as_they_are(tmp_path: Path) -> None:
    workflow = finished("odd_names", tmp_path)
    assert outputs(workflow, "echo") == ["{1e-5} $(HOME) $$ on12False"]
    assert outputs(workflow, "echo-2") == ["{{{workflow.name}} $(HOME) $$} $(HOME) $$ 0o141True"]


def test_large_values_go_around_the_parameters(tmp_path: Path) -> None:
    workflow = finished("large_values", tmp_path)
    assert outputs(workflow, "count") == [45_000]
    assert sorted(outputs(workflow, "count-2")) == [1, 40_000, 40_000]
    assert len(json.dumps(workflow["status"])) < 40_000
