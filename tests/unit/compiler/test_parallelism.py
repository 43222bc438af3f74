"""Tasks of which only so many pods run at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, dsl, engine, ir, manifest
from mlplat.errors import AuthoringError
from mlplat.runs.documents import with_name
from tests.unit.engine.manifests import meeting, most


@dsl.component
def work(first: int) -> int:
    return first


@dsl.container_component
def sleep() -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image="alpine", command=["sleep", "0.1"])


def documents(pipeline: dsl.Pipeline, **options: Any) -> list[dict[str, Any]]:
    read = ir.read(manifest.load(manifest.dump(ir.write(pipeline.spec))))
    return with_name(compiler.manifest(read, compiler.Options(cache=False, **options)), "wf")


def mutexes(pipeline: dsl.Pipeline) -> list[str]:
    templates = documents(pipeline)[-1]["spec"]["templates"]
    found = [template.get("synchronization") for template in templates]
    return [mutex["name"] for one in found if one for mutex in one["mutexes"]]


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_so_many_run_at_once_in_loops_inside_loops(limit: int, tmp_path: Path) -> None:
    @dsl.container_component
    def meet() -> dsl.ContainerSpec:
        return dsl.ContainerSpec(image="alpine", command=["sh", "-c", meeting(tmp_path, limit)])

    @dsl.pipeline
    def p() -> None:
        with dsl.ParallelFor([0, 1, 2]), dsl.ParallelFor([1, 2]):
            meet().set_parallelism(limit)

    done = engine.run(documents(p), home=tmp_path, jobs=8)
    assert done["status"]["phase"] == "Succeeded"
    assert most(tmp_path) == limit


def test_a_task_outside_of_loops_runs_and_shares_no_pod(tmp_path: Path) -> None:
    @dsl.pipeline
    def p() -> None:
        before = work(first=1).set_parallelism(2)
        work(first=2).after(before)

    done = engine.run(documents(p, fuse="auto"), home=tmp_path)
    assert done["status"]["phase"] == "Succeeded"
    assert sum(node["type"] == "Pod" for node in done["status"]["nodes"].values()) == 2


def test_tasks_have_limits_of_their_own() -> None:
    @dsl.pipeline
    def p() -> None:
        with dsl.ParallelFor([1, 2, 3]) as item:
            work(first=item).set_parallelism(2)
            work(first=item).set_parallelism(2)
            work(first=item)
            sleep().set_parallelism(1)

    assert len(mutexes(p)) == len(set(mutexes(p))) == 3


@pytest.mark.parametrize("limit", [0, -1, True, 1.5, "2"])
def test_a_limit_is_a_whole_number(limit: Any) -> None:
    with pytest.raises(AuthoringError, match="MLP124"):

        @dsl.pipeline
        def p() -> None:
            work(first=1).set_parallelism(limit)
