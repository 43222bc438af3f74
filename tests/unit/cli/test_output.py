"""What tasks, files and records hold is printed escaped; JSON stays JSON, and logs to a file are byte for byte."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from mlplat.cli.output import height
from tests.unit.cli.commands import told

PROGRAM = r"""
from mlplat import dsl
from mlplat.dsl import Metrics, Output

EVIL = "\x1b]52;c;ZXZpbA==\x07\x9b2J\u202edlrow"

@dsl.component
def write(fails: bool, metrics: Output[Metrics]) -> str:
    EVIL = "\x1b]52;c;ZXZpbA==\x07\x9b2J\u202edlrow"
    metrics.metadata[EVIL] = 1.5
    metrics.name = EVIL
    print(EVIL + " hello", flush=True)
    if fails:
        raise ValueError(EVIL)
    return EVIL

@dsl.pipeline
def pipe(fails: bool = False) -> str:
    task = write(fails=fails)
    return task.outputs["Output"]
"""
HOSTILE = set("\x1b\x07\x9b\u202e\r")


def check(text: str) -> str:
    assert not HOSTILE & set(text), text
    return text


@pytest.fixture
def ran(folder: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    for name, fails, code in (("good", "false", 0), ("bad", "true", 1)):
        words = ("run", "program.py", "--name", name, "-p", f"fails={fails}", "--no-cache")
        out, err = told(capsys, *words, expected=code)
        check(out)
        check(err)
        assert "\\u001b]52;c;ZXZpbA==\\u0007\\u009b2J\\u202edlrow" in out
    return folder


def test_every_reading_command_escapes(ran: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("good", "bad"):
        for what in ("runs", "tasks", "parameters", "artifacts", "metrics", "lineage"):
            check(told(capsys, "get", what, name)[0])
            out = check(told(capsys, "get", what, name, "-o", "json")[0])
            assert json.loads(out) is not None
    values = json.loads(told(capsys, "get", "parameters", "good", "-o", "json")[0])
    assert any(one["value"] == "\x1b]52;c;ZXZpbA==\x07\x9b2J\u202edlrow" for one in values)
    out, err = told(capsys, "retry", "bad", "-o", "json", expected=1)
    check(err)
    assert json.loads(check(out))["status"]["phase"] == "Failed"


@pytest.mark.parametrize("command", ["lint", "compile", "run"])
def test_messages_about_a_hostile_file_are_escaped(
    folder: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    manifest = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "a"},
        "spec": {"entrypoint": "x\x1b]0;evil\x07", "templates": [{"name": "y\u202e", "dag": {"tasks": 5}}]},
    }
    (folder / "evil\x1b[2J.yaml").write_text(json.dumps(manifest))
    out, err = told(capsys, command, "evil\x1b[2J.yaml", expected=2)
    assert "MLP" in check(out + err)


def test_arguments_in_messages_are_escaped(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(told(capsys, "get", "tasks", "\x1b[2J", expected=2)[1])
    check(told(capsys, "ge\x1b[2Jt", expected=2)[1])


def test_logs_to_a_file_are_byte_for_byte(ran: Path) -> None:
    words = [sys.executable, "-m", "mlplat", "logs", "good", "write"]
    out = subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout
    assert out == "\x1b]52;c;ZXZpbA==\x07\x9b2J\u202edlrow hello\n".encode()


@pytest.mark.parametrize(("options", "is_raw"), [([], False), (["--raw"], True)])
def test_logs_on_a_terminal_are_escaped_unless_raw(ran: Path, options: list[str], is_raw: bool) -> None:
    controller, terminal = pty.openpty()
    words = [sys.executable, "-m", "mlplat", "logs", "good", "write", *options]
    subprocess.run(words, stdout=terminal, check=True)
    os.close(terminal)
    shown = os.read(controller, 10_000).decode()
    os.close(controller)
    assert ("\x1b]52" in shown) == is_raw
    assert ("\\u001b]52" in shown) != is_raw


MEASURED = """
import re, sys
from pathlib import Path
from mlplat.cli import main
code = main(sys.argv[1:])
status = Path("/proc/self/status").read_text()
Path("peak").write_text(re.search(r"VmHWM:\\s*(\\d+)", status)[1])
sys.exit(code)
"""
"""A command that writes down how much memory it had at most, in KiB."""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the kernel does not tell of memory here")
def test_long_logs_are_shown_and_excerpted_in_bounded_memory(folder: Path) -> None:
    source = """
from mlplat import dsl
@dsl.component
def f():
    import sys
    for _ in range(400):
        sys.stdout.write("x" * 1_000_000)
    raise ValueError("at last")
@dsl.pipeline
def p():
    f()
"""
    (folder / "long.py").write_text(source)

    def printed(*words: str) -> tuple[int, int]:
        """Return the exit code and the size of what is printed; the memory stays below half of the log."""
        # What wait4 tells includes the size of this process, which a child has until it executes its program.
        command = [sys.executable, "-c", MEASURED, *words]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert process.stdout
        with process.stdout as out:
            size = sum(map(len, iter(lambda: out.read(1 << 20), b"")))
        process.wait()
        assert int((folder / "peak").read_text()) < 200_000
        return process.returncode, size

    code, size = printed("run", "long.py", "--name", "long")
    assert (code, size < 20_000) == (1, True)
    code, size = printed("logs", "long", "f")
    assert (code, size > 400_000_000) == (0, True)


def test_a_manifest_on_standard_output_is_as_it_is_in_a_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, "compile", "program.py", "-o", "w.yaml")
    assert told(capsys, "compile", "program.py", "-o", "-")[0] == (folder / "w.yaml").read_text()


def test_long_lines_take_several_rows() -> None:
    assert height(["", "a" * 10, "b" * 11, "漢" * 6], 10) == 1 + 1 + 2 + 2
