"""Tasks that share a pod: which do, what they give, and that the record has each of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, dsl, engine, ir, manifest, metadata
from mlplat.argo.status import fused
from mlplat.errors import CompileError
from mlplat.metadata.reading import read_run
from mlplat.runs import outcomes, trees
from mlplat.runs.tree_lines import outline
from tests.e2e.programs.fused import chain, make, size
from tests.unit.engine.manifests import node, value

# ruff: noqa: PTH118, PTH123, PTH208 - functions of components use what they find


@dsl.component(cache=False)
def stumble(n: int, times: int, folder: str) -> int:
    import os

    tries = len(os.listdir(folder))
    open(os.path.join(folder, str(tries)), "w").close()
    if tries < times:
        raise ValueError(f"stumbled {n}")
    return n + tries


@dsl.component(cache=False, base_image="python:3.12")
def elsewhere(n: int) -> int:
    return n


def compiled(pipeline: dsl.Pipeline, **options: Any) -> list[dict[str, Any]]:
    return compiler.manifest(pipeline.spec, compiler.Options(name="wf", **{"cache": False, **options}))


def pods(documents: list[dict[str, Any]]) -> list[str]:
    return [template["name"] for template in documents[-1]["spec"]["templates"] if "container" in template]


def test_a_series_shares_a_pod_and_gives_the_same(tmp_path: Path) -> None:
    assert pods(compiled(chain)) == pods(compiled(chain, fuse="off")) == ["make", "grow", "size"]
    fused = compiled(chain, fuse="auto")
    assert pods(fused) == ["make-to-size", "size"]
    apart = engine.run(compiled(chain), home=tmp_path / "apart")
    done = engine.run(fused, home=tmp_path / "fused")
    assert value(done, "wf", "Output") == value(apart, "wf", "Output") == str(9 + 150_000 + 4)
    looped = [
        sorted(value(one, name, "Output") for name in _names(one) if "iteration" in name)
        for one in (apart, done)
    ]
    assert looped == 2 * [["10", "11"]]


def _names(done: dict[str, Any]) -> list[str]:
    return [one["name"] for one in done["status"]["nodes"].values() if one["type"] == "Pod"]


def test_the_record_has_each_task(tmp_path: Path) -> None:
    records = []
    fuses: list[str] = ["off", "auto"]
    for number, fuse in enumerate(fuses):
        done = engine.run(compiled(chain, fuse=fuse), home=tmp_path / fuse)
        with metadata.open_store(tmp_path / f"{number}.db") as store:
            store.record(done)
            run = read_run(done)
            tasks = store.tasks(run, roles=["task"])
            found = [(one.display_name, one.phase, one.attempts, one.exit_code) for one in tasks]
            artifacts = store.artifacts(run)
            kinds = sorted((one.name, one.type, one.digest, one.size) for one in artifacts if one.digest)
            metrics = [(one.name, one.value) for one in store.metrics(run)]
            records.append((sorted(found), kinds, metrics))
    assert records[0] == records[1]
    assert ("make", "Succeeded", 1, 0) in records[0][0]
    tree = "\n".join(
        line.text for line in outline(trees.tree(done["status"]["nodes"], "wf", trees.program(done)))
    )
    assert [line.split()[3] for line in tree.splitlines()[1:4]] == ["make", "grow", "size"]


def test_each_task_keeps_its_retries(tmp_path: Path) -> None:
    @dsl.pipeline
    def p(folder: str) -> int:
        first = stumble(n=1, times=0, folder=folder)
        second = stumble(n=first.output, times=3, folder=folder).set_retry(2, "0s")
        return stumble(n=second.output, times=0, folder=folder).output  # type: ignore[return-value]

    (tmp_path / "tries").mkdir()
    done = engine.run(compiled(p, fuse="auto", arguments={"folder": str(tmp_path / "tries")}), home=tmp_path)
    assert value(done, "wf", "Output") == str(1 + 0 + 3 + 4)
    log = next((tmp_path / "logs").rglob("*.log")).read_text()
    assert fused.log_of(log, "stumble-2").count("ValueError: stumbled") == 2


def test_a_failure_is_that_of_the_task_that_failed(tmp_path: Path) -> None:
    @dsl.pipeline
    def p(folder: str) -> int:
        first = stumble(n=1, times=0, folder=folder)
        second = stumble(n=first.output, times=9, folder=folder)
        return stumble(n=second.output, times=0, folder=folder).output  # type: ignore[return-value]

    (tmp_path / "tries").mkdir()
    done = engine.run(compiled(p, fuse="auto", arguments={"folder": str(tmp_path / "tries")}), home=tmp_path)
    assert done["status"]["phase"] == "Failed"
    (failed,) = outcomes.failures(done)
    assert (failed["displayName"], failed["phase"]) == ("stumble-2", "Failed")
    phases = {one["displayName"]: one["phase"] for one in fused.nodes_of(done).values()}
    assert phases["stumble"] == "Succeeded"
    assert "stumble-3" not in phases


def test_a_pod_of_several_is_cached_as_a_whole(tmp_path: Path) -> None:
    store = metadata.open_store(tmp_path / "mlplat.db")
    documents = compiled(chain, fuse="auto")
    assert "memoize" not in str(documents)

    @dsl.component
    def double(n: int) -> int:
        return 2 * n

    @dsl.pipeline
    def p(n: int = 3) -> int:
        return double(n=double(n=n).output).output  # type: ignore[return-value]

    with store:
        for hit in (False, True):
            documents = compiled(p, fuse="auto", cache=True)
            done = engine.run(documents, home=tmp_path, cache=store.cache())
            assert value(done, "wf", "Output") == "12"
            nodes = fused.nodes_of(done)
            assert [bool((nodes[key].get("memoizationStatus") or {}).get("hit")) for key in nodes] == [
                False,
                *3 * [hit],
            ]
        changed = engine.run(
            compiled(p, fuse="auto", cache=True, arguments={"n": 4}), home=tmp_path, cache=store.cache()
        )
        assert value(changed, "wf", "Output") == "16"


def test_the_program_names_who_shares_a_pod(tmp_path: Path) -> None:
    @dsl.pipeline
    def p(n: int = 3) -> int:
        made = make(n=n)
        one = size(text="a", data=made.outputs["data"])
        other = size(text="b", data=made.outputs["data"])
        one.fuse_with(other)
        return other.output  # type: ignore[return-value]

    again = ir.read(manifest.load(manifest.dump(ir.write(p.spec))))
    for spec in (p.spec, again):
        documents = compiler.manifest(spec, compiler.Options(name="wf", cache=False))
        assert pods(documents) == ["make", "size-to-size"]
        assert "mlplat.dev/fuse" not in json.dumps(documents)
    assert value(engine.run(documents, home=tmp_path), "wf", "Output") == "8"
    assert pods(compiled(p, fuse="off")) == ["make", "size"]
    assert node(engine.run(documents, home=tmp_path / "2"), "wf.size-to-size-2")["phase"] == "Succeeded"


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_tasks_that_are_named_one_after_another_share_one_pod(order: tuple[int, ...]) -> None:
    @dsl.pipeline
    def p(n: int = 3) -> None:
        made = make(n=n)
        one = size(text="a", data=made.outputs["data"])
        other = size(text="b", data=made.outputs["data"])
        pairs = [(made, one), (one, other), (other, made)]
        for number in order[:2]:
            first, second = pairs[number]
            first.fuse_with(second)

    assert len(pods(compiled(p))) == 1


def _around() -> None:
    first = make(n=1)
    between = elsewhere(n=first.outputs["Output"])
    make(n=between.output).fuse_with(first)


def _other_image() -> None:
    elsewhere(n=1).fuse_with(make(n=1))


def _with_timeout() -> None:
    make(n=1).fuse_with(make(n=2).set_timeout("1m"))


def _in_text() -> None:
    first = make(n=1)
    size(text=f"{first.outputs['Output']} rows", data=first.outputs["data"]).fuse_with(first)


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (_around, "elsewhere runs between make-2 and other tasks of the group"),
        (_other_image, "make and elsewhere differ in image"),
        (_with_timeout, "make: it has a timeout"),
        (_in_text, "size: its arguments are strings with runtime values"),
    ],
)
def test_the_reason_why_tasks_can_not_share_a_pod_is_reported(function: Callable[[], None], why: str) -> None:
    pipeline = dsl.pipeline(function)
    with pytest.raises(CompileError, match="MLP380") as raised:
        compiler.compile(pipeline.spec)
    assert why.rsplit(":", maxsplit=1)[-1] in str(raised.value)


def test_the_compiler_tells_what_it_fused_and_why_not_the_rest() -> None:
    program = compiler.compile(chain.spec, compiler.Options(fuse="auto"))
    told = {(one.code, one.path): one.message for one in program.warnings}
    assert told["MLP381", "chain"] == "make, grow, size share a pod"
    assert told["MLP382", "chain.for-loop-2"] == "does not share a pod: it is a pipeline"
    assert all(one.severity == "note" for one in program.warnings)


def test_nothing_waits_longer_than_before() -> None:
    @dsl.pipeline
    def p(n: int = 3) -> None:
        made = make(n=n)
        size(text="a", data=made.outputs["data"])
        size(text="b", data=made.outputs["data"])

    assert pods(compiled(p, fuse="auto")) == ["make", "size"]


def test_a_pod_takes_no_name_that_a_task_has(tmp_path: Path) -> None:
    @dsl.pipeline
    def p(n: int = 3) -> int:
        with dsl.ParallelFor([1, 2]) as more:
            elsewhere(n=more).set_display_name("other")
        first = stumble(n=n, times=0, folder=str(tmp_path))
        second = stumble(n=first.output, times=0, folder=str(tmp_path))
        return second.output  # type: ignore[return-value]

    root = p.spec.root
    assert root.graph is not None
    loop = next(key for key, task in root.graph.tasks.items() if task.iterator)
    tasks = {("stumble-to-stumble-2" if key == loop else key): task for key, task in root.graph.tasks.items()}
    spec = replace(p.spec, root=replace(root, graph=replace(root.graph, tasks=tasks)))
    documents = compiler.manifest(spec, compiler.Options(name="wf", cache=False, fuse="auto"))
    (dag,) = (one["dag"] for one in documents[-1]["spec"]["templates"] if one["name"] == "p")
    assert len(dag["tasks"]) == 2
