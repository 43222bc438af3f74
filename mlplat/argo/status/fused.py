"""Splits the nodes of pods that run several tasks into a node for each task.

The runtime of such a pod writes how its tasks ended into one output of the node, and the names of inputs and outputs
begin with the task's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mlplat.argo.status.nodes import Nodes
from mlplat.runtime.contract import STEP_MARK

OUTPUT = "mlplat--steps"
"""Output parameter with the final states of the tasks of a pod."""

JOINED = "--"
"""Separator between the name of a task and that of its input or output."""

STEP = "mlplatStep"
"""Field of the nodes of such tasks: the task's name."""


def nodes_of(workflow: Mapping[str, Any]) -> Nodes:
    """Return the nodes of a Workflow, without those before the engine has seen it; see :func:`expanded`."""
    return expanded((workflow.get("status") or {}).get("nodes") or {})


def expanded(nodes: Mapping[str, Any]) -> Nodes:
    """Return nodes with those of tasks that share a pod.

    Args:
        nodes: ``status.nodes``.

    Returns:
        The nodes. A pod with several tasks becomes a group, with a node for each task that has started,
        whose id is the pod's and the task's name.
    """
    pods = {key: found for key, node in nodes.items() if (found := _records(node))}
    if not pods:
        return nodes
    result: dict[str, Any] = {}
    for key, node in nodes.items():
        if key not in pods:
            result[key] = node
            continue
        names = [str(record["task"]) for record in pods[key]]
        ids = [f"{key}-{name}" for name in names]
        outputs = {name: value for name, value in (node.get("outputs") or {}).items() if name == "exitCode"}
        result[key] = {**node, "type": "DAG", "children": [ids[0]], "inputs": {}, "outputs": outputs}
        after = [*([one] for one in ids[1:]), list(node.get("children") or ())]
        for record, step_id, children in zip(pods[key], ids, after, strict=True):
            result[step_id] = _step(key, node, record, step_id, children)
    return result


def pod_of(node_id: str, nodes: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the id of the node whose pod runs a task: of :func:`expanded` nodes, or its own."""
    node = nodes.get(node_id) or {}
    return str(node["boundaryID"]) if STEP in node else node_id


def log_of(text: str, step: str) -> str:
    """Return the lines of one task in the log of its pod."""
    found: list[str] = []
    inside = False
    for line in text.splitlines(keepends=True):
        if line.startswith(STEP_MARK):
            inside = line[len(STEP_MARK) :].split(" (")[0].strip() == step
        elif inside:
            found.append(line)
    return "".join(found)


def part_of(pieces: Iterable[bytes], step: str) -> Iterator[bytes]:
    """Return the part of a pod's log that one task wrote.

    Args:
        pieces: the log: whole lines, and parts of lines.
        step: the task.
    """
    inside, starts_a_line = False, True
    for piece in pieces:
        if starts_a_line and piece.startswith(STEP_MARK.encode()):
            name = piece[len(STEP_MARK) :].decode("utf-8", "replace")
            inside = name.split(" (")[0].strip() == step
        elif inside:
            yield piece
        starts_a_line = piece.endswith(b"\n")


def template_of(template: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the template of a pod declares for a node's task."""
    if STEP not in node:
        return template
    return {side: _own(template.get(side) or {}, node[STEP]) for side in ("inputs", "outputs")}


def _records(node: Mapping[str, Any]) -> list[dict[str, Any]]:
    for parameter in (node.get("outputs") or {}).get("parameters") or ():
        if parameter.get("name") == OUTPUT and node.get("type") == "Pod":
            try:
                records = json.loads(parameter.get("value") or "null")
            except ValueError:
                return []
            return records if isinstance(records, list) else []
    return []


def _step(
    pod: str, node: Mapping[str, Any], record: Mapping[str, Any], step_id: str, children: list[str]
) -> dict[str, Any]:
    name = str(record["task"])
    outputs = _own(node.get("outputs") or {}, name)
    if "exitCode" in record:
        outputs["exitCode"] = record["exitCode"]
    step_node = {
        **{key: node[key] for key in ("templateName", "templateRef", "templateScope") if key in node},
        "id": step_id,
        "name": f"{node.get('name', '')}.{name}",
        "displayName": name,
        "type": "Pod",
        "phase": record.get("phase", "Running"),
        "startedAt": record.get("startedAt"),
        "finishedAt": record.get("finishedAt"),
        "boundaryID": pod,
        "inputs": _own(node.get("inputs") or {}, name),
        "outputs": outputs,
        "children": children,
        STEP: name,
    }
    if record.get("phase") == "Failed":
        step_node["message"] = f"main: Error (exit code {record.get('exitCode', '')})"
    if node.get("memoizationStatus"):
        step_node["memoizationStatus"] = node["memoizationStatus"]
    return step_node


def _own(side: Mapping[str, Any], step: str) -> dict[str, Any]:
    """Return the inputs or outputs of one task, by their own names."""
    prefix = f"{step}{JOINED}"
    return {
        kind: [
            {**one, "name": one["name"][len(prefix) :]}
            for one in side.get(kind) or ()
            if str(one.get("name", "")).startswith(prefix)
        ]
        for kind in ("parameters", "artifacts")
    }
