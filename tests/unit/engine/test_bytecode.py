"""Tasks start from kept bytecode of the runtime, and without it where it cannot be used."""

from __future__ import annotations

import marshal
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlplat import compiler, dsl, engine, runtime
from mlplat.engine.bytecode import Bytecode
from tests.unit.engine.manifests import value

PROGRAM = runtime.packed("import sys\nprint('compiled', *sys.argv[1:])\n")


def printed(packed: str) -> str:
    """What a program prints that is started as tasks are."""
    command = [sys.executable, *runtime.COMMAND[1:], "argument"]
    env = {**os.environ, runtime.VARIABLE: packed}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout


def kept(folder: Path) -> Path:
    """The file with the bytecode of the only program."""
    (file,) = folder.iterdir()
    return file


def test_the_program_runs_from_its_bytecode(tmp_path: Path) -> None:
    loader = Bytecode(tmp_path).loader(PROGRAM)
    assert printed(loader) == "compiled argument\n"
    kept(tmp_path).write_bytes(marshal.dumps(compile("print('kept')", "<string>", "exec")))
    assert printed(loader) == "kept\n"
    assert printed(Bytecode(tmp_path).loader(PROGRAM)) == "kept\n"


def test_the_program_runs_when_its_bytecode_was_removed(tmp_path: Path) -> None:
    loader = Bytecode(tmp_path).loader(PROGRAM)
    kept(tmp_path).unlink()
    assert printed(loader) == "compiled argument\n"


def test_another_version_of_python_compiles_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version", "3.99 of another machine")
    loader = Bytecode(tmp_path).loader(PROGRAM)
    kept(tmp_path).write_bytes(b"bytecode of another version")
    assert printed(loader) == "compiled argument\n"


@pytest.mark.parametrize("program", ["no base64", runtime.packed("this is no program"), "AAAA"])
def test_what_is_not_a_program_stays_as_it_is(tmp_path: Path, program: str) -> None:
    assert Bytecode(tmp_path).loader(program) == program


def test_a_disk_that_refuses_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert Bytecode(tmp_path / "file" / "runtime").loader(PROGRAM) == PROGRAM


@dsl.component(cache=False)
def add(a: int, b: int = 1) -> int:
    return a + b


@dsl.pipeline
def chain() -> int:
    return add(a=add(a=add(a=0).output).output).output  # type: ignore[return-value]


def test_the_tasks_of_all_runs_share_bytecode(tmp_path: Path) -> None:
    for name in ("first", "second"):
        done = engine.run(compiler.manifest(chain.spec, compiler.Options(name=name)), home=tmp_path)
        assert value(done, name, "Output") == "3"
        assert kept(tmp_path / "cache" / "runtime").suffix == ".bin"
