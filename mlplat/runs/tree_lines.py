"""Writes the tree of a run as lines of text, with long rows of tasks in one line each."""

from __future__ import annotations

import itertools
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from mlplat.argo import durations
from mlplat.argo.reasons import condition_of
from mlplat.argo.status import FAILED, FINISHED, MARKS, WAITING, AnyNode, is_cached, moment
from mlplat.escaping import escaped_line
from mlplat.runs.trees import ITEM, TreeNode

CANNOT_START = "cannot start"
"""Text for a task whose pod may never start."""

_ACTIVE, _FAILED, _OTHER = range(3)
_WORST_FIRST = ("Failed", "Error", "Running", "Pending", "Succeeded", "Skipped", "Omitted")
_AS_COUNTED = ("Failed", "Error", "Succeeded", "Running", "Pending", "Skipped", "Omitted")
_TASKS = ("Pod", "Retry", "Suspend")
_WIDEST_REASON = 70
_LONGEST_ROW = 3
_LONGEST_LOOP = 10
_SHOWN_FAILURES = 3


@dataclass(frozen=True, slots=True)
class OutlineLine:
    """A line of the tree of a run.

    Attributes:
        text: with the lines that connect it to others.
        phase: the worst phase of its nodes; empty for further lines about the same nodes.
        cannot_start: whether it is about a task that cannot start.
    """

    text: str
    phase: str = ""
    cannot_start: bool = False


def outline(branch: TreeNode) -> Iterator[OutlineLine]:
    """Write the nodes below a branch of a run, one line each.

    A long row of tasks that were omitted, or skipped, is one line; so are the iterations of a long loop, but for the
    first ones that failed.
    """
    rows = list(_rows(branch.below))
    for number, row in enumerate(rows):
        last = number == len(rows) - 1
        head, indent = ("└─ ", "   ") if last else ("├─ ", "│  ")
        reasons = row[0].node.get(WAITING, ())
        yield OutlineLine(f"{head}{_described(row)}", _worst(row), bool(reasons))
        for sentence in reasons:
            for line in textwrap.wrap(escaped_line(sentence), _WIDEST_REASON, subsequent_indent="  "):
                yield OutlineLine(f"{indent}  {line}")
        for below in outline(row[0]) if len(row) == 1 else ():
            yield replace(below, text=f"{indent}{below.text}")


def _worst(row: Iterable[TreeNode]) -> str:
    phases = {one.phase for one in row}
    return next((phase for phase in _WORST_FIRST if phase in phases), "")


def _described(row: list[TreeNode]) -> str:
    if len(row) == 1:
        named: AnyNode = {**row[0].node, "phase": row[0].phase}
        return described(named, row[0].attempts, row[0].results)
    names = f"{row[0].node['displayName']} … {row[-1].node['displayName']}"
    counts = Counter(one.phase for one in row)
    counted = ", ".join(f"{count} {phase.lower()}" for phase, count in counts.items())
    return escaped_line(f"{MARKS.get(_worst(row), '?')} {names}  {counted}")


def progress(branch: TreeNode) -> str:
    """Write how many tasks of a run are in which phase, such as ``3 succeeded, 1 running``."""
    tasks = [one for one in branch.walk() if one.node.get("type") in _TASKS]
    counts = Counter(one.phase for one in tasks)
    return ", ".join(f"{counts[phase]} {phase.lower()}" for phase in _AS_COUNTED if phase in counts)


def _rows(branches: list[TreeNode]) -> Iterator[list[TreeNode]]:
    """Yield the branches one by one, except those that :func:`outline` combines in one line."""
    for (task, phase), group in itertools.groupby(branches, _kind):
        row = list(group)
        if task and len(row) > _LONGEST_LOOP:
            failed = [one for one in row if one.phase in FAILED][:_SHOWN_FAILURES]
            yield from ([one] for one in failed)
            yield [one for one in row if one not in failed]
        elif phase and len(row) > _LONGEST_ROW:
            yield row
        else:
            yield from ([one] for one in row)


def _kind(branch: TreeNode) -> tuple[str, str]:
    """Return the group of a branch and its siblings: the loop, or that they did not run."""
    if ITEM.search(str(branch.node.get("name", ""))):
        return branch.task, ""
    return "", branch.phase if branch.phase in ("Omitted", "Skipped") else ""


def described(node: AnyNode, attempts: int = 0, results: Sequence[str] = ()) -> str:
    """Return one node in a line: mark, name, duration, number of attempts, results."""
    phase = str(node.get("phase", ""))
    parts = [f"{MARKS.get(phase, '?')} {node.get('displayName', '')}"]
    if is_cached(node):
        parts.append("(cached)")
    elif phase in FINISHED and node.get("type") in ("Pod", "Retry"):
        parts.append(durations.short(seconds(node)))
    elif phase not in ("Succeeded", "Running"):
        parts.append(CANNOT_START if node.get(WAITING) else phase.lower())
    if condition := condition_of(str(node.get("message", ""))):
        parts.append(f"({condition})")
    if waits_for_lock(node):
        parts.append(str(node["message"]))
    if attempts > 1:
        parts.append(f"({attempts} attempts)")
    parts += results
    return escaped_line("  ".join(parts))


def waits_for_lock(node: AnyNode) -> bool:
    """Return whether a node waits for a mutex or semaphore; its message says for which."""
    return node.get("phase") == "Pending" and str(node.get("message", "")).startswith("Waiting for ")


def seconds(node: AnyNode) -> float:
    """Return how long a node took, in seconds; 0 if that is unknown."""
    started, finished = moment(node.get("startedAt")), moment(node.get("finishedAt"))
    return (finished - started).total_seconds() if started and finished else 0.0


def fitting(lines: Sequence[OutlineLine], room: int, more: str = "") -> list[str]:
    """Choose the lines to show if there is no room for all.

    Args:
        lines: a title, and the lines below it.
        room: number of lines that fit.
        more: command that shows all.

    Returns:
        The title, then tasks that run, cannot start or failed, with as many lines around them as fit.
    """
    if len(lines) <= room:
        return [line.text for line in lines]
    ranks = {place: _rank(line) for place, line in enumerate(lines) if place}
    matter = [
        place for place in sorted(ranks, key=lambda place: (ranks[place], place)) if ranks[place] < _OTHER
    ]
    kept = {0, *matter[: room - 2]}
    for step in (1, -1):
        around = kept - {0} or kept
        while len(kept) < room - 1 and around:
            around = {place + step for place in around if 0 < place + step < len(lines)} - kept
            kept.update(sorted(around)[: room - 1 - len(kept)])
    hidden = len(lines) - len(kept)
    return [*(lines[place].text for place in sorted(kept)), f"… {hidden} more{more and ': '}{more}"]


def _rank(line: OutlineLine) -> int:
    if line.phase == "Running" or line.cannot_start:
        return _ACTIVE
    return _FAILED if line.phase in FAILED else _OTHER
