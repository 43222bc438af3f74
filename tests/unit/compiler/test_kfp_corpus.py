"""Pipelines that KFP users compiled: each compiles within Argo's limits, with one pod for each leaf task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, ir, manifest
from mlplat.compiler.executors import STUBS
from mlplat.ir import PipelineSpec
from mlplat.ir.model import Component, Container

CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "kfp-ir"
CASES = sorted(CORPUS.glob("*.yaml")) if CORPUS.is_dir() else []
KNOWN_WARNINGS = {
    "pipeline_with_string_machine_fields_pipeline_input": "MLP132",
    "pipeline_with_various_io_types": "MLP322",
}
"""Files with something to say about: inputs that nothing reads; a command that stands in the image."""

pytestmark = pytest.mark.skipif(not CASES, reason="the corpus of compiled pipelines is not there")


def read(file: Path) -> PipelineSpec:
    return ir.read(manifest.load(file.read_text(encoding="utf-8"), file.name), file.name)


def containers(component: Component, spec: PipelineSpec) -> Iterator[Container]:
    """Give the container of each task below a component that has one: a task of a loop once."""
    for task in component.graph.tasks.values() if component.graph else ():
        called = spec.components[task.component]
        executor = spec.executors.get(called.executor)
        if called.graph is not None:
            yield from containers(called, spec)
        elif isinstance(executor, Container) and executor.image not in STUBS:
            yield executor


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_pipeline_compiles_cleanly(file: Path) -> None:
    program = compiler.compile(read(file), compiler.Options(require_arguments=False))
    assert {warning.code for warning in program.warnings} <= {KNOWN_WARNINGS.get(file.stem)}
    workflow = program.documents[-1]
    pods = [one for one in workflow["spec"]["templates"] if "container" in one]
    assert len(pods) <= len(list(containers(program.spec.root, program.spec)))


def called(workflow: dict[str, Any]) -> Counter[str]:
    """Count what a Workflow's tasks call, from its entrypoint down: ``container``, a pod; the others are none."""
    templates = {one["name"]: one for one in workflow["spec"]["templates"]}

    def below(name: str) -> Counter[str]:
        found: Counter[str] = Counter()
        for task in templates[name].get("dag", {}).get("tasks", ()):
            template = templates[task["template"]]
            kind = next(kind for kind in ("container", "dag", "suspend", "resource") if kind in template)
            found[kind] += 1
            found += below(task["template"])
        return found

    return below(workflow["spec"]["entrypoint"])


def test_every_leaf_task_is_one_pod_and_nothing_else_is(capsys: pytest.CaptureFixture[str]) -> None:
    total: Counter[str] = Counter()
    for file in CASES:
        program = compiler.compile(read(file), compiler.Options(require_arguments=False))
        found = called(program.documents[-1])
        assert found["container"] == len(list(containers(program.spec.root, program.spec))), file.stem
        total += found
    regions = total["dag"] - total["suspend"]
    with capsys.disabled():
        print(
            f"\n{len(CASES)} pipelines of KFP users: {total['container']} leaf tasks are one pod each;",
            end=" ",
        )
        print(f"{regions} branches, loops and nested pipelines, {total['suspend']} importers are none")
