"""The examples of the page about reports: its program and commands, and what they print."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.cli.commands import told

PAGE = Path(__file__).parents[3] / "docs/reports.md"
REST = "…"
"""Stands on the page for lines that are left out."""


def fences(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)


def examples() -> Iterator[tuple[str, str]]:
    """Yield commands that need no cluster, with what they print."""
    for block in fences("console"):
        for example in block.removeprefix("$ ").split("\n$ "):
            command, _, printed = example.partition("\n")
            if command.startswith("mlplat") and "--engine argo" not in command:
                yield command, printed


def without_digests(text: str) -> str:
    """Blank digests out: that of the manifest changes with each version of the compiler."""
    return re.sub(r"sha256:[0-9a-f]{12}", "sha256:" + "0" * 12, text).strip("\n")


def test_the_page_shows_what_its_commands_print(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLPLAT_HOME", raising=False)
    (tmp_path / "pipeline.py").write_text(fences("python")[0])
    commands = list(examples())
    assert [command.split()[1] for command, _ in commands] == ["run", "run", "report", "get", "compare"]
    for command, expected in commands:
        _, *words = shlex.split(command)
        printed = without_digests("".join(told(capsys, *words)))
        if expected.startswith(REST):
            assert printed.endswith(without_digests(expected.removeprefix(REST))), command
        else:
            assert printed == without_digests(expected), command
