"""A disk without room, at the start of a run and in the middle: one message, and nothing is half-written."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlplat.engine.state import RunState, load
from tests.unit.cli.commands import told

PROGRAM = """
from mlplat import dsl

@dsl.component
def first() -> int:
    return 1

@dsl.component
def fill(number: int, full: str) -> int:
    import os, time
    if os.path.exists(full):
        with open(full, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass
    return number + 1

@dsl.pipeline
def pipe(full: str = "/nonexistent"):
    fill(number=first().output, full=full)
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk of its own."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(file: Path) -> None:
    with contextlib.suppress(OSError), file.open("wb", buffering=0) as full:
        while True:
            full.write(bytes(4096))


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mlplat", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_disk_that_is_full_at_the_start(folder: Path, disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLPLAT_HOME", str(disk / "home"))
    fill(disk / "full")
    failed = run("run", "program.py", "--name", "full")
    assert failed.returncode in (1, 2)
    assert failed.stderr.count("error MLP") == 1
    assert "Traceback" not in failed.stderr + failed.stdout
    (disk / "full").unlink()
    done = run("run", "program.py", "--name", "full", "-o", "json")
    assert json.loads(done.stdout)["status"]["phase"] == "Succeeded", done.stderr


def test_a_disk_that_gets_full_in_the_middle(
    folder: Path, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLPLAT_HOME", str(disk / "home"))
    (disk / "full").touch()
    failed = run("run", "program.py", "--name", "full", "-p", f"full={disk}/full")
    assert failed.returncode == 1
    assert failed.stderr.count("error MLP") == 1, failed.stderr
    assert "No space left on device" in failed.stderr
    assert "Traceback" not in failed.stderr + failed.stdout
    (disk / "full").unlink()
    (listed,) = json.loads(run("get", "runs", "-o", "json").stdout)
    assert listed["phase"] == "Error"
    done = run("retry", "full", "-o", "json")
    assert done.returncode == 0, done.stderr
    phases = {
        node["displayName"]: node["phase"] for node in json.loads(done.stdout)["status"]["nodes"].values()
    }
    assert (phases["first"], phases["fill"]) == ("Succeeded", "Succeeded")


def test_standard_output_that_is_full(folder: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        words = [sys.executable, "-m", "mlplat", "get", "runs"]
        failed = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert failed.returncode == 1
    assert failed.stderr.startswith("error MLP003: cannot write: No space left on device")
    assert len(failed.stderr.splitlines()) == 2


def test_a_line_that_does_not_fit_is_not_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = RunState(tmp_path / "runs" / "wf")
    running = {"kind": "Workflow", "metadata": {"name": "wf"}, "status": {"phase": "Running"}}
    state.write(lambda: running)
    state.node({"id": "a", "type": "DAG", "phase": "Succeeded"})
    written = os.write
    room = [20]

    def full(file: int, data: Any) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        part = bytes(data)[: room[0]]
        room[0] -= len(part)
        return written(file, part)

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            state.node({"id": "b", "type": "DAG", "phase": "Succeeded"})
    state.node({"id": "c", "type": "DAG", "phase": "Succeeded"})
    state.close()
    found = load(tmp_path / "runs" / "wf")
    assert found is not None
    assert sorted(found["status"]["nodes"]) == ["a", "c"]


def test_files_in_hints_are_quoted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("it's a file.py").write_text(PROGRAM.replace("return 1", "raise ValueError"))
    out, _ = told(capsys, "run", "it's a file.py", "--name", "failed", expected=1)
    assert "after a fix: mlplat run 'it'\"'\"'s a file.py' --resume failed" in out
    second = PROGRAM + "\n@dsl.pipeline\ndef other():\n    first()\n"
    Path("a b.py").write_text(second)
    _, err = told(capsys, "run", "a b.py", expected=2)
    assert "'a b.py:pipe', 'a b.py:other'" in err
    Path("my secrets.yaml").write_text("kind: Secret")
    words = ("run", "program.py", "--engine", "argo", "--secrets", "my secrets.yaml")
    assert "kubectl apply -f 'my secrets.yaml'" in told(capsys, *words, expected=2)[1]
