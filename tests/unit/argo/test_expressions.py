"""Expressions give what Argo's libraries give.

``recorded.json`` holds expressions with the JSON that expr-lang 1.17.7, Sprig 3.3.0 and Argo's own functions made of
them, and ``when`` texts with what govaluate made of them; null stands for an error.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlplat.argo import gotext
from mlplat.argo.depends import condition, earlier, in_order, unknown_names
from mlplat.argo.expressions import (
    ExpressionError,
    environment,
    evaluate,
    evaluate_boolean,
    expand,
    identifiers,
    parse,
    should_execute,
)

RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text(encoding="utf-8"))
NAMES = {
    **environment({}),
    "item": "5",
    "nothing": None,
    "workflow": {"name": "wf", "parameters": {"x": "a$b", "n": "3"}},
    "tasks": {
        "a-b": {
            "status": "Succeeded",
            "outputs": {"result": '[1, 2.5, "z"]', "parameters": {"p": '{"k": {"d": 1.0}}'}},
        }
    },
}
JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(("expression", "expected"), RECORDED["expressions"])
def test_an_expression_has_the_recorded_value(expression: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(ExpressionError):
            evaluate(expression, NAMES)
    else:
        assert gotext.to_json(evaluate(expression, NAMES)) == expected


@pytest.mark.parametrize(("when", "expected"), RECORDED["when"])
def test_a_when_text_has_the_recorded_value(when: str, expected: bool | None) -> None:
    if expected is None:
        with pytest.raises(ExpressionError):
            should_execute(when)
    else:
        assert should_execute(when) is expected


@given(JSON)
def test_json_survives_reading_and_writing(value: object) -> None:
    text = gotext.to_json(value)
    assert json.loads(text, parse_int=float) == value
    assert gotext.to_json(evaluate("fromJSON(x)", {**NAMES, "x": text})) == text


@given(st.text())
def test_a_quoted_text_is_the_text(text: str) -> None:
    assert evaluate('"' + gotext.quote_inner(text) + '"', {}) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_written_so_that_they_read_back(number: float) -> None:
    assert float(gotext.float_json(number)) == number
    assert float(gotext.sprint(number)) == number


@given(st.text(max_size=30))
def test_any_text_is_an_expression_or_an_expression_error(text: str) -> None:
    for attempt in (lambda: evaluate(text, NAMES), lambda: should_execute(text)):
        with contextlib.suppress(ExpressionError):
            attempt()


def test_a_deeply_nested_expression_is_refused() -> None:
    with pytest.raises(ExpressionError, match="nested too deeply"):
        parse("(" * 5000 + "1" + ")" * 5000)


def test_identifiers_leave_out_what_operators_guard() -> None:
    assert set(identifiers(parse("tasks.a.status == 'x'"))) == {"tasks", "tasks.a", "tasks.a.status"}
    assert set(identifiers(parse("tasks.a.outputs.parameters.p ?? 'd'"))) == {"tasks"}


def test_names_below_a_name_win_over_its_value() -> None:
    assert expand({"item": "{}", "item.a": "1", "x": "2"}) == {"item": {"a": "1"}, "x": "2"}


def test_a_boolean_expression_must_be_boolean() -> None:
    assert evaluate_boolean("asInt(item) > 4", NAMES)
    with pytest.raises(ExpressionError):
        evaluate_boolean("asInt(item)", NAMES)


def test_functions_that_argo_adds() -> None:
    assert evaluate('jsonpath(\'{"a": [{"b": 1}, {"b": 2}]}\', \'$.a[1].b\')', NAMES) == 2
    assert evaluate('jsonpath(\'{"a": [{"b": 1}, {"b": 2}]}\', \'$.a[*].b\')', NAMES) == [1, 2]
    assert evaluate("jsonpath('{\"a\": {\"b\": 1}}', '$..b')", NAMES) == [1]
    with pytest.raises(ExpressionError, match="not found"):
        evaluate("jsonpath('{}', '$.a')", NAMES)


@pytest.mark.parametrize(
    ("depends", "results", "expected"),
    [
        ("a", {"a": "Succeeded"}, True),
        ("a", {"a": "Skipped"}, True),
        ("a", {"a": "Failed"}, False),
        ("a-1.Failed || b.Succeeded", {"a-1": "Failed", "b": "Failed"}, True),
        ("a && (b.Failed || !c.Succeeded)", {"a": "Succeeded", "b": "Succeeded", "c": "Succeeded"}, False),
        ("tolerant", {"tolerant": "Failed"}, True),
    ],
)
def test_depends_is_evaluated_with_task_results(
    depends: str, results: dict[str, str], expected: bool
) -> None:
    tasks = {"tolerant": {"continueOn": {"failed": True}}}
    known = ("Succeeded", "Failed", "Errored", "Skipped", "Omitted", "Daemoned", "AnySucceeded", "AllFailed")
    waits = condition({"depends": depends}, tasks)
    assert set(waits.tasks) == set(results)
    assert (
        waits.holds({name: {one: one == phase for one in known} for name, phase in results.items()})
        is expected
    )


def test_dependencies_are_bare_names() -> None:
    waits = condition({"dependencies": ["a", "b"]}, {})
    assert waits.tasks == ("a", "b")
    assert waits.expression == (
        "(a.Succeeded || a.Skipped || a.Daemoned) && (b.Succeeded || b.Skipped || b.Daemoned)"
    )


def test_unknown_tasks_are_found() -> None:
    conditions = {"b": condition({"depends": "a && c.Failed"}, {})}
    assert unknown_names(conditions, ["a", "b"]) == {"b": ["c"]}


def test_earlier_tasks_are_those_that_are_waited_for_in_any_way() -> None:
    waits = {"d": ("b", "c"), "a": (), "b": ("a",), "c": ("a", "none"), "e": ("f",), "f": ("e",)}
    found = {name: set(names) for name, names in earlier(waits).items()}
    assert found == {"d": {"a", "b", "c"}, "a": set(), "b": {"a"}, "c": {"a"}}
    assert "a" in earlier(waits)["d"]
    assert "d" not in earlier(waits)["d"]
    assert "none" not in earlier(waits)["c"]
    assert len(earlier(waits)["d"]) == 3


@given(st.lists(st.sets(st.integers(0, 11)), max_size=12))
def test_tasks_in_order_come_after_those_they_wait_for_and_else_stay(edges: list[set[int]]) -> None:
    waits = {str(task): [str(other) for other in sorted(others)] for task, others in enumerate(edges)}
    order, stuck = in_order(waits)
    assert sorted((*order, *stuck)) == sorted(waits)
    for place, name in enumerate(order):
        assert not set(waits[name]) & (set(order[place:]) | set(stuck))
    assert all(set(waits[name]) & set(stuck) for name in stuck)
    assert in_order({name: waits[name] for name in order})[0] == order


def test_tasks_in_order_are_those_of_a_long_chain_too() -> None:
    chain = {f"t{number}": (f"t{number - 1}",) if number else () for number in range(20_000)}
    assert in_order(chain) == (list(chain), [])
    assert in_order({"a": ("b",), "c": ("none",), "b": ("a",), "d": ("c",)}) == (["c", "d"], ["a", "b"])
