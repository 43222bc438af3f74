"""Names that a person gives to runs and resources."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlplat.local.state import RunState
from tests.unit.cli.commands import told

PROGRAM = """
from mlplat import dsl

@dsl.component
def one() -> int:
    return 1

@dsl.pipeline
def p():
    one()
"""


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("My Run_1", "my-run-1"),
        ("../../etc", "etc"),
        ("a" * 80, f"{'a' * 54}-"),
        ("a.b", "a-b"),
    ],
)
@pytest.mark.parametrize("words", [("run", "program.py"), ("compile", "program.py")])
def test_a_name_that_is_none_is_refused_with_one_that_is(
    words: tuple[str, ...], name: str, better: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    better = better if words[0] == "run" else better.replace("a" * 54, "a" * 48)
    _, error = told(capsys, *words, "--name", name, expected=2)
    assert f"MLP417: {name}: a name has lower-case letters, digits and '-'" in error
    hint = error.partition("hint: --name ")[2].strip()
    assert hint.startswith(better)
    told(capsys, *words, "--name", hint)


def test_rerun_refuses_such_a_name_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told(capsys, "run", "program.py", "--name", "first")
    assert "hint: --name my-run\n" in told(capsys, "rerun", "first", "--name", "My run", expected=2)[1]


def test_the_name_of_a_run_that_goes_on_is_not_to_be_retried(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = ("run", "program.py", "--name", "first")
    told(capsys, *again)
    assert "mlplat retry first" in told(capsys, *again, expected=2)[1]
    file = folder / ".mlplat/runs/first/workflow.json"
    workflow = json.loads(file.read_text())
    workflow["status"]["phase"] = "Running"
    file.write_text(json.dumps(workflow))
    state = RunState(file.parent)
    try:
        error = told(capsys, *again, expected=2)[1]
    finally:
        state.close()
    assert "MLP415: first: a run of this name is going on" in error
    assert "retry" not in error
    assert "hint: give another --name, or wait until it is over\n" in error
