"""Runs commands as a person does."""

from __future__ import annotations

import pytest

from mlplat.cli import main


def told(capsys: pytest.CaptureFixture[str], *words: str, expected: int = 0) -> tuple[str, str]:
    capsys.readouterr()
    code = main(list(words))
    out, err = capsys.readouterr()
    assert code == expected, err + out
    return out, err
