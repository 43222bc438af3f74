"""Argo's examples: those that need nothing but a shell run to the phase that Argo gives them, others are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mlplat import engine
from mlplat.errors import UnsupportedError

CORPUS = Path(__file__).parents[4] / "shared" / "corpus" / "argo-examples"
LEFT_OUT = {
    "arguments-parameters-from-configmap": "its ConfigMap stands in another file",
    "artifact-passing": "runs for a second",
    "ci": "clones a repository",
    "input-artifact-gcs": "fetches from a cloud",
    "colored-logs": "prints for minutes",
    "conditionals": "calls a program of its image",
    "dag-coinflip": "may flip for long",
    "dag-disable-failFast": "sleeps",
    "dag-task-level-timeout": "sleeps",
    "fibonacci-seq-conditional-param": "calls itself for a second",
    "forever": "never ends",
    "fun-with-gifs": "fetches from the network",
    "global-outputs": "sleeps",
    "loops-param-result": "sleeps",
    "map-reduce": "needs jq",
    "parallelism-limit": "sleeps",
    "parallelism-nested": "sleeps",
    "parallelism-nested-workflow": "sleeps",
    "parallelism-template-limit": "sleeps",
    "parameter-aggregation": "sleeps",
    "retry-backoff": "sleeps and draws lots",
    "retry-container": "draws lots",
    "retry-on-error": "draws lots",
    "scripts-javascript": "needs node",
    "volumes-emptydir": "looks for a mount",
}
FAILS = {"exit-handlers", "pod-gc-strategy"}
"""Examples that fail on purpose."""

CASES = sorted(CORPUS.glob("*.yaml")) if CORPUS.is_dir() else []


def documents(file: Path) -> list[dict[str, Any]]:
    found = [one for one in yaml.safe_load_all(file.read_text(encoding="utf-8")) if one]
    for one in found:
        if one.get("kind") == "Workflow":
            one["metadata"].setdefault("name", one["metadata"].get("generateName", "") + "abcde")
    return found


@pytest.mark.skipif(not CASES, reason="the corpus of examples is not there")
@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_an_example(file: Path, home: Path) -> None:
    found = documents(file)
    if [one.get("kind") for one in found].count("Workflow") != 1:
        pytest.skip("not one Workflow")
    if file.stem in LEFT_OUT:
        pytest.skip(LEFT_OUT[file.stem])
    try:
        done = engine.run(found, home=home, jobs=2)
    except UnsupportedError:
        assert not home.exists()
        return
    assert done["status"]["phase"] == ("Failed" if file.stem in FAILS else "Succeeded")
