"""A run as text: its tree of tasks, what came of it, what went wrong."""

from __future__ import annotations

import itertools
import json
import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mlplat.argo import metrics, steps
from mlplat.argo.depends import condition
from mlplat.argo.failures import causes_among, reason
from mlplat.argo.names import NOTHING
from mlplat.argo.reasons import condition_of
from mlplat.argo.stores import key_of
from mlplat.argo.values import ABSENT
from mlplat.escaping import escaped_line
from mlplat.ir.argo_template import steps_of
from mlplat.runs.waiting import WAITING

Node = Mapping[str, Any]
Workflow = Mapping[str, Any]

_MARKS = {
    "Succeeded": "✔",
    "Failed": "✖",
    "Error": "✖",
    "Skipped": "○",
    "Omitted": "○",
    "Running": "▶",
    "Pending": "…",
}
CANNOT_START = "cannot start"
"""What is written of a task whose pod waits for something that may never come."""

FAILED = ("Failed", "Error")
_WORST_FIRST = (*FAILED, "Running", "Pending", "Succeeded", "Skipped", "Omitted")
_WIDEST_VALUE = 60
_WIDEST_REASON = 70
_LONGEST_ROW = 3
_LONGEST_LOOP = 10
_SHOWN_FAILURES = 3
_NAMED = 10
_TASK = re.compile(r"(?:\[\d+\])?\.([^.(\[]+)")
_ITEM = re.compile(r"\((\d+):[^)]*\)$")


def nodes_of(workflow: Workflow) -> Mapping[str, Node]:
    """Return the nodes of a run; tasks that share a pod have one each."""
    return steps.expanded(workflow.get("status", {}).get("nodes", {}))


def is_cached(node: Node) -> bool:
    """Tell whether a node's outputs are an earlier run's."""
    return bool(node.get("memoizationStatus", {}).get("hit"))


def stands_for_nothing(node: Node) -> bool:
    """Tell a node of the compiler's own that no task of the user's is behind."""
    return node.get("templateName") == NOTHING and node.get("type") == "Skipped"


@dataclass(slots=True)
class Branch:
    """A node of a run and what stands below it.

    Attributes:
        node: the node.
        below: branches in the order in which people read them.
        task: name of the task or step, without its loop item or hook.
        attempts: how often it was tried, where it may be tried again.
    """

    node: Node
    below: list[Branch] = field(default_factory=list)
    task: str = ""
    attempts: int = 0


def order(workflow: Workflow) -> dict[tuple[str, str], int]:
    """Return the place of each task in its DAG or steps, by template and task, as the manifest has them."""
    return {
        (template["name"], task["name"]): place
        for template in workflow["spec"].get("templates") or ()
        for place, task in enumerate(
            [*itertools.chain(*steps_of(template)), *((template.get("dag") or {}).get("tasks") or ())]
        )
    }


def tree(nodes: Mapping[str, Node], root: str, places: Mapping[tuple[str, str], int]) -> Branch:
    """Order the nodes of a run as people think of them.

    Args:
        nodes: ``status.nodes``.
        root: id of the outermost node.
        places: of the tasks in their DAGs, see :func:`order`.

    Returns:
        The root with everything below: tasks below the DAG that holds them, iterations below the loop's region;
        attempts of a retried task are left out.
    """
    nodes = steps.expanded(nodes)
    branches = {
        key: Branch(node, task=_task_of(node, nodes), attempts=len(attempts(node, nodes)))
        for key, node in nodes.items()
    }
    kinds = ("TaskGroup", "StepGroup", "Container")
    hidden = {key for key, node in nodes.items() if node["type"] in kinds or stands_for_nothing(node)}
    parents = _parents(nodes)
    for key, node in nodes.items():
        parent = parents.get(key) or node.get("boundaryID", "")
        while parent in hidden and parent != root:
            parent = nodes[parent].get("boundaryID", "")
        if key == root or parent not in branches or key in hidden or nodes[parent]["type"] == "Retry":
            continue
        branches[parent].below.append(branches[key])
    for branch in branches.values():
        template = str(branch.node.get("templateName", ""))
        branch.below.sort(key=lambda below: _place(below, template, places))
    return branches.get(root) or Branch({"displayName": "", "phase": "Pending", "type": "DAG"})


def _parents(nodes: Mapping[str, Node]) -> dict[str, str]:
    """Return what holds a node that names only the DAG around as its boundary: a loop, or a task that retries."""
    loops = {
        child: key
        for key, node in nodes.items()
        if node["type"] == "TaskGroup"
        for child in node.get("children", ())
    }
    return loops | {child: key for key, node in nodes.items() for child in attempts(node, nodes)}


def _task_of(node: Node, nodes: Mapping[str, Node]) -> str:
    """Return the name of the task or step that a node comes from: ``train`` for ``run.train(3:a)`` or its hook."""
    around = nodes.get(str(node.get("boundaryID", "")), {})
    own = str(node.get("name", "")).removeprefix(str(around.get("name", "")))
    found = _TASK.match(own)
    return found[1] if found else own


