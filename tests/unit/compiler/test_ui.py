"""Argo's UI: what every manifest must be like so that its pages work, and so that people can read them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, dsl, engine, ir, manifest
from mlplat.argo.depends import condition
from mlplat.argo.reasons import condition_of, readable
from mlplat.compiler import order
from mlplat.compiler.emit import PIPELINE_ANNOTATION, label_value
from mlplat.ir import PipelineSpec
from mlplat.runs import trees
from mlplat.runs.documents import with_name
from mlplat.runs.load import load
from mlplat.runs.tree_lines import outline
from tests.unit.compiler.test_golden import PROGRAMS

CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "kfp-ir"
COMPILED = sorted(CORPUS.glob("*.yaml")) if CORPUS.is_dir() else []
EVERY = [
    *(pytest.param(place, id=name) for name, place in PROGRAMS.items()),
    *(pytest.param(str(file), id=file.stem) for file in COMPILED),
]


def spec_of(place: str) -> PipelineSpec:
    if place.endswith(".yaml"):
        return ir.read(manifest.load(Path(place).read_text(encoding="utf-8"), place), place)
    spec = load(place).spec
    assert spec is not None
    return spec


def templates_of(place: str, **options: Any) -> list[dict[str, Any]]:
    documents = compiler.manifest(spec_of(place), compiler.Options(require_arguments=False, **options))
    return list(documents[-1]["spec"]["templates"])


def misplaced(tasks: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Give the tasks that stand before one that they depend on, and that one."""
    by_name = {task["name"]: task for task in tasks}
    places = {name: place for place, name in enumerate(by_name)}
    for name, task in by_name.items():
        yield from (
            (name, other) for other in condition(task, by_name).tasks if places[other] >= places[name]
        )


@pytest.mark.parametrize("place", EVERY)
def test_tasks_are_listed_after_those_they_depend_on(place: str) -> None:
    for template in templates_of(place):
        assert not list(misplaced(template.get("dag", {}).get("tasks", [])))


@pytest.mark.parametrize("place", EVERY)
def test_a_suspended_node_expects_every_input_as_an_output(place: str) -> None:
    for template in templates_of(place):
        if "suspend" in template:
            assert_answerable(template)


def assert_answerable(template: dict[str, Any]) -> None:
    outputs = {one["name"]: one for one in template.get("outputs", {}).get("parameters", ())}
    for one in template.get("inputs", {}).get("parameters", ()):
        source = outputs[one["name"]]["valueFrom"]
        assert source["supplied"] == {}
        assert "default" in source


def test_tasks_that_may_stand_in_any_order_stay_in_that_of_the_program() -> None:
    tasks: list[dict[str, Any]] = [
        {"name": "Succeeded", "depends": "b.Failed || (c.Succeeded && d.AnySucceeded)"},
        {"name": "d"},
        {"name": "a", "dependencies": ["c"]},
        {"name": "c"},
        {"name": "b", "depends": "!a.Failed"},
        {"name": "e"},
    ]
    assert [task["name"] for task in order.sorted_tasks(tasks)] == ["d", "c", "a", "b", "Succeeded", "e"]


def test_tasks_that_wait_for_each_other_are_all_listed() -> None:
    tasks = [{"name": "a", "depends": "b"}, {"name": "b", "depends": "a"}, {"name": "c"}]
    assert [task["name"] for task in order.sorted_tasks(tasks)] == ["c", "a", "b"]


def test_templates_that_people_wrote_are_ordered_and_answerable_too() -> None:
    inner = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "w"},
        "spec": {
            "entrypoint": "main",
            "templates": [
                {
                    "name": "main",
                    "dag": {
                        "tasks": [
                            {"name": "b", "template": "wait", "depends": "a"},
                            {
                                "name": "a",
                                "template": "wait",
                                "arguments": {"parameters": [{"name": "who", "value": "x"}]},
                            },
                        ]
                    },
                },
                {"name": "wait", "suspend": {}, "inputs": {"parameters": [{"name": "who", "value": "you"}]}},
            ],
        },
    }

    @dsl.pipeline
    def p() -> None:
        dsl.argo_component(inner)()

    templates = compiler.manifest(p.spec)[-1]["spec"]["templates"]
    [main] = [
        one
        for one in templates
        if [task["name"] for task in one.get("dag", {}).get("tasks", ())][:1] == ["a"]
    ]
    assert not list(misplaced(main["dag"]["tasks"]))
    [waits] = [one for one in templates if "suspend" in one]
    assert_answerable(waits)


@dsl.component
def score() -> float:
    return 0.5


@dsl.pipeline(name="churn", display_name="Churn: {{who}} leaves", description="Of {{last}} month.")
def churn() -> None:
    score()


