"""What programs compile to, reviewed as text; and what they give when they run."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Optional

import pytest

from mlplat import compiler, dsl, engine, ir, manifest, runtime
from mlplat.ir.model import Container
from mlplat.runs.load import load
from tests import argo_variables

ROOT = Path(__file__).parents[3]
PROGRAMS = {
    **{path.stem: str(path) for path in sorted((ROOT / "tests/programs").glob("*.py"))},
    "nested": f"{ROOT / 'tests/programs/nested.py'}:nested",
    "repeating": f"{ROOT / 'tests/programs/repeating.py'}:repeating",
    "regions": f"{ROOT / 'tests/programs/regions.py'}:regions",
    "ml_pipeline": str(ROOT / "examples/ml_pipeline.py"),
    "conditional_pipeline": str(ROOT / "examples/conditional_pipeline.py"),
}


def documents_of(name: str) -> list[dict[str, Any]]:
    spec = load(PROGRAMS[name]).spec
    assert spec is not None
    return compiler.manifest(spec, compiler.Options(require_arguments=False))


@pytest.mark.parametrize("name", PROGRAMS)
def test_manifest_is_what_was_reviewed(name: str, golden: Callable[[str, str], None]) -> None:
    documents = documents_of(name)
    spec = documents[-1]["spec"]
    spec["podSpecPatch"] = spec["podSpecPatch"].replace(runtime.packed(runtime.text()), "<packed runtime>")
    golden(f"{name}.yaml", manifest.dump(documents))


@pytest.mark.parametrize("name", PROGRAMS)
def test_expressions_ask_for_what_argo_knows_there(name: str) -> None:
    assert argo_variables.unknown(documents_of(name)[-1]) == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_written_ir_compiles_to_the_same_templates(name: str) -> None:
    spec = load(PROGRAMS[name]).spec
    assert spec is not None
    again = ir.read(manifest.load(manifest.dump(ir.write(spec))))
    options = compiler.Options(require_arguments=False)
    before, after = (in_one_order(compiler.manifest(written, options)) for written in (spec, again))
    assert before == after


@pytest.mark.parametrize("name", PROGRAMS)
def test_function_and_runtime_stand_once(name: str) -> None:
    document = documents_of(name)[-1]
    text = json.dumps(document)
    assert text.count(runtime.packed(runtime.text())) == 1
    (patched,) = json.loads(document["spec"]["podSpecPatch"])["containers"]
    packed = [one["value"] for one in patched["env"] if one["name"].startswith("MLPLAT_")]
    shared = [zlib.decompress(base64.b64decode(value)).decode() for value in packed]
    assert shared[0] == runtime.text()
    text += json.dumps(shared[1:])
    spec = load(PROGRAMS[name]).spec
    assert spec is not None
    for executor in spec.executors.values():
        if not isinstance(executor, Container) or executor.python is None:
            continue
        source, function = executor.python.source.splitlines(), executor.python.name
        (definition,) = [line for line in source if line.startswith(f"def {function}(")]
        assert text.count(json.dumps(definition)[1:-1]) == 1


def in_one_order(value: Any) -> Any:
    """Sort lists of mappings, and keys, those in texts of JSON too: keys of IR YAML are sorted."""
    if isinstance(value, dict):
        return {key: in_one_order(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        items = [in_one_order(item) for item in value]
        return sorted(items, key=json.dumps) if all(isinstance(item, dict) for item in items) else items
    if isinstance(value, str) and value.startswith('{"'):
        return in_one_order(json.loads(re.sub(r"{{.*?}} ", "null", value)))
    return value


def finished(program: str, home: Path, **arguments: Any) -> dict[str, Any]:
    spec = load(PROGRAMS[program]).spec
    assert spec is not None
    documents = compiler.manifest(spec, compiler.Options(name="run", arguments=arguments, cache=False))
    return engine.run(documents, home=home)


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
    assert (tmp_path / "artifacts/run/write/data.dataset").read_text() == "ab" * 6


def test_artifacts_in_every_form(tmp_path: Path) -> None:
    workflow = finished("artifacts", tmp_path)
    assert workflow["status"]["phase"] == "Succeeded"
    (model, metrics) = outputs(workflow, "look") + outputs(workflow, "look-2")
    assert model == "Model {'note': 'second', 'before': {'note': 'none', 'before': {}}}"
    assert metrics == "Metrics {'rows': 3}"
    assert (tmp_path / "artifacts/run/train-2/model.model").read_text() == "1\n1\n1\n"
    assert outputs(workflow, "make")[0] == 3


def test_what_comes_out_of_regions_is_what_python_gives(tmp_path: Path) -> None:
    workflow = finished("regions", tmp_path, least=2, name="two")
    letters = [[f"{letter}{number}" for letter in "ab"] for number in (1, 2, 3)]
    assert outputs(workflow, "total") == [4 + 6]
    assert outputs(workflow, "depth") == [repr(inner) for inner in letters]
    assert outputs(workflow, "depth-2") == [repr(letters)]
    assert outputs(workflow, "weigh") == [[1, 4, 9]]
    assert outputs(workflow, "weight") == [1, 2, 3]
    assert outputs(workflow, "smallest") == [4]
    assert outputs(workflow, "fill") == [repr({"k": ["two's 4", "two", 3], "least": ["2"]})]


def test_exit_tasks_and_those_that_ignore_failures_run_and_learn_why(tmp_path: Path) -> None:
    workflow = finished("regions", tmp_path)
    assert workflow["status"]["phase"] == "Failed"
    reason = "FAILED stumble: ValueError: stumbled"
    assert outputs(workflow, "report") == [f"dear Ada: exit-handler-7 {reason}"]
    assert outputs(workflow, "Report-of-the-inner-one") == [f"inner: exit-handler-8 {reason}"]
    assert outputs(workflow, "recover") == ["nothing came"]


def test_containers_importers_and_embedded_files(tmp_path: Path) -> None:
    name = "it's {{workflow.name}} $(HOME) $$"
    workflow = finished("containers", tmp_path, name=name)
    assert workflow["status"]["phase"] == "Succeeded"
    (said,) = [node for node in workflow["status"]["nodes"].values() if node["displayName"] == "say"]
    assert said["outputs"]["parameters"][0]["value"] == f"{name} x2"
    assert outputs(workflow, "read") == [f"--name\n{name} x2\n--loud=true!\n"]
    assert (tmp_path / "artifacts/run/choose-2/data.dataset").read_text() == "--nobody\n--loud=false?\n"
    assert [outputs(workflow, task)[0] for task in ("count", "count-2")] == [3, 2]
    metadata = {"by": name, "n": [1, "gs://bucket/data!"]}
    assert outputs(workflow, "about") == [f"Dataset gs://bucket/data {metadata}"]
    assert outputs(workflow, "about-2") == ["Model s3://other/key {}"]
    assert outputs(workflow, "embedded") == ["<embedded text>"]


def test_texts_arrive_as_they_are(tmp_path: Path) -> None:
    workflow = finished("odd_names", tmp_path)
    assert outputs(workflow, "echo") == ["{1e-5} $(HOME) $$ on12False"]
    assert outputs(workflow, "echo-2") == ["{{{workflow.name}} $(HOME) $$} $(HOME) $$ 0o141True"]


def test_large_values_go_around_the_parameters(tmp_path: Path) -> None:
    workflow = finished("large_values", tmp_path)
    assert outputs(workflow, "count") == [45_000]
    assert sorted(outputs(workflow, "count-2")) == [1, 40_000, 40_000]
    assert sorted(outputs(workflow, "count-3")) == [40_000, 80_000]
    assert sorted(outputs(workflow, "count-4")) == [1, 2]
    assert len(json.dumps(workflow["status"])) < 60_000


def test_values_whose_names_meet_go_where_they_belong(tmp_path: Path) -> None:
    workflow = finished("fields", tmp_path)
    assert workflow["status"]["phase"] == "Succeeded"
    assert outputs(workflow, "condition-1") == ["the path"] * 2
    assert sorted(outputs(workflow, "condition-1-2")) == ["a", "b"]
    assert outputs(workflow, "condition-1-3") == ["yes"]
    assert sorted(outputs(workflow, "pair")) == ["1-3", "2-3"]
    assert outputs(workflow, "condition-1-4") == ["Ada"]
    assert outputs(workflow, "task-2") == ["the path", 3]


@pytest.mark.parametrize("region", ["If", "ParallelFor"])
def test_part_of_a_large_value_is_not_mistaken_for_another_value(region: str, tmp_path: Path) -> None:
    @dsl.component
    def people() -> list:  # type: ignore[type-arg]
        return [{"name": "a" * 40_000, "xs": [1]}]

    @dsl.component
    def say(text: str) -> str:
        return text

    @dsl.pipeline
    def p() -> None:
        with dsl.ParallelFor(people().output) as person:
            inner = dsl.If(person.name != "b") if region == "If" else dsl.ParallelFor(person.xs)
            with inner:
                say(text="reached")

    documents = compiler.manifest(p.spec, compiler.Options(name="run", cache=False))
    workflow = engine.run(documents, home=tmp_path)
    assert workflow["status"]["phase"] == "Error"
    messages = [node.get("message", "") for node in workflow["status"]["nodes"].values()]
    assert any("only tasks can use a value of more than 32 KiB" in text for text in messages)
    assert outputs(workflow, "say") == []


def test_empty_text_for_an_optional_parameter_is_a_text(tmp_path: Path) -> None:
    @dsl.component
    def show(text: Optional[str] = None) -> str:  # noqa: UP045 - read in a process of its own
        return repr(text)

    @dsl.pipeline
    def p(text: str | None = None, number: int | None = None) -> None:
        show(text=text)

    for number, (arguments, expected) in enumerate(
        [({}, "None"), ({"text": ""}, "''"), ({"text": "a"}, "'a'")]
    ):
        options = compiler.Options(name=f"run{number}", arguments=arguments, cache=False)
        workflow = engine.run(compiler.manifest(p.spec, options), home=tmp_path)
        assert outputs(workflow, "show") == [expected]


def test_tasks_share_the_workspace(tmp_path: Path) -> None:
    @dsl.component
    def write(folder: str) -> str:
        from pathlib import Path

        Path(folder, "note").write_text("shared")
        return folder + "/note"

    @dsl.component
    def read(place: str) -> str:
        from pathlib import Path

        return Path(place).read_text()

    @dsl.pipeline(pipeline_config=dsl.PipelineConfig(workspace=dsl.WorkspaceConfig("1Gi")))
    def p() -> None:
        read(place=write(folder=dsl.WORKSPACE_PATH_PLACEHOLDER).output)

    workflow = engine.run(compiler.manifest(p.spec, compiler.Options(name="run", cache=False)), home=tmp_path)
    assert workflow["status"]["phase"] == "Succeeded"
    assert outputs(workflow, "write") == ["/kfp-workspace/note"]
    assert outputs(workflow, "read") == ["shared"]
    assert [file.read_text() for file in tmp_path.rglob("claims/kfp-workspace/note")] == ["shared"]
