"""Which variables Argo knows at each place of a Workflow, and expressions that ask for others.

By "Workflow Variables" of Argo's documentation, and by what its controller 4.0.7 does: expressions for the outputs
of a DAG or of steps see the template's inputs and its tasks, and nothing of the Workflow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

WORKFLOW = {
    *(
        "name",
        "namespace",
        "mainEntrypoint",
        "serviceAccountName",
        "uid",
        "parameters",
        "outputs",
        "annotations",
    ),
    *("labels", "creationTimestamp", "priority", "duration", "scheduledTime", "status", "failures"),
}
_STRING = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")
_NAME = re.compile(r"(?<![\w.#$])(?<!\?\.)([A-Za-z_]\w*)(?!\w)(?!\s*\()")
_SECOND = re.compile(r"\bworkflow\s*(?:\.|\?\.)\s*(\w+)")
_WORDS = {
    "in",
    "nil",
    "true",
    "false",
    "not",
    "and",
    "or",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "sprig",
}
_GRAPHS = {"dag": "tasks", "steps": "steps"}


def unknown(workflow: Mapping[str, Any]) -> list[str]:
    """Return the variables of a Workflow that Argo does not know where they are asked for, each with its place."""
    spec = workflow["spec"]
    found = list(_in_tags(spec, "spec", {"workflow"}, but="templates"))
    for template in spec["templates"]:
        found += _of_template(template)
    return found


def _of_template(template: Mapping[str, Any]) -> Iterator[str]:
    name, own = template["name"], {"workflow", "inputs", "node"}
    graph = next((kind for kind in _GRAPHS if kind in template), "")
    if not graph:
        yield from _in_tags(template, name, {*own, "pod", "retries", "lastRetry", "outputs"})
        return
    tasks = (
        template["dag"]["tasks"] if graph == "dag" else [one for step in template["steps"] for one in step]
    )
    names = {one["name"] for one in tasks}
    inside = {*own, _GRAPHS[graph]}
    for task in tasks:
        place = f"{name}.{task['name']}"
        loops = any(key.startswith("with") for key in task)
        yield from _in_tags(task, place, {*inside, "item"} if loops else inside)
    for output in template.get("outputs", {}).get("parameters", ()):
        place = f"{name}.outputs.{output['name']}"
        source = output.get("valueFrom", {})
        yield from _in_tags(output, place, inside)
        if "expression" in source:
            yield from _asked(source["expression"], place, {"inputs", _GRAPHS[graph]})
    yield from _in_tags(template, name, own, but=graph, beside="outputs")
    declared = {one["name"] for one in template.get("inputs", {}).get("parameters", ())}
    for kind, known in (("tasks", names), ("inputs.parameters", declared)):
        asked = set(re.findall(rf"{re.escape(kind)}\['([^']+)'\]", str(template).replace("\\'", "'")))
        yield from (f"{name}: {kind}['{one}']" for one in sorted(asked - known))


def _in_tags(tree: Any, place: str, known: set[str], but: str = "", beside: str = "") -> Iterator[str]:
    if isinstance(tree, str):
        for tag in re.findall(r"{{(.*?)}}", tree, re.DOTALL):
            if tag.startswith("="):
                yield from _asked(tag[1:], place, known)
            elif tag.split(".")[0].strip() not in known:
                yield f"{place}: {tag}"
    elif isinstance(tree, dict):
        for key, value in tree.items():
            if key not in (but, beside):
                yield from _in_tags(value, place, known)
    elif isinstance(tree, list):
        for value in tree:
            yield from _in_tags(value, place, known)


def _asked(expression: str, place: str, known: set[str]) -> Iterator[str]:
    bare = _STRING.sub("''", expression)
    yield from (f"{place}: {one}" for one in _NAME.findall(bare) if one not in known | _WORDS)
    if "workflow" in known:
        yield from (f"{place}: workflow.{one}" for one in _SECOND.findall(bare) if one not in WORKFLOW)
