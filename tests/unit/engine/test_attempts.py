"""Retries, deadlines and memoization."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.unit.engine.manifests import dag, gives, node, passes, phases, shell, takes, task, value, workflow


def tries(done: Mapping[str, Any]) -> list[str]:
    return [phase for name, phase in phases(done).items() if name.startswith("wf.a(")]


def retried(script: str, **strategy: Any) -> dict[str, Any]:
    return shell("flaky", script, retryStrategy=strategy, outputs=gives(o="/tmp/o"))


def test_a_try_that_succeeds_is_the_last(run: Any) -> None:
    script = "printf {{retries}} > /tmp/o; test {{retries}} -ge 1"
    done = run(
        workflow(
            dag(
                task("a", "flaky"),
                task("b", "echo", "a", arguments=passes(x="{{tasks.a.outputs.parameters.o}}")),
            ),
            retried(script, limit="3"),
            shell(
                "echo",
                "printf {{inputs.parameters.x}} > /tmp/o",
                inputs=takes("x"),
                outputs=gives(o="/tmp/o"),
            ),
        )
    )
    assert tries(done) == ["Failed", "Succeeded"]
    assert node(done, "wf.a")["type"] == "Retry"
    assert node(done, "wf.a(0)")["nodeFlag"] == {"retried": True}
    assert value(done, "wf.b", "o") == "1"
    assert done["status"]["phase"] == "Succeeded"


@pytest.mark.parametrize(
    ("strategy", "count", "message"),
    [
        ({"limit": 2}, 3, "No more retries left"),
        ({"limit": "1", "retryPolicy": "OnError"}, 1, "main: Error (exit code 4)"),
        (
            {"limit": "5", "expression": "asInt(lastRetry.exitCode) != 4"},
            1,
            "retryStrategy.expression evaluated to false",
        ),
        (
            {"limit": "5", "expression": "asInt(retries) < 1"},
            2,
            "retryStrategy.expression evaluated to false",
        ),
        (
            {"limit": "5", "backoff": {"duration": "5", "maxDuration": "3"}},
            1,
            "Backoff would exceed max duration limit",
        ),
        ({"limit": "1", "backoff": {"duration": "5ms", "factor": 2}}, 2, "No more retries left"),
        ({"limit": "1", "backoff": {"duration": "soon"}}, 1, "unable to parse soon as a duration"),
    ],
)
def test_when_to_stop_trying(run: Any, strategy: dict[str, Any], count: int, message: str) -> None:
    done = run(workflow(dag(task("a", "flaky")), retried("echo x > /tmp/o; exit 4", **strategy)))
    assert len(tries(done)) == count
    assert message in node(done, "wf.a")["message"]
    assert node(done, "wf.a")["phase"] in ("Failed", "Error")


def test_a_strategy_of_the_workflow_holds_for_its_tasks(run: Any) -> None:
    done = run(workflow(dag(task("a", "flaky")), shell("flaky", "exit 1"), retryStrategy={"limit": "1"}))
    assert [one["type"] for one in done["status"]["nodes"].values()].count("Pod") == 4


def test_a_task_that_takes_too_long_fails(run: Any) -> None:
    slow = shell("slow", "sleep 60 & wait", activeDeadlineSeconds=1)
    done = run(workflow(dag(task("a", "slow")), slow))
    assert node(done, "wf.a")["message"] == "Pod was active on the node longer than the specified deadline"
    assert node(done, "wf.a")["phase"] == "Failed"


@pytest.mark.parametrize(
    ("limit", "text", "phase", "message"),
    [
        ("timeout", "0.1s", "Failed", "Pod was active on the node longer than the specified deadline"),
        (
            "timeout",
            "2 sec",
            "Error",
            "task 'wf.a' errored: invalid timeout format. time: invalid duration \"2 sec\"",
        ),
        (
            "timeout",
            "2",
            "Error",
            "task 'wf.a' errored: invalid timeout format. time: missing unit in duration \"2\"",
        ),
        (
            "activeDeadlineSeconds",
            "a",
            "Error",
            "task 'wf.a' errored: value 'a' cannot be resolved to an int",
        ),
    ],
)
def test_a_limit_of_time_that_only_the_run_knows(
    run: Any, limit: str, text: str, phase: str, message: str
) -> None:
    slow = shell("slow", "sleep 60 & wait", inputs=takes("x"), **{limit: "{{inputs.parameters.x}}"})
    done = run(workflow(dag(task("a", "slow", arguments=passes(x=text))), slow))
    assert (node(done, "wf.a")["phase"], node(done, "wf.a")["message"]) == (phase, message)


def test_the_deadline_of_the_workflow_ends_it_but_not_its_exit_handler(run: Any) -> None:
    done = run(
        workflow(
            dag(task("a", "slow"), task("b", "slow", "a.Failed"), task("w", "wait")),
            shell("slow", "sleep 60"),
            {"name": "wait", "suspend": {"duration": "1h"}},
            shell("bye", "true"),
            activeDeadlineSeconds=1,
            onExit="bye",
        )
    )
    assert phases(done) == {
        "wf": "Failed",
        "wf.a": "Failed",
        "wf.b": "Failed",
        "wf.w": "Failed",
        "wf.onExit": "Succeeded",
    }
    assert {node(done, f"wf.{name}")["message"] for name in "abw"} == {"Step exceeded its deadline"}


class Table:
    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Mapping[str, Any]] = {}
        self.asked: list[float | None] = []

    def load(self, cache_name: str, key: str, max_age: float | None) -> Mapping[str, Any] | None:
        self.asked.append(max_age)
        return self.rows.get((cache_name, key))

    def save(self, cache_name: str, key: str, node_id: str, outputs: Mapping[str, Any]) -> None:
        self.rows[cache_name, key] = outputs


def memoized(folder: Path, key: str = "{{inputs.parameters.x}}") -> dict[str, Any]:
    return shell(
        "memo",
        f"echo ran >> {folder}/ran; date +%N > /tmp/o",
        inputs=takes("x"),
        outputs=gives(o="/tmp/o"),
        memoize={"key": key, "maxAge": "1h", "cache": {"configMap": {"name": "c"}}},
    )


def test_a_memoized_task_runs_once(run: Any, tmp_path: Path) -> None:
    cache = Table()
    main = dag(task("a", "memo", arguments=passes(x="k")), task("b", "memo", "a", arguments=passes(x="k")))
    first = run(workflow(main, memoized(tmp_path)), cache=cache)
    second = run(workflow(main, memoized(tmp_path), name="again"), cache=cache)
    assert (tmp_path / "ran").read_text() == "ran\n"
    assert node(first, "wf.a")["memoizationStatus"] == {"hit": False, "key": "k", "cacheName": "c"}
    assert node(first, "wf.b")["memoizationStatus"]["hit"] is True
    assert value(first, "wf.a", "o") == value(first, "wf.b", "o") == value(second, "again.a", "o")
    assert set(cache.asked) == {3600.0}


def test_a_failed_task_is_not_remembered(run: Any) -> None:
    cache = Table()
    template = {**memoized(Path("/nonexistent")), "container": shell("x", "exit 1")["container"]}
    run(workflow(dag(task("a", "memo", arguments=passes(x="k"))), template), cache=cache)
    assert cache.rows == {}


def test_a_bad_key_is_an_error(run: Any, tmp_path: Path) -> None:
    done = run(
        workflow(dag(task("a", "memo", arguments=passes(x="k"))), memoized(tmp_path, "bad key!")),
        cache=Table(),
    )
    assert node(done, "wf.a")["message"] == "task 'wf.a' errored: invalid cache key: bad key!"
