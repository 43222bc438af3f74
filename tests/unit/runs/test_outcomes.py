"""What came of a run, as programs get it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlplat.runs import outcomes
from mlplat.runs.machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(home=tmp_path / "home")


def document(*tasks: dict[str, Any]) -> dict[str, Any]:
    def shell(name: str, script: str) -> dict[str, Any]:
        return {"name": name, "container": {"image": "i", "command": ["sh", "-c"], "args": [script]}}

    templates = [
        {"name": "main", "dag": {"tasks": list(tasks)}},
        shell("good", "true"),
        shell("bad", "echo trying; exit 3"),
    ]
    metadata, spec = {"name": "small"}, {"entrypoint": "main", "templates": templates}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata, "spec": spec}


def test_a_failure_has_its_message_and_the_end_of_its_log(machine: Machine) -> None:
    tasks = [{"name": f"task-{number}", "template": "bad"} for number in range(7)]
    workflow = machine.submit([document(*tasks)]).result()

    found = outcomes.outcome(workflow, machine)

    assert len(found.failures) == 5
    assert len(found.more_failures) == 2
    assert {*(one.task for one in found.failures), *found.more_failures} == {one["name"] for one in tasks}
    assert [(one.message, one.last_lines, one.hints) for one in found.failures[:1]] == [
        ("main: Error (exit code 3)", ["trying"], [])
    ]


def test_tasks_that_did_not_run_are_in_the_order_of_the_manifest(machine: Machine) -> None:
    names = ("one", "two", "three", "four")
    before = dict(zip(names, ("cause", "one", "two", "cause"), strict=True))
    tasks = [{"name": name, "template": "good", "depends": before[name]} for name in names]
    workflow = machine.submit([document({"name": "cause", "template": "bad"}, *tasks)]).result()

    assert outcomes.outcome(workflow, machine).not_run == list(names)


def test_a_run_that_succeeded_has_no_failures(machine: Machine) -> None:
    workflow = machine.submit([document({"name": "one", "template": "good"})]).result()

    found = outcomes.outcome(workflow, machine)

    assert (found.failures, found.more_failures, found.not_run, found.artifacts) == ([], [], [], [])
