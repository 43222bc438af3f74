"""The tree of a run as lines of text."""

from __future__ import annotations

from typing import Any

import pytest

from mlplat.argo.status import WAITING
from mlplat.runs.tree_lines import OutlineLine, fitting, outline, progress
from mlplat.runs.trees import TreeNode, program, short, tree

ROOT = {"id": "run", "name": "run", "displayName": "run", "type": "DAG", "phase": "Running"}


def tree_of(nodes: dict[str, dict[str, Any]]) -> TreeNode:
    return tree(nodes, "run", program({}))


def texts(nodes: dict[str, dict[str, Any]]) -> list[str]:
    return [line.text for line in outline(tree_of(nodes))]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", '""'),
        ("a", "a"),
        (None, "null"),
        (1.0, "1"),
        (True, "true"),
        (["a"], '["a"]'),
        ("x" * 61, "x" * 60 + "…"),
    ],
)
def test_a_value_in_one_line(value: Any, text: str) -> None:
    assert short(value) == text


def node(*reasons: str) -> dict[str, Any]:
    waiting = {WAITING: [*reasons, "hint: create it"]} if reasons else {}
    named = {"id": "n", "name": "run.train", "displayName": "train"}
    return {**named, "type": "Pod", "phase": "Pending", **waiting}


def test_reasons_stand_below_a_task_and_fit_a_terminal() -> None:
    waiting = {**node(f"ErrImagePull: {'long ' * 30}"), "boundaryID": "run"}
    root = {"id": "run", "name": "run", "displayName": "run", "type": "DAG", "phase": "Running"}
    written = texts({"run": root, "n": waiting})

    assert written[0].endswith("… train  cannot start")
    assert all(len(line) <= 80 for line in written)
    assert "ErrImagePull" in written[1]
    assert written[-1].strip() == "hint: create it"


def iteration(number: int, phase: str) -> dict[str, dict[str, Any]]:
    name = f"loop({number}:{number} item {number})"
    around = {"id": name, "name": f"run.{name}", "displayName": name, "type": "DAG", "boundaryID": "run"}
    inside = {"id": f"{name}.work", "name": f"run.{name}.work", "displayName": "work", "type": "Pod"}
    return {
        name: {**around, "phase": phase},
        f"{name}.work": {**inside, "phase": phase, "boundaryID": name},
    }


def test_a_loop_of_eighty_iterations_is_a_few_lines_with_the_first_that_failed() -> None:
    failed = (3, 40, 41, 79)
    root = {"id": "run", "name": "run", "displayName": "run", "type": "DAG", "phase": "Failed"}
    nodes: dict[str, dict[str, Any]] = {"run": root}
    for number in range(80):
        nodes |= iteration(number, "Failed" if number in failed else "Succeeded")

    written = texts(nodes)
    assert [line.strip("│├└─ ") for line in written] == [
        "✖ loop(3:3 item 3)  failed",
        "✖ work  <1s",
        "✖ loop(40:40 item 40)  failed",
        "✖ work  <1s",
        "✖ loop(41:41 item 41)  failed",
        "✖ work  <1s",
        "✖ loop(0:0 item 0) … loop(79:79 item 79)  76 succeeded, 1 failed",
    ]


def test_iterations_that_wait_for_a_slot_are_pending() -> None:
    nodes: dict[str, dict[str, Any]] = {"run": ROOT}
    for number in range(20):
        inside = {0: "Succeeded", 1: "Running"}.get(number, "Pending")
        around = "Succeeded" if number == 0 else "Running"
        for key, one in iteration(number, inside).items():
            nodes[key] = {**one, "phase": around} if one["type"] == "DAG" else one

    line = "└─ ▶ loop(0:0 item 0) … loop(19:19 item 19)  1 succeeded, 1 running, 18 pending"
    assert texts(nodes) == [line]
    assert progress(tree_of(nodes)) == "1 succeeded, 1 running, 18 pending"


def test_a_part_of_a_run_is_pending_until_something_in_it_starts() -> None:
    def phases(kind: str, *inside: str) -> list[str]:
        part = {"id": "part", "name": "run.part", "displayName": "part", "type": kind, "phase": "Running"}
        nodes = {"run": ROOT, "part": {**part, "boundaryID": "run"}}
        for number, phase in enumerate(inside):
            named = {"id": f"{number}", "name": f"run.part.{number}", "displayName": f"{number}"}
            nodes[f"{number}"] = {**named, "type": "Pod", "phase": phase, "boundaryID": "part"}
        return [line.phase for line in outline(tree_of(nodes))][:1]

    assert phases("DAG", "Skipped", "Pending") == ["Pending"]
    assert phases("DAG", "Succeeded", "Pending") == ["Running"]
    assert phases("DAG", "Skipped") == ["Running"]
    assert phases("DAG") == ["Running"]
    assert phases("Suspend") == ["Running"]


TREE = [
    OutlineLine("run"),
    OutlineLine("├─ ✔ a", "Succeeded"),
    OutlineLine("├─ … b  cannot start", "Pending", cannot_start=True),
    OutlineLine("│    why b"),
    OutlineLine("│    hint: b"),
    OutlineLine("├─ ▶ c", "Running"),
    OutlineLine("├─ ✔ d", "Succeeded"),
    OutlineLine("├─ ✖ e", "Failed"),
    OutlineLine("└─ … f  cannot start", "Pending", cannot_start=True),
    OutlineLine("     why f"),
]


@pytest.mark.parametrize(
    ("room", "shown", "hidden"),
    [
        (10, [*range(10)], ""),
        (9, [0, 2, 3, 5, 6, 7, 8, 9], "… 2 more"),
        (7, [0, 2, 3, 5, 7, 8], "… 4 more"),
        (5, [0, 2, 5, 8], "… 6 more"),
        (3, [0, 2], "… 8 more"),
    ],
)
def test_what_matters_is_shown_where_not_all_fits(room: int, shown: list[int], hidden: str) -> None:
    """First what runs or cannot start, then what failed, then what is around these."""
    assert fitting(TREE, room) == [*(TREE[place].text for place in shown), *filter(None, [hidden])]


def test_where_nothing_matters_the_start_is_shown() -> None:
    lines = [OutlineLine("artifacts"), *(OutlineLine(f"  {number}") for number in range(9))]
    assert fitting(lines, 4, "mlplat get artifacts run") == [
        "artifacts",
        "  0",
        "  1",
        "… 7 more: mlplat get artifacts run",
    ]


def test_what_is_before_a_failure_is_shown_where_nothing_is_after_it() -> None:
    lines = [OutlineLine("run"), *(OutlineLine(f"├─ ✔ {number}", "Succeeded") for number in range(9))]
    lines.append(OutlineLine("└─ ✖ last", "Failed"))
    assert fitting(lines, 5) == ["run", "├─ ✔ 7", "├─ ✔ 8", "└─ ✖ last", "… 7 more"]
