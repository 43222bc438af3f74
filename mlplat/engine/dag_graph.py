"""The graph of a DAG template: its tasks, their dependencies, and the targets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any

from mlplat.argo.depends import Dependencies, condition, earlier


class UnreachableTaskError(Exception):
    """The tasks of a DAG cannot all be reached; the message is the DAG's."""


class TaskGraph:
    """The tasks of a DAG template.

    Args:
        template: the template, filled.

    Attributes:
        tasks: the tasks by name.
        conditions: by name of a task, its ``depends`` or ``dependencies``.
        targets: names of the tasks that decide the DAG's phase: those that nothing depends on, or ``dag.target``.
    """

    def __init__(self, template: Mapping[str, Any]) -> None:
        self.tasks: dict[str, Mapping[str, Any]] = {
            task["name"]: task for task in template["dag"].get("tasks") or ()
        }
        self.conditions: dict[str, Dependencies] = {
            name: condition(task, self.tasks) for name, task in self.tasks.items()
        }
        target = template["dag"].get("target", "")
        self.targets = target.split() if target else self._leaves()

    def _leaves(self) -> list[str]:
        depended_on = {name for one in self.conditions.values() for name in one.tasks}
        return sorted(name for name in self.tasks if name not in depended_on)

    @cached_property
    def _earlier(self) -> Mapping[str, Collection[str]]:
        return earlier({name: one.tasks for name, one in self.conditions.items()})

    def before(self, name: str) -> Collection[str]:
        """Return the names of the tasks that a task depends on, directly or through others."""
        return self._earlier.get(name, frozenset())

    def needed(self) -> list[str]:
        """Return the names of the targets and of all tasks before them, each after those that it depends on.

        Raises:
            UnreachableTaskError: a target does not exist.
        """
        needed: dict[str, None] = {}
        stack = list(reversed(self.targets))
        visiting: set[str] = set()
        while stack:
            name = stack[-1]
            if name in needed:
                stack.pop()
                continue
            if name not in self.tasks:
                raise UnreachableTaskError(f"target {name} does not exist")
            missing = [
                other
                for other in self.conditions[name].tasks
                if other not in needed and other not in visiting
            ]
            visiting.add(name)
            if missing:
                stack.extend(reversed(missing))
            else:
                needed[name] = None
                stack.pop()
        return list(needed)
