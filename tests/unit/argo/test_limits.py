"""How deep templates may call each other: as many levels as the engines go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlplat import local
from mlplat.argo import limits
from tests.unit.local.manifests import dag, shell, task, workflow


def chain(levels: int) -> dict[str, Any]:
    """A Workflow whose templates call each other, one after another."""
    callers = [dag(task("next", f"t{level + 1}"), name=f"t{level}") for level in range(levels - 1)]
    return workflow(*callers, shell(f"t{levels - 1}", "true"))


@pytest.mark.parametrize(("levels", "phase"), [(limits.DEEPEST, "Succeeded"), (limits.DEEPEST + 1, "Error")])
def test_what_is_warned_of_is_what_fails(levels: int, phase: str, tmp_path: Path) -> None:
    document = chain(levels)
    assert limits.depth(document["spec"]) == levels
    codes = [problem.code for problem in limits.check([document])]
    assert codes == (["MLP358"] if phase == "Error" else [])
    assert local.run([document], home=tmp_path)["status"]["phase"] == phase


def test_the_longest_way_counts_and_a_circle_ends() -> None:
    short, long = task("short", "leaf"), task("long", "middle")
    middle = {
        "name": "middle",
        "steps": [[{"name": "again", "template": "main"}, {"name": "b", "template": "leaf"}]],
    }
    assert limits.depth(workflow(dag(short, long), middle, shell("leaf", "true"))["spec"]) == 3
