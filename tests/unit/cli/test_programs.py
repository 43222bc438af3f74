"""How programs are loaded: packages, modules, encodings, output, and what is left of it in this process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from mlplat.cli import main
from tests.unit.cli.commands import told

STEPS = """
from mlplat import dsl

@dsl.component
def a(x: int = 1) -> int:
    return x
"""
PIPE = """
from mlplat import dsl
{imports}

@dsl.pipeline
def first(x: int = 1):
    a(x=x)
"""
PROGRAM = PIPE.format(imports=STEPS)


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        file = folder / f"{name}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def compiled(capfd: pytest.CaptureFixture[str], *words: str) -> str:
    """Return the name of the pipeline in the manifest that a command line prints."""
    capfd.readouterr()
    assert main(["compile", *words]) == 0, capfd.readouterr().err
    document = yaml.safe_load(capfd.readouterr().out)
    name: str = document["metadata"]["annotations"]["mlplat.dev/pipeline"]
    return name


@pytest.mark.parametrize(
    "imports", ["from .steps import a", "from team.steps import a", "from . import steps; a = steps.a"]
)
@pytest.mark.parametrize(
    "words", ["team/pipe.py", "team/pipe.py:first", "-m team.pipe", "-m team.pipe:first"]
)
@pytest.mark.parametrize("is_package", [True, False])
def test_pipeline_of_a_package_is_loaded(
    imports: str, words: str, is_package: bool, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(folder, {"team/steps": STEPS, "team/pipe": PIPE.format(imports=imports)})
    if is_package:
        write(folder, {"team/__init__": ""})
    assert compiled(capfd, *words.split()) == "first"
    assert not {name for name in sys.modules if name.partition(".")[0] == "team"}


def test_pipeline_of_a_nested_package_is_loaded_from_within(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, {"org/__init__": "", "org/team/__init__": "", "org/steps": STEPS})
    write(folder, {"org/team/pipe": PIPE.format(imports="from ..steps import a")})
    monkeypatch.chdir(folder / "org/team")
    assert compiled(capfd, "pipe.py") == "first"


def test_package_itself_is_a_module_to_load(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(folder, {"team/steps": STEPS, "team/__init__": PIPE.format(imports="from .steps import a")})
    assert compiled(capfd, "-m", "team") == "first"
    assert compiled(capfd, "team/__init__.py") == "first"


def test_package_that_imports_its_pipeline_runs_it_once(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(
        folder, {"team/__init__": "from team.pipe import first", "team/pipe": "print('loaded')\n" + PROGRAM}
    )
    assert main(["compile", "-m", "team.pipe"]) == 0
    assert capfd.readouterr().err.count("loaded") == 1


@pytest.mark.parametrize(
    "words", ["lint -m team.pipe", "run -m team.pipe -p x=3", "lint team/pipe.py -m team.pipe:first"]
)
def test_module_is_taken_by_every_command(
    words: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, {"team/pipe": PROGRAM})
    told(capsys, *words.split())


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("team.pip", "module 'team.pip' not found", "did you mean 'pipe'?"),
        ("nowhere.pipe", "module 'nowhere.pipe' not found", "searched in"),
        ("team", "'team' is not a Python file", "use a Python module"),
        ("team.pipe:firs", "no pipeline or component 'firs'", "did you mean 'first'?"),
        (".pipe", "module '.pipe' not found", ""),
    ],
)
def test_module_that_does_not_exist_is_reported(
    name: str, message: str, hint: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, {"team/pipe": PROGRAM})
    _, error = told(capsys, "compile", "-m", name, expected=2)
    assert message in error
    assert hint in error
    assert error.startswith("-m ")


def test_a_module_name_without_the_option_gets_a_hint(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, {"team/pipe": PROGRAM})
    assert "to load a module: -m team.pipe" in told(capsys, "run", "team.pipe", expected=2)[1]


@pytest.mark.parametrize("name", ["json", "yaml", "queue", "statistics", "hypothesis", "my-pipeline"])
def test_program_may_have_any_name(name: str, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    module = name if name.isidentifier() else "os"
    before = sys.modules.get(name)
    write(folder, {name: f"import {module}\nassert not hasattr({module}, 'PIPE')\nPIPE = 1\n" + PROGRAM})
    assert compiled(capfd, f"{name}.py") == "first"
    assert before is None or sys.modules[name] is before


def test_nothing_of_a_program_is_left(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    change = "import sys, os\nsys.path.append('x')\nsys.argv.append('y')\nos.chdir('/')\nimport colorsys\n"
    for name in ("one", "two"):
        (folder / name).mkdir()
        (folder / name / "steps.py").write_text(STEPS.replace("def a", f"def {name}") + f"a = {name}\n")
        (folder / name / "pipe.py").write_text(change + PIPE.format(imports="from steps import a"))
    path, arguments = list(sys.path), list(sys.argv)
    out, _ = told(capfd, "lint", "one/pipe.py", "two/pipe.py")
    assert out.count("Workflow: ") == 2
    assert (sys.path, sys.argv, Path.cwd()) == (path, arguments, folder)
    assert not {"steps", "pipe"} & sys.modules.keys()
    main(["compile", "two/pipe.py", "--to", "ir"])
    assert "comp-two" in capfd.readouterr().out


def test_modules_from_a_folder_that_a_program_adds_are_its_own(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    add = "import sys; sys.path.insert(0, '{0}/lib')\n"
    for name in ("one", "two"):
        (folder / name / "lib").mkdir(parents=True)
        (folder / name / "lib/steps.py").write_text(STEPS.replace("def a", f"def {name}") + f"a = {name}\n")
        (folder / name / "pipe.py").write_text(add.format(name) + PIPE.format(imports="from steps import a"))
    for name in ("one", "two"):
        assert main(["compile", f"{name}/pipe.py", "--to", "ir"]) == 0
        assert f"comp-{name}" in capfd.readouterr().out


def test_installed_modules_are_imported_once(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """As numpy, which cannot be imported a second time."""
    installed = folder / ".venv/lib"
    installed.mkdir(parents=True)
    (installed / "heavy.py").write_text("")
    sys.path.append(str(installed))
    try:
        write(folder, {"other": "import heavy\n" + PROGRAM})
        assert compiled(capfd, "other.py") == "first"
        heavy = sys.modules["heavy"]
        assert compiled(capfd, "other.py") == "first"
        assert sys.modules.pop("heavy") is heavy
    finally:
        sys.path.remove(str(installed))


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbf" + PROGRAM.encode(),
        b"# -*- coding: latin-1 -*-\nNAME = '\xe9'\nassert len(NAME) == 1\n" + PROGRAM.encode(),
        PROGRAM.replace("\n", "\r\n").encode(),
        PROGRAM.replace("\n", "\r").encode(),
        b"from __future__ import annotations\n" + PROGRAM.encode(),
    ],
    ids=["bom", "latin-1", "crlf", "cr", "future"],
)
def test_program_is_read_as_python_reads_it(
    text: bytes, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "pipe.py").write_bytes(text)
    assert compiled(capfd, "pipe.py") == "first"
    assert main(["run", "pipe.py", "--no-cache"]) == 0


def test_yaml_may_start_with_a_byte_order_mark(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write(folder, {"pipe": PROGRAM})
    main(["compile", "pipe.py", "--to", "ir", "-o", "pipe.yaml"])
    file = folder / "pipe.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert compiled(capfd, "pipe.yaml") == "first"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"\xff\xfe", "cannot be read"),
        (b"# coding: nothing\n", "cannot be read"),
        (b"a = 1\n\x00", "not Python"),
    ],
)
def test_program_that_can_not_be_read_is_reported(
    text: bytes, message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "pipe.py").write_bytes(text)
    _, error = told(capsys, "compile", "pipe.py", expected=2)
    assert error.startswith("pipe.py")
    assert message in error
    assert "Traceback" not in error


def test_link_finds_what_is_beside_it_and_beside_its_target(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(
        folder,
        {
            "real/pipe": PIPE.format(imports="from steps import a\nimport other"),
            "real/steps": STEPS,
            "linked/other": "",
        },
    )
    (folder / "linked/pipe.py").symlink_to(folder / "real/pipe.py")
    assert compiled(capfd, "linked/pipe.py") == "first"


PRINTS = """
import os, subprocess, sys
print("by print")
print("by the stream", file=sys.__stdout__)
os.write(1, b"by the descriptor\\n")
os.system("echo by the shell")
subprocess.run(["echo", "by a process"], check=True)
"""


@pytest.mark.parametrize(
    "words", ["compile pipe.py", "lint pipe.py", "run pipe.py -o json", "compile -m pipe --to ir"]
)
def test_what_a_program_prints_is_not_in_the_output(words: str, folder: Path) -> None:
    write(folder, {"pipe": PRINTS + PROGRAM})
    ended = subprocess.run(
        [sys.executable, "-m", "mlplat", *words.split()],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert "by " not in ended.stdout
    for line in ("by print", "by the stream", "by the descriptor", "by the shell", "by a process"):
        assert ended.stderr.count(line) == 1
    if "json" in words:
        assert json.loads(ended.stdout)["status"]["phase"] == "Succeeded"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("import sys; sys.exit(3)", "exits the program (SystemExit(3))"),
        (
            "import argparse; p = argparse.ArgumentParser(); p.add_argument('data'); p.parse_args()",
            "exits the program",
        ),
        ("input('which? ')", "use a pipeline parameter"),
        ("import sys; sys.argv[1]", "IndexError: list index out of range"),
        ("raise BaseException('gone')", "BaseException: gone"),
        ("eval('1 +')", "not Python: invalid syntax"),
        ("from . import nothing", "ImportError"),
        ("import nothing_there", "No module named 'nothing_there'"),
        ("def broken(:", "not Python: invalid syntax"),
        ("import broken", "ZeroDivisionError"),
    ],
)
def test_an_interrupted_program_is_reported_with_its_line(
    line: str, expected: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, {"pipe": f"\n\n{line}\n" + PROGRAM, "broken": "1 / 0\n"})
    _, error = told(capsys, "compile", "pipe.py", expected=2)
    diagnostics = [one for one in error.splitlines() if "error MLP" in one]
    assert len(diagnostics) == 1
    assert diagnostics[0].startswith("pipe.py:3")
    assert expected in error
    assert "importlib" not in error


def test_what_only_the_script_does_is_left_out(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    client = "from mlplat import Client\n"
    write(folder, {"pipe": client + PROGRAM + "if __name__ == '__main__':\n    Client().run()\n"})
    assert compiled(capfd, "pipe.py") == "first"
    assert compiled(capfd, "-m", "pipe") == "first"
