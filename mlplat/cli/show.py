"""Format runs as text: trees of tasks, durations."""

from __future__ import annotations

import itertools
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

from mlplat.argo import durations
from mlplat.argo.reasons import condition_of
from mlplat.argo.status import (
    FAILED,
    FINISHED,
    MARKS,
    WAITING,
    AnyNode,
    is_cached,
    moment,
)
from mlplat.escaping import escaped_line
from mlplat.runs.trees import ITEM, TreeNode

CANNOT_START = "cannot start"
"""What is written of a task whose pod waits for something that may never come."""

_WORST_FIRST = ("Failed", "Error", "Running", "Pending", "Succeeded", "Skipped", "Omitted")
_WIDEST_REASON = 70
_LONGEST_ROW = 3
_LONGEST_LOOP = 10
_SHOWN_FAILURES = 3


def lines(branch: TreeNode) -> Iterator[str]:
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


def _described(row: list[TreeNode]) -> str:
    if len(row) == 1:
        return describe(row[0].node, row[0].attempts, row[0].results)
    counts = Counter(str(one.node.get("phase", "")) for one in row)
    mark = next((MARKS[phase] for phase in _WORST_FIRST if phase in counts), "?")
    written = f"{mark} {row[0].node['displayName']} … {row[-1].node['displayName']}"
    return f"{written}  {', '.join(f'{count} {phase.lower()}' for phase, count in counts.items())}"


def _rows(branches: list[TreeNode]) -> Iterator[list[TreeNode]]:
    """Yield the branches one by one, except those that :func:`lines` combines in one line."""
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


def _kind(branch: TreeNode) -> tuple[str, str]:
    """Return what groups a branch with its siblings: the loop, or that they did not run."""
    if ITEM.search(str(branch.node.get("name", ""))):
        return branch.task, ""
    phase = str(branch.node.get("phase", ""))
    return "", phase if phase in ("Omitted", "Skipped") else ""


def describe(node: AnyNode, attempts: int = 0, results: Sequence[str] = ()) -> str:
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
    """Return how long a node took, in seconds."""
    started, finished = moment(node.get("startedAt")), moment(node.get("finishedAt"))
    return (finished - started).total_seconds() if started and finished else 0.0
