"""Expressions, ``when`` and templates mean what they mean to Argo's own packages.

These tests need a Go toolchain and its modules, no cluster.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from mlplat.argo.expressions.sprig import SPRIG
from mlplat.argo.govalues import Function
from tests import argo_oracle, go_oracle

SOURCE = Path(__file__).parent / "oracle"
COUNT = 10_000


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that answers with Argo's packages."""
    return go_oracle.build(SOURCE, tmp_path_factory.mktemp("oracle"))


@pytest.mark.parametrize("kind", ["expression", "when", "template"])
def test_random_questions_have_the_same_answers(oracle: Path, kind: str) -> None:
    asked = argo_oracle.questions(kind, seed=1, count=COUNT)
    differ = [
        (question["text"], expected, found)
        for question, answer in zip(asked, argo_oracle.ask(oracle, asked), strict=True)
        if (expected := argo_oracle.theirs(question, answer)) != (found := argo_oracle.ours(question))
    ]
    assert not differ, f"{len(differ)} of {COUNT}, such as {differ[:3]}"


def test_sprig_has_the_functions_and_parameters_of_the_real_one(oracle: Path) -> None:
    (answer,) = argo_oracle.ask(oracle, [{"kind": "signatures"}])
    real = {name: text for name, text in answer["value"].items() if name not in ("env", "expandenv")}
    assert set(SPRIG) == set(real)
    wrong = {
        name: (real[name], function.parameters, function.variadic)
        for name, function in SPRIG.items()
        if function.supported and not real[name].startswith(_parameters(function))
    }
    assert not wrong


def _parameters(function: Function) -> str:
    words = list(function.parameters)
    if function.variadic:
        words.append(f"...{function.variadic}")
    return f"func({', '.join(words)})"
