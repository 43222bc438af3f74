"""The logs of a run, as programs get them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlplat.errors import ArgumentError
from mlplat.runs import log_following, logs
from mlplat.runs.machine import Machine


def shell(name: str, text: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "container": {"image": "i", "command": ["sh", "-c"], "args": [text]}, **fields}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with a run: of its tasks, one fails twice, and one waits for that."""
    tasks = [
        {"name": "early", "template": "early"},
        {"name": "late", "template": "late", "depends": "early"},
        {"name": "never", "template": "early", "depends": "late"},
    ]
    templates = [
        {"name": "main", "dag": {"tasks": tasks}},
        shell("early", "echo one; printf two"),
        shell("late", "echo trying; exit 1", retryStrategy={"limit": 1}),
    ]
    metadata, spec = {"name": "small"}, {"entrypoint": "main", "templates": templates}
    machine = Machine(home=tmp_path / "home")
    document = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata, "spec": spec}
    machine.submit([document]).wait()
    return machine


def told(found: logs.Logs) -> list[tuple[str, bytes]]:
    return [(one.path, b"".join(one.pieces)) for one in found.logs]


def test_every_attempt_has_its_log(machine: Machine) -> None:
    found = logs.of_run(machine, "small")

    attempts = [("late(0)", b"trying\n"), ("late(1)", b"trying\n")]
    assert told(found) == [("early", b"one\ntwo"), *attempts]
    assert not found.not_run
    assert len({one.task for one in found.logs}) == 2
    assert told(logs.of_run(machine, "small", "late")) == attempts
    assert told(logs.of_run(machine, "small", "late(1)")) == attempts[1:]


def test_a_task_that_did_not_run_has_a_reason(machine: Machine) -> None:
    found = logs.of_run(machine, "small", "never")

    assert (found.logs, [one.path for one in found.not_run]) == ([], ["never"])
    assert "omitted" in found.not_run[0].reason
    with pytest.raises(ArgumentError, match="did you mean 'late'"):
        logs.of_run(machine, "small", "lat")


def test_the_lines_of_a_run_are_followed_with_the_paths_of_their_tasks(machine: Machine) -> None:
    lines: list[tuple[str, str]] = []

    def emit(path: str, line: str) -> None:
        lines.append((path, line))

    def problem(path: str, error: Exception) -> None:
        raise AssertionError(path) from error

    log_following.follow(machine, "small", "", emit, problem)
    expected = [("early", "one"), ("early", "two"), ("late(0)", "trying"), ("late(1)", "trying")]
    assert sorted(lines) == expected
    lines.clear()
    log_following.follow(machine, "small", "early", emit, problem)
    assert lines == expected[:2]
    with pytest.raises(ArgumentError, match="task 'nothing' not found"):
        log_following.follow(machine, "small", "nothing", emit, problem)
