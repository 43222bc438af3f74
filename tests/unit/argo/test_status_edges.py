"""Edges of the graph that people see, from the children of nodes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mlplat.argo.status import edges


def test_a_node_after_a_group_comes_after_the_group() -> None:
    """``load -> loop(0: fit -> eval), loop(1: fit -> eval) -> best``, as Argo writes it."""
    children = {
        "run": ["load"],
        "load": ["loop"],
        "loop": ["0", "1"],
        "0": ["fit0"],
        "fit0": ["eval0"],
        "eval0": ["best"],
        "1": ["fit1"],
        "fit1": ["eval1"],
        "eval1": ["best"],
        "best": [],
    }
    parents = dict.fromkeys(("load", "loop", "best"), "run") | {"0": "loop", "1": "loop"}
    parents |= {"fit0": "0", "eval0": "0", "fit1": "1", "eval1": "1"}
    found = edges(children, parents, {"run"})
    assert found == {"loop": ("load",), "eval0": ("fit0",), "eval1": ("fit1",), "best": ("loop",)}


def test_what_follows_attempts_comes_after_the_task() -> None:
    children = {"retry": ["retry(0)", "retry(1)"], "retry(0)": [], "retry(1)": ["next"], "next": []}
    parents = {"retry(0)": "retry", "retry(1)": "retry"}
    assert edges(children, parents, {"retry(0)", "retry(1)"}) == {"next": ("retry",)}


def test_steps_come_after_the_steps_before_them() -> None:
    children = {
        "run": ["[0]"],
        "[0]": ["a", "b"],
        "a": ["[1]"],
        "b": ["[1]"],
        "[1]": ["c"],
        "c": [],
    }
    parents = {"[0]": "run", "[1]": "run", "a": "[0]", "b": "[0]", "c": "[1]"}
    assert edges(children, parents, {"run", "[0]", "[1]"}) == {"c": ("a", "b")}


def test_nodes_that_are_not_known_have_no_edges() -> None:
    assert edges({"a": ["gone"], "b": ["a"]}, {}, ()) == {"a": ("b",)}


@st.composite
def _graphs(draw: st.DrawFn) -> tuple[dict[str, list[str]], dict[str, str], set[str]]:
    count = draw(st.integers(0, 12))
    keys = [str(number) for number in range(count)]
    children = {key: draw(st.lists(st.sampled_from(keys), max_size=4)) for key in keys}
    parents = {key: draw(st.sampled_from(["", *keys[:number]])) for number, key in enumerate(keys)}
    hidden = {key for key in keys if draw(st.booleans()) and draw(st.booleans())}
    return children, parents, hidden


@given(_graphs())
def test_both_ends_of_an_edge_are_shown_and_in_the_same_group(
    graph: tuple[dict[str, list[str]], dict[str, str], set[str]],
) -> None:
    children, parents, hidden = graph

    def shown_parent(key: str) -> str:
        key = parents[key]
        while key in hidden:
            key = parents[key]
        return key

    for key, befores in edges(children, parents, hidden).items():
        assert key not in befores
        assert {key, *befores}.isdisjoint(hidden)
        assert {shown_parent(one) for one in befores} == {shown_parent(key)}
