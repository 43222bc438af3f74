"""Conditions and log patterns of trials mean what they mean to the packages of Katib and Argo.

These tests need a Go toolchain and its modules, no cluster.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import go_oracle, katib_oracle

SOURCE = Path(__file__).parent / "oracle_katib"
COUNT = 10_000


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that answers with the real packages."""
    return go_oracle.build(SOURCE, tmp_path_factory.mktemp("oracle"))


@pytest.mark.parametrize("kind", katib_oracle.QUESTIONS)
def test_random_questions_have_the_same_answers(oracle: Path, kind: str) -> None:
    asked = katib_oracle.questions(kind, seed=1, count=COUNT)
    differ = [
        (question, expected, found)
        for question, expected in zip(asked, go_oracle.ask(oracle, asked), strict=True)
        if expected != (found := katib_oracle.ours(question))
    ]
    assert not differ, f"{len(differ)} of {COUNT}, such as {differ[:3]}"
