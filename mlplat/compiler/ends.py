"""Pass: makes sure that Argo finds the tasks after a task whose result comes from the cache.

Tasks that Argo may not find (:mod:`mlplat.argo.ends`) also depend on a skipped task, which needs no pod.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from mlplat.argo import ends, names
from mlplat.compiler.program import Program


def run(program: Program) -> Program:
    """Add a skipped task as a dependency of tasks that Argo may not find."""
    hanging = ends.hanging(program.templates)
    if not hanging:
        return program
    templates = [_linked(one, hanging.get(one["name"], ())) for one in program.templates]
    if not any(template["name"] == names.NOTHING for template in templates):
        templates.append(nothing())
    return replace(program, templates=tuple(templates))


def nothing() -> dict[str, Any]:
    """Return the template of tasks that are always skipped."""
    return {"name": names.NOTHING, "suspend": {"duration": "0"}}


def _linked(template: dict[str, Any], hanging: Collection[str]) -> dict[str, Any]:
    if not hanging:
        return template
    unique = names.Unique()
    for task in template["dag"]["tasks"]:
        unique.take(task["name"])
    link = unique.take("link")
    tasks = [
        {"name": link, "template": names.NOTHING, "when": "false"},
        *(_also_after(task, link) if task["name"] in hanging else task for task in template["dag"]["tasks"]),
    ]
    return {**template, "dag": {**template["dag"], "tasks": tasks}}


def _also_after(task: dict[str, Any], link: str) -> dict[str, Any]:
    if "depends" in task:
        return {**task, "depends": f"({task['depends']}) && {link}"}
    return {**task, "dependencies": [*task["dependencies"], link]}
