"""Small inputs that users' bug reports describe: each has the result that its first lines ask for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mlplat.cli import main

Command = Callable[..., tuple[int, str]]


@pytest.fixture
def fault(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Run a command on the file of a number: its exit code, and all that it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLPLAT_HOME", str(tmp_path / "home"))

    def command(number: int, *words: str) -> tuple[int, str]:
        (file,) = (corpus / "faults").glob(f"{number}-*")
        verb, *options = words
        function = options.pop(0) if options and options[0].startswith(":") else ""
        capsys.readouterr()
        code = main([verb, f"{file}{function}", *options])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out + err

    return command


def tasks(capsys: pytest.CaptureFixture[str], name: str) -> str:
    capsys.readouterr()
    assert main(["get", "tasks", name]) == 0
    return capsys.readouterr().out


def test_fields_of_items_keep_their_escapes(fault: Command, tmp_path: Path) -> None:
    code, _ = fault(41, "run", "--name", "escapes")
    assert code == 0
    logs = [
        file.read_text() for file in (tmp_path / "home" / "logs" / "escapes").rglob("*") if file.is_file()
    ]
    assert logs == ['[\\"A\\"]\n[http://x/?a=b&c=<d>]\n[l1\\nl2]\n'] * 2


def test_a_failed_jsonpath_is_named(fault: Command, capsys: pytest.CaptureFixture[str]) -> None:
    code, printed = fault(57, "run", "--name", "count-zero")
    assert code == 1
    assert "jsonpath" in printed.split("count-zero  ")[-1].split("failed: ")[1].splitlines()[0]


def test_a_tag_is_not_a_quantity(fault: Command) -> None:
    code, printed = fault(69, "lint")
    assert code == 2
    assert "podSpecPatch" in printed


def test_an_argument_is_one_of_its_enum(fault: Command) -> None:
    assert fault(79, "run", "-p", "message=test2")[0] == 0
    code, printed = fault(79, "run", "-p", "message=zzz")
    assert code == 2
    assert "zzz" in printed
    assert "test1" in printed


def test_a_hook_that_reads_the_output_of_its_own_step_is_refused(fault: Command) -> None:
    code, printed = fault(80, "lint")
    assert code == 2
    assert "steps.step-1.outputs.parameters.result" in printed


def test_results_of_a_loop_that_are_not_json(fault: Command, capsys: pytest.CaptureFixture[str]) -> None:
    code, printed = fault(81, "run", "--name", "not-json")
    assert code == 1
    assert "invalid character 'h' looking for beginning of value" in printed
    assert main(["retry", "not-json"]) == 1
    assert "invalid character 'h'" in capsys.readouterr().out


@pytest.mark.parametrize("number", [82, 83])
def test_items_and_results_of_loops_reach_tasks_unchanged(fault: Command, number: int) -> None:
    code, printed = fault(number, "run")
    assert code == 0, printed


def test_the_reason_of_a_nested_error_is_shown(fault: Command, capsys: pytest.CaptureFixture[str]) -> None:
    code, printed = fault(84, "run", "--name", "silent")
    assert code == 1
    reason = "failed to evaluate expression: invalid JSON"
    assert reason in printed
    assert reason in tasks(capsys, "silent")


def test_attempts_and_log_of_a_failed_task_that_has_an_exit_hook(fault: Command) -> None:
    code, printed = fault(85, "run", "--name", "with-hook")
    assert code == 1
    assert "(2 attempts)" in printed
    assert "(3 attempts)" not in printed
    assert "| THE REASON" in printed
    assert "bye from the hook" not in printed


def test_a_port_may_have_a_name(fault: Command) -> None:
    assert fault(86, "lint")[0] == 0


def test_a_variable_that_is_a_runtime_value_belongs_to_the_cache_key(fault: Command) -> None:
    def output(value: str) -> object:
        code, printed = fault(87, "run", "-p", f"param={value}", "--output", "json")
        assert code == 0, printed
        (found,) = (
            parameter["value"]
            for node in json.loads(printed[printed.index("{") :])["status"]["nodes"].values()
            if node["displayName"] == "show"
            for parameter in node["outputs"]["parameters"]
        )
        return json.loads(found)

    assert [output("a"), output("b"), output("a")] == ["a", "b", "a"]


@pytest.mark.parametrize("function", [":flag", ":nested", ":cpu", ":env"])
def test_runtime_values_in_settings_reach_tasks_of_regions(fault: Command, function: str) -> None:
    code, printed = fault(89, "run", function)
    assert code == 0, printed


def test_every_file_has_a_test(corpus: Path) -> None:
    numbers = {int(file.name.split("-")[0]) for file in (corpus / "faults").iterdir()}
    assert numbers == {41, 57, 69, 79, 80, 81, 82, 83, 84, 85, 86, 87, 89}