def _place(branch: Branch, template: str, places: Mapping[tuple[str, str], int]) -> tuple[int, str, int, str]:
    if steps.STEP in branch.node:
        return (0, "", 0, "")  # they stand in the order in which they ran
    name = str(branch.node.get("name", ""))
    item = _ITEM.search(name)
    return (places.get((template, branch.task), len(places)), branch.task, int(item[1]) if item else 0, name)


def lines(branch: Branch) -> Iterator[str]:
    """Write a run's tree, a line a node.

    A long row of tasks that were omitted, or skipped, is one line; so are the iterations of a long loop, but for the
    first ones that failed.
    """
    rows = list(_rows(branch.below))
    for number, row in enumerate(rows):
        last = number == len(rows) - 1
        yield f"{'└─' if last else '├─'} {_described(row)}"
        for sentence in row[0].node.get(WAITING, ()):
            for line in textwrap.wrap(sentence, _WIDEST_REASON, subsequent_indent="  "):
                yield f"{'   ' if last else '│  '}  {line}"
        for line in lines(row[0]) if len(row) == 1 else ():
            yield f"{'   ' if last else '│  '}{line}"


def _described(row: list[Branch]) -> str:
    if len(row) == 1:
        return describe(row[0].node, row[0].attempts)
    counts = Counter(str(one.node.get("phase", "")) for one in row)
    mark = next((_MARKS[phase] for phase in _WORST_FIRST if phase in counts), "?")
    written = f"{mark} {row[0].node['displayName']} … {row[-1].node['displayName']}"
    return f"{written}  {', '.join(f'{count} {phase.lower()}' for phase, count in counts.items())}"


def _rows(branches: list[Branch]) -> Iterator[list[Branch]]:
    """Give the branches one by one, but for what :func:`lines` writes into one line."""
    for (task, phase), group in itertools.groupby(branches, _kind):
        row = list(group)
        if task and len(row) > _LONGEST_LOOP:
            failed = [one for one in row if one.node.get("phase") in FAILED][:_SHOWN_FAILURES]
            yield from ([one] for one in failed)
            yield [one for one in row if one not in failed]
        elif phase and len(row) > _LONGEST_ROW:
            yield row
        else:
            yield from ([one] for one in row)


def _kind(branch: Branch) -> tuple[str, str]:
    """Tell by what a branch belongs together with those beside it: the loop, or that they did not run."""
    if _ITEM.search(str(branch.node.get("name", ""))):
        return branch.task, ""
    phase = str(branch.node.get("phase", ""))
    return "", phase if phase in ("Omitted", "Skipped") else ""


def describe(node: Node, attempts: int = 0) -> str:
    """Write one node: mark, name, how long it took, how many attempts it needed, what it gave."""
    phase = str(node.get("phase", ""))
    parts = [f"{_MARKS.get(phase, '?')} {node.get('displayName', '')}"]
    if is_cached(node):
        parts.append("(cached)")
    elif phase in ("Succeeded", "Failed", "Error") and node.get("type") in ("Pod", "Retry"):
        parts.append(duration(seconds(node)))
    elif phase not in ("Succeeded", "Running"):
        parts.append(CANNOT_START if node.get(WAITING) else phase.lower())
    if condition := condition_of(str(node.get("message", ""))):
        parts.append(f"({condition})")
    if waits_for_lock(node):
        parts.append(str(node["message"]))
    if attempts > 1:
        parts.append(f"({attempts} attempts)")
    parts += outputs(node)
    return escaped_line("  ".join(parts))


def waits_for_lock(node: Node) -> bool:
    """Tell whether a node waits for a mutex or semaphore; its message says for which."""
    return node.get("phase") == "Pending" and str(node.get("message", "")).startswith("Waiting for ")


def duration(seconds: float) -> str:
    """Write a duration; Argo's times are whole seconds, so nothing finer is known."""
    if seconds < 1:
        return "<1s"
    return f"{seconds:.0f}s" if seconds < 120 else f"{seconds // 60:.0f}m{seconds % 60:02.0f}s"


def seconds(node: Node) -> float:
    """Return how long a node took, in seconds."""
    if not node.get("startedAt") or not node.get("finishedAt"):
        return 0.0
    return (_time(node["finishedAt"]) - _time(node["startedAt"])).total_seconds()


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def outputs(node: Node) -> list[str]:
    """Write a node's small results: parameters and metrics."""
    if node.get("type") not in ("Pod", "Retry", "Suspend"):
        return []
    written = []
    for parameter in node.get("outputs", {}).get("parameters", ()):
        value = decoded(parameter.get("value"))
        if is_artifact(value):
            if value["type"].get("schemaTitle") in metrics.TYPES:
                logged = metrics.scalars(value["metadata"])
                written += [f"{name}={_cut(metrics.shown(one))}" for name, one in logged]
        elif value is not None and not isinstance(value, dict):
            written.append(f"{parameter['name']}={short(value)}")
    return list(dict.fromkeys(written))


