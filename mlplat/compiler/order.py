"""Pass: every DAG lists its tasks after those that they depend on.

Argo does not mind the order, but the graph of a WorkflowTemplate in its UI does: it looks up what a task depends on
among the tasks before it, and shows an error instead of a page when it is not there.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from mlplat.argo.depends import condition
from mlplat.compiler.program import Program


def run(program: Program) -> Program:
    """Sort the tasks of all DAG templates."""
    return replace(program, templates=tuple(map(_sorted, program.templates)))


def _sorted(template: dict[str, Any]) -> dict[str, Any]:
    dag = template.get("dag")
    if not dag:
        return template
    return {**template, "dag": {**dag, "tasks": in_order(dag.get("tasks") or ())}}


def in_order(tasks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the tasks of a DAG in topological order; those that may stand in any order stay in the given one.

    Args:
        tasks: the tasks; those that depend on each other in a cycle come last.
    """
    places = {task["name"]: place for place, task in enumerate(tasks)}
    before = [{places[name] for name in condition(task, {}).tasks if name in places} for task in tasks]
    after: list[list[int]] = [[] for _ in tasks]
    for place, needed in enumerate(before):
        for other in needed:
            after[other].append(place)
    waiting = [len(needed) for needed in before]
    ready = [place for place, count in enumerate(waiting) if not count]
    found: list[int] = []
    while ready:
        place = heapq.heappop(ready)
        found.append(place)
        for follower in after[place]:
            waiting[follower] -= 1
            if not waiting[follower]:
                heapq.heappush(ready, follower)
    rest = (place for place, count in enumerate(waiting) if count)
    return [tasks[place] for place in (*found, *rest)]
