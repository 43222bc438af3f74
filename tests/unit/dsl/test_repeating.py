"""Loops that go on while a condition holds, traced, compiled and run here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mlplat import compiler, dsl, engine, ir, manifest
from mlplat.dsl import Input, Model, Output
from mlplat.errors import AuthoringError
from mlplat.runs.documents import with_name
from tests.unit.engine.manifests import node, value

# ruff: noqa: PTH123 - functions of components use what they find


@dsl.component
def start(model: Output[Model]) -> None:
    with open(model.path, "w") as file:
        file.write("")


@dsl.component
def grow(model: Input[Model], larger: Output[Model], target: int, by: str = "x") -> int:
    with open(model.path) as old, open(larger.path, "w") as new:
        text = old.read() + by
        new.write(text)
    return len(text)


@dsl.component
def read(model: Input[Model]) -> str:
    with open(model.path) as file:
        return file.read()


@dsl.component
def toss(path: str) -> str:
    """Give heads at the third time."""
    with open(path, "a+") as file:
        file.write("x")
        file.seek(0)
        return "heads" if file.read() == "xxx" else "tails"


grow_to = dsl.do_while(
    grow,
    lambda step: step.outputs["Output"] < step.inputs["target"],
    max_iterations=4,
    carry={"model": "larger"},
)


@dsl.pipeline
def grown(target: int, by: str = "x") -> str:
    task = grow_to(model=start().output, target=target, by=by)
    return read(model=task.outputs["larger"]).output  # type: ignore[return-value]


def run(pipeline: dsl.Pipeline, home: Path, **arguments: Any) -> dict[str, Any]:
    text = manifest.dump(ir.write(pipeline.spec))
    options = compiler.Options(cache=True, arguments=arguments)
    return engine.run(with_name(compiler.manifest(ir.read(manifest.load(text)), options), "wf"), home=home)


@pytest.mark.parametrize(
    ("target", "by", "text"),
    [(0, "x", "x"), (2, "x", "xx"), (3, "xy", "xyxy"), (100, "x", "xxxx")],
    ids=["once", "twice", "condition over an input", "as often as allowed"],
)
def test_the_body_runs_while_the_condition_holds(target: int, by: str, text: str, tmp_path: Path) -> None:
    done = run(grown, tmp_path, target=target, by=by)
    assert done["status"]["phase"] == "Succeeded"
    assert json.loads(value(done, "wf", "Output")) == text


def test_iterations_after_the_last_are_skipped(tmp_path: Path) -> None:
    done = run(grown, tmp_path, target=2)
    phases = [node(done, f"wf.grow-loop.iteration-{number}")["phase"] for number in (1, 2, 3, 4)]
    assert phases == ["Succeeded", "Succeeded", "Skipped", "Omitted"]


def test_a_failure_ends_the_loop(tmp_path: Path) -> None:
    @dsl.component
    def fail_at(count: int) -> int:
        if count == 2:
            raise ValueError("two")
        return count + 1

    loop = dsl.do_while(fail_at, lambda step: step.output < 9, max_iterations=9, carry={"count": "Output"})

    @dsl.pipeline
    def fails() -> int:
        return loop(count=0).output  # type: ignore[return-value]

    done = run(fails, tmp_path)
    assert done["status"]["phase"] == "Failed"
    assert node(done, "wf.fail-at-loop.iteration-3")["phase"] == "Failed"


def test_pipelines_are_bodies_and_loops_stand_in_loops(tmp_path: Path) -> None:
    class Pair(NamedTuple):
        number: int
        text: str

    @dsl.component
    def add(count: int, text: str) -> NamedTuple("Added", [("total", int), ("line", str)]):  # type: ignore[valid-type]
        return (count + 1, text + str(count))

    @dsl.pipeline
    def step(number: int, line: str) -> Pair:
        added = add(count=number, text=line)
        return Pair(added.outputs["total"], added.outputs["line"])  # type: ignore[arg-type]

    carry = {"number": "number", "line": "text"}
    three = dsl.do_while(step, lambda at: at.outputs["number"] != 3, max_iterations=5, carry=carry)

    @dsl.pipeline
    def lines() -> list[str]:
        with dsl.ParallelFor([0, 1, 2, 9]) as first:
            task = three(number=first, line="")
        return dsl.Collected(task.outputs["text"])  # type: ignore[return-value]

    done = run(lines, tmp_path)
    assert json.loads(value(done, "wf", "Output")) == ["012", "12", "2", "910111213"]


def test_a_loop_is_the_body_of_another_for_more_iterations(tmp_path: Path) -> None:
    @dsl.component
    def add(count: int) -> int:
        return count + 1

    def below(step: dsl.PipelineTask) -> Any:
        return step.output < 7

    once = dsl.do_while(add, below, max_iterations=3, carry={"count": "Output"})
    often = dsl.do_while(once, below, max_iterations=3, carry={"count": "Output"}, name="often")

    @dsl.pipeline
    def counted() -> int:
        return often(count=0).output  # type: ignore[return-value]

    assert json.loads(value(run(counted, tmp_path), "wf", "Output")) == 7


def test_a_body_whose_inputs_stay_is_not_cached(tmp_path: Path) -> None:
    mark = tmp_path / "mark"

    loop = dsl.do_while(toss, lambda step: step.output == "tails", max_iterations=5)

    @dsl.pipeline
    def tosses() -> str:
        return loop(path=str(mark)).output  # type: ignore[return-value]

    assert json.loads(value(run(tosses, tmp_path), "wf", "Output")) == "heads"
    assert mark.read_text() == "xxx"


def test_the_manifest_has_one_template_for_all_iterations() -> None:
    (workflow,) = compiler.manifest(grown.spec, compiler.Options(arguments={"target": 1}))
    (loop,) = [one for one in workflow["spec"]["templates"] if one["name"] == "grow-loop"]
    assert {task["template"] for task in loop["dag"]["tasks"]} == {"iteration"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"max_iterations": 0}, "max_iterations is 0"),
        ({"max_iterations": True}, "max_iterations is True"),
        ({"max_iterations": 201}, "a loop has at most 200"),
        ({"carry": {"modle": "larger"}}, "the input 'modle', which the body does not have"),
        ({"carry": {"model": "bigger"}}, "the output 'bigger', which the body does not have"),
        ({"carry": {"model": "Output"}}, "a different type than the input 'model'"),
        ({"body": len}, "is not a component"),
        ({"condition": "x"}, "'x' is not a condition"),
        ({"carry": ["a"]}, "carry is ['a']"),
        (
            {"condition": lambda step: (read(model=step.outputs["larger"]), step.outputs["Output"] < 1)[1]},
            "calls a component",
        ),
        ({"condition": lambda _: True}, "MLP111"),
        ({"condition": lambda step: step.outputs["output"] < 1}, "no output 'output'"),
        (
            {"condition": lambda _: dsl.Collected(1) < 2},
            "MLP143",
        ),
    ],
)
def test_errors_are_reported(changes: dict[str, Any], expected: str) -> None:
    given: dict[str, Any] = {
        "body": grow,
        "condition": lambda step: step.outputs["Output"] < 2,
        "max_iterations": 3,
        **changes,
    }
    with pytest.raises(AuthoringError) as raised:
        dsl.do_while(given.pop("body"), given.pop("condition"), **given)
    assert expected in str(raised.value)


def test_the_condition_reads_the_body_only() -> None:
    with pytest.raises(AuthoringError, match="neither an input nor an output"):

        @dsl.pipeline
        def mixed(limit: int) -> None:
            dsl.do_while(grow, lambda step: step.outputs["Output"] < limit, max_iterations=3)


def test_two_hundred_iterations_give_the_last(tmp_path: Path) -> None:
    @dsl.component
    def add(count: int) -> int:
        return count + 1

    loop = dsl.do_while(add, lambda step: step.output < 3, max_iterations=200, carry={"count": "Output"})

    @dsl.pipeline
    def p() -> int:
        return loop(count=0).output  # type: ignore[return-value]

    assert json.loads(value(run(p, tmp_path), "wf", "Output")) == 3


def test_a_pipeline_as_the_body_is_not_cached_where_nothing_is_carried(tmp_path: Path) -> None:
    mark = tmp_path / "mark"

    @dsl.pipeline
    def body(path: str) -> str:
        return toss(path=path).output  # type: ignore[return-value]

    loop = dsl.do_while(body, lambda step: step.output == "tails", max_iterations=5)

    @dsl.pipeline
    def p() -> str:
        return loop(path=str(mark)).output  # type: ignore[return-value]

    assert json.loads(value(run(p, tmp_path), "wf", "Output")) == "heads"


def test_inputs_called_like_what_the_condition_reads_stay_apart(tmp_path: Path) -> None:
    step = {
        "name": "x",
        "inputs": {"parameters": [{"name": "x-out"}]},
        "outputs": {"parameters": [{"name": "out", "valueFrom": {"path": "/tmp/out"}}]},
        "script": {
            "image": "none",
            "command": ["sh"],
            "source": "echo $(({{inputs.parameters.x-out}}+1)) > /tmp/out",
        },
    }
    body = dsl.argo_component(step, types={"x-out": int, "out": int})
    loop = dsl.do_while(
        body,
        lambda at: (at.outputs["out"] < 3) & (at.inputs["x-out"] < 10),
        max_iterations=6,
        carry={"x-out": "out"},
    )

    @dsl.pipeline
    def p() -> int:
        return loop(**{"x-out": 0}).outputs["out"]  # type: ignore[return-value]

    assert json.loads(value(run(p, tmp_path), "wf", "Output")) == 3
