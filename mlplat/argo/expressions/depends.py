"""Reads ``depends`` and ``dependencies`` of DAG tasks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlplat.argo.expressions import syntax
from mlplat.argo.expressions.evaluator import evaluate
from mlplat.argo.expressions.syntax import ExpressionError

RESULTS = ("Succeeded", "Failed", "Errored", "Skipped", "Omitted", "Daemoned", "AnySucceeded", "AllFailed")
"""What can be asked of a task in ``depends``."""

_NAME = re.compile(r"([a-zA-Z0-9][-a-zA-Z0-9]*?\.[A-Z][a-zA-Z]+)|([a-zA-Z0-9][-a-zA-Z0-9]*)")


@dataclass(frozen=True, slots=True)
class Condition:
    """When a DAG task may start.

    Attributes:
        tasks: the names of the tasks that must be over first, in the order in which they are written.
        expression: what must hold of their results, every name with its result; empty when there are none.
    """

    tasks: tuple[str, ...]
    expression: str

    def holds(self, results: Mapping[str, Mapping[str, bool]]) -> bool:
        """Evaluate the condition.

        Args:
            results: for each task of :attr:`tasks`, each of :data:`RESULTS`.

        Returns:
            True when the task should run, False when it is to be omitted.

        Raises:
            ExpressionError: the expression can't be read or isn't a boolean.
        """
        if not self.expression:
            return True
        logic = self.expression.replace("-", "_")
        names = {name.replace("-", "_"): dict(result) for name, result in results.items()}
        try:
            value = evaluate(syntax.parse(logic), names)
        except ExpressionError as error:
            raise ExpressionError(f"unable to evaluate expression '{logic}': {error}") from None
        if not isinstance(value, bool):
            raise ExpressionError(
                f"unable to evaluate expression '{logic}': unable to cast expression result to bool"
            )
        return value


def condition(task: Mapping[str, Any], tasks: Mapping[str, Mapping[str, Any]]) -> Condition:
    """Read what a DAG task waits for.

    Args:
        task: the task as it stands in the manifest.
        tasks: all tasks of its DAG by name, for their ``continueOn``.

    Returns:
        The condition. A bare name stands for Succeeded, Skipped or Daemoned, and for what its ``continueOn`` allows.
    """
    if not task.get("depends"):
        names = tuple(task.get("dependencies") or ())
        return Condition(names, " && ".join(_expand(name, tasks.get(name, {})) for name in names))
    found: dict[str, None] = {}

    def expand(match: re.Match[str]) -> str:
        result, bare = match.groups()
        if result:
            found.setdefault(result.split(".")[0])
            return str(result)
        found.setdefault(bare)
        return _expand(bare, tasks.get(bare, {}))

    expression = _NAME.sub(expand, task["depends"])
    return Condition(tuple(found), expression)


def _expand(name: str, task: Mapping[str, Any]) -> str:
    allowed = ["Succeeded", "Skipped", "Daemoned"]
    continue_on = task.get("continueOn") or {}
    if continue_on.get("error"):
        allowed.append("Errored")
    if continue_on.get("failed"):
        allowed.append("Failed")
    return "(" + " || ".join(f"{name}.{result}" for result in allowed) + ")"


def unknown_names(conditions: Mapping[str, Condition], known: Sequence[str]) -> dict[str, list[str]]:
    """Return, for each task that waits for a task that isn't there, the names that are unknown."""
    names = set(known)
    wrong = {task: [name for name in one.tasks if name not in names] for task, one in conditions.items()}
    return {task: missing for task, missing in wrong.items() if missing}


def in_order(waits: Mapping[str, Sequence[str]]) -> tuple[list[str], list[str]]:
    """Put tasks behind those that they wait for.

    Args:
        waits: the names that each task waits for; unknown ones don't count.

    Returns:
        The tasks that can start, each behind those that it waits for; and those that never can, because each waits for
        another of them.
    """
    position = {name: number for number, name in enumerate(waits)}
    left = {name: {other for other in others if other in position} for name, others in waits.items()}
    behind: dict[str, list[str]] = {name: [] for name in waits}
    for name, others in left.items():
        for other in others:
            behind[other].append(name)
    order: list[str] = []
    ready = [name for name, others in left.items() if not others]
    while ready:
        order += ready
        free: list[str] = []
        for name in ready:
            del left[name]
            for other in behind[name]:
                left[other].discard(name)
                free += [] if left[other] else [other]
        ready = sorted(free, key=position.__getitem__)
    return order, sorted(left)
