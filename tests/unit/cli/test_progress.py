"""The live view: what is shown while a run goes on."""

from __future__ import annotations

import io
from typing import Any

import pytest

from mlplat.cli import show
from mlplat.cli.progress import Lines, fitting
from mlplat.runs.waiting import WAITING

TREE = [
    "run",
    "├─ ✔ a",
    "├─ … b  cannot start",
    "│    why b",
    "│    hint: b",
    "├─ ▶ c",
    "├─ ✔ d",
    "└─ … e  cannot start",
    "     why e",
]


@pytest.mark.parametrize(
    ("room", "shown"),
    [
        (9, TREE),
        (4, ["├─ … b  cannot start", "├─ ▶ c", "└─ … e  cannot start", "… 6 more"]),
        (
            6,
            ["├─ … b  cannot start", "│    why b", "├─ ▶ c", "├─ ✔ d", "└─ … e  cannot start", "… 4 more"],
        ),
    ],
)
def test_what_matters_is_shown_where_not_all_fits(room: int, shown: list[str]) -> None:
    assert fitting(TREE, room) == shown


def node(*reasons: str) -> dict[str, Any]:
    waiting = {WAITING: [*reasons, "hint: create it"]} if reasons else {}
    return {"id": "n", "displayName": "train", "type": "Pod", "phase": "Pending", **waiting}


def test_each_reason_is_written_once() -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    mount = 'FailedMount: secret "s" not found'
    for reasons in ((), (mount,), (f"{mount} (2 times)",), (mount, "Unschedulable: 0/1 nodes are available")):
        lines(node(*reasons))
    assert stream.getvalue().splitlines() == [
        "… train  cannot start",
        f"  {mount}",
        "  hint: create it",
        "… train  cannot start",
        "  Unschedulable: 0/1 nodes are available",
    ]


def test_reasons_stand_below_a_task_and_fit_a_terminal() -> None:
    waiting = {**node(f"ErrImagePull: {'long ' * 30}"), "boundaryID": "run", "name": "run.train"}
    root = {"id": "run", "name": "run", "displayName": "run", "type": "DAG", "phase": "Running"}
    written = list(show.lines(show.tree({"run": root, "n": waiting}, "run", {})))

    assert written[0].endswith("… train  cannot start")
    assert all(len(line) <= 80 for line in written)
    assert "ErrImagePull" in written[1]
    assert written[-1].strip() == "hint: create it"
