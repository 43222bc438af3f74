"""Conditions and log patterns of trials mean what they mean to the packages of Katib and Argo.

These tests need a Go toolchain and its modules, no cluster.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests import katib_oracle

SOURCE = Path(__file__).parent / "oracle_katib"
COUNT = 10_000


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that answers with the real packages."""
    if shutil.which("go") is None:
        pytest.skip("Go is not installed")
    program = tmp_path_factory.mktemp("oracle") / "oracle"
    done = subprocess.run(
        ["go", "build", "-mod=readonly", "-o", program, "."],
        cwd=SOURCE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return program


@pytest.mark.parametrize("kind", katib_oracle.QUESTIONS)
def test_random_questions_have_the_same_answers(oracle: Path, kind: str) -> None:
    asked = katib_oracle.questions(kind, seed=1, count=COUNT)
    differ = [
        (question, expected, found)
        for question, expected in zip(asked, katib_oracle.ask(oracle, asked), strict=True)
        if expected != (found := katib_oracle.ours(question))
    ]
    assert not differ, f"{len(differ)} of {COUNT}, such as {differ[:3]}"
