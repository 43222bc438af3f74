"""The words of command lines."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlplat.cli import main
from mlplat.cli.commands import mlplat


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("get tasks --limit 3 RUN", {"what": "tasks", "limit": 3, "run": "RUN"}),
        ("get -o json artifacts RUN", {"what": "artifacts", "output": "json", "run": "RUN"}),
        ("get --limit 3 runs", {"what": "runs", "limit": 3, "run": None}),
        ("logs RUN --engine local TASK", {"run": "RUN", "engine": "local", "task": "TASK"}),
        ("logs RUN", {"run": "RUN", "engine": "local", "task": None}),
        (
            "run -p a=b FILE --no-cache -p c=d",
            {"file": "FILE", "parameter": ("a=b", "c=d"), "no_cache": True},
        ),
        ("run --no-cache -- FILE", {"file": "FILE", "no_cache": True}),
        ("lint FILE OTHER", {"files": ["FILE", "OTHER"]}),
        ("cache --engine argo clear", {"action": "clear", "engine": "argo"}),
    ],
)
def test_options_stand_anywhere(words: str, expected: dict[str, Any]) -> None:
    name, *rest = words.split()
    given = mlplat.commands[name].make_context(name, rest).params
    assert {name: given[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        ("runn x.py", "unknown command 'runn'", "did you mean 'run'? mlplat --help"),
        (
            "run x.py --paramater a=b",
            "unknown option --paramater",
            "did you mean '--parameter'? mlplat run",
        ),
        ("run --parameter=a=b --nam=x x.py", "unknown option --nam", "did you mean '--name'? mlplat run"),
        (
            "run x.py --engine agro",
            "unknown value 'agro' for --engine",
            "did you mean 'argo'? mlplat run --help",
        ),
        (
            "get x",
            "unknown value 'x' for WHAT",
            "available: artifacts, lineage, metrics",
        ),
        (
            "get",
            "missing argument WHAT",
            "mlplat get --help",
        ),
        ("get tasks a b", "unexpected argument: b", "mlplat get --help"),
        ("run", "missing FILE or -m MODULE", "mlplat run --help"),
        ("lint", "missing FILE or -m MODULE", "mlplat lint --help"),
        ("compile a.py -m a", "expected one file or one module", "mlplat compile --help"),
        ("doctor -x", "unknown option -x", "mlplat doctor --help"),
        ("run x.py --name", "option '--name' requires an argument", "mlplat run --help"),
        ("run x.py -j 0", "'0' for --jobs is not a positive integer", "mlplat run --help"),
        ("get runs --limit \u00b2", "'\u00b2' for --limit is not a positive integer", "mlplat get --help"),
    ],
)
def test_a_wrong_argument_is_reported_with_the_nearest(
    words: str, message: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error MLP001: {message}\n  hint: {hint}")


def test_a_file_name_that_is_not_quoted_is_recognized(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my dir").mkdir()
    Path("my dir/my pipe.py").touch()
    assert main(["run", "my", "dir/my", "pipe.py", "-p", "a=b"]) == 2
    assert capsys.readouterr().err == (
        "error MLP001: unexpected argument: dir/my pipe.py\n"
        "  hint: quote the name of the file: 'my dir/my pipe.py'; mlplat run --help\n"
    )


_LINT, _RUN = ["lint", "x.yaml"], ["run", "p.py", "-f", "x.yaml"]
_NOT_TEXT = "not UTF-8: invalid byte 0xff at offset 3\n  hint: save it as UTF-8"


@pytest.mark.parametrize(
    ("words", "content", "message"),
    [
        (_RUN, None, "it is a directory\n  hint: pass a file"),
        (_LINT, b"a: \xff", _NOT_TEXT),
        (_RUN, b"a: \xff", _NOT_TEXT),
    ],
)
def test_a_file_that_cannot_be_read_says_why(
    words: list[str],
    content: bytes | None,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.py").write_text(
        "from mlplat import dsl\n\n@dsl.component\ndef a(n: int):\n    pass\n\n"
        "@dsl.pipeline\ndef p(n: int):\n    a(n=n)\n"
    )
    if content is None:
        Path("x.yaml").mkdir()
    else:
        Path("x.yaml").write_bytes(content)
    assert main(words) == 2
    assert f"x.yaml: error MLP204: {message}\n" in "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("option", "code"),
    [
        ("--parameter-file", "MLP204"),
        ("--secrets", "MLP204"),
        ("--import-sources", "MLP373"),
        ("--workflow-defaults", "MLP373"),
    ],
)
def test_a_missing_file_of_an_option_is_reported_with_the_nearest(
    option: str,
    code: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.py").write_text("from mlplat import dsl\n\n@dsl.component\ndef a() -> int:\n    return 1\n")
    Path("values.yaml").write_text("n: 1\n")
    assert main(["run", "p.py:a", option, "valeus.yaml"]) == 2
    expected = (
        f"valeus.yaml: error {code}: file 'valeus.yaml' not found\n  hint: did you mean 'values.yaml'?\n"
    )
    assert capsys.readouterr().err == expected


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert main([]) == 2
    out, err = capsys.readouterr()
    assert out == err
    assert "  run        run a pipeline, on this machine or on a cluster\n" in out


def test_a_shell_completes_commands_options_and_runs(tmp_path: Path) -> None:
    for name in ("first", "f$(id)", "f\nplain,fake"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "workflow.json").touch()

    def completed(words: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-m", "mlplat"],
            env={
                **os.environ,
                "MLPLAT_HOME": str(tmp_path),
                "_MLPLAT_COMPLETE": "bash_complete",
                "COMP_WORDS": f"mlplat {words}",
                "COMP_CWORD": str(len(words.split())),
            },
            capture_output=True,
            text=True,
            check=True,
        )
        return [line.partition(",")[2] for line in done.stdout.splitlines()]

    assert completed("re") == ["retry", "rerun", "report", "record"]
    assert completed("get tasks f") == ["first"]
    assert completed("run --resume f") == ["first"]
    assert completed("run --exec") == ["--executor", "--executor-options"]
    assert completed("run --executor p") == ["process", "podman"]


def test_ctrl_c_while_the_command_is_loaded_ends_it_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt\n")
    words = [sys.executable, "-m", "mlplat", "get", "runs"]
    done = subprocess.run(
        words, env={**os.environ, "PYTHONPATH": str(tmp_path)}, check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")
