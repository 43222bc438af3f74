"""What components install is kept for later tasks and runs."""

from __future__ import annotations

import shutil
import signal
import textwrap
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, dsl, engine, local
from mlplat.dsl import context
from mlplat.dsl.single import spec_of
from tests.unit.engine.manifests import node


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("MLPLAT_ENVIRONMENTS", raising=False)
    yield
    context._default_runner.clear()


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


def pipeline(package: Path | str, width: int) -> Any:
    @dsl.component(packages_to_install=[str(package)])
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
    done = engine.run(manifest, home=home, jobs=3)
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


def test_an_installation_that_is_killed_is_made_again(tmp_path: Path, wheel: Path) -> None:
    home, package = tmp_path / "home", tmp_path / "package"
    package.mkdir()
    build = """
        [build-system]
        requires = []
        build-backend = "backend"
        backend-path = ["."]
    """
    (package / "pyproject.toml").write_text(textwrap.dedent(build))
    backend = f"""
        import os, pathlib, shutil, signal

        def build_wheel(folder, config_settings=None, metadata_directory=None):
            try:
                pathlib.Path("killed").touch(exist_ok=False)
                os.killpg(0, signal.SIGKILL)
            except FileExistsError:
                return os.path.basename(shutil.copy({str(wheel)!r}, folder))
    """
    (package / "backend.py").write_text(textwrap.dedent(backend))
    pipe = pipeline(package, 1)
    done = engine.run(compiler.manifest(spec_of(pipe), compiler.Options(name="one")), home=home)
    assert node(done, "one.answer")["message"] == f"main: Error (exit code {128 + signal.SIGKILL})"
    assert list(home.glob("cache/environments/*/bin/python3"))
    execute(home, pipe, "two")


def test_settings_of_pip_say_where_packages_come_from(
    tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    execute(tmp_path / "home", pipeline("tinypackage==1.0", 1), "one")


def test_the_message_has_the_reason_of_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    manifest = compiler.manifest(spec_of(pipeline("tinypackage==1.0", 1)), compiler.Options(name="one"))
    message = node(engine.run(manifest, home=tmp_path / "home"), "one.answer")["message"]
    assert "could not install tinypackage==1.0: No matching distribution found" in message
