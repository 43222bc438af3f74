"""The report at the end of a run, and what the record says of failed tasks and of values."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from mlplat.cli import places
from mlplat.cli.commands import mlplat
from mlplat.cli.grammar import Args
from mlplat.cli.report import report
from tests.unit.cli.commands import told

PROGRAM = """
from mlplat import dsl
from mlplat.dsl import Dataset, Output


@dsl.component
def unlucky(word: str, out: Output[Dataset]) -> str:
    print("tried", word)
    raise ValueError(f"no luck with {word}")


@dsl.component
def quote(word: str) -> str:
    return word


@dsl.pipeline
def retried(word: str = "dice") -> None:
    unlucky(word=word).set_retry(1)


@dsl.pipeline
def plain(word: str = "two words\\nand a line") -> str:
    return quote(word=word).output
"""

NESTED = """
from mlplat import dsl

@dsl.component
def broken(x: str) -> str:
    raise ValueError(x)

@dsl.component
def after(x: str) -> None:
    pass

@dsl.pipeline
def p() -> None:
    with dsl.ParallelFor(["k", "l"], name="each") as item:
        after(x=broken(x=item).output)
"""

HOOKED = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: hooked}
spec:
  entrypoint: main
  templates:
    - name: main
      dag:
        tasks:
          - name: work
            template: work
            hooks: {exit: {template: clean}}
    - name: work
      retryStrategy: {limit: "1"}
      container: {image: i, command: [sh, -c], args: ["echo of the task; exit 3"]}
    - name: clean
      container: {image: i, command: [sh, -c], args: ["echo of the hook"]}
"""


def test_the_reason_of_the_last_attempt_is_shown_wherever_a_failed_task_is(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    why = "No more retries left: main: Error (exit code 1): ValueError: no luck with dice"

    out, err = told(capsys, "run", "program.py:retried", "--name", "first", expected=1)
    assert f"unlucky failed: {why}\n" in out
    assert "✖ unlucky(1)" in err
    assert "ValueError: no luck with dice" in err
    assert f"unlucky: {why}" in told(capsys, "get", "runs")[0]
    assert why in told(capsys, "get", "tasks", "first")[0]


def test_outputs_that_a_failed_task_did_not_write_are_not_listed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, "run", "program.py:retried", "--name", "first", expected=1)

    listed = told(capsys, "get", "parameters", "first")[0].split("\n")
    assert [line.split() for line in listed if "unlucky" in line] == [["unlucky", "input", "word", "dice"]]


def test_strings_are_shown_without_quotes_in_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, _ = told(capsys, "run", "program.py:plain", "--name", "first")
    assert "s  Output=two words\\nand a line\n" in out
    assert "  Output  two words\\nand a line\n" in out
    assert "Output  two words\\nand a line\n" in told(capsys, "get", "parameters", "first")[0]


def test_the_report_of_attempts_leaves_the_logs_of_hooks_out(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("hooked.yaml").write_text(HOOKED)
    out, _ = told(capsys, "run", "hooked.yaml", "--name", "first", expected=1)

    assert "✖ work" in out
    assert "(2 attempts)" in out
    assert "work failed: No more retries left: main: Error (exit code 3)\n  | of the task\n" in out
    assert "of the hook" not in out


def test_a_pod_that_may_not_report_its_result_gets_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    message = (
        'wait: Error (exit code 64): workflowtaskresults.argoproj.io is forbidden: User "u" cannot create'
    )
    node = {
        "id": "n",
        "name": "run.a",
        "displayName": "a",
        "type": "Pod",
        "phase": "Error",
        "message": message,
    }
    workflow = {
        "metadata": {"name": "run", "namespace": "my-team"},
        "spec": {},
        "status": {"phase": "Error", "nodes": {"n": node}},
    }
    monkeypatch.setattr("mlplat.runs.logs.log_of_pod", lambda *_: iter(()))
    words = ["run", "--engine", "argo", "--context", "the lab"]
    args = Args(**mlplat.commands["attach"].make_context("attach", words).params)

    written = report(workflow, places.place(args), args)
    assert "--service-account NAME; mlplat doctor --engine argo -n my-team" in written
    run = "run --engine argo -n my-team --context 'the lab'"
    assert f"next: mlplat get tasks {run}; mlplat logs {run}\nto continue: mlplat retry {run}" in written


def test_hints_name_a_module_as_it_is_typed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        "specify one: -m program:retried, -m program:plain\n"
        in told(capsys, "run", "-m", "program", expected=2)[1]
    )
    out, _ = told(capsys, "run", "-m", "program:retried", "--name", "first", expected=1)
    assert "after a fix: mlplat run -m program:retried --resume first\n" in out


def test_a_password_in_a_parameter_is_warned_of_and_not_listed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("-p", "word=https://ada:hunter2@example.org/x", "--name", "first")
    _, err = told(capsys, "run", "program.py:plain", *words)
    assert "warning MLP419: parameter 'word' contains a password" in err
    listed = told(capsys, "get", "parameters", "first")[0]
    assert "https://***@example.org/x" in listed
    assert "hunter2" not in listed


def test_tasks_that_did_not_run_are_named_by_their_paths(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("nested.py").write_text(NESTED)
    out, _ = told(capsys, "run", "nested.py", expected=1)
    assert "not run because of it: each.iteration(0:0 k).after, each.iteration(1:1 l).after\n" in out


def finished(count: int, failed: int) -> dict[str, Any]:
    """Return a run of so many tasks, of which the last ones failed."""
    phase = "Failed" if failed else "Succeeded"
    nodes = {"run": {"id": "run", "name": "run", "displayName": "run", "type": "DAG", "phase": phase}}
    for number in range(count):
        name = f"task-{number}"
        node = {"id": name, "name": f"run.{name}", "displayName": name, "type": "Pod", "boundaryID": "run"}
        bad = number >= count - failed
        nodes[name] = {**node, "phase": "Failed" if bad else "Succeeded", "message": "no luck" if bad else ""}
    metadata = {"name": "run", "namespace": "default"}
    return {"metadata": metadata, "spec": {}, "status": {"phase": phase, "nodes": nodes}}


@pytest.mark.parametrize("failed", [0, 1])
def test_a_report_fits_its_terminal(failed: int, folder: Path) -> None:
    args = Args(**mlplat.commands["attach"].make_context("attach", ["run"]).params)
    workflow, place = finished(40, failed), places.place(args)

    lines = report(workflow, place, args, os.terminal_size((80, 24))).splitlines()

    assert len(lines) == 23
    assert lines[0].startswith("run  Failed" if failed else "run  Succeeded")
    assert any(line.endswith("more: mlplat get tasks run") for line in lines)
    assert ("task-39 failed: no luck" in lines) == any("✖ task-39" in line for line in lines) == bool(failed)
    whole = report(workflow, place, args).splitlines()
    assert len([line for line in whole if "─ ✔ task" in line]) == 40 - failed
    assert whole == report(workflow, place, args, os.terminal_size((80, 60))).splitlines()


def test_a_report_that_does_not_fit_ends_with_the_result(folder: Path) -> None:
    args = Args(**mlplat.commands["attach"].make_context("attach", ["run"]).params)

    lines = report(finished(40, 10), places.place(args), args, os.terminal_size((80, 10))).splitlines()

    assert lines[-1] == lines[0] == "run  Failed  <1s"
