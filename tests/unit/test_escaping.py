"""What is printed cannot control the terminal."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlplat.escaping import escaped, escaped_line

HOSTILE = "\x1b]52;c;ZXZpbA==\x07\r\x9b2J\u202e\u2066\x7f\x00\u2028\udc80"
any_text = st.text(st.characters() | st.sampled_from(HOSTILE + "\x1b[31;m\n\t"))


def controls(text: str) -> set[str]:
    return {
        one
        for one in text
        if unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(one) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    }


@given(any_text)
def test_nothing_is_left_that_controls_a_terminal(text: str) -> None:
    assert controls(escaped(text)) <= {"\n", "\t"}
    assert controls(escaped_line(text)) <= {"\t"}
    assert escaped(escaped(text)) == escaped(text)
    escaped(text).encode()


@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Cf")) | st.sampled_from("\n\t")))
def test_what_can_be_seen_stays(text: str) -> None:
    assert escaped(text) == text


@given(st.recursive(any_text, lambda inner: st.lists(inner) | st.dictionaries(any_text, inner)))
def test_json_stays_json_of_the_same_value(value: object) -> None:
    same = json.loads(json.dumps(value))  # JSON reads the escapes of two surrogates as one character
    assert json.loads(escaped(json.dumps(value, ensure_ascii=False, indent=2))) == same


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]52;c;eA==\x07", "\\u001b]52;c;eA==\\u0007"),
        ("\x1b[\x1b[0m31mx", "\\u001b[31mx"),
        ("10%\r20%", "10%\\u000d20%"),
        ("a\u202eb", "a\\u202eb"),
        ("👩‍🚀 é", "👩‍🚀 é"),
    ],
)
def test_colors_are_left_out_and_all_else_is_shown(text: str, shown: str) -> None:
    assert escaped(text) == shown
