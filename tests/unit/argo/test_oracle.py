"""Expressions, ``when`` and templates give what Argo's own packages gave when they were recorded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests import argo_oracle

RECORDED: list[list[Any]] = [
    json.loads(line) for line in argo_oracle.RECORDED.read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize("kind", ["expression", "when", "template"])
def test_recorded_questions_have_the_recorded_answers(kind: str) -> None:
    asked = [(question, expected) for question, expected in RECORDED if question["kind"] == kind]
    assert len(asked) > 900
    differ = [
        (question["text"], expected, found)
        for question, expected in asked
        if (found := argo_oracle.ours(question)) != expected
    ]
    assert not differ, f"{len(differ)} of {len(asked)}, such as {differ[:3]}"


@pytest.mark.parametrize("kind", ["expression", "when", "template"])
def test_the_recording_has_values_and_refusals(kind: str) -> None:
    answers = [expected for question, expected in RECORDED if question["kind"] == kind]
    refused = sum(expected is None for expected in answers)
    assert len(answers) / 10 < refused < len(answers) * 9 / 10
