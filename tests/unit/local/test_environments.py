"""What components install is kept for later tasks and runs."""

from __future__ import annotations

import shutil
import signal
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, dsl, local
from mlplat.dsl import context
from mlplat.dsl.single import spec_of
from tests.unit.local.manifests import node


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("MLPLAT_ENVIRONMENTS", raising=False)
    yield
    context._runner.clear()


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel of a tiny package, so that installing needs no network."""
    file = tmp_path / "tinypackage-1.0-py3-none-any.whl"
    info = "tinypackage-1.0.dist-info"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("tinypackage.py", "ANSWER = 42\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tinypackage\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return file


def pipeline(wheel: Path, width: int) -> Any:
    @dsl.component(packages_to_install=[str(wheel)])
    def answer(number: int) -> int:
        import tinypackage  # type: ignore[import-not-found]

        return int(tinypackage.ANSWER) + number

    @dsl.pipeline
    def pipe() -> None:
        for number in range(width):
            answer(number=number).set_caching_options(False)

    return pipe


def installations(home: Path) -> int:
    return sum("installing" in log.read_text() for log in home.glob("logs/*/*.log"))


def execute(home: Path, pipe: Any, name: str) -> dict[str, Any]:
    manifest = compiler.manifest(spec_of(pipe), compiler.Options(name=name))
    done = local.run(manifest, home=home, jobs=3)
    assert done["status"]["phase"] == "Succeeded", next(home.glob("logs/*/*.log")).read_text()
    return done


def test_tasks_that_start_together_and_later_runs_install_once(tmp_path: Path, wheel: Path) -> None:
    home = tmp_path / "home"
    pipe = pipeline(wheel, 3)
    execute(home, pipe, "one")
    assert installations(home) == 1
    execute(home, pipe, "two")
    assert installations(home) == 1
    assert len(list((home / "cache" / "environments").glob("*/complete"))) == 1


def test_calls_after_init_install_once(tmp_path: Path, wheel: Path) -> None:
    home = tmp_path / "home"
    local.init(local.SubprocessRunner(), pipeline_root=str(home))
    pipe = pipeline(wheel, 1)
    pipe()
    pipe()
    assert installations(home) == 1


def test_a_half_made_environment_is_made_again(tmp_path: Path, wheel: Path) -> None:
    home = tmp_path / "home"
    pipe = pipeline(wheel, 1)
    execute(home, pipe, "one")
    (environment,) = (file.parent for file in home.glob("cache/environments/*/complete"))
    (environment / "complete").unlink()
    shutil.rmtree(environment / "lib")
    execute(home, pipe, "two")
    assert installations(home) == 2


def test_an_installation_that_is_killed_is_made_again(
    tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, programs = tmp_path / "home", tmp_path / "bin"
    programs.mkdir()
    (programs / "uv").write_text("#!/bin/sh\nkill -9 $PPID\nsleep 60\n")
    (programs / "uv").chmod(0o755)
    (programs / "python3").symlink_to(Path(sys.base_prefix) / "bin" / "python3")
    pipe = pipeline(wheel, 1)
    # Tasks look for programs in the folder of this interpreter first.
    monkeypatch.setattr("sys.executable", str(programs / "python3"))
    executor = local.ProcessExecutor()
    monkeypatch.undo()
    manifest = compiler.manifest(spec_of(pipe), compiler.Options(name="one"))
    done = local.run(manifest, home=home, executor=executor)
    assert node(done, "one.answer")["message"] == f"main: Error (exit code {128 + signal.SIGKILL})"
    assert list(home.glob("cache/environments/*/bin/python3"))
    execute(home, pipe, "two")
