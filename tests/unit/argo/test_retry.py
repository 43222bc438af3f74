"""What a retry keeps of a run, on records that the local engine made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlplat import engine
from mlplat.argo.retry import find, retried
from tests.unit.engine.manifests import dag, phases, shell, task, workflow

COUNT = "echo {name} >> {folder}/ran"


class Runs:
    """Runs a Workflow whose tasks note that they ran, and lets it go on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def notes(self, name: str, script: str = "true", **fields: Any) -> dict[str, Any]:
        """A template that notes its name, then does something."""
        return shell(name, f"echo {name} >> {self.folder}/ran; {script}", **fields)

    def fails(self, name: str, **fields: Any) -> dict[str, Any]:
        """A template that fails until the file ``repaired`` is there."""
        return self.notes(name, f"test -e {self.folder}/repaired", **fields)

    def begin(self, *templates: dict[str, Any], **spec: Any) -> dict[str, Any]:
        self.manifest = workflow(*templates, **spec)
        self.before = engine.run([self.manifest], home=self.folder / "home")
        self.ran()
        return self.before

    def ran(self) -> list[str]:
        """Return what ran since the last call, sorted."""
        file = self.folder / "ran"
        names = sorted(file.read_text().split()) if file.exists() else []
        file.unlink(missing_ok=True)
        return names

    def go_on(self, *also: str) -> dict[str, Any]:
        (self.folder / "repaired").touch()
        nodes = self.before["status"]["nodes"]
        chosen = [key for name in also for key in find(nodes, name)]
        kept = retried("wf", nodes, also=chosen).kept
        resumed = {**self.before, "status": {**self.before["status"], "nodes": kept}}
        return engine.run([self.manifest], home=self.folder / "home", resume=resumed)


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


def assert_equal_to_a_first_run(runs: Runs, done: dict[str, Any]) -> None:
    """The record of a run that went on is that of one that did not fail."""
    anew = engine.run([runs.manifest], home=runs.folder / "other")
    assert phases(done) == phases(anew)
    for key, node in anew["status"]["nodes"].items():
        other = done["status"]["nodes"][key]
        for field in ("children", "outboundNodes"):
            assert sorted(node.get(field, ())) == sorted(other.get(field, ())), (node["name"], field)
    assert done["status"]["phase"] == anew["status"]["phase"] == "Succeeded"


def test_failed_nodes_and_all_after_them_run_again(runs: Runs) -> None:
    tasks = (task("a", "a"), task("b", "b", "a"), task("c", "c", "b"), task("d", "d", "a"))
    runs.begin(dag(*tasks), runs.notes("a"), runs.fails("b"), runs.notes("c"), runs.notes("d"))
    done = runs.go_on()
    assert runs.ran() == ["b", "c"]
    assert_equal_to_a_first_run(runs, done)


def test_task_that_ran_because_another_failed_runs_again(runs: Runs) -> None:
    """The form of an exit handler: ``argo retry`` keeps the failed task, because something after it succeeded."""
    whatever = "b.Succeeded || b.Failed"
    tasks = [task("a", "a"), task("b", "part"), task("bye", "bye", whatever)]
    last = {"name": "main", "dag": {"tasks": tasks, "target": "a b bye"}}
    runs.begin(
        last,
        dag(task("x", "x"), task("y", "y", "x"), name="part"),
        *(runs.notes(n) for n in ("a", "x", "bye")),
        runs.fails("y"),
    )
    assert runs.before["status"]["phase"] == "Failed"
    done = runs.go_on()
    assert runs.ran() == ["bye", "y"]
    assert_equal_to_a_first_run(runs, done)


def test_a_failure_in_a_group_that_succeeded_stays(runs: Runs) -> None:
    part = dag(task("x", "x"), task("y", "y", "x.Failed"), name="part")
    runs.begin(
        dag(task("part", "part"), task("b", "b", "part")),
        part,
        runs.fails("x"),
        runs.notes("y"),
        runs.fails("b"),
    )
    done = runs.go_on()
    assert runs.ran() == ["b"]
    assert phases(done)["wf.part.x"] == "Failed"
    assert done["status"]["phase"] == "Succeeded"


def test_only_the_failed_items_of_a_loop_run_again(runs: Runs) -> None:
    inputs = {"inputs": {"parameters": [{"name": "i"}]}}
    item = runs.notes(
        "i{{inputs.parameters.i}}", f"test {{{{inputs.parameters.i}}}} != 1 || test -e {runs.folder}/repaired"
    )
    loop = task(
        "loop", "item", withItems=[0, 1, 2], arguments={"parameters": [{"name": "i", "value": "{{item}}"}]}
    )
    runs.begin(
        dag(loop, task("after", "after", "loop")), {**item, **inputs, "name": "item"}, runs.notes("after")
    )
    done = runs.go_on()
    assert runs.ran() == ["after", "i1"]
    assert_equal_to_a_first_run(runs, done)


