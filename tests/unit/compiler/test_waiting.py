"""``.after(...)``: a task starts when what it waits for is over, wherever that stands in the pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any, List  # noqa: UP035 - as KFP's programs write it

import pytest

from mlplat import compiler, dsl, engine
from mlplat.dsl import Artifact
from mlplat.errors import AuthoringError


@dsl.component(cache=False)
def note(file: str, name: str) -> str:
    import fcntl
    from pathlib import Path

    with Path(file).open("a") as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        log.write(f"{name} ")
    return name


@dsl.pipeline
def inner(file: str, name: str) -> str:
    return note(file=file, name=name).output  # type: ignore[return-value]


@dsl.pipeline
def branches(file: str, on: bool = True) -> None:
    with dsl.If(on == True):  # noqa: E712
        first = note(file=file, name="first")
    with dsl.If(on == True):  # noqa: E712
        note(file=file, name="last").after(first)


@dsl.pipeline
def loops(file: str) -> None:
    with dsl.ParallelFor(["first-1", "first-2"]) as name:
        first = note(file=file, name=name)
    with dsl.ParallelFor(["last-1", "last-2"]) as name:
        note(file=file, name=name).after(first)


@dsl.pipeline
def deep(file: str, on: bool = True) -> None:
    with dsl.If(on == True), dsl.ParallelFor(["first-1", "first-2"]) as name:  # noqa: E712
        first = note(file=file, name=name)
    with dsl.ParallelFor(["last-1", "last-2"]) as name, dsl.If(on == True):  # noqa: E712
        note(file=file, name=name).after(first)


@dsl.pipeline
def out_of_a_region(file: str) -> None:
    with dsl.ParallelFor(["first-1", "first-2"]) as name, dsl.If(name != ""):
        first = note(file=file, name=name)
    note(file=file, name="last").after(first)


@dsl.pipeline
def into_a_region(file: str) -> None:
    first = note(file=file, name="first")
    with dsl.ParallelFor(["last-1", "last-2"]) as name, dsl.If(name != ""):
        note(file=file, name=name).after(first)


@dsl.pipeline
def choice(file: str, on: bool = False) -> None:
    with dsl.If(on == True):  # noqa: E712
        first = note(file=file, name="first")
    with dsl.Else():
        other = note(file=file, name="first-else")
    with dsl.If(on == False):  # noqa: E712
        note(file=file, name="last").after(first, other)


@dsl.pipeline
def whole_region(file: str, on: bool = True) -> None:
    with dsl.ExitHandler(note(file=file, name="exit")) as region:
        note(file=file, name="first")
    with dsl.If(on == True):  # noqa: E712
        note(file=file, name="last").after(region)


@dsl.pipeline
def out_of_an_exit_handler(file: str, on: bool = True) -> None:
    end = note(file=file, name="first-exit")
    with dsl.ExitHandler(end):
        first = note(file=file, name="first")
    with dsl.If(on == True):  # noqa: E712
        note(file=file, name="last-1").after(first, end)
    note(file=file, name="last-2").after(end)


@dsl.pipeline
def importers(file: str, on: bool = True) -> None:
    with dsl.If(on == True):  # noqa: E712
        first = dsl.importer("s3://a/b", Artifact).after(note(file=file, name="first"))
    with dsl.If(on == True):  # noqa: E712
        note(file=file, name="last").after(first)


@dsl.pipeline
def nested(file: str, on: bool = True) -> None:
    with dsl.If(on == True):  # noqa: E712
        first = inner(file=file, name="first")
    with dsl.ParallelFor(["last-1", "last-2"]) as name:
        inner(file=file, name=name).after(first)


@pytest.mark.parametrize(
    "pipeline",
    [
        *(branches, loops, deep, out_of_a_region, into_a_region, choice, whole_region),
        *(out_of_an_exit_handler, importers, nested),
    ],
    ids=lambda pipeline: pipeline.name,
)
def test_what_is_waited_for_is_over_before(pipeline: Any, tmp_path: Path) -> None:
    file = tmp_path / "log"
    options = compiler.Options(name="run", arguments={"file": str(file)})
    done = engine.run(compiler.manifest(pipeline.spec, options), home=tmp_path)
    assert done["status"]["phase"] == "Succeeded"
    names = [name for name in file.read_text().split() if name != "exit"]
    first = [name.startswith("first") for name in names]
    assert first == sorted(first, reverse=True)
    assert {True, False} == set(first)


def test_what_waits_for_a_skipped_region_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "log"
    options = compiler.Options(name="run", arguments={"file": str(file), "on": False})
    done = engine.run(compiler.manifest(branches.spec, options), home=tmp_path)
    phases = {node["displayName"]: node["phase"] for node in done["status"]["nodes"].values()}
    assert (phases["condition-1"], phases["condition-2"]) == ("Skipped", "Omitted")
    assert not file.exists()


@dsl.component(cache=False)
def fail(name: str) -> str:
    raise RuntimeError(name)


@dsl.pipeline
def ignoring(file: str, on: bool = True) -> None:
    with dsl.If(on == True):  # noqa: E712
        failed = fail(name="first")
    with dsl.ParallelFor(["loop-1", "loop-2"]) as name:
        note(file=file, name=name).after(failed).ignore_upstream_failure()
    with dsl.If(on == True), dsl.ParallelFor(["deep"]) as name:  # noqa: E712
        note(file=file, name=name).after(failed).ignore_upstream_failure()
        note(file=file, name=f"beside-{name}")
    with dsl.If(on == True):  # noqa: E712
        note(file=file, name="ignores").after(failed).ignore_upstream_failure()
        note(file=file, name="does-not").after(failed)
    given = note(file=file, name="given").ignore_upstream_failure()
    with dsl.If(given.output == "given"):
        note(file=file, name="reads").after(failed).ignore_upstream_failure()


def test_regions_ignore_failures_where_all_that_wait_in_them_do(tmp_path: Path) -> None:
    file = tmp_path / "log"
    options = compiler.Options(name="run", arguments={"file": str(file)})
    done = engine.run(compiler.manifest(ignoring.spec, options), home=tmp_path)
    assert done["status"]["phase"] == "Failed"
    assert sorted(file.read_text().split()) == ["beside-deep", "deep", "given", "loop-1", "loop-2"]


def test_a_branch_does_not_wait_for_another_of_its_choice() -> None:
    with pytest.raises(AuthoringError, match=r"MLP142: note-2: it depends on 'note', .* only one runs"):

        @dsl.pipeline
        def never(file: str, on: bool = True) -> None:
            with dsl.If(on == True):  # noqa: E712
                first = note(file=file, name="first")
            with dsl.Else(), dsl.ParallelFor(["a"]):
                note(file=file, name="last").after(first)


def test_a_task_of_another_pipeline_is_not_waited_for() -> None:
    tasks: list[Any] = []

    @dsl.pipeline
    def before(file: str) -> None:
        tasks.append(note(file=file, name="first"))

    with pytest.raises(AuthoringError, match="MLP142: note: 'note' is a task of another pipeline"):

        @dsl.pipeline
        def after(file: str) -> None:
            note(file=file, name="last").after(*tasks)


def test_regions_that_wait_for_each_other_are_refused() -> None:
    with pytest.raises(AuthoringError, match=r"MLP141: .*condition-1 -> condition-2 -> condition-1"):

        @dsl.pipeline
        def circle(file: str, on: bool = True) -> None:
            with dsl.If(on == True):  # noqa: E712
                first, second = note(file=file, name="1"), note(file=file, name="2")
            with dsl.If(on == True):  # noqa: E712
                second.after(note(file=file, name="3").after(first))


def test_an_exit_task_waits_for_nothing() -> None:
    with pytest.raises(AuthoringError, match="MLP119: note: the exit task depends on 'note-3'"):

        @dsl.pipeline
        def late(file: str) -> None:
            end = note(file=file, name="exit")
            with dsl.ExitHandler(end):
                end.after(note(file=file, name="2"))
            end.after(note(file=file, name="3"))


@dsl.component
def double(number: int) -> int:
    return 2 * number


@dsl.component
def add(numbers: List[int]) -> int:  # noqa: UP006
    return sum(numbers)


@pytest.mark.parametrize(("least", "total"), [(2, 10), (3, None)])
def test_a_pipeline_returns_what_a_branch_made_of_a_loop(
    least: int, total: int | None, tmp_path: Path
) -> None:
    @dsl.pipeline
    def pipeline(least: int) -> list[int]:
        with dsl.ParallelFor([1, 2, 3]) as number, dsl.If(number >= least):
            made = double(number=number)
        with dsl.If(least == 2):
            made = add(numbers=dsl.Collected(made.output))
        return dsl.Collected(made.output)  # type: ignore[return-value]

    options = compiler.Options(name="run", arguments={"least": least})
    done = engine.run(compiler.manifest(pipeline.spec, options), home=tmp_path)
    assert done["status"]["phase"] == "Succeeded"
    (root,) = [node for node in done["status"]["nodes"].values() if node["name"] == "run"]
    assert root["outputs"]["parameters"] == [{"name": "Output", "value": str(total) if total else "null"}]
