"""Graphs that are too large for one DAG of Argo are cut, and give what they gave before."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlplat import compiler, dsl, engine
from mlplat.argo import limits
from mlplat.compiler import bands, partition
from mlplat.dsl import Dataset, Input, Output
from mlplat.ir.cycles import find_cycle


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    size = draw(st.integers(1, 40))
    names = [f"t{number}" for number in range(size)]
    return {
        name: draw(st.lists(st.sampled_from(names[:number]), max_size=3, unique=True)) if number else []
        for number, name in enumerate(names)
    }


@given(graphs(), st.integers(1, 8))
def test_parts_hold_every_task_once_and_never_wait_in_a_cycle(
    before: dict[str, list[str]], largest: int
) -> None:
    cut = bands.cut(before, largest)
    assert sorted(name for part in cut for name in part) == sorted(before)
    assert all(len(part) <= largest for part in cut)
    home = {name: str(number) for number, part in enumerate(cut) for name in part}
    between = {
        str(number): tuple({home[other] for name in part for other in before[name]} - {str(number)})
        for number, part in enumerate(cut)
    }
    assert not find_cycle(between)
    level_of = bands.levels(before)
    depth: dict[str, int] = {}
    for number in sorted(between, key=lambda one: min(level_of[name] for name in cut[int(one)])):
        levels = {level_of[name] for name in cut[int(number)]}
        depth[number] = max((depth[other] for other in between[number]), default=0) + len(levels)
    assert max(depth.values()) <= 1 + max(level_of.values())


@pytest.mark.parametrize(
    ("before", "parts"),
    [
        ({f"t{number}": [f"t{number - 1}"] if number else [] for number in range(1_000)}, 5),
        ({f"t{number}": [] for number in range(1_000)}, 5),
        ({"a": [], **{f"t{number}": ["a"] for number in range(600)}, "z": [f"t{n}" for n in range(600)]}, 5),
    ],
    ids=["chain", "wide", "fan out and in"],
)
def test_nothing_is_lost_where_the_shape_allows(before: dict[str, list[str]], parts: int) -> None:
    cut = bands.cut(before, 200)
    assert len(cut) == parts
    assert bands.needless_waits(before, cut) == {}


@dsl.component
def add(left: int, right: int = 0) -> int:
    return left + right + 1


@dsl.component
def keep(number: int, data: Output[Dataset]) -> None:
    data.metadata["number"] = number
    with open(data.path, "w") as file:  # noqa: PTH123
        file.write(str(number))


@dsl.component
def size(data: Input[Dataset]) -> int:
    return int(open(data.path).read()) + data.metadata["number"]  # type: ignore[no-any-return]  # noqa: PTH123


@dsl.container_component
def add_in_shell(left: int, right: int, total: dsl.OutputPath(int)) -> dsl.ContainerSpec:  # type: ignore[valid-type]
    script = 'mkdir -p "$(dirname "$2")"; echo $(($0 + $1)) >"$2"'
    words: list[Any] = ["sh", "-c", script, left, right, total]
    return dsl.ContainerSpec(image="x", command=words)


def run(pipeline: Any, **arguments: Any) -> dict[str, list[Any]]:
    """Return what each task gave; tasks of loops in the order of the items."""
    options = compiler.Options(name="run", cache=False, arguments=arguments)
    with tempfile.TemporaryDirectory() as home:
        done = engine.run(compiler.manifest(pipeline.spec, options), home=Path(home))
    assert done["status"]["phase"] == "Succeeded"
    found: dict[str, list[Any]] = {}
    for node in sorted(done["status"]["nodes"].values(), key=lambda one: str(one["name"])):
        if node["type"] == "Pod":
            values = {one["name"]: json.loads(one["value"]) for one in node["outputs"]["parameters"]}
            numbers = {name: value["metadata"] if name == "data" else value for name, value in values.items()}
            found.setdefault(node["displayName"], []).append(numbers)
    return found


def sums(shape: list[list[int]]) -> Callable[[int], int]:
    def pipeline(start: int) -> int:
        made: list[Any] = []
        for before in shape:
            left = made[before[0] % len(made)] if before and made else start
            right = made[before[1] % len(made)] if len(before) > 1 and made else 1
            made.append(add_in_shell(left=left, right=right).output)
        last: int = made[-1]
        return last

    return pipeline


@settings(max_examples=8)
@given(st.lists(st.lists(st.integers(0, 20), max_size=2), min_size=4, max_size=10), st.integers(2, 3))
def test_cut_pipeline_gives_the_same(shape: list[list[int]], largest: int) -> None:
    pipeline = dsl.pipeline(sums(shape))
    whole = run(pipeline, start=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partition, "MOST_TASKS", largest)
        assert run(pipeline, start=3) == whole


def test_everything_that_tasks_read_reaches_them_across_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    @dsl.pipeline
    def p(start: int, items: list[int]) -> int:
        first = add(left=start)
        kept = keep(number=first.output)
        measured = size(data=kept.outputs["data"])
        with dsl.If(measured.output > 3):
            add(left=measured.output, right=first.output)
        with dsl.ParallelFor(items) as item:
            looped = add(left=item, right=measured.output)
        with dsl.ParallelFor(dsl.Collected(looped.output)) as item:
            add(left=item)
        later = size(data=kept.outputs["data"]).after(measured)
        add(left=later.output).after(first)
        return measured.output  # type: ignore[return-value]

    whole = run(p, start=2, items=[1, 2])
    monkeypatch.setattr(partition, "MOST_TASKS", 3)
    assert run(p, start=2, items=[1, 2]) == whole
    templates = compiler.manifest(p.spec, compiler.Options(require_arguments=False))[-1]["spec"]["templates"]
    assert max(len(one["dag"]["tasks"]) for one in templates if "dag" in one) <= 3


def test_five_thousand_tasks_stay_within_the_limits() -> None:
    @dsl.pipeline
    def chain() -> None:
        task = add(left=1)
        for _ in range(4_999):
            task = add(left=task.output)

    program = compiler.compile(chain.spec)
    assert program.warnings == ()
    assert limits.size(program.documents[-1]) < limits.LARGEST_WORKFLOW


def test_what_a_cut_costs_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition, "MOST_TASKS", 4)

    @dsl.pipeline
    def apart() -> None:
        first, second = add(left=1), add(left=2)
        for _ in range(3):
            first, second = add(left=first.output), add(left=second.output)
        add(left=first.output, right=second.output)
        for _ in range(3):
            add(left=first.output)

    (warning,) = compiler.compile(apart.spec).warnings
    assert warning.code == "MLP357"
    assert "12 tasks are cut into 3 DAGs of at most 4; 3 tasks wait for tasks" in warning.message
