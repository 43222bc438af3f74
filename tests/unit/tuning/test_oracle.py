"""Conditions and patterns give what the packages of Katib and Argo gave when they were recorded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests import katib_oracle

RECORDED: list[list[Any]] = [
    json.loads(line) for line in katib_oracle.RECORDED.read_text(encoding="utf-8").split("\n") if line
]


@pytest.mark.parametrize("kind", katib_oracle.QUESTIONS)
def test_recorded_questions_have_the_recorded_answers(kind: str) -> None:
    asked = [(question, expected) for question, expected in RECORDED if question["kind"] == kind]
    assert len(asked) >= 250
    differ = [
        (question, expected, found)
        for question, expected in asked
        if (found := katib_oracle.ours(question)) != expected
    ]
    assert not differ, f"{len(differ)} of {len(asked)}, such as {differ[:3]}"


def test_the_recording_has_every_answer() -> None:
    of_kind = {
        kind: [answer for question, answer in RECORDED if question["kind"] == kind]
        for kind in katib_oracle.QUESTIONS
    }
    assert min(of_kind["condition"].count(value) for value in (True, False)) > 10
    assert min(of_kind["groups"].count(value) for value in (None, "error")) > 10
    assert min(of_kind["selectors"].count(phase) for phase in ("Running", "Succeeded", "Failed")) > 30
