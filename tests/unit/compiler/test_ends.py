"""What follows a task that is tried again is reached, also when the task's result comes from the cache."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlplat import compiler, dsl, engine, metadata
from tests.e2e.programs.retried import more, one, retried


@dsl.component
def bad(x: int) -> int:
    raise KeyError(x)


def phases(pipeline: Any, home: Path, name: str) -> dict[str, str]:
    manifest = compiler.manifest(pipeline.spec, compiler.Options(name=name))
    with metadata.open_store(home / "mlplat.db") as store:
        status = engine.run(manifest, home=home, cache=store.cache())["status"]
    nodes = (one for one in status["nodes"].values() if one["displayName"] != name)
    return {"": status["phase"], **{one["displayName"]: one["phase"] for one in nodes}}


def dags(pipeline: Any, **options: Any) -> dict[str, dict[str, str]]:
    [workflow] = compiler.manifest(pipeline.spec, compiler.Options(**options))
    return {
        template["name"]: {task["name"]: task.get("depends", "") for task in template["dag"]["tasks"]}
        for template in workflow["spec"]["templates"]
        if "dag" in template
    }


def test_a_failure_behind_a_cached_task_counts(tmp_path: Path) -> None:
    @dsl.pipeline
    def p() -> None:
        more(x=bad(x=one().set_retry(2).output).output)

    expected = {"": "Failed", "one": "Succeeded", "bad": "Failed", "more": "Omitted"}
    assert phases(p, tmp_path, "first").items() >= expected.items()
    assert phases(p, tmp_path, "second").items() >= expected.items()


def test_regions_and_loops_of_retried_tasks_come_from_the_cache(tmp_path: Path) -> None:
    first = phases(retried, tmp_path, "first")
    assert first[""] == "Succeeded"
    tries = {name for name in first if name.endswith("(0)")}
    assert phases(retried, tmp_path, "second") == {
        name: phase for name, phase in first.items() if name not in tries
    }


def test_only_tasks_after_a_task_with_retries_get_a_dependency() -> None:
    @dsl.pipeline
    def p() -> None:
        first = one()
        second = more(x=first.output).set_retry(1)
        more(x=second.output)
        more(x=first.output)

    (tasks,) = dags(p).values()
    assert tasks == {
        "link": "",
        "one": "",
        "more": "one.Succeeded",
        "more-2": "(more.Succeeded) && link",
        "more-3": "one.Succeeded",
    }
    assert not any("link" in tasks for tasks in dags(p, cache=False).values())


def test_what_follows_a_nested_pipeline_of_retried_tasks_waits_for_more() -> None:
    found = dags(retried)
    assert found["inner"] == {"one": ""}
    assert found["retried"]["more"] == "(inner.Succeeded) && link"
    assert found["retried"]["total"] == "(for-loop-2.Succeeded) && link"