def test_attempts_start_again(runs: Runs) -> None:
    runs.begin(
        dag(task("a", "a"), task("b", "b", "a")),
        runs.fails("a", retryStrategy={"limit": "1"}),
        runs.notes("b"),
    )
    assert "wf.a(1)" in phases(runs.before)
    done = runs.go_on()
    assert runs.ran() == ["a", "b"]
    assert_equal_to_a_first_run(runs, done)


def test_attempt_that_failed_before_one_succeeded_stays(runs: Runs) -> None:
    twice = runs.notes(
        "a",
        f"test -e {runs.folder}/first || {{ touch {runs.folder}/first; exit 1; }}",
        retryStrategy={"limit": "1"},
    )
    runs.begin(dag(task("a", "a"), task("b", "b", "a")), twice, runs.fails("b"))
    done = runs.go_on()
    assert runs.ran() == ["b"]
    assert phases(done)["wf.a(0)"] == "Failed"
    assert done["status"]["phase"] == "Succeeded"


def test_branch_that_was_not_taken_stays_so(runs: Runs) -> None:
    tasks = (
        task("a", "a"),
        task("no", "a", "a", when="false"),
        task("b", "b", "a"),
        task("j", "a", "no && b"),
    )
    runs.begin(dag(*tasks), runs.notes("a"), runs.fails("b"))
    done = runs.go_on()
    assert runs.ran() == ["a", "b"]
    assert_equal_to_a_first_run(runs, done)


def test_steps_continue_from_the_failed_step(runs: Runs) -> None:
    steps = {"name": "main", "steps": [[task("a", "a")], [task("b", "b"), task("c", "a")], [task("d", "a")]]}
    runs.begin(steps, runs.notes("a"), runs.fails("b"))
    done = runs.go_on()
    assert runs.ran() == ["a", "b"]
    assert_equal_to_a_first_run(runs, done)


def test_exit_handler_of_the_workflow_runs_again(runs: Runs) -> None:
    runs.begin(
        dag(task("a", "a"), task("b", "b", "a")),
        runs.notes("a"),
        runs.fails("b"),
        runs.notes("bye"),
        onExit="bye",
    )
    done = runs.go_on()
    assert runs.ran() == ["b", "bye"]
    assert_equal_to_a_first_run(runs, done)


def test_only_a_failed_exit_handler_runs_again(runs: Runs) -> None:
    runs.begin(dag(task("a", "a")), runs.notes("a"), runs.fails("bye"), onExit="bye")
    assert runs.before["status"]["phase"] == "Failed"
    done = runs.go_on()
    assert runs.ran() == ["bye"]
    assert_equal_to_a_first_run(runs, done)


def test_chosen_task_runs_again_although_it_succeeded(runs: Runs) -> None:
    part = dag(task("x", "x"), task("y", "y", "x"), name="part")
    names = ("x", "y", "a", "b")
    runs.begin(
        dag(task("a", "a"), task("part", "part"), task("b", "b", "part")), part, *map(runs.notes, names)
    )
    done = runs.go_on("y")
    assert runs.ran() == ["b", "y"]
    assert_equal_to_a_first_run(runs, done)


def test_global_outputs_of_what_stays_are_known(runs: Runs) -> None:
    shared = {"outputs": {"parameters": [{"name": "v", "globalName": "g", "valueFrom": {"path": "/tmp/v"}}]}}
    give = runs.notes("a", "printf 7 > /tmp/v")
    use = runs.notes("got-{{workflow.outputs.parameters.g}}", f"test -e {runs.folder}/repaired")
    runs.begin(dag(task("a", "a"), task("b", "b", "a")), {**give, **shared}, {**use, "name": "b"})
    done = runs.go_on()
    assert runs.ran() == ["got-7"]
    assert done["status"]["outputs"] == runs.before["status"]["outputs"]


def test_loop_finds_its_items_again_when_arguments_change(runs: Runs) -> None:
    runs.begin(dag(task("loop", "item", withItems=[0, 1])), runs.fails("item"))
    parted = retried("wf", runs.before["status"]["nodes"], other_arguments=True)
    assert sorted(node["name"] for node in parted.kept.values()) == ["wf", "wf.loop"]


def test_task_that_fails_after_a_loop_without_items_runs_again(runs: Runs) -> None:
    """What follows such a loop hangs from it, as its items would."""
    loop = {**task("loop", "work"), "withParam": "[]"}
    runs.begin(dag(loop, task("after", "after", "loop")), runs.notes("work"), runs.fails("after"))
    done = runs.go_on()
    assert runs.ran() == ["after"]
    assert_equal_to_a_first_run(runs, done)
