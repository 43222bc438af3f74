"""Values that nothing on the way touches."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlplat.argo import names, values
from mlplat.argo.expressions import ExpressionError, environment, evaluate

TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.text(st.sampled_from("{}$()E'\"\\\n a"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=10,
)


def argo_evaluates(expression: str, **variables: Any) -> Any:
    """What Argo makes of an expression."""
    return evaluate(expression, environment(variables))


def kubernetes_expands(text: str, variables: dict[str, str]) -> str:
    """What Kubernetes makes of a container's argument: ``$$`` is ``$``, ``$(NAME)`` is the variable's value."""

    def expanded(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return variables.get(match[1], match[0])

    return re.sub(r"\$\$|\$\(([A-Za-z_]\w*)\)", expanded, text)


@given(JSON)
def test_inert_json_is_the_same_value_without_tags(value: Any) -> None:
    text = values.inert_json(value)
    assert json.loads(text) == value
    assert "{{" not in text
    assert "$" not in text


@given(TEXT)
def test_container_text_arrives_as_it_is(text: str) -> None:
    written = values.container_text(text)
    assert "{{" not in written
    assert kubernetes_expands(written, {values.EMPTY_VARIABLE: "", "HOME": "/root"}) == text


@given(TEXT)
def test_literal_is_the_text_and_ends_no_tag(text: str) -> None:
    written = values.literal(text)
    assert "{{" not in written
    assert "}}" not in written
    assert '"' not in written
    assert argo_evaluates(written) == text


@given(JSON)
def test_expression_makes_json_inert(value: Any) -> None:
    expression = values.inert_expression("toJson(x)")
    assert json.loads(argo_evaluates(expression, x=value)) == value


@given(st.lists(JSON, min_size=1, max_size=5), st.data())
def test_an_item_is_selected_from_a_list(items: list[Any], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(items) - 1))
    variables = {"items": values.inert_json(items), "item": str(index)}
    for may_be_large in (False, True):
        expression = values.item_expression("items", "item", may_be_large=may_be_large)
        assert json.loads(argo_evaluates(expression, **variables)) == items[index]
        length = argo_evaluates(values.length_expression("items", may_be_large=may_be_large), **variables)
        assert length == len(items)


def test_item_of_a_large_list_is_a_reference_with_its_place() -> None:
    variables = {"items": values.large_reference("abc", 12), "item": "7"}
    item = argo_evaluates(values.item_expression("items", "item", may_be_large=True), **variables)
    assert json.loads(item) == {values.LARGE: {"index": 7, "of": 12, "file": "abc"}}
    assert argo_evaluates(values.length_expression("items", may_be_large=True), **variables) == 12
    field = argo_evaluates(values.fields_expression("item", ["a", "$'\"{{"]), item=item)
    assert json.loads(field)[values.LARGE]["fields"] == ["a", "$'\"{{"]
    assert json.loads(field)[values.LARGE]["index"] == 7
    for part in (item, field):
        with pytest.raises(ExpressionError, match="only tasks can use a value"):
            argo_evaluates(values.length_expression("items", may_be_large=True), items=part)
        with pytest.raises(ExpressionError, match="only tasks can use a value"):
            argo_evaluates(values.small_expression("x", "fromJSON(x)"), x=part)
    assert argo_evaluates(values.small_expression("x", "fromJSON(x)"), x="3") == 3


@pytest.mark.parametrize(
    ("name", "label"), [("Träin Model!", "tr-in-model"), ("a" * 80, "a" * 54 + "-"), ("é", "")]
)
def test_dns_labels_are_valid_and_short(name: str, label: str) -> None:
    made = names.dns_label(name)
    assert made.startswith(label)
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", made)


def test_long_names_stay_apart() -> None:
    assert names.dns_label("x" * 80) != names.dns_label("x" * 81)
    unique = names.Unique()
    assert [unique.take("train") for _ in range(3)] == ["train", "train-2", "train-3"]


@given(TEXT)
def test_template_names_are_what_argo_takes(text: str) -> None:
    assert re.fullmatch(r"[a-zA-Z][-a-zA-Z0-9]{0,127}", names.template_name(text))


@given(st.text(alphabet=st.one_of(st.characters(codec="utf-8"), st.sampled_from("{}\x1b\n'\\\"😀"))))
def test_a_message_has_nothing_that_argo_replaces_or_cannot_quote(text: str) -> None:
    message = values.message_text(text)
    assert argo_evaluates(values.message_expression("text"), text=text) == message
    assert "{{" not in message
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f]", message)
    assert values.message_text(message) == message
