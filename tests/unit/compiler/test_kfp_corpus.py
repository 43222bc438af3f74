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
from mlplat.ir.model import Component, Container, Executor, Importer
from tests import argo_variables

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


def leaves(component: Component, spec: PipelineSpec) -> Iterator[Executor]:
    """Give the executor of each task below a component that has one: a task of a loop once."""
    for task in component.graph.tasks.values() if component.graph else ():
        called = spec.components[task.component]
        if called.graph is not None:
            yield from leaves(called, spec)
        else:
            yield spec.executors[called.executor]


def containers(spec: PipelineSpec) -> int:
    """Count the tasks that run in a container."""
    found = [one for one in leaves(spec.root, spec) if isinstance(one, Container)]
    return sum(one.image not in STUBS for one in found)


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_pipeline_compiles_cleanly(file: Path) -> None:
    program = compiler.compile(read(file), compiler.Options(require_arguments=False))
    assert {warning.code for warning in program.warnings} <= {KNOWN_WARNINGS.get(file.stem)}
    workflow = program.documents[-1]
    assert argo_variables.unknown(workflow) == []
    pods = [one for one in workflow["spec"]["templates"] if "container" in one and not fetches(one)]
    assert len(pods) <= containers(program.spec)


def fetches(template: dict[str, Any]) -> bool:
    """Tell the pod of an importer, which is not there when its data lies in the store already."""
    run = template["container"]
    return (
        '"function": "fetch"' in run.get("args", ["", ""])[-1]
        or "cp -RL /models" in run.get("command", [""])[-1]
    )


def called(workflow: dict[str, Any]) -> Counter[str]:
    """Count what a Workflow's tasks call: ``container``, a pod, ``fetch``, that of an importer; others are none."""
    templates = {one["name"]: one for one in workflow["spec"]["templates"]}

    def below(name: str) -> Counter[str]:
        found: Counter[str] = Counter()
        for task in templates[name].get("dag", {}).get("tasks", ()):
            template = templates[task["template"]]
            kind = next(kind for kind in ("container", "dag", "suspend", "resource") if kind in template)
            found["fetch" if kind == "container" and fetches(template) else kind] += 1
            found += below(task["template"])
        return found

    return below(workflow["spec"]["entrypoint"])


def test_every_leaf_task_is_one_pod_and_nothing_else_is(capsys: pytest.CaptureFixture[str]) -> None:
    total: Counter[str] = Counter()
    for file in CASES:
        program = compiler.compile(read(file), compiler.Options(require_arguments=False))
        found = called(program.documents[-1])
        assert found["container"] == containers(program.spec), file.stem
        importers = sum(isinstance(one, Importer) for one in leaves(program.spec.root, program.spec))
        total += found + Counter(importers=importers)
    regions = total["dag"] - total["importers"]
    # A driver for each run and region, a driver and an executor for each container, one pod for all else.
    of_kfp = len(CASES) + regions + 2 * total["container"] + total["importers"] + total["resource"]
    with capsys.disabled():
        print(
            f"\n{len(CASES)} pipelines of KFP users: {total['container']} leaf tasks are one pod each;",
            end=" ",
        )
        print(
            f"{regions} branches, loops and nested pipelines are none; of {total['importers']} importers",
            end=" ",
        )
        print("those whose data lies elsewhere, and is read, have a pod that fetches it.", end=" ")
        print(f"KFP's backend makes {of_kfp} pods of them, loops counted once")
