"""What happens in a run, as lines."""

from __future__ import annotations

from typing import Any

from mlplat.argo.status import WAITING, Templates
from mlplat.escaping import escaped_line
from mlplat.runs.task_lines import TaskLines


def node(*reasons: str) -> dict[str, Any]:
    waiting = {WAITING: [*reasons, "hint: create it"]} if reasons else {}
    named = {"id": "n", "name": "run.train", "displayName": "train"}
    return {**named, "type": "Pod", "phase": "Pending", **waiting}


def test_each_reason_is_written_once() -> None:
    lines, written = TaskLines("run", Templates({})), list[str]()
    mount = 'FailedMount: secret "s" not found'
    for reasons in ((), (mount,), (f"{mount} (2 times)",), (mount, "Unschedulable: 0/1 nodes are available")):
        written += lines.of(node(*reasons))
    assert written == [
        "… train  cannot start",
        f"  {mount}",
        "  hint: create it",
        "… train  cannot start",
        "  Unschedulable: 0/1 nodes are available",
    ]


def test_a_step_that_waits_has_lines() -> None:
    lines = TaskLines("run", Templates({}))
    named = {"id": "a", "name": "run.approval", "displayName": "approval", "type": "Suspend"}
    written = [line for phase in ("Running", "Succeeded") for line in lines.of({**named, "phase": phase})]
    assert written == ["▶ approval", "✔ approval"]


def test_lines_name_tasks_by_their_paths_and_say_why_attempts_failed() -> None:
    lines = TaskLines("run", Templates({}))
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

    changes: list[dict[str, Any]] = [
        {**first, "phase": "Running"},
        {**task, "phase": "Running"},
        {**first, **times, "phase": "Failed", "message": why},
        {**second, "phase": "Running"},
        {**second, **times, "phase": "Succeeded"},
        {**task, **times, "phase": "Succeeded", "children": ["try0", "try1"]},
    ]

    assert [line for node in changes for line in lines.of(node)] == [
        "▶ each.iteration(1:1 bad one).train(0)",
        f"✖ each.iteration(1:1 bad one).train(0)  3s  {escaped_line(why)}",
        "▶ each.iteration(1:1 bad one).train(1)",
        "✔ each.iteration(1:1 bad one).train  3s  (2 attempts)",
    ]
