"""The live view: what is shown while a run goes on."""

from __future__ import annotations

import io
from typing import Any

import pytest

from mlplat.argo.status import WAITING, Templates
from mlplat.cli import show
from mlplat.cli.progress import LineProgress, fitting
from mlplat.escaping import escaped_line
from mlplat.runs import trees

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
    named = {"id": "n", "name": "run.train", "displayName": "train"}
    return {**named, "type": "Pod", "phase": "Pending", **waiting}


def test_each_reason_is_written_once() -> None:
    stream = io.StringIO()
    lines = LineProgress(stream, "run", Templates({}))
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
    waiting = {**node(f"ErrImagePull: {'long ' * 30}"), "boundaryID": "run"}
    root = {"id": "run", "name": "run", "displayName": "run", "type": "DAG", "phase": "Running"}
    written = list(show.lines(trees.tree({"run": root, "n": waiting}, "run", trees.program({}))))

    assert written[0].endswith("… train  cannot start")
    assert all(len(line) <= 80 for line in written)
    assert "ErrImagePull" in written[1]
    assert written[-1].strip() == "hint: create it"


def test_lines_name_tasks_by_their_paths_and_say_why_attempts_failed() -> None:
    stream = io.StringIO()
    lines = LineProgress(stream, "run", Templates({}))
    around = "run.each.iteration(1:1 bad one)"
    first, second = (
        {
            "id": f"try{number}",
            "name": f"{around}.train({number})",
            "displayName": f"train({number})",
            "type": "Pod",
            "nodeFlag": {"retried": True},
        }
        for number in (0, 1)
    )
    task = {"id": "task", "name": f"{around}.train", "displayName": "train", "type": "Retry"}
    why = "Error (exit code 1): ValueError: no\nrows\x1b[2J"
    times = {"startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:03Z"}

    lines({**first, "phase": "Running"})
    lines({**task, "phase": "Running"})
    lines({**first, **times, "phase": "Failed", "message": why})
    lines({**second, "phase": "Running"})
    lines({**second, **times, "phase": "Succeeded"})
    lines({**task, **times, "phase": "Succeeded", "children": ["try0", "try1"]})

    assert stream.getvalue().splitlines() == [
        "▶ each.iteration(1:1 bad one).train(0)",
        f"✖ each.iteration(1:1 bad one).train(0)  3s  {escaped_line(why)}",
        "▶ each.iteration(1:1 bad one).train(1)",
        "✔ each.iteration(1:1 bad one).train  3s  (2 attempts)",
    ]
