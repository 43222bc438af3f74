"""Pass: what follows a task is reached from somewhere, also when the task's result comes from the cache.

Argo walks a DAG from node to node to see whether it is over. What follows a task hangs from the task's last try; a task
that may be tried again and comes from the cache has none (``getOutboundNodes`` of Argo 4.0.7's ``operator.go``), so
what follows it would not be found, and the run would not end. Such tasks have a skipped one beside them, which costs no
pod and from which what follows them hangs as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mlplat.argo import names
from mlplat.argo.expressions import condition
from mlplat.compiler.program import Program

_Template = dict[str, Any]


def run(program: Program) -> Program:
    """Put a skipped task beside those after which others may hang from nothing."""
    by_name = {template["name"]: template for template in program.templates}
    if not any(_comes_without_tries(template) for template in by_name.values()):
        return program
    ends = _Ends(by_name)
    templates = tuple(map(ends.written, program.templates))
    if names.NOTHING not in by_name:
        templates = (*templates, nothing())
    return replace(program, templates=templates)


def nothing() -> dict[str, Any]:
    """Return the template that is called and never run."""
    return {"name": names.NOTHING, "suspend": {"duration": "0"}}


def _comes_without_tries(template: _Template) -> bool:
    return "memoize" in template and "retryStrategy" in template


class _Ends:
    def __init__(self, templates: Mapping[str, _Template]) -> None:
        self.templates = templates
        self.known: dict[str, bool] = {}

    def written(self, template: _Template) -> _Template:
        """Return a template in which every task hangs from one that has an end."""
        tasks = template.get("dag", {}).get("tasks", ())
        before = _before(tasks)
        endless = {task["name"] for task in tasks if self.may_be_endless(task.get("template", ""))}
        followers = {name for name, others in before.items() if not endless.isdisjoint(others)}
        if not followers:
            return template
        unique = names.Unique()
        for task in tasks:
            unique.take(task["name"])
        link = unique.take("link")
        linked = [_also_after(task, link) if task["name"] in followers else task for task in tasks]
        skipped = {"name": link, "template": names.NOTHING, "when": "false"}
        return {**template, "dag": {**template["dag"], "tasks": [skipped, *linked]}}

    def may_be_endless(self, name: str) -> bool:
        """Tell whether a call of a template may leave nothing that others can hang from."""
        if name not in self.known:
            self.known[name] = False  # a template that calls itself ends with a call that is skipped
            template = self.templates.get(name, {})
            tasks = template.get("dag", {}).get("tasks", ())
            waited_for = {other for others in _before(tasks).values() for other in others}
            last = [task for task in tasks if task["name"] not in waited_for]
            self.known[name] = _comes_without_tries(template) or (
                bool(last) and all(self.may_be_endless(task.get("template", "")) for task in last)
            )
        return self.known[name]


def _also_after(task: _Template, link: str) -> _Template:
    if "depends" in task:
        return {**task, "depends": f"({task['depends']}) && {link}"}
    return {**task, "dependencies": [*task["dependencies"], link]}


def _before(tasks: Any) -> dict[str, tuple[str, ...]]:
    by_name = {task["name"]: task for task in tasks}
    return {name: tuple(condition(task, by_name).tasks) for name, task in by_name.items()}
