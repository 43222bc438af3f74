"""A run that has started when its view cannot: it never goes on without the command."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlplat import engine
from mlplat.cli import follow, main, progress
from tests.unit.engine.manifests import shell, workflow

PROGRAM = ""
WORDS = ["run", "wf.json", "--name", "wf"]


@pytest.fixture
def home(folder: Path) -> Path:
    """The folder of this machine's state, beside a Workflow that ends only when it is ended."""
    document = workflow(shell("main", "sleep 600 & wait"))
    (folder / "wf.json").write_text(json.dumps(document))
    return folder / ".mlplat"


def test_ctrl_c_before_the_view_is_there_stops_the_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def interrupted(*given: Any, **options: Any) -> Iterator[progress.Quiet]:
        os.kill(os.getpid(), signal.SIGINT)
        with progress.following(*given, **options) as shown:
            yield shown

    monkeypatch.setattr(follow, "following", interrupted)
    assert main(WORDS) == 130
    assert ended(home)["message"] == "Stopped with strategy 'Stop'"


def test_a_run_ends_if_its_view_cannot_be_made(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def without_rich(*given: Any, **options: Any) -> None:
        raise ModuleNotFoundError("No module named 'rich'", name="rich")

    monkeypatch.setattr(follow, "following", without_rich)
    assert main(WORDS) == 2
    assert "MLP002" in capsys.readouterr().err
    assert ended(home)["message"] == "Stopped with strategy 'Terminate'"


def ended(home: Path) -> Any:
    found = engine.load(home / "runs/wf")
    assert found is not None
    return found["status"]
