"""Elements of commands: JSON is a placeholder only where it has the shape of one."""

from __future__ import annotations

import pytest

from mlplat.compiler.placeholders import Concat, IfPresent, parse


def test_structures_are_read() -> None:
    choice = IfPresent("x", ("a", Concat(("b", "c"))), ())
    assert parse('{"IfPresent": {"InputName": "x", "Then": ["a", {"Concat": ["b", "c"]}]}}') == choice


@pytest.mark.parametrize(
    "text",
    [
        '{"IfPresent": {"Then": ["a"]}}',
        '{"IfPresent": {"InputName": 1, "Then": ["a"]}}',
        '{"IfPresent": "x"}',
        '{"IfPresent": {"InputName": "x", "Then": [1]}}',
        '{"Concat": "abc"}',
        '{"Concat": null}',
        '{"Concat": ["a"], "Then": []}',
        '{"other": ["a"]}',
    ],
)
def test_other_json_is_text(text: str) -> None:
    assert parse(text) == text