@pytest.mark.parametrize("kind", ["Workflow", "WorkflowTemplate", "CronWorkflow"])
def test_runs_have_a_title_of_their_own_a_description_and_a_label_of_their_pipeline(kind: str) -> None:
    options = compiler.Options(kind=kind, schedule=compiler.Schedule(("0 3 * * *",)))
    [document] = compiler.manifest(churn.spec, options)
    spec = document["spec"]
    of_runs = {
        "Workflow": [document["metadata"], spec.get("workflowMetadata", {})],
        "WorkflowTemplate": [spec.get("workflowMetadata", {})],
        "CronWorkflow": [
            spec.get("workflowMetadata", {}),
            spec.get("workflowSpec", {}).get("workflowMetadata", {}),
        ],
    }[kind]
    labels = {key: text for one in of_runs for key, text in one.get("labels", {}).items()}
    annotations = {key: text for one in of_runs for key, text in one.get("annotations", {}).items()}
    assert labels[PIPELINE_ANNOTATION] == "churn"
    assert annotations[PIPELINE_ANNOTATION] == "churn"
    assert annotations["workflows.argoproj.io/title"] == "{{workflow.name}} - Churn: { {who}} leaves"
    assert annotations["workflows.argoproj.io/description"].endswith(" month.")
    assert document["metadata"]["labels"][PIPELINE_ANNOTATION] == "churn"
    assert document["metadata"]["annotations"]["workflows.argoproj.io/title"] == "Churn: {{who}} leaves"


