"""A run as people think of it: the tree of its tasks, with their results."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlplat.argo.names import NOTHING
from mlplat.argo.status import (
    AnyNode,
    Templates,
    attempts,
    decoded,
    fused,
    metric_text,
    metrics,
    parents,
    passed,
    was_started,
)
from mlplat.ir.argo_template import steps_of

Workflow = Mapping[str, Any]

_WIDEST_VALUE = 60
_NOT_STARTED = frozenset(("Pending", "Skipped", "Omitted"))
_TASK = re.compile(r"(?:\[\d+\])?\.([^.(\[]+)")
ITEM = re.compile(r"\((\d+):[^)]*\)$")
"""The end of the name of an iteration."""


def stands_for_nothing(node: AnyNode) -> bool:
    """Return whether a node is the compiler's own, without a task of the user."""
    return node.get("templateName") == NOTHING and node.get("type") == "Skipped"


@dataclass(slots=True)
class TreeNode:
    """A node of a run and what stands below it.

    Attributes:
        node: the node.
        below: branches in the order in which people read them.
        task: name of the task or step, without its loop item or hook.
        phase: of the node; ``Pending`` if nothing below it has started yet, as in an iteration that waits for a slot,
            which is ``Running`` for the engine.
        attempts: how many attempts of it have started, if it may be retried.
        results: what it gave, each in a short string.
    """

    node: AnyNode
    below: list[TreeNode] = field(default_factory=list)
    task: str = ""
    phase: str = ""
    attempts: int = 0
    results: list[str] = field(default_factory=list)

    def walk(self) -> Iterator[TreeNode]:
        """Yield the branch and all below it, each before those below it."""
        ahead = [self]
        while ahead:
            branch = ahead.pop()
            yield branch
            ahead.extend(reversed(branch.below))


@dataclass(frozen=True, slots=True)
class TreeLayout:
    """What a tree shows of a manifest.

    Attributes:
        places: of the tasks in their DAG or steps, by template and task.
        templates: what the tasks declare.
    """

    places: Mapping[tuple[str, str], int]
    templates: Templates


def program(workflow: Workflow) -> TreeLayout:
    """Return what a tree shows of a Workflow's manifest."""
    places = {
        (template["name"], task["name"]): place
        for template in (workflow.get("spec") or {}).get("templates") or ()
        for place, task in enumerate(
            [*itertools.chain(*steps_of(template)), *((template.get("dag") or {}).get("tasks") or ())]
        )
    }
    return TreeLayout(places, Templates(workflow))


def tree(nodes: Mapping[str, AnyNode], root: str, manifest: TreeLayout) -> TreeNode:
    """Order the nodes of a run as people think of them.

    Args:
        nodes: ``status.nodes``.
        root: id of the outermost node.
        manifest: what the run was made from.

    Returns:
        The root with everything below: tasks below the DAG that holds them, iterations below the loop's region;
        attempts of a retried task are left out.
    """
    nodes = fused.expanded(nodes)
    parent_of = parents(nodes)
    attempts_of = attempts(nodes, parent_of)
    branches = {
        key: TreeNode(
            node,
            task=_task_of(node, nodes),
            attempts=sum(was_started(nodes[one]) for one in attempts_of.get(key, ())),
            results=outputs(node, manifest.templates),
        )
        for key, node in nodes.items()
    }
    kinds = ("TaskGroup", "StepGroup", "Container")
    hidden = {key for key, node in nodes.items() if node["type"] in kinds or stands_for_nothing(node)}
    for key in nodes:
        parent = parent_of.get(key, "")
        while parent in hidden and parent != root:
            parent = parent_of.get(parent, "")
        if key == root or parent not in branches or key in hidden or parent in attempts_of:
            continue
        branches[parent].below.append(branches[key])
    for branch in branches.values():
        template = branch.node.get("templateName", "")
        branch.below.sort(key=lambda below: _place(below, template, manifest.places))
    found = branches.get(root) or TreeNode({"displayName": "", "phase": "Pending", "type": "DAG"})
    for branch in reversed(list(found.walk())):
        branch.phase = _phase(branch)
    return found


def _phase(branch: TreeNode) -> str:
    phase = str(branch.node.get("phase", ""))
    if phase != "Running":
        return phase
    if branch.node.get("type") == "Retry":
        return phase if branch.attempts else "Pending"
    below = {one.phase for one in branch.below}
    return "Pending" if "Pending" in below and below <= _NOT_STARTED else phase


def _task_of(node: AnyNode, nodes: Mapping[str, AnyNode]) -> str:
    """Return the name of the task or step that a node comes from: ``train`` for ``run.train(3:a)`` or its hook."""
    around = nodes.get(str(node.get("boundaryID", "")), {})
    own = str(node.get("name", "")).removeprefix(str(around.get("name", "")))
    found = _TASK.match(own)
    return found[1] if found else own


def _place(
    branch: TreeNode, template: str, places: Mapping[tuple[str, str], int]
) -> tuple[int, str, int, str]:
    if fused.STEP in branch.node:
        return (0, "", 0, "")  # they stand in the order in which they ran
    name = str(branch.node.get("name", ""))
    item = ITEM.search(name)
    return (places.get((template, branch.task), len(places)), branch.task, int(item[1]) if item else 0, name)


def outputs(node: AnyNode, templates: Templates) -> list[str]:
    """Write a node's small results: parameters and metrics."""
    if node.get("type") not in ("Pod", "Retry", "Suspend"):
        return []
    side = passed(node, templates.of(node), "output")
    written = []
    for name, text in side.parameters.items():
        value = decoded(text)
        if value is not None and not isinstance(value, dict) and "--" not in name:
            written.append(f"{name}={short(value)}")
    logged = itertools.chain.from_iterable(map(metrics, side.artifacts))
    written += [f"{name}={cut(metric_text(value))}" for name, value in logged]
    return list(dict.fromkeys(written))


def short(value: Any) -> str:
    """Write a value in one short line: a string as it is, anything else as JSON."""
    if isinstance(value, str) and value:
        return cut(value.replace("\n", "\\n"))
    return cut(f"{value:.6g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False))


def cut(text: str) -> str:
    """Shorten a string to the width of a value."""
    return text if len(text) <= _WIDEST_VALUE else text[:_WIDEST_VALUE] + "…"
