"""Tags are replaced, and left alone, as Argo's controller does it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlplat.argo.templating import (
    DEPENDENCIES,
    EVERYTHING,
    Scope,
    Template,
    TemplatingError,
    UnresolvedError,
    replace,
    tags,
)

SCOPE = Scope(
    {"workflow.name": "wf", "workflow.parameters.x": 'a$b {{c}} "q"\n', "workflow.parameters": "[]"},
    {"inputs.parameters.items": '["a", {"k": 1.0}]', "item": "1", "tasks.a.outputs.parameters.gone": None},
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("{{workflow.name}}-{{ item }}", "wf-1"),
        ("{{unknown}} stays", "{{unknown}} stays"),
        ("{{workflow.parameters.x}}", 'a$b {{c}} "q"\n'),
        ("{{=workflow.name + '!'}}", "wf!"),
        ("{{=fromJSON(inputs.parameters['items'])[asInt(item)]}}", '{"k":1}'),
        ("{{=fromJSON(inputs.parameters['items'])[0]}}", "a"),
        ("{{=1 < 2}}", "true"),
        ("{{=fromJson('1')}}", "{{=fromJson('1')}}"),
        ("{{=workflow.status == 'Failed'}}", "{{=workflow.status == 'Failed'}}"),
        ("{{=lastRetry.exitCode}}", "{{=lastRetry.exitCode}}"),
        ("{{=tasks.a.outputs.parameters.gone ?? 'other'}}", "other"),
        ("{{=tasks.a.outputs.parameters.gone}}", "{{=tasks.a.outputs.parameters.gone}}"),
        ('{{=workflow.name + " \\"quoted\\""}}', 'wf "quoted"'),
        ("{{inputs.parameters.{{item}}}}", "{{inputs.parameters.1}}"),
    ],
)
def test_a_tag_is_replaced_by_its_value(text: str, expected: str) -> None:
    assert replace(text, SCOPE) == expected


def test_an_item_is_made_inert_at_the_entry() -> None:
    expression = (
        r"{{=sprig.replace('$', '\\u0024', sprig.replace('\u007b\u007b', '\\u007b\\u007b', "
        r"toJson(workflow.parameters['x'])))}}"
    )
    inert = replace(expression, SCOPE)
    assert inert == r'"a\u0024b \u007b\u007bc}} \"q\"\n"'
    assert json.loads(inert) == 'a$b {{c}} "q"\n'


def test_tags_stand_anywhere_in_a_tree_and_the_tree_is_not_changed() -> None:
    tree = {"a": ["{{item}}", {"{{workflow.name}}": 1}], "b": None}
    assert replace(tree, SCOPE) == {"a": ["1", {"wf": 1}], "b": None}
    assert tree == {"a": ["{{item}}", {"{{workflow.name}}": 1}], "b": None}


def test_a_tree_without_tags_is_the_same_object() -> None:
    tree = {"a": "}} {x}"}
    assert replace(tree, SCOPE) is tree


@pytest.mark.parametrize("text", ["{{tasks.b.outputs.result}}", "{{=tasks.b.status}}", "{{steps.b.id}}"])
def test_references_to_tasks_must_resolve(text: str) -> None:
    with pytest.raises(UnresolvedError):
        replace(text, SCOPE, DEPENDENCIES)
    assert replace(text, SCOPE) == text


def test_artifacts_of_tasks_are_resolved_elsewhere() -> None:
    text = "{{tasks.b.outputs.artifacts.model}}"
    assert replace(text, SCOPE, DEPENDENCIES) == text


def test_every_tag_of_a_loop_item_must_resolve() -> None:
    with pytest.raises(UnresolvedError, match=r"failed to resolve \{\{unknown\}\}"):
        replace("{{unknown}}", SCOPE, EVERYTHING)


def test_an_absent_output_can_not_be_put_into_text() -> None:
    with pytest.raises(TemplatingError, match="absent optional"):
        replace("{{tasks.a.outputs.parameters.gone}}", SCOPE)


@pytest.mark.parametrize("text", ["{{workflow.name", "a {{ b {{item}}" + " {{"])
def test_a_tag_must_be_closed(text: str) -> None:
    with pytest.raises(TemplatingError, match="Cannot find end tag"):
        replace(text, SCOPE)


def test_an_expression_that_fails_though_its_names_are_there_is_an_error() -> None:
    with pytest.raises(TemplatingError, match=r"int\(wf\)"):
        replace("{{=asInt(workflow.name)}}", SCOPE, DEPENDENCIES)


def test_a_value_that_can_not_stand_in_json_is_an_error() -> None:
    with pytest.raises(TemplatingError, match="invalid JSON"):
        replace("{{bell}}", Scope({"bell": "\x07"}))


@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co"), max_codepoint=0xFFFF)))
def test_a_value_arrives_as_it_is(value: str) -> None:
    assert replace({"a": ["x{{v}}y"]}, Scope({"v": value})) == {"a": [f"x{value}y"]}


def test_a_template_is_replaced_for_each_item() -> None:
    template = Template({"v": "{{item}}"})
    assert [template.replace(Scope({"item": one}))["v"] for one in ("a", "b")] == ["a", "b"]


def test_an_inner_layer_hides_an_outer_one() -> None:
    scope = Scope({"a": "1", "b.c": "2"}).child({"a": "3", "b.d": "4"})
    assert replace("{{a}} {{b.c}} {{=b.c + b.d}}", scope) == "3 2 24"


def test_tags_are_listed() -> None:
    assert tags({"a": '{{x}} {{=y + "z"}}'}) == ["x", '=y + "z"']


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("sprig.genPrivateKey('rsa')", "not supported on this machine"),
        ("sprig.repeat(3000000000, 'a')", "a string of"),
    ],
)
def test_an_expression_that_is_refused_on_this_machine_never_stays(expression: str, reason: str) -> None:
    with pytest.raises(TemplatingError, match=reason):
        replace("{{=" + expression + "}}", SCOPE)


def test_a_filter_of_jsonpath_is_applied() -> None:
    scope = Scope({"inputs.parameters.j": '{"e": [{"n": "A", "a": 1}, {"n": "B", "a": 2}]}'})
    assert (
        replace("""{{=jsonpath(inputs.parameters.j, '$.e[?(@.n=="B")].a')}}""", scope, DEPENDENCIES) == "[2]"
    )
