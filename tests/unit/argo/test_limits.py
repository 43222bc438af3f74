"""What goes beyond the limits of Argo is warned of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlplat import engine
from mlplat.argo import limits
from tests.unit.engine.manifests import dag, shell, task, workflow


def chain(levels: int) -> dict[str, Any]:
    """A Workflow whose templates call each other, one after another."""
    callers = [dag(task("next", f"t{level + 1}"), name=f"t{level}") for level in range(levels - 1)]
    return workflow(*callers, shell(f"t{levels - 1}", "true"))


@pytest.mark.parametrize(("levels", "phase"), [(limits.DEEPEST, "Succeeded"), (limits.DEEPEST + 1, "Error")])
def test_warned_manifests_fail_on_argo(levels: int, phase: str, tmp_path: Path) -> None:
    document = chain(levels)
    assert limits.depth(document["spec"]) == levels
    codes = [problem.code for problem in limits.check([document])]
    assert codes == (["MLP358"] if phase == "Error" else [])
    assert engine.run([document], home=tmp_path)["status"]["phase"] == phase


def test_the_longest_path_counts_and_a_cycle_ends() -> None:
    short, long = task("short", "leaf"), task("long", "middle")
    middle = {
        "name": "middle",
        "steps": [[{"name": "again", "template": "main"}, {"name": "b", "template": "leaf"}]],
    }
    assert limits.depth(workflow(dag(short, long), middle, shell("leaf", "true"))["spec"]) == 3


def test_a_warning_for_tasks_after_only_cached_tasks_with_retries() -> None:
    cache = {"key": "k", "cache": {"configMap": {"name": "c"}}}
    again = shell("again", "true", memoize=cache, retryStrategy={"limit": 1})
    tasks = [
        task("a", "again"),
        task("b", "once"),
        task("after-a", "once", "a"),
        task("after-both", "once", "a && b"),
        task("inner", "inner"),
        task("after-inner", "once", "inner.Succeeded"),
    ]
    inner = dag(task("c", "again"), name="inner")
    documents = [workflow(dag(*tasks), inner, again, shell("once", "true"))]
    (warning,) = limits.check(documents)
    assert (warning.code, warning.severity) == ("MLP359", "warning")
    assert "the dependency of after-a, after-inner comes from the cache" in warning.message
    del again["memoize"]
    assert not limits.check(documents)
