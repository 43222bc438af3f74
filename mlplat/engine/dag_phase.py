"""Deduces the phase of a DAG from its nodes.

See ``assessDAGPhase`` of Argo 4.0.7's ``workflow/controller/dag.go``.
"""

from __future__ import annotations

from collections.abc import Mapping

from mlplat.argo.status import FAILED, Node, is_hook
from mlplat.engine.dag_graph import TaskGraph
from mlplat.engine.execution import Execution
from mlplat.engine.groups import continues_on
from mlplat.engine.nodes import NodeTree, completed, unsuccessful


def assess(execution: Execution, graph: TaskGraph, node: Node, *, fail_fast: bool) -> str:
    """Return the phase of a DAG whose tasks have all ended.

    Args:
        execution: the workflow.
        graph: the DAG's tasks.
        node: the DAG's node.
        fail_fast: ``dag.failFast``: whether the first target that failed decides.
    """
    if execution.shutdown.strategy:
        return "Failed"
    tree = execution.tree
    ids = {task: tree.id(f"{node['name']}.{task}") for task in graph.targets}
    phases = _inherited(tree, node, dict.fromkeys(ids.values(), ""))
    for task, key in ids.items():
        if not phases[key] and key in tree.nodes:
            phases[key] = _phase_of_unreached(execution, graph, node, task)
    result = "Succeeded"
    for task, key in ids.items():
        if phases[key] in FAILED and not continues_on(graph.tasks[task], phases[key]):
            result = phases[key]
            if fail_fast:
                break
    return result


def _inherited(tree: NodeTree, node: Node, targets: dict[str, str]) -> dict[str, str]:
    """Return the phases of targets by ID, found by walking from node to node as Argo does."""
    # A target does not count by its own phase alone: one that was skipped or omitted never ran, and counts with the
    # phase of the last node before it that did. So each node is visited once for each phase that reaches it, not once.
    queue = [(child, "Succeeded") for child in node.get("children", ())]
    seen = set(queue)
    for key, branch in queue:
        visited = tree.nodes.get(key)
        if visited is None:
            continue
        phase = visited["phase"] if completed(visited) else branch
        if key in targets and targets[key] not in FAILED:
            targets[key] = phase
        children = _after_retry(tree, visited) if visited["type"] == "Retry" else visited.get("children", ())
        for step in ((child, phase) for child in children):
            if step not in seen:
                seen.add(step)
                queue.append(step)
    return targets


def _after_retry(tree: NodeTree, node: Node) -> list[str]:
    """Return the IDs of what follows a node that retries: its attempts are not followed, for earlier ones failed."""
    following: list[str] = []
    for child in reversed(tree.existing(node.get("children", ()))):
        following.extend([child["id"]] if is_hook(child) else child.get("children", ()))
    return following


def _phase_of_unreached(execution: Execution, graph: TaskGraph, node: Node, task: str) -> str:
    """Return the phase of a target that Argo does not reach from the DAG's first tasks.

    What follows a DAG whose outputs failed has no parent, because such a DAG has no ``outboundNodes``.
    """
    tree = execution.tree
    earlier = graph.before(task)
    for name in (one for one in graph.tasks if one in earlier):
        before = tree.named(f"{node['name']}.{name}")
        if before is not None and unsuccessful(before) and not tree.outbound(before["id"]):
            why = str(before.get("message", ""))
            execution.warn_endless(f"{node['name']}.{task}", f"it depends on '{before['name']}': {why}")
            return str(before["phase"])
    target: Mapping[str, object] = tree.named(f"{node['name']}.{task}") or {}
    return str(target.get("phase", ""))
