"""JSON as Go reads it: messages and texts are those that Go 1.26 gives."""

from __future__ import annotations

import pytest

from mlplat.argo import gojson


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (' { "b" : 1.0 , "a" : [ 2 , 1e3 ] } ', '{"b":1.0,"a":[2,1e3]}'),
        ('"a&b<c> \\n \\u00e9"', '"a\\u0026b\\u003cc\\u003e \\n \\u00e9"'),
        ("-0.50", "-0.50"),
    ],
)
def test_a_value_stays_as_it_is_written(text: str, written: str) -> None:
    gojson.check(text)
    assert gojson.compact(text.strip()) == written


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "unexpected end of JSON input"),
        ("hello", "invalid character 'h' looking for beginning of value"),
        ("[1,]", "invalid character ']' looking for beginning of value"),
        ("[1 2]", "invalid character '2' after array element"),
        ('{"a" 1}', "invalid character '1' after object key"),
        ('{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        ("tru", "invalid character ' ' in literal true (expecting 'e')"),
        ("1.", "invalid character ' ' after decimal point in numeric literal"),
        ("01", "invalid character '1' after top-level value"),
        ('"\t"', r"invalid character '\t' in string literal"),
        (r'"\x"', "invalid character 'x' in string escape code"),
        ("é", "invalid character 'Ã' looking for beginning of value"),
    ],
)
def test_invalid_json_is_reported_with_the_message_of_go(text: str, message: str) -> None:
    with pytest.raises(gojson.GoJSONError) as raised:
        gojson.check(text)
    assert str(raised.value) == message


def test_nesting_is_bounded_without_recursion() -> None:
    gojson.check("[" * 10_000 + "]" * 10_000)
    with pytest.raises(gojson.GoJSONError, match="exceeded max depth"):
        gojson.check("[" * 10_001 + "]" * 10_001)


def test_items_and_members_keep_their_text() -> None:
    assert gojson.items(' [1.0, {"b": 1, "a": 2}, "x"] ', "T") == ["1.0", '{"b": 1, "a": 2}', '"x"']
    assert gojson.items("null", "T") == []
    assert gojson.members('{"b": 1.0, "\\u0061": [], "b": 2}') == {"b": "2", "a": "[]"}
    with pytest.raises(gojson.GoJSONError, match="cannot unmarshal object into Go value of type T"):
        gojson.items("{}", "T")


def test_half_a_surrogate_pair_does_not_survive() -> None:
    assert gojson.decoded('"\\ud800x"') == "\ufffdx"
