"""How tasks ended, for exit tasks that are pipelines, and for components that declare it as a dict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, dsl, engine, ir, manifest
from mlplat.dsl import PipelineTaskFinalStatus
from tests import argo_variables


@dsl.component
def work(reason: str) -> None:
    if reason:
        raise ValueError(reason)


@dsl.component
def state_of(status: dict) -> str:  # type: ignore[type-arg]
    return "done" if status["state"] == "COMPLETE" else status["state"]


@dsl.component
def echo(status: dict) -> dict:  # type: ignore[type-arg]
    return status


@dsl.component
def native(status: PipelineTaskFinalStatus) -> dict:  # type: ignore[type-arg]
    return {"state": status.state, "code": status.error_code, "message": status.error_message}


@dsl.pipeline(name="told")
def told(status: PipelineTaskFinalStatus) -> None:
    with dsl.If(state_of(status=status).output == "FAILED"):
        echo(status=status)
        native(status=status)
    echo(status={"node": "a", "state": "b"}).set_display_name("plain")


@dsl.pipeline
def told_deeper(status: PipelineTaskFinalStatus) -> None:
    told(status=status)


@dsl.pipeline
def exits(reason: str) -> None:
    with dsl.ExitHandler(told()):
        work(reason=reason)


@dsl.pipeline
def nested_exits(reason: str) -> None:
    with dsl.ExitHandler(told_deeper()):
        work(reason=reason)


@dsl.pipeline
def looped_exits(reason: str) -> None:
    with dsl.ParallelFor(["0", "1"]) as number, dsl.ExitHandler(told()):
        work(reason=f"{reason}{number}")


def run(pipeline: Any, home: Path, reason: str, *, through_ir: bool = False) -> dict[str, list[Any]]:
    """Return the outputs of a run's tasks by their names."""
    spec = pipeline.spec
    if through_ir:
        spec = ir.read(manifest.load(manifest.dump(ir.write(spec))))
    documents = compiler.manifest(spec, compiler.Options(name="run", arguments={"reason": reason}))
    assert argo_variables.unknown(documents[-1]) == []
    done = engine.run(documents, home=home)
    found: dict[str, list[Any]] = {}
    for node in sorted(done["status"]["nodes"].values(), key=lambda one: str(one["name"])):
        for given in node.get("outputs", {}).get("parameters", ()) if node["type"] == "Pod" else ():
            found.setdefault(node["displayName"], []).append(json.loads(given["value"]))
    return found


@pytest.mark.parametrize("reason", ["it broke", "{{workflow.name}} $(HOME) é\n'\""])
@pytest.mark.parametrize("through_ir", [False, True])
@pytest.mark.parametrize("pipeline", [exits, nested_exits, looped_exits], ids=lambda one: str(one.name))
def test_the_reason_arrives(pipeline: Any, through_ir: bool, reason: str, tmp_path: Path) -> None:
    found = run(pipeline, tmp_path, reason, through_ir=through_ir)
    reasons = [f"{reason}{number}" for number in range(2)] if pipeline is looped_exits else [reason]
    messages = [f"work: ValueError: {one}" for one in reasons]
    assert [one["error"] for one in found["echo"]] == [{"code": 1, "message": one} for one in messages]
    assert [set(one) for one in found["echo"]] == [
        {"state", "error", "pipelineTaskName", "pipelineJobResourceName"} for _ in reasons
    ]
    assert found["native"] == [{"state": "FAILED", "code": 1, "message": one} for one in messages]
    assert found["state-of"] == ["FAILED" for _ in reasons]
    assert found["plain"] == [{"node": "a", "state": "b"} for _ in reasons]


def test_success_has_no_reason(tmp_path: Path) -> None:
    assert run(exits, tmp_path, "") == {"state-of": ["done"], "plain": [{"node": "a", "state": "b"}]}
