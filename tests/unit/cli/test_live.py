"""Runs of this machine that another process runs: attach, logs -f, stop, terminate."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlplat import engine
from tests.unit.cli.commands import told
from tests.unit.waiting import until

PROGRAM = """
from mlplat import dsl

@dsl.component
def say(number: int) -> int:
    print("said", number)
    return number + 1

@dsl.pipeline
def saying() -> None:
    say(number=say(number=1).output)
"""
WAIT = "echo started {name}; while [ ! -e {gate} ]; do sleep 0.05; done; echo ended {name}"

Start = Callable[..., "subprocess.Popen[str]"]


def document(folder: Path) -> dict[str, Any]:
    def shell(name: str, script: str) -> dict[str, Any]:
        return {"name": name, "container": {"image": "i", "command": ["sh", "-c"], "args": [script]}}

    tasks = [
        {"name": "first", "template": "first"},
        {"name": "second", "template": "second", "depends": "first"},
    ]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "live"},
        "spec": {
            "entrypoint": "main",
            "onExit": "bye",
            "templates": [
                {"name": "main", "dag": {"tasks": tasks}},
                shell("first", WAIT.format(name="first", gate=folder / "gate")),
                shell("second", "echo second; echo === mine"),
                shell("bye", f"touch {folder}/bye"),
            ],
        },
    }


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[str]]:
    """A run in a process of its own, whose first task waits for a file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLPLAT_HOME", raising=False)
    (tmp_path / "live.json").write_text(json.dumps(document(tmp_path)))
    command = [sys.executable, "-m", "mlplat", "run", "live.json", "--name", "live"]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until(lambda: (tmp_path / ".mlplat/logs/live").is_dir() and any(_logs(tmp_path)))
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def _logs(folder: Path) -> Iterator[Path]:
    return (file for file in (folder / ".mlplat/logs/live").glob("*.log") if file.read_text())


def _other(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "mlplat", *words]
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        # A process that was started in the background ignores SIGINT, and so do its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads
    )


def test_a_run_is_followed_from_elsewhere(running: subprocess.Popen[str], tmp_path: Path) -> None:
    other, logs = _other("attach", "live"), _other("logs", "-f", "live")
    assert logs.stdout is not None
    assert other.stderr is not None
    assert logs.stdout.readline() == "first: started first\n"
    assert other.stderr.readline() == "▶ first\n"

    (tmp_path / "gate").touch()

    out, err = other.communicate(timeout=60)
    assert other.returncode == 0, err
    assert "✔ second" in err
    assert out.startswith("live  Succeeded")
    assert "next: mlplat get tasks live" in out
    rest, _ = logs.communicate(timeout=60)
    assert rest.splitlines() == ["first: ended first", "second: second", "second: === mine"]
    assert running.wait(60) == 0


def test_following_one_task_prints_its_lines_alone(running: subprocess.Popen[str], tmp_path: Path) -> None:
    logs = _other("logs", "-f", "live", "second")
    (tmp_path / "gate").touch()

    assert logs.communicate(timeout=60) == ("second\n=== mine\n", "")
    assert logs.returncode == 0


def test_following_a_pod_of_several_tasks_names_each(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, "run", "program.py", "--fuse", "auto", "--name", "fused")

    out, _ = told(capsys, "logs", "-f", "fused")

    assert out.splitlines() == ["say-to-say-2.say: said 1", "say-to-say-2.say-2: said 2"]


def test_a_run_is_stopped_from_elsewhere(
    running: subprocess.Popen[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, said = told(capsys, "stop", "live")

    assert "mlplat attach live" in said
    out, _ = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Stopped with strategy 'Stop'" in out
    assert (tmp_path / "bye").exists()
    (row,) = json.loads(told(capsys, "get", "runs", "-o", "json")[0])
    assert row["message"] == "Stopped with strategy 'Stop'"
    out, _ = told(capsys, "attach", "live", expected=130)
    assert "Stopped with strategy 'Stop'" in out


def test_a_run_is_terminated_from_elsewhere(
    running: subprocess.Popen[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, "terminate", "live")

    out, _ = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Stopped with strategy 'Terminate'" in out
    assert not (tmp_path / "bye").exists()


def test_ctrl_c_leaves_the_run_alone_that_one_is_attached_to(
    running: subprocess.Popen[str], tmp_path: Path
) -> None:
    other = _other("attach", "live")
    assert other.stderr is not None
    assert other.stderr.readline() == "▶ first\n"
    other.send_signal(signal.SIGINT)

    _, err = other.communicate(timeout=60)
    assert other.returncode == 130
    assert "the run continues; follow it: mlplat attach live; end it: mlplat stop live" in err
    (tmp_path / "gate").touch()
    assert running.wait(60) == 0


def test_a_run_whose_process_was_killed_has_ended(
    running: subprocess.Popen[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = _other("attach", "live")
    assert other.stderr is not None
    other.stderr.readline()
    running.kill()
    running.wait()
    (tmp_path / "gate").touch()

    out, _ = other.communicate(timeout=60)
    assert other.returncode == 1
    assert out.startswith("live  Error")
    _, err = told(capsys, "stop", "live", expected=2)
    assert "live has ended already (Error)" in err
    assert engine.request(tmp_path / ".mlplat/runs/live", "Stop") is False


@pytest.mark.parametrize("command", ["attach", "stop", "terminate", "retry"])
def test_a_name_that_does_not_exist_is_corrected(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLPLAT_HOME", raising=False)
    (tmp_path / ".mlplat/runs/train-1").mkdir(parents=True)
    (tmp_path / ".mlplat/runs/train-1/workflow.json").touch()

    _, err = told(capsys, command, "trian-1", expected=2)

    assert "run 'trian-1' not found on this machine" in err
    assert "did you mean 'train-1'?" in err
