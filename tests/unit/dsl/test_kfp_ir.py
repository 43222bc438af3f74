"""The IR of a program is what KFP 2.17 writes for it, but for the differences that docs/kfp-differences.md tells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlplat import ir, kubernetes
from tests.unit.dsl.kfp_programs import pipelines

GOLDEN = Path(__file__).parents[2] / "golden/kfp"
PIPELINES = pipelines()
SETTINGS = ("accelerator_count", "accelerator_type", "base_image", "cpu_limit")
"""Inputs by which KFP hands a task its own settings, where these are values of the run; nothing reads them."""


def whole(documents: list[dict[str, Any]]) -> dict[str, Any]:
    """Return IR with each component in the place of its name, so that it does not matter how often it stands there."""
    spec, *platforms = documents
    kubernetes_part = platforms[0]["platforms"]["kubernetes"] if platforms else {}
    settings = kubernetes_part.get("deploymentSpec", {}).get("executors", {})
    executors = spec.get("deploymentSpec", {}).get("executors", {})

    def component(document: dict[str, Any]) -> dict[str, Any]:
        found = dict(document)
        if "dag" in found:
            tasks = {name: task(one) for name, one in found["dag"]["tasks"].items()}
            found["dag"] = {**found["dag"], "tasks": tasks}
        elif label := found.pop("executorLabel", ""):
            found["executor"] = executor(executors[label])
            found["kubernetes"] = settings.get(label)
        return found

    def task(document: dict[str, Any]) -> dict[str, Any]:
        called = spec["components"][document["componentRef"]["name"]]
        found = {**document, "component": component(called)}
        del found["componentRef"]
        if found.get("cachingOptions") == {}:
            del found["cachingOptions"]
        return found

    return {
        **{key: spec[key] for key in spec if key not in ("components", "deploymentSpec", "sdkVersion")},
        "root": component(spec["root"]),
        "pipelineConfig": kubernetes_part.get("pipelineConfig"),
    }


def executor(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out the shell that starts a function, and KFP's imports of what annotations hold."""
    command = document.get("container", {}).get("command", [])
    starts = [number for number, word in enumerate(command) if "kfp.dsl.executor_main" in word]
    if not starts:
        return document
    imports = ("from containers import MyThing", "from builtins import ")
    sources = [
        "\n".join(line for line in text.strip().splitlines() if not line.startswith(imports))
        for text in command[starts[0] + 1 :]
    ]
    return {"container": {**document["container"], "command": sources}}


def plain(value: Any) -> Any:
    """Write 3.0 as 3, and leave out what only passes through a region or task without being read."""
    if isinstance(value, dict):
        found = {key: plain(item) for key, item in value.items()}
        parameters = found.get("inputs", {}).get("parameters", {})
        for name in SETTINGS:
            if "pipelinechannel--" in str(parameters.get(name)):
                del parameters[name]
        return found
    if isinstance(value, list):
        return [plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@pytest.mark.parametrize("name", sorted(PIPELINES))
def test_ir_is_what_kfp_writes(name: str) -> None:
    theirs = plain(whole(list(yaml.safe_load_all((GOLDEN / f"{name}.yaml").read_text()))))
    ours = plain(whole(json.loads(json.dumps(ir.write(PIPELINES[name].spec)))))
    if name in KNOWN:
        theirs, ours = (KNOWN[name](one) for one in (theirs, ours))
    assert ours == theirs


def without_passing(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out what an ``Else`` takes in and does not read: its condition is the outer region's."""
    branches = document["root"]["dag"]["tasks"]["condition-branches-1"]["component"]["dag"]["tasks"]
    inner = branches["condition-4"]["component"]["dag"]["tasks"]["condition-5"]
    for name in ("pipelinechannel--flip-Output", "pipelinechannel--seed"):
        inner["inputs"]["parameters"].pop(name, None)
        inner["component"]["inputDefinitions"]["parameters"].pop(name, None)
    return document


def without_first_loop(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out the first loop: there KFP gives the inner loop's item to the outer one, which has none."""
    del document["root"]["dag"]["tasks"]["for-loop-2"]
    return document


def without_descriptions(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out what the inputs of CreatePVC and DeletePVC are said to be: these are sentences."""
    for task in document["root"]["dag"]["tasks"].values():
        for parameter in task["component"].get("inputDefinitions", {}).get("parameters", {}).values():
            parameter.pop("description", None)
    return document


KNOWN = {
    "regions.branches": without_passing,
    "regions.loops": without_first_loop,
    "settings.claims": without_descriptions,
}


def test_all_functions_of_kfp_kubernetes_are_there() -> None:
    assert len(kubernetes.__all__) == 22
