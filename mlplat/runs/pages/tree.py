"""The nodes of a run as people know them: without those that only Argo needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from mlplat.argo.names import NOTHING
from mlplat.argo.status import edges

if TYPE_CHECKING:
    from mlplat.metadata import RunRow, TaskRow


class Tree:
    """The nodes of a run that people know, in the order in which they read them."""

    def __init__(self, run: RunRow, tasks: Sequence[TaskRow]) -> None:
        by_id = {task.id: task for task in tasks}
        parents = {task.id: task.parent_id for task in tasks}
        hidden = {task.id for task in tasks if _is_hidden(task, run)}
        inside: dict[str, list[TaskRow]] = {}
        for task in sorted(tasks, key=lambda task: task.order):
            if task.id not in hidden:
                inside.setdefault(_parent(task.id, parents, hidden), []).append(task)
        self.loops = {task.id for task in tasks if task.type == "TaskGroup"}
        for key in self.loops & {only[0].id for only in inside.values() if len(only) == 1}:
            outer = _parent(key, parents, hidden)
            if outer in by_id and inside.get(key):
                # The group of a ParallelFor holds nothing but its loop: one box is enough.
                hidden.add(key)
                self.loops.add(outer)
                inside[outer] = inside.pop(key)
        self.parents = {key: _parent(key, parents, hidden) for key in by_id}
        self.after = edges({task.id: task.children for task in tasks}, parents, hidden)
        self._hidden = hidden
        self.shown: list[TaskRow] = []
        waiting = list(reversed(inside.get("", ())))
        while waiting:
            self.shown.append(task := waiting.pop())
            waiting += reversed(inside.get(task.id, ()))

    def seen(self, key: str) -> str:
        """Return the node itself, or what is shown around it."""
        return self.parents[key] if key in self._hidden else key


def _is_hidden(task: TaskRow, run: RunRow) -> bool:
    is_of_the_compiler = (task.template, task.type) == (NOTHING, "Skipped")
    is_root = task.name == run.name and task.role == "group"
    return task.role == "attempt" or task.type in ("StepGroup", "Container") or is_of_the_compiler or is_root


def _parent(key: str, parents: Mapping[str, str], hidden: Iterable[str]) -> str:
    seen = {key}
    key = parents.get(key, "")
    while key in hidden and key not in seen:
        seen.add(key)
        key = parents.get(key, "")
    return key if key in parents else ""
