"""The graph of a run: nothing overlaps, nothing runs upwards, and what is alike is drawn once."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlplat.report import TaskView
from mlplat.report.folding import MOST, DrawnNode, folded
from mlplat.report.layout import Box, laid_out
from tests.unit.report.samples import loop, task


@st.composite
def graphs(draw: st.DrawFn) -> list[TaskView]:
    """Draw tasks in groups, which come after tasks of their own group."""
    tasks: list[TaskView] = []
    for number in range(draw(st.integers(0, 25))):
        groups = [one.id for one in tasks if one.kind != "task"]
        parent = draw(st.sampled_from(["", *groups]))
        siblings = [one.id for one in tasks if one.parent == parent]
        after = draw(st.lists(st.sampled_from(siblings), unique=True, max_size=3)) if siblings else []
        kind = draw(st.sampled_from(["task", "task", "group", "loop"]))
        tasks.append(
            task(f"t{number}", *after, kind=kind, parent=parent, label="n" * draw(st.integers(1, 40)))
        )
    return tasks


def _inside(inner: Box, outer: Box) -> bool:
    return (
        outer.x <= inner.x
        and outer.y <= inner.y
        and inner.x + inner.width <= outer.x + outer.width + 1e-6
        and inner.y + inner.height <= outer.y + outer.height + 1e-6
    )


def _apart(one: Box, other: Box) -> bool:
    return (
        one.x + one.width <= other.x + 1e-6
        or other.x + other.width <= one.x + 1e-6
        or one.y + one.height <= other.y + 1e-6
        or other.y + other.height <= one.y + 1e-6
    )


@settings(max_examples=30)
@given(graphs())
def test_boxes_are_apart_inside_their_groups_and_below_what_they_come_after(tasks: list[TaskView]) -> None:
    layout = laid_out(folded(tasks))
    boxes = {box.node.id: box for box in layout.boxes}
    assert len(boxes) == len(layout.boxes)
    for box in layout.boxes:
        parent = box.node.parent
        assert _inside(box, boxes[parent]) if parent else 0 <= box.x + box.width <= layout.width
        for before in box.node.after:
            assert boxes[before].y + boxes[before].height < box.y
    for one, other in itertools.combinations(layout.boxes, 2):
        if one.node.parent == other.node.parent:
            assert _apart(one, other)


@settings(max_examples=30)
@given(graphs())
def test_every_edge_is_a_line_between_its_boxes(tasks: list[TaskView]) -> None:
    layout = laid_out(folded(tasks))
    boxes = {box.node.id: box for box in layout.boxes}
    wanted = sorted(
        (round(boxes[before].y + boxes[before].height, 6), round(box.y, 6))
        for box in layout.boxes
        for before in box.node.after
    )
    assert sorted((round(line[0][1], 6), round(line[-1][1], 6)) for line in layout.lines) == wanted
    for line in layout.lines:
        heights = [y for _, y in line]
        assert heights == sorted(heights)


@settings(max_examples=30)
@given(graphs())
def test_every_task_is_drawn_or_counted(tasks: list[TaskView]) -> None:
    nodes = folded(tasks)
    drawn = {node.id for node in nodes}
    assert all(node.parent in {"", *drawn} for node in nodes)
    assert all(before in drawn for node in nodes for before in node.after)


def test_iterations_beyond_a_few_are_one_node_and_failed_ones_stay() -> None:
    nodes = folded(loop(100, failed=(40, 77)))
    labels = [node.label for node in nodes if node.parent == "loop"]
    assert labels == ["iteration(0)", "97 more", "iteration(40)", "iteration(77)"]
    assert next(node for node in nodes if node.label == "97 more").note == "97 succeeded"


def test_tasks_with_the_same_neighbors_are_one_node() -> None:
    fan = [task(f"w{number}", "load") for number in range(50)]
    gathered = task("gather", *(one.id for one in fan))
    nodes = {node.label: node for node in folded([task("load"), *fan, gathered])}
    assert list(nodes) == ["load", "w0", "w1", "w2", "47 more", "gather"]
    assert nodes["47 more"].after == ("load",)
    assert nodes["47 more"].id in nodes["gather"].after


def test_a_summary_has_the_worst_phase_of_what_it_stands_for() -> None:
    failed = tuple(range(10))
    summary = next(node for node in folded(loop(20, failed)) if "more" in node.label)
    assert (summary.phase, summary.note) == ("Failed", "10 succeeded, 7 failed")


def test_groups_are_closed_where_there_are_too_many_nodes() -> None:
    tasks = []
    for group in range(40):
        tasks.append(task(f"g{group}", *([f"g{group - 1}"] if group else []), kind="group"))
        for step in range(20):
            after = [f"g{group}.{step - 1}"] if step else []
            tasks.append(task(f"g{group}.{step}", *after, parent=f"g{group}"))
    nodes = folded(tasks)
    assert len(nodes) == 40 <= MOST
    assert {(node.kind, node.note) for node in nodes} == {("task", "20 tasks")}


@pytest.mark.parametrize("tasks", [[task("a", "b"), task("b", "a")], [task("a", "a")], [task("a", "gone")]])
def test_invalid_graphs_are_drawn(tasks: list[TaskView]) -> None:
    assert len(laid_out(folded(tasks)).boxes) == len(tasks)


def test_groups_that_contain_each_other_end_the_walk() -> None:
    tasks = [task("a", parent="b", kind="group"), task("b", parent="a", kind="group")]
    assert {node.id for node in folded(tasks)} == {"a", "b"}


def test_a_chain_is_a_straight_column() -> None:
    nodes = [
        DrawnNode(f"n{i}", "same", "task", "Succeeded", after=(f"n{i - 1}",) if i else ()) for i in range(5)
    ]
    layout = laid_out(nodes)
    assert len({box.x for box in layout.boxes}) == 1
    assert all(x == line[0][0] for line in layout.lines for x, _ in line)
