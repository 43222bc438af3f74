"""Makes a graph of thousands of tasks readable: similar tasks become one node."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mlplat.argo.status import FAILED, FINISHED
from mlplat.report.model import Kind, TaskView
from mlplat.report.words import counted, duration

_ALIKE = 6
"""The largest number of tasks with the same neighbors that are all drawn."""

_KEPT = 3
"""The number of them that are drawn when there are more; those that failed come first."""

MOST = 600
"""The number of nodes above which groups are closed, the innermost first."""

DEEPEST = 100
"""The number of groups in each other above which the innermost are closed."""


@dataclass(frozen=True, slots=True)
class DrawnNode:
    """A node of the drawing.

    Attributes:
        id: unique.
        label: its name.
        kind: of the task; a closed group is a ``task``.
        phase: phase of the task, or the worst one of those that it stands for.
        note: what is written under the name: the duration of a task, or the phases of several.
        parent: id of the group that it is in; empty at the top.
        after: ids of nodes of the same group that it comes after.
        task: the task; None for a node that stands for several.
    """

    id: str
    label: str
    kind: Kind
    phase: str
    note: str = ""
    parent: str = ""
    after: tuple[str, ...] = ()
    task: TaskView | None = field(default=None, compare=False)


def folded(tasks: Sequence[TaskView]) -> tuple[DrawnNode, ...]:
    """Return the nodes to draw.

    Args:
        tasks: of a run; a parent comes from the same run.

    Returns:
        A node for each task. Of many iterations, and of many tasks with the same neighbors, only the first are drawn,
        and one node stands for the others. If that leaves too many nodes, or more than :data:`DEEPEST` groups in each
        other, the innermost groups are closed.
    """
    nodes = _without_repetition(tasks)
    depths = _depths(nodes)
    deepest = min(max(depths.values(), default=0), DEEPEST + 1)
    while deepest > 0 and (len(nodes) > MOST or deepest > DEEPEST):
        deepest -= 1
        nodes = _closed(nodes, depths, deepest)
    return tuple(nodes)


def _without_repetition(tasks: Sequence[TaskView]) -> list[DrawnNode]:
    followers: dict[str, set[str]] = {}
    for task in tasks:
        for before in task.after:
            followers.setdefault(before, set()).add(task.id)
    loops = {task.id for task in tasks if task.kind == "loop"}
    alike: dict[tuple[object, ...], list[TaskView]] = {}
    for task in tasks:
        same: tuple[object, ...] = (task.parent, "iteration")
        if task.parent not in loops:
            same = (task.parent, task.kind, frozenset(task.after), frozenset(followers.get(task.id, ())))
        alike.setdefault(same, []).append(task)
    stands_for: dict[str, str] = {}
    summaries: dict[str, DrawnNode] = {}
    for members in alike.values():
        if len(members) > _ALIKE:
            hidden = _hidden(members)
            summary = _summary(hidden)
            summaries[hidden[0].id] = summary
            stands_for.update({task.id: summary.id for task in hidden})
    return _redirected(tasks, stands_for, summaries)


def _hidden(members: Sequence[TaskView]) -> list[TaskView]:
    failed_first = sorted(members, key=lambda task: task.phase not in FAILED)
    kept = {task.id for task in failed_first[:_KEPT]}
    return [task for task in members if task.id not in kept]


def _summary(hidden: Sequence[TaskView]) -> DrawnNode:
    counts = Counter(task.phase for task in hidden)
    phase = next((one for one in ("Failed", "Error") if counts[one]), counts.most_common(1)[0][0])
    note = ", ".join(f"{count:,} {name.lower()}" for name, count in counts.most_common())
    first = hidden[0]
    return DrawnNode(
        f"more:{first.id}", f"{len(hidden):,} more", "task", phase, note, first.parent, first.after
    )


def _redirected(
    tasks: Sequence[TaskView], stands_for: Mapping[str, str], summaries: Mapping[str, DrawnNode]
) -> list[DrawnNode]:
    """Return nodes without those that others stand for, or that are within such."""
    nodes: list[DrawnNode] = []
    parents = {task.id: task.parent for task in tasks}
    gone: dict[str, bool] = {}

    def is_gone(key: str) -> bool:
        chain = []
        while key and key not in gone and key not in stands_for:
            gone[key] = False  # ends the walk, should groups contain each other
            chain.append(key)
            key = parents.get(key, "")
        found = key in stands_for or gone.get(key, False)
        gone.update(dict.fromkeys(chain, found))
        return found

    for task in tasks:
        if task.id in summaries:
            node = summaries[task.id]
            nodes.append(replace(node, after=_seen(node.after, stands_for, node.id)))
        if not is_gone(task.id):
            after = _seen(task.after, stands_for, task.id)
            nodes.append(
                DrawnNode(task.id, task.label, task.kind, task.phase, _note(task), task.parent, after, task)
            )
    return nodes


def _note(task: TaskView) -> str:
    if task.cached:
        return "cached"
    took = duration(task.started_at, task.finished_at)
    tries = f"{task.attempts} attempts" if task.attempts > 1 else ""
    if task.phase not in FINISHED:
        took = task.phase.lower()
    return ", ".join(filter(None, (took, tries)))


def _seen(after: Iterable[str], stands_for: Mapping[str, str], own: str) -> tuple[str, ...]:
    found = dict.fromkeys(stands_for.get(one, one) for one in after)
    return tuple(one for one in found if one != own)


def _depths(nodes: Iterable[DrawnNode]) -> dict[str, int]:
    parents = {node.id: node.parent for node in nodes}
    depths: dict[str, int] = {"": -1}
    for start in parents:
        chain, key = [], start
        while key not in depths and key in parents and key not in chain:
            chain.append(key)
            key = parents[key]
        depth = depths.get(key, -1)
        for one in reversed(chain):
            depth += 1
            depths[one] = depth
    return depths


def _closed(nodes: Sequence[DrawnNode], depths: Mapping[str, int], deepest: int) -> list[DrawnNode]:
    """Return the nodes that are not deeper than a depth; a group at that depth says how many tasks it has."""
    parents = {node.id: node.parent for node in nodes}
    inside: Counter[str] = Counter()
    for node in nodes:
        if node.kind == "task" and depths[node.id] > deepest:
            key = node.id
            while depths.get(key, 0) > deepest:
                key = parents[key]
            inside[key] += 1
    return [
        replace(node, kind="task", note=counted(inside[node.id], "task")) if inside[node.id] else node
        for node in nodes
        if depths[node.id] <= deepest
    ]
