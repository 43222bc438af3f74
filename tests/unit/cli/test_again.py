"""Runs that go on, and runs that are run anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlplat.cli import main
from mlplat.engine.state import RunState

PROGRAM = """
from typing import List
from mlplat import dsl
from mlplat.dsl import Dataset, Input, Output

@dsl.component
def make(size: int, data: Output[Dataset]) -> None:
    open(data.path, "w").write("x" * size)

@dsl.component
def check(data: Input[Dataset], flag: str, least: int = 0) -> int:
    import os
    if not os.path.exists(flag):
        raise RuntimeError("not yet")
    return len(open(data.path).read()) + least

@dsl.component
def say(number: int, text: str) -> str:
    return f"{text} {number}"

@dsl.component
def bye(text: str) -> str:
    return text

@dsl.pipeline
def p(flag: str, size: int = 3, text: str = "it's", items: List[int] = [1, 2]):
    with dsl.ExitHandler(bye(text="bye")):
        made = make(size=size)
        checked = check(data=made.output, flag=flag)
        with dsl.ParallelFor(items) as item:
            say(number=checked.output, text=text)
"""


def command(capsys: pytest.CaptureFixture[str], *words: str, expected: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    code = main([*words, "-o", "json"])
    out, err = capsys.readouterr()
    assert code == expected, err + out
    result: dict[str, Any] = json.loads(out)
    return result


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert main(list(words)) == 2
    return capsys.readouterr().err


def begun(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    flag = f"flag={folder}/flag"
    return command(capsys, "run", "program.py", "--name", "first", "-p", flag, *words, expected=1)


def outputs(workflow: dict[str, Any], name: str) -> list[Any]:
    return [
        json.loads(parameter["value"])
        for node in workflow["status"]["nodes"].values()
        if node["displayName"] == name
        for parameter in node.get("outputs", {}).get("parameters", ())
        if parameter["name"] == "Output"
    ]


def test_failed_run_continues_without_its_program(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = begun(folder, capsys, "--no-cache")
    (folder / "program.py").unlink()
    (folder / "flag").touch()
    after = command(capsys, "retry", "first")
    assert after["status"]["phase"] == "Succeeded"
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert outputs(after, "check") == [3]
    assert outputs(after, "say") == ["it's 3", "it's 3"]
    (made,) = (node for node in before["status"]["nodes"].values() if node["displayName"] == "make")
    assert after["status"]["nodes"][made["id"]] == made


def test_record_holds_one_run_as_it_ended_last(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begun(folder, capsys)
    (folder / "flag").touch()
    command(capsys, "retry", "first")
    capsys.readouterr()
    main(["get", "runs", "-o", "json"])
    (run,) = json.loads(capsys.readouterr().out)
    assert (run["name"], run["phase"]) == ("first", "Succeeded")


def test_the_summary_of_a_failed_run_tells_how_to_continue(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["run", "program.py", "--name", "first", "-p", f"flag={folder}/flag"])
    assert "to continue: mlplat retry first" in capsys.readouterr().out


def test_a_parameter_of_a_retry_applies_to_the_tasks_that_run_again(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begun(folder, capsys)
    (folder / "flag").touch()
    after = command(capsys, "retry", "first", "-p", 'text=$(HOME) "q"', "-p", "size=9", "-p", "items=[1,2,3]")
    assert outputs(after, "check") == [3]
    assert outputs(after, "say") == ['$(HOME) "q" 3'] * 3


def test_chosen_task_of_a_run_that_succeeded_runs_again(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begun(folder, capsys)
    (folder / "flag").touch()
    command(capsys, "retry", "first")
    assert "nothing to retry" in refused(capsys, "retry", "first")
    assert "did you mean 'check'" in refused(capsys, "retry", "first", "--task", "chekc")
    (folder / "flag").unlink()
    after = command(capsys, "retry", "first", "--task", "check", expected=1)
    assert after["status"]["phase"] == "Failed"


def test_a_task_that_ran_again_is_taken_from_the_cache_by_later_runs(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "flag").touch()
    command(capsys, "run", "program.py", "--name", "first", "-p", f"flag={folder}/flag")
    command(capsys, "retry", "first", "--task", "make")
    anew = command(capsys, "rerun", "first")
    [made] = [node for node in anew["status"]["nodes"].values() if node["displayName"] == "make"]
    assert made["memoizationStatus"]["hit"]
    assert "mlplat.dev/cached-results" not in anew["metadata"].get("annotations", {})


def test_large_values_and_other_documents_are_restored(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "é" * 40_000
    (folder / "values.json").write_text(json.dumps({"text": text}))
    begun(folder, capsys, "-f", "values.json")
    (folder / "flag").touch()
    assert outputs(command(capsys, "retry", "first"), "bye") == ["bye"]
    anew = command(capsys, "rerun", "first", "--name", "second")
    assert anew["status"]["phase"] == "Succeeded"
    beside = folder / ".mlplat/runs/second/documents.json"
    assert beside.stat().st_mode & 0o077 == 0
    assert (
        text[:100].encode("unicode_escape").decode() in beside.read_text() or text[:100] in beside.read_text()
    )


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("size=many", "parameter 'size': expected a number"),
        ("size=[1]", "parameter 'size': expected a number"),
        ("items={}", "parameter 'items': expected a list"),
        ("sise=1", "did you mean 'size'?"),
        ("text={{workflow.name}}", "MLP411"),
    ],
)
@pytest.mark.parametrize("verb", ["retry", "rerun"])
def test_parameter_of_another_type_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], verb: str, word: str, expected: str
) -> None:
    begun(folder, capsys)
    assert expected in refused(capsys, verb, "first", "-p", word)


def test_unknown_run_names_the_nearest(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begun(folder, capsys)
    assert "did you mean 'first'?" in refused(capsys, "retry", "firts")
    assert "did you mean 'first'?" in refused(capsys, "rerun", "firts")
    assert "MLP409" in refused(capsys, "retry", "../first")


def test_a_running_run_is_not_retried(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    begun(folder, capsys)
    state = RunState(folder / ".mlplat/runs/first")
    try:
        assert main(["retry", "first"]) == 1
        assert "a run of this name is still running" in capsys.readouterr().err
    finally:
        state.close()


def test_rerun_takes_from_the_cache_what_is_unchanged(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "flag").touch()
    command(capsys, "run", "program.py", "--name", "first", "-p", f"flag={folder}/flag")
    anew = command(capsys, "rerun", "first", "-p", "text=new")
    hits = {
        node["displayName"]: node["memoizationStatus"]["hit"]
        for node in anew["status"]["nodes"].values()
        if "memoizationStatus" in node
    }
    assert hits == {"make": True, "check": True, "say": False}
    assert outputs(anew, "say") == ["new 3", "new 3"]
    assert anew["metadata"]["labels"]["workflows.argoproj.io/resubmitted-from-workflow"] == "first"
    assert anew["metadata"]["name"].startswith("first-")
    without = command(capsys, "rerun", anew["metadata"]["name"], "--no-cache")
    assert outputs(without, "say") == ["new 3", "new 3"]
    assert not any("memoizationStatus" in node for node in without["status"]["nodes"].values())


@pytest.mark.parametrize("words", [("retry", "first", "--task"), ("logs", "first")])
def test_an_unknown_task_is_reported_with_the_known_ones(
    words: tuple[str, ...], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begun(folder, capsys)
    error = refused(capsys, *words, "chekc")
    assert "MLP408: first: task 'chekc' not found" in error
    assert "hint: did you mean 'check'?; available: bye, check, make\n" in error
    assert "hint: available: bye, check, make\n" in refused(capsys, *words, "none")
