"""Locks between the templates of one run, and between runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlplat import engine
from mlplat.argo.status import Node
from mlplat.errors import UnsupportedError
from tests.unit.engine.manifests import dag, meeting, most, node, shell, task, workflow
from tests.unit.waiting import until


def marking(folder: Path, together: int = 1, **fields: Any) -> dict[str, Any]:
    """A template that notes how many of its kind run; the first ones wait until so many do."""
    return shell("mark", meeting(folder, together), **fields)


def config_map(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "sizes"}, "data": data}


def semaphore(key: str = "pods") -> dict[str, Any]:
    return {"semaphores": [{"configMapKeyRef": {"name": "sizes", "key": key}}]}


def start(document: dict[str, Any], folder: Path) -> subprocess.Popen[bytes]:
    """Run a Workflow in a process of its own."""
    file = folder / f"{document['metadata']['name']}.yaml"
    file.write_text(yaml.safe_dump(document))
    command = [sys.executable, "-m", "mlplat", "run", str(file), "--name", document["metadata"]["name"]]
    return subprocess.Popen(command, env={**os.environ, "MLPLAT_HOME": str(folder / "home")})


def four(**fields: Any) -> dict[str, Any]:
    return dag(*(task(name, "mark") for name in "abcd"), **fields)


@pytest.mark.parametrize(
    ("synchronization", "together"),
    [
        ({"mutexes": [{"name": "one"}]}, 1),
        ({"mutex": {"name": "one"}}, 1),
        ({"mutexes": [{"name": "{{workflow.name}}-{{inputs.parameters.half}}"}]}, 2),
        (semaphore(), 3),
    ],
    ids=["mutex", "older form", "name from an input", "semaphore"],
)
def test_at_most_so_many_hold_a_lock(synchronization: dict[str, Any], together: int, tmp_path: Path) -> None:
    template = marking(tmp_path, together, synchronization=synchronization)
    template["inputs"] = {"parameters": [{"name": "half", "value": "0"}]}
    halves = {"a": "0", "b": "1", "c": "0", "d": "1"}
    tasks = [
        task(name, "mark", arguments={"parameters": [{"name": "half", "value": half}]})
        for name, half in halves.items()
    ]
    done = engine.run([workflow(dag(*tasks), template), config_map(pods="3")], home=tmp_path / "home", jobs=8)
    assert done["status"]["phase"] == "Succeeded"
    assert most(tmp_path) == together


def test_a_lock_is_given_back_by_what_failed(tmp_path: Path) -> None:
    failing = shell("mark", "exit 1", synchronization={"mutexes": [{"name": "one"}]})
    done = engine.run([workflow(four(), failing)], home=tmp_path)
    assert [node(done, f"wf.{name}")["phase"] for name in "abcd"] == ["Failed"] * 4


@pytest.mark.parametrize("where", ["template", "workflow"])
def test_runs_of_other_processes_count(where: str, tmp_path: Path) -> None:
    synchronization = {"synchronization": {"mutexes": [{"name": "one"}]}}
    own: dict[str, Any] = synchronization if where == "template" else {}
    whole = synchronization if where == "workflow" else {}
    started = [
        start(workflow(marking(tmp_path, **own), name=name, **whole), tmp_path)
        for name in ("first", "second", "third")
    ]
    assert [one.wait() for one in started] == [0, 0, 0]
    assert most(tmp_path) == 1


def test_a_run_that_waits_can_be_stopped(tmp_path: Path) -> None:
    lock = {"mutexes": [{"name": "one"}]}
    holding = shell("hold", f"touch {tmp_path}/held; sleep 600", synchronization=lock)
    holder = start(workflow(holding, name="holder"), tmp_path)
    try:
        until((tmp_path / "held").exists)
        waiter = start(workflow(marking(tmp_path, synchronization=lock), name="waiter"), tmp_path)
        until((tmp_path / "home/runs/waiter").exists)
        waiter.send_signal(signal.SIGINT)
        waiter.wait(30)
    finally:
        holder.send_signal(signal.SIGINT)
        holder.wait(30)
    assert not (tmp_path / "seen").exists()


@pytest.mark.parametrize("where", ["template", "dag", "retried", "workflow"])
def test_what_waits_says_for_which_lock(where: str, tmp_path: Path) -> None:
    lock: dict[str, Any] = {"synchronization": {"mutexes": [{"name": "one"}]}}
    holding = shell(
        "hold", f"touch {tmp_path}/held; until [ -e {tmp_path}/seen ]; do sleep 0.02; done", **lock
    )
    holder = start(workflow(holding, name="holder"), tmp_path)
    until((tmp_path / "held").exists)
    seen: list[tuple[str, str, str]] = []

    def observer(one: Node) -> None:
        seen.append((one["name"], one["phase"], one.get("message", "")))
        if one["phase"] == "Pending" and one.get("message"):
            (tmp_path / "seen").touch()

    retried = {"retryStrategy": {"limit": "1"}} if where == "retried" else {}
    own = lock if where in ("template", "retried") else {}
    inner = dag(task("a", "mark"), name="inner", **(lock if where == "dag" else {}))
    manifest = workflow(
        dag(task("in", "inner")),
        inner,
        shell("mark", "true", **own, **retried),
        name="waiter",
        **(lock if where == "workflow" else {}),
    )
    done = engine.run([manifest], home=tmp_path / "home", observer=observer)
    assert holder.wait(30) == 0
    waiting = {"dag": "waiter.in", "workflow": "waiter"}.get(where, "waiter.in.a")
    message = "Waiting for default/Mutex/one lock. Lock status: 0/1"
    assert [one for one in seen if one[2]] == [(waiting, "Pending", message)]
    assert done["status"]["phase"] == "Succeeded"
    assert "message" not in node(done, waiting)
    assert node(done, waiting)["phase"] == "Succeeded"
    assert node(done, "waiter")["children"] == [node(done, "waiter.in")["id"]]


def test_the_command_tells_once_what_waits_for_a_lock(tmp_path: Path) -> None:
    lock: dict[str, Any] = {"synchronization": {"mutexes": [{"name": "one"}]}}
    holding = shell("hold", "sleep 0.5", **lock)
    document = workflow(dag(task("a", "hold"), task("b", "hold")), holding, name="both")
    (tmp_path / "both.yaml").write_text(yaml.safe_dump(document))
    command = [sys.executable, "-m", "mlplat", "run", str(tmp_path / "both.yaml"), "--jobs", "2"]
    environment = {**os.environ, "MLPLAT_HOME": str(tmp_path / "home")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    told = [line for line in done.stderr.splitlines() if "Waiting for default/Mutex/one lock" in line]
    assert len(told) == 1
    assert told[0].startswith("… ")


def test_a_lock_that_its_own_run_holds_can_be_waited_for_until_the_deadline(tmp_path: Path) -> None:
    lock = {"mutexes": [{"name": "one"}]}
    inner = marking(tmp_path, synchronization=lock)
    outer = dag(task("a", "mark"), synchronization=lock)
    done = engine.run([workflow(outer, inner, activeDeadlineSeconds=2)], home=tmp_path / "home")
    assert done["status"]["phase"] == "Failed"
    assert not (tmp_path / "seen").exists()


def test_who_needs_several_locks_takes_all_or_none(tmp_path: Path) -> None:
    def holding(name: str, script: str, *locks: str) -> dict[str, Any]:
        return shell(name, script, synchronization={"mutexes": [{"name": lock} for lock in locks]})

    long = (
        "touch begun; for _ in $(seq 3000); do [ ! -s order ] || break; sleep 0.02; done; echo long >> order"
    )
    templates = [
        holding("long", f"cd {tmp_path}; {long}", "b"),
        shell("gate", f"until [ -e {tmp_path}/begun ]; do sleep 0.02; done"),
        holding("both", f"echo both >> {tmp_path}/order", "a", "b"),
        holding("only", f"echo only >> {tmp_path}/order", "a"),
    ]
    tasks = [
        task("long", "long"),
        task("gate", "gate"),
        task("both", "both", "gate"),
        task("only", "only", "gate"),
    ]
    done = engine.run([workflow(dag(*tasks), *templates)], home=tmp_path / "home", jobs=8)
    assert done["status"]["phase"] == "Succeeded"
    assert (tmp_path / "order").read_text().split() == ["only", "long", "both"]
    assert not list((tmp_path / "home/locks").iterdir())


@pytest.mark.parametrize("where", ["template", "workflow"])
def test_a_size_that_is_missing_at_run_time_is_an_error(where: str, tmp_path: Path) -> None:
    synchronization: dict[str, Any] = {"synchronization": semaphore("{{workflow.name}}")}
    own = synchronization if where == "template" else {}
    whole: dict[str, Any] = synchronization if where == "workflow" else {}
    done = engine.run(
        [workflow(marking(tmp_path, **own), **whole), config_map(pods="1")], home=tmp_path / "home"
    )
    assert done["status"]["phase"] == "Error"
    assert (
        "size of a semaphore is missing or not a number: ConfigMap 'sizes', key 'wf'"
        in done["status"]["message"]
    )


@pytest.mark.parametrize(
    ("synchronization", "documents", "message"),
    [
        (semaphore(), [], "the size of a semaphore is missing or not a number"),
        (semaphore("other"), [config_map(pods="2")], "key 'other'"),
        (semaphore(), [config_map(pods="many")], "the size of a semaphore"),
        (semaphore(), [config_map(pods="0")], "the size of a semaphore is 0, expected at least 1"),
        ({"mutexes": [{"name": "a"}, {"name": "a"}]}, [], "is listed twice"),
        ({"mutexes": [{"name": "a", "database": True}]}, [], "locks in a database"),
    ],
)
def test_locks_that_cannot_be_kept_are_refused(
    synchronization: dict[str, Any], documents: list[Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedError, match=message):
        engine.run(
            [workflow(marking(tmp_path, synchronization=synchronization)), *documents], home=tmp_path / "home"
        )
