"""Reads ``depends`` and ``dependencies`` of DAG tasks; only what evaluates them loads the expression languages."""

from __future__ import annotations

import heapq
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

RESULTS = ("Succeeded", "Failed", "Errored", "Skipped", "Omitted", "Daemoned", "AnySucceeded", "AllFailed")
"""Results of a task that ``depends`` can use."""

_NAME = re.compile(r"([a-zA-Z0-9][-a-zA-Z0-9]*?\.[A-Z][a-zA-Z]+)|([a-zA-Z0-9][-a-zA-Z0-9]*)")


@dataclass(frozen=True, slots=True)
class Dependencies:
    """When a DAG task may start.

    Attributes:
        tasks: names of the tasks that must have ended, in the order of the manifest.
        expression: condition on the results of these tasks; empty if there are none.
    """

    tasks: tuple[str, ...]
    expression: str

    def holds(self, results: Mapping[str, Mapping[str, bool]]) -> bool:
        """Evaluate the condition.

        Args:
            results: for each task of :attr:`tasks`, each of :data:`RESULTS`.

        Returns:
            True if the task should run, False if it should be omitted.

        Raises:
            ExpressionError: the expression cannot be read or isn't a boolean.
        """
        if not self.expression:
            return True
        from mlplat.argo.expressions import (  # they take longer to load than most pipelines to compile
            evaluator,
            syntax,
        )

        logic = self.expression.replace("-", "_")
        names = {name.replace("-", "_"): dict(result) for name, result in results.items()}
        try:
            value = evaluator.evaluate(syntax.parse(logic), names)
        except syntax.ExpressionError as error:
            raise syntax.ExpressionError(f"unable to evaluate expression '{logic}': {error}") from None
        if not isinstance(value, bool):
            raise syntax.ExpressionError(
                f"unable to evaluate expression '{logic}': unable to cast expression result to bool"
            )
        return value


def condition(task: Mapping[str, Any], tasks: Mapping[str, Mapping[str, Any]]) -> Dependencies:
    """Read the dependencies of a DAG task.

    Args:
        task: the task in the manifest.
        tasks: all tasks of its DAG by name, for their ``continueOn``.

    Returns:
        The condition. A bare name stands for Succeeded, Skipped or Daemoned, and for what its ``continueOn`` allows.
    """
    if not task.get("depends"):
        names = tuple(task.get("dependencies") or ())
        return Dependencies(names, " && ".join(_expand(name, tasks.get(name, {})) for name in names))
    found: dict[str, None] = {}

    def expand(match: re.Match[str]) -> str:
        result, bare = match.groups()
        if result:
            found.setdefault(result.split(".")[0])
            return str(result)
        found.setdefault(bare)
        return _expand(bare, tasks.get(bare, {}))

    expression = _NAME.sub(expand, task["depends"])
    return Dependencies(tuple(found), expression)


def _expand(name: str, task: Mapping[str, Any]) -> str:
    allowed = ["Succeeded", "Skipped", "Daemoned"]
    continue_on = task.get("continueOn") or {}
    if continue_on.get("error"):
        allowed.append("Errored")
    if continue_on.get("failed"):
        allowed.append("Failed")
    return "(" + " || ".join(f"{name}.{result}" for result in allowed) + ")"


def unknown_names(conditions: Mapping[str, Dependencies], known: Sequence[str]) -> dict[str, list[str]]:
    """Return the unknown names in the dependencies of each task that has any."""
    names = set(known)
    wrong = {task: [name for name in one.tasks if name not in names] for task, one in conditions.items()}
    return {task: missing for task, missing in wrong.items() if missing}


def in_order(waits: Mapping[str, Sequence[str]]) -> tuple[list[str], list[str]]:
    """Sort tasks topologically.

    Args:
        waits: the names that each task waits for; unknown ones don't count.

    Returns:
        The tasks that can start, each after those that it waits for; and, sorted by name, those that never can, because
        they wait for each other in a cycle or for one that does.
    """
    # Of the tasks that may come next, the first of the input does: what is in order already stays as it is, so a
    # task that is added to a pipeline moves no others in its manifest.
    names = list(waits)
    position = {name: number for number, name in enumerate(names)}
    before = [{position[other] for other in others if other in position} for others in waits.values()]
    after: list[list[int]] = [[] for _ in names]
    for place, needed in enumerate(before):
        for other in needed:
            after[other].append(place)
    missing = [len(needed) for needed in before]
    ready = [place for place, count in enumerate(missing) if not count]
    order: list[str] = []
    while ready:
        place = heapq.heappop(ready)
        order.append(names[place])
        for follower in after[place]:
            missing[follower] -= 1
            if not missing[follower]:
                heapq.heappush(ready, follower)
    return order, sorted(name for name, count in zip(names, missing, strict=True) if count)


class _Names(Collection[str]):
    """A set of names as bits of an integer; for a long chain, sets of names would need quadratic memory."""

    __slots__ = ("_bits", "_places")

    def __init__(self, places: Mapping[str, int], bits: int) -> None:
        self._places, self._bits = places, bits

    def __contains__(self, name: object) -> bool:
        place = self._places.get(name) if isinstance(name, str) else None
        return place is not None and bool(self._bits >> place & 1)

    def __iter__(self) -> Iterator[str]:
        return (name for name, place in self._places.items() if self._bits >> place & 1)

    def __len__(self) -> int:
        return self._bits.bit_count()


def earlier(waits: Mapping[str, Sequence[str]]) -> dict[str, Collection[str]]:
    """Return the tasks that have ended when a task starts: its dependencies, direct and indirect.

    Args:
        waits: the names that each task waits for; unknown ones don't count.

    Returns:
        The names for each task that can start.
    """
    order, _ = in_order(waits)
    places = {name: place for place, name in enumerate(waits)}
    bits: dict[str, int] = {}
    for name in order:
        found = 0
        for other in waits[name]:
            if other in places:
                found |= bits[other] | 1 << places[other]
        bits[name] = found
    return {name: _Names(places, found) for name, found in bits.items()}
