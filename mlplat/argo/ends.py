"""Finds tasks of a DAG that Argo cannot reach, because the nodes before them have no children.

Argo walks a DAG from node to node to see whether it has ended. The tasks after a task are children of its last attempt;
a task with retries that comes from the cache has no attempts (``getOutboundNodes`` of Argo 4.0.7's ``operator.go``).
Argo does not find a task that depends only on such tasks, and its DAG never ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mlplat.argo.depends import condition

Template = Mapping[str, Any]


def hanging(templates: Iterable[Template]) -> dict[str, frozenset[str]]:
    """Return the tasks that Argo may not reach.

    Args:
        templates: the templates of a spec; a task of another template counts as one that Argo finds.

    Returns:
        Names of tasks, by template; templates without such tasks are left out.
    """
    by_name = {str(template.get("name", "")): template for template in templates}
    if not any(map(_comes_without_tries, by_name.values())):
        return {}
    ends = _Ends(by_name)
    found = {name: ends.hanging(template) for name, template in by_name.items()}
    return {name: tasks for name, tasks in found.items() if tasks}


def _comes_without_tries(template: Template) -> bool:
    return bool(template.get("memoize")) and template.get("retryStrategy") is not None


class _Ends:
    def __init__(self, templates: Mapping[str, Template]) -> None:
        self.templates = templates
        self.known: dict[str, bool] = {}

    def hanging(self, template: Template) -> frozenset[str]:
        tasks = _tasks(template)
        endless = {name for name, task in tasks.items() if self.is_endless(str(task.get("template", "")))}
        return frozenset(
            name for name in tasks if (before := _before(name, tasks)) and endless.issuperset(before)
        )

    def is_endless(self, name: str) -> bool:
        """Return whether a call of a template may leave no node that others can be children of."""
        if name not in self.known:
            self.known[name] = False  # a template that calls itself ends with a call that is skipped
            template = self.templates.get(name, {})
            tasks = _tasks(template)
            waited_for = {other for task in tasks for other in _before(task, tasks)}
            last = [task for key, task in tasks.items() if key not in waited_for]
            self.known[name] = _comes_without_tries(template) or (
                bool(last) and all(self.is_endless(str(task.get("template", ""))) for task in last)
            )
        return self.known[name]


def _tasks(template: Template) -> dict[str, Template]:
    return {task["name"]: task for task in (template.get("dag") or {}).get("tasks") or ()}


def _before(name: str, tasks: Mapping[str, Template]) -> tuple[str, ...]:
    return tuple(condition(tasks[name], tasks).tasks)
