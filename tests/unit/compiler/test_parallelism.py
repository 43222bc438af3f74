"""Tasks of which only so many pods run at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, dsl, ir, local, manifest
from mlplat.cli.run import named
from mlplat.errors import AuthoringError
from tests.unit.local.manifests import value


@dsl.component
def work(first: int, second: int = 0) -> list[float]:
    import time

    begin = time.time()
    time.sleep(0.3)
    return [begin, time.time()]


@dsl.container_component
def sleep() -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image="alpine", command=["sleep", "0.1"])


def together(spans: list[list[float]]) -> int:
    return max(sum(begin <= at < end for begin, end in spans) for at, _ in spans)


def documents(pipeline: dsl.Pipeline, **options: Any) -> list[dict[str, Any]]:
    read = ir.read(manifest.load(manifest.dump(ir.write(pipeline.spec))))
    return named(compiler.manifest(read, compiler.Options(cache=False, **options)), "wf")


def mutexes(pipeline: dsl.Pipeline) -> list[str]:
    templates = documents(pipeline)[-1]["spec"]["templates"]
    found = [template.get("synchronization") for template in templates]
    return [mutex["name"] for one in found if one for mutex in one["mutexes"]]


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_so_many_run_at_once_in_loops_inside_loops(limit: int, tmp_path: Path) -> None:
    @dsl.pipeline
    def p() -> list[Any]:
        with dsl.ParallelFor([0, 1, 2]) as first, dsl.ParallelFor([1, 2]) as second:
            worked = work(first=first, second=second).set_parallelism(limit)
        return dsl.Collected(worked.output)  # type: ignore[return-value]

    done = local.run(documents(p), home=tmp_path, jobs=8)
    spans = json.loads(value(done, "wf", "Output"))
    assert together([span for inner in spans for span in inner]) == limit


def test_a_task_outside_of_loops_runs_and_shares_no_pod(tmp_path: Path) -> None:
    @dsl.pipeline
    def p() -> None:
        before = work(first=1).set_parallelism(2)
        work(first=2).after(before)

    done = local.run(documents(p, fuse="auto"), home=tmp_path)
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