def listed(names: Sequence[str]) -> str:
    """Write names in one line; of many only the first."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def short(value: Any) -> str:
    """Write a value in one short line: a string as it is, anything else as JSON."""
    if isinstance(value, str) and value:
        return _cut(value.replace("\n", "\\n"))
    return _cut(f"{value:.6g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False))


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST_VALUE else text[:_WIDEST_VALUE] + "…"


def decoded(text: Any) -> Any:
    """Return the value of an output parameter: JSON where it is, else the text; None where none was written."""
    if text == ABSENT:
        return None
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text


def without_absent(workflow: Workflow) -> dict[str, Any]:
    """Return a run in whose nodes outputs that were not written have no value, and are null in lists."""
    status = workflow["status"]
    return {**workflow, "status": {**status, "nodes": _without_absent(status.get("nodes", {}))}}


def _without_absent(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_absent(item) for key, item in value.items() if item != ABSENT}
    if isinstance(value, list):
        return [_without_absent(item) for item in value]
    return value.replace(f'"{ABSENT}"', "null") if isinstance(value, str) else value


def is_artifact(value: Any) -> bool:
    """Tell whether a value is an artifact's."""
    return isinstance(value, dict) and isinstance(value.get("type"), dict) and "metadata" in value


def artifacts(workflow: Workflow) -> Iterator[tuple[Node, dict[str, Any]]]:
    """Return the artifacts that a run's tasks wrote, with their last tries: the node and the artifact's value."""
    nodes = nodes_of(workflow)
    tries = {
        key for node in nodes.values() if node.get("type") == "Retry" for key in node.get("children", ())
    }
    for key, node in nodes.items():
        if node.get("type") not in ("Pod", "Retry") or key in tries:
            continue
        for parameter in node.get("outputs", {}).get("parameters", ()):
            value = decoded(parameter.get("value"))
            if is_artifact(value) and value.get("key") and _is_there(node, value["key"]):
                yield node, value


def _is_there(node: Node, key: str) -> bool:
    """Tell whether an artifact was written: the value for a container's stands in its template, however it ends."""
    saved = map(key_of, node["outputs"].get("artifacts", ()))
    return node.get("phase") == "Succeeded" or key in saved


def failures(workflow: Workflow) -> list[Node]:
    """Return the nodes that failed of their own, with the names and the reasons that people know.

    A group of steps has the name of its steps; a task that retries has the reason of its last attempt, too.
    """
    nodes = nodes_of(workflow)
    found = [_known_as(nodes[key], nodes) for key in causes_among(nodes)]
    return found or [node for node in nodes.values() if node.get("phase") in FAILED][:1]


def _known_as(node: Node, nodes: Mapping[str, Node]) -> Node:
    around = nodes.get(str(node.get("boundaryID", "")))
    if last := attempts(node, nodes)[-1:]:
        why = reason(str(node.get("message", "")), str(nodes[last[0]].get("message", "")))
        return {**node, "message": why}
    if node.get("type") != "StepGroup" or around is None:
        return node
    return {**node, "name": around["name"], "displayName": around["displayName"]}


def attempts(node: Node, nodes: Mapping[str, Node]) -> list[str]:
    """Return the ids of the attempts of a task that retries, the last one last; hooks hang from it too."""
    if node.get("type") != "Retry":
        return []
    children = [child for child in node.get("children") or () if child in nodes]
    return [child for child in children if not (nodes[child].get("nodeFlag") or {}).get("hooked")]


def not_run(workflow: Workflow) -> list[str]:
    """Return the paths of tasks that did not run because others failed: omitted ones, and those never reached."""
    nodes = nodes_of(workflow)
    templates = {template["name"]: template for template in workflow["spec"].get("templates", ())}
    children: dict[str, dict[str, Node]] = {}
    for node in nodes.values():
        children.setdefault(node.get("boundaryID", ""), {})[node["displayName"]] = node
    omitted: list[str] = []
    missing: list[str] = []
    for key, there in children.items():
        around = nodes.get(key, {})
        dag = templates.get(around.get("templateName", ""), {}).get("dag") or {}
        tasks = {task["name"]: task for task in dag.get("tasks", ())}
        omitted += [str(there[name]["name"]) for name in _blocked(tasks, there)]
        if around.get("type") == "DAG" and around.get("phase") in FAILED:
            missing += [f"{around['name']}.{name}" for name in tasks if name not in there]
    run = workflow["metadata"]["name"]
    return [name.removeprefix(f"{run}.") for name in (*omitted, *missing)]


def _blocked(tasks: Mapping[str, Mapping[str, Any]], nodes: Mapping[str, Node]) -> list[str]:
    """Return the omitted tasks of a DAG that waited for one that failed, or for another of these."""
    omitted = [name for name, node in nodes.items() if node.get("phase") == "Omitted"]
    waits = {name: set(condition(tasks.get(name, {}), tasks).tasks) for name in omitted}
    causes = {name for name, node in nodes.items() if node.get("phase") in FAILED}
    while found := {name for name in omitted if name not in causes and waits[name] & causes}:
        causes |= found
    return [name for name in omitted if name in causes]
