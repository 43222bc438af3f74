"""Executors: what all of them do, on processes of this machine."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies

from mlplat.engine import ProcessExecutor
from mlplat.engine.executor import Command
from mlplat.testing import ExecutorConformance
from mlplat.testing.executors import ended

TEXTS = strategies.text(strategies.characters(exclude_characters="\0", codec="utf-8"), max_size=40)
PATHS = strategies.from_regex(r"(/[a-z.\-]{1,3}){1,3}", fullmatch=True)


class TestProcessExecutor(ExecutorConformance):
    @pytest.fixture
    def executor(self) -> ProcessExecutor:
        return ProcessExecutor()


@given(strategies.lists(TEXTS, max_size=3), TEXTS)
@settings(max_examples=20, deadline=None)
def test_any_text_arrives_byte_for_byte(arguments: list[str], variable: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "root")
        root.mkdir()
        script = 'printf "%s\\0" "$X" "$@"'
        command = Command(
            arguments=["sh", "-c", script, "sh", *arguments],
            environment={"X": variable},
            root=root,
            directory="",
            log=Path(folder, "log"),
            capture=False,
        )
        assert ended(ProcessExecutor(), command).code == 0
        assert Path(folder, "log").read_bytes().decode().split("\0")[:-1] == [variable, *arguments]


@given(strategies.lists(TEXTS | PATHS, max_size=6).map("".join), strategies.lists(PATHS, max_size=3))
def test_nothing_but_paths_of_the_template_is_rewritten(text: str, paths: list[str]) -> None:
    executor = ProcessExecutor()
    written = {"name": "t", "container": {"image": "i", "command": ["x"], "args": [text]}}
    rewritten = executor.rewrite(written, paths)["container"]["args"][0]

    assert executor.place(rewritten, Path("/ROOT")).replace("/ROOT", "") == text
    assert executor.place(text, Path("/ROOT")) == text
    assert executor.rewrite(written, [path for path in paths if path not in text]) == written
