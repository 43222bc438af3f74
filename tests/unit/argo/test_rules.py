"""What ``argo lint`` of Argo 4.0.7 refuses, lint refuses; its verdicts are recorded in ``rules.json``."""

from __future__ import annotations

import json

import pytest

from mlplat import manifest
from mlplat.argo.lint import problems
from tests.argo_rules import CASES, LOOSER, RECORDED, STRICTER

VERDICTS: dict[str, str] = json.loads(RECORDED.read_text())


@pytest.mark.parametrize("case", CASES)
def test_lint_agrees_with_argo(case: str) -> None:
    documents = manifest.load(CASES[case])
    found = [str(one) for document in documents for one in problems(document, documents)]
    errors = [one for one in found if not one.startswith("warning")]
    if case in STRICTER:
        assert errors
        assert not VERDICTS[case]
    elif case in LOOSER:
        assert not errors
        assert VERDICTS[case]
    else:
        assert bool(errors) == bool(VERDICTS[case]), (errors, VERDICTS[case])


def test_each_case_has_a_verdict() -> None:
    assert list(VERDICTS) == list(CASES)
