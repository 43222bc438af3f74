"""Pass: sorts the tasks of every DAG after their dependencies.

Argo does not mind the order, but the graph of a WorkflowTemplate in its UI does: it looks up what a task depends on
among the tasks before it, and shows an error instead of a page if it does not find it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from mlplat.argo.depends import condition, in_order
from mlplat.compiler.program import Program


def run(program: Program) -> Program:
    """Sort the tasks of all DAG templates."""
    return replace(program, templates=tuple(map(_sorted, program.templates)))


def _sorted(template: dict[str, Any]) -> dict[str, Any]:
    dag = template.get("dag")
    if not dag:
        return template
    return {**template, "dag": {**dag, "tasks": sorted_tasks(dag.get("tasks") or ())}}


def sorted_tasks(tasks: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the tasks of a DAG in topological order; those in a cycle come last; other passes report them."""
    by_name = {task["name"]: task for task in tasks}
    order, stuck = in_order({name: condition(task, {}).tasks for name, task in by_name.items()})
    return [by_name[name] for name in (*order, *stuck)]