@pytest.mark.parametrize(
    "name", ["churn", "Churn model!", "ü", "-a-", "a" * 63, "a" * 64, "a/b", "A.b_c", "", "x" * 62 + "-"]
)
def test_every_pipeline_name_gives_a_valid_label_value(name: str) -> None:
    value = label_value(name)
    assert re.fullmatch(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?", value)
    assert 0 < len(value) <= 63


def test_prints_appear_at_once_unless_the_pipeline_says_otherwise() -> None:
    def variables(pipeline: dsl.Pipeline) -> dict[str, str]:
        patch = json.loads(compiler.manifest(pipeline.spec)[-1]["spec"]["podSpecPatch"])
        return {one["name"]: one["value"] for one in patch["containers"][0]["env"]}

    @dsl.pipeline
    def own() -> None:
        score().set_env_variable("PYTHONUNBUFFERED", "")

    assert variables(churn)["PYTHONUNBUFFERED"] == "1"
    assert "PYTHONUNBUFFERED" not in variables(own)


@dsl.component
def flip() -> str:
    return "tails"


@dsl.component
def measure() -> dict:  # type: ignore[type-arg]
    return {"accuracy": 0.5}


NASTY = "it's \"heads\" \\ {{workflow.name}}\n'; ${HOME} 2024-01-01 é" + "x" * 300


@dsl.pipeline
def branches(threshold: float = 0.9) -> None:
    flipped, scored = flip(), score()
    with dsl.If(flipped.output == "heads"):
        score()
    with dsl.Elif(scored.output > threshold):
        score()
    with dsl.If(flipped.output == NASTY):
        score()
    with dsl.If(flipped.output == "2024-01-01"):
        score()
    with dsl.ParallelFor([{"n": 1}]) as item, dsl.If(item.n == 2):
        score()
    with dsl.If(scored.output < 1), dsl.If(scored.output > 0.8):
        score()


def test_a_skipped_branch_says_which_condition_did_not_hold(tmp_path: Path) -> None:
    done = engine.run(
        with_name(compiler.manifest(branches.spec, compiler.Options(cache=False)), "wf"), home=tmp_path
    )
    assert done["status"]["phase"] == "Succeeded"
    messages = [node["message"] for node in done["status"]["nodes"].values() if node["phase"] == "Skipped"]
    why = {condition_of(message) for message in messages}
    [nasty] = [one for one in why if "é" in one]
    assert why - {nasty} == {
        "if flip == “heads”",
        "if not (flip == “heads”) and score > threshold",
        "if flip == “2024-01-01”",
        "if item.n == 2",
        "if score > 0.8",
    }
    assert len(nasty) == 200
    assert not set(nasty) & set("'\"\\{}\n")
    lines = "\n".join(
        line.text for line in outline(trees.tree(done["status"]["nodes"], "wf", trees.program(done)))
    )
    assert "condition-2  skipped  (if flip == “heads”)" in lines
    assert "condition not met: if flip == “heads”" in map(readable, messages)


@dsl.component
def odd_items() -> list:  # type: ignore[type-arg]
    return [
        "mean area",
        'it\'s "x" {{workflow.name}} $(HOME) \\ \n<&>',
        "",
        1.5,
        {"lr": 0.1, "n": [1, 2]},
        "(a)",
        "é" * 100,
        "\x1b[31mred\x7f\u202e",
    ]


@dsl.component
def same(x: str) -> str:
    return x


@dsl.pipeline
def loops() -> None:
    with dsl.ParallelFor(odd_items().output) as item:
        same(x=item)


def iterations(pipeline: dsl.Pipeline, home: Path) -> list[str]:
    """Run a pipeline, and return the names of the iterations of its loops."""
    documents = with_name(compiler.manifest(pipeline.spec, compiler.Options(cache=False)), "wf")
    done = engine.run(documents, home=home)
    assert done["status"]["phase"] == "Succeeded"
    found = [node["displayName"] for node in done["status"]["nodes"].values()]
    return [name for name in found if name.startswith("iteration(")]


def test_iterations_are_named_by_their_items(tmp_path: Path) -> None:
    assert iterations(loops, tmp_path) == [
        "iteration(0:0 mean area)",
        "iteration(1:1 its x workflow.name HOME)",
        "iteration(2:2)",
        "iteration(3:3 1.5)",
        "iteration(4:4 lr:0.1,n:1,2)",
        "iteration(5:5 a)",
        f"iteration(6:6 {'é' * 40})",
        "iteration(7:7 31mred)",
    ]


@dsl.component
def keep(text: str, data: dsl.Output[dsl.Dataset]) -> None:
    from pathlib import Path

    Path(data.path).write_text(text)


@dsl.component
def name_of(data: dsl.Input[dsl.Dataset]) -> str:
    return data.name


@dsl.pipeline
def loops_over_artifacts() -> None:
    with dsl.ParallelFor(["a", "b"]) as text:
        kept = keep(text=text)
    with dsl.ParallelFor(dsl.Collected(kept.output)) as data:
        name_of(data=data)


def test_iterations_over_artifacts_are_named_by_the_end_of_their_uris(tmp_path: Path) -> None:
    assert set(iterations(loops_over_artifacts, tmp_path)) == {
        "iteration(0:0 a)",
        "iteration(1:1 b)",
        "iteration(0:0 data/0/data.dataset)",
        "iteration(1:1 data/1/data.dataset)",
    }


def test_the_manifest_of_a_loop_is_as_long_for_any_number_of_items() -> None:
    def size(count: int) -> int:
        @dsl.pipeline
        def p(items: list = [0] * count) -> None:  # type: ignore[type-arg]
            with dsl.ParallelFor(items) as item:
                same(x=f"{item}")

        spec = compiler.manifest(p.spec)[-1]["spec"]
        return len(json.dumps(spec["templates"]))

    assert size(1) == size(5000)


@dsl.component
def draw(
    page: dsl.Output[dsl.HTML],
    notes: dsl.Output[dsl.Markdown],
    numbers: dsl.Output[dsl.Metrics],
    data: dsl.Output[dsl.Dataset],
) -> str:
    from pathlib import Path

    for one in (page, notes, numbers, data):
        Path(one.path).write_text("{}")
    numbers.log_metric("accuracy", 0.93)
    return " ".join(one.path.rpartition("/")[2] for one in (page, notes, numbers, data))


@dsl.component
def read(pages: dsl.Input[list[dsl.HTML]]) -> str:
    from pathlib import Path

    return "".join(Path(page.path).read_text() for page in pages)


@dsl.pipeline
def drawn() -> None:
    draw()
    with dsl.ParallelFor(["a", "b"]):
        one = draw()
    read(pages=dsl.Collected(one.outputs["page"]))


def test_keys_end_in_a_file_name_with_the_extension_of_their_format(tmp_path: Path) -> None:
    done = engine.run(
        with_name(compiler.manifest(drawn.spec, compiler.Options(cache=False)), "wf"), home=tmp_path
    )
    assert done["status"]["phase"] == "Succeeded"
    keys = [
        artifact["s3"]["key"]
        for node in done["status"]["nodes"].values()
        for artifact in node.get("outputs", {}).get("artifacts", ())
    ]
    files = ["page{}.html", "notes{}.md", "numbers{}.json", "data{}.dataset"]
    assert set(keys) == {
        *(f"wf/draw/{file.format('')}" for file in files),
        *(
            f"wf/for-loop-2/draw-2/{file.partition('{')[0]}/{position}/{file.format('')}"
            for file in files
            for position in range(2)
        ),
    }
    outputs = {
        (node["displayName"], one["name"]): one["value"]
        for node in done["status"]["nodes"].values()
        for one in node.get("outputs", {}).get("parameters", ())
    }
    assert json.loads(outputs["draw", "Output"]) == "page notes numbers data"
    assert json.loads(outputs["read", "Output"]) == "{}{}"
    assert outputs["draw", "numbers"].startswith('{"metadata":{"accuracy":0.93},')


def test_tasks_outside_of_loops_have_no_position() -> None:
    templates = compiler.manifest(drawn.spec)[-1]["spec"]["templates"]
    takes = {
        template["name"]: [one["name"] for one in template.get("inputs", {}).get("parameters", ())]
        for template in templates
    }
    assert takes["draw"] == ["task--path"]
    assert takes["draw-in-loops"] == ["task--path", "task--index"]
