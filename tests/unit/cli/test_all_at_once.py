"""What is wrong with several components and pipelines of a program is told at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlplat.errors import AuthoringError
from tests.unit.cli.commands import told

PROGRAM = """\
from mlplat import compiler, dsl
from mlplat.dsl import Dataset, Input


@dsl.component
def scale(factor: float = "two", data: Input[Dataset] = 3) -> float:
    return factor


@dsl.component
def untyped(a, b: "Nothing") -> int:
    return 1


@dsl.container_component
def shell(words: int = "x"):
    return dsl.ContainerSpec(image="alpine", args=[words])


@dsl.container_component
def nothing(words: int):
    return None


@dsl.component
def fine(n: int) -> int:
    return n


@dsl.pipeline
def leaves_out():
    untyped(a=1)
    fine(n="x")


@dsl.pipeline
def goes_through():
    scale(factor="many")
    fine(n="x")
    shell(word=1)


@dsl.pipeline
def outer(x: int = "k"):
    leaves_out()
    fine(m=1)
"""
EXPECTED = [
    (5, "MLP104"),
    (5, "MLP104"),
    (10, "MLP102"),
    (10, "MLP102"),
    (15, "MLP104"),
    (20, "MLP108"),
    (38, "MLP134"),
    (39, "MLP134"),
    (40, "MLP132"),
    (43, "MLP104"),
]


@pytest.mark.parametrize(
    ("more", "line", "code"),
    [
        ("", 0, ""),
        ("\ncompiler.Compiler().compile(leaves_out, 'never.yaml')\n", 0, ""),
        ("\nundefined_name\n", 48, "MLP206"),
        ("\n\n\nclass Broken(:\n", 50, "MLP208"),
    ],
)
def test_all_errors_of_a_program_are_reported(
    more: str, line: int, code: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "program.py").write_text(PROGRAM + more)
    expected = [*EXPECTED, (line, code)] if code == "MLP206" else [(line, code)] if code else EXPECTED
    for command in ("compile", "lint"):
        out, error = told(capsys, command, "program.py", expected=2)
        found = re.findall(r"program\.py:(\d+)(?::\d+)?: error (MLP\d+)", out + error)
        assert sorted((int(number), one) for number, one in found) == expected
    assert not (folder / "never.yaml").exists()


CATCHES = """\
from mlplat import dsl
from mlplat.errors import AuthoringError

print("reads")


@dsl.component
def count(n: int) -> int:
    return n


try:

    @dsl.pipeline
    def wrong():
        count(m=1)

except AuthoringError as error:
    assert "MLP132" in str(error)
    caught = error
else:
    raise AssertionError("wrong is not refused")


@dsl.pipeline
def right(n: int = 1):
    count(n=n)
"""


def test_a_program_can_catch_what_is_wrong_with_its_pipelines(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "program.py").write_text(CATCHES)
    out, error = told(capfd, "compile", "program.py")
    assert "name: right" in out
    assert error == "reads\n"
    (folder / "program.py").write_text(CATCHES + "\nraise caught\n")
    _, error = told(capfd, "compile", "program.py", expected=2)
    assert error.count("reads") == 1
    assert error.count("MLP132") == 1


def test_a_module_with_mistakes_is_read_to_its_end(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = folder / "site"
    (elsewhere / "shared").mkdir(parents=True)
    (elsewhere / "shared/__init__.py").touch()
    start, _, _ = CATCHES.partition("try:")
    (elsewhere / "shared/steps.py").write_text(f"{start}@dsl.pipeline\ndef first():\n    count(k=1)\n")
    (elsewhere / "shared/pipe.py").write_text(
        "from mlplat import dsl\nfrom shared.steps import count\n\n\n@dsl.pipeline\ndef second():\n    count(n='a')\n"
    )
    monkeypatch.syspath_prepend(elsewhere)
    _, error = told(capsys, "compile", "-m", "shared.pipe", expected=2)
    assert "steps.py:14: error MLP132" in error
    assert "pipe.py:7: error MLP134" in error


def test_a_program_by_itself_ends_at_the_first() -> None:
    with pytest.raises(AuthoringError, match="MLP104"):
        exec(
            compile("from mlplat import dsl\n@dsl.pipeline\ndef p(x: int = 'k'): pass\n", __file__, "exec"),
            {},
        )


def test_file_of_a_component_is_a_warning(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "from mlplat import dsl\n@dsl.component(output_component_file='c.yaml')\ndef a(): pass\n"
    (folder / "program.py").write_text(text + "@dsl.pipeline\ndef p():\n    a()\n")
    _, error = told(capsys, "compile", "program.py")
    assert "program.py:2: warning MLP106: a: output_component_file='c.yaml' is not written" in error
    assert not (folder / "c.yaml").exists()


def test_errors_of_a_pipeline_before_an_exception_are_reported_too(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "raises.py").write_text(
        "from mlplat import dsl\n\n@dsl.component\ndef one(n: int):\n    pass\n\n@dsl.pipeline\ndef p():\n"
        "    task = one(n='x')\n    task.set_retry(-1)\n    task.set_cachin_options(False)\n"
    )
    error = told(capsys, "run", "raises.py", expected=2)[1]
    assert re.findall(r"raises.py:(\d+): error (\w+)", error) == [
        ("9", "MLP134"),
        ("10", "MLP124"),
        ("11", "MLP206"),
    ]
    assert "did you mean 'set_caching_options'?" in error
    assert "direct cause" not in error
