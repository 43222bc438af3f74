"""A call: one use of a template, for one node."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlplat.argo.status import Node
from mlplat.engine.templates import Context


@dataclass(slots=True)
class Boundary:
    """The DAG or steps node that tasks belong to.

    Attributes:
        id: the node's ID.
        template: its template.
        gate: limits the tasks that run at once to the template's ``parallelism``.
        results: names of the tasks whose standard output is used.
    """

    id: str
    template: Mapping[str, Any]
    gate: asyncio.Semaphore | None = None
    results: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Call:
    """One use of a template.

    Attributes:
        name: name of the node.
        holder: the DAG task, step or hook that names the template.
        context: where the template is looked up.
        arguments: arguments of the call.
        kind: ``tasks`` or ``steps``; empty for a lock of the whole workflow.
        boundary: the DAG or steps node that it belongs to.
        on_exit: whether it is part of an exit handler, which runs even when the workflow stops.
        flag: ``nodeFlag`` of its node.
        depth: number of calls above it.
        until: time of :func:`time.monotonic` at which an attempt times out, see ``backoff.maxDuration``.
    """

    name: str
    holder: Mapping[str, Any]
    context: Context
    arguments: Mapping[str, Any]
    kind: str = ""
    boundary: Boundary | None = None
    on_exit: bool = False
    flag: dict[str, bool] | None = None
    depth: int = 0
    until: float | None = None

    def inner(
        self,
        name: str,
        holder: Mapping[str, Any],
        context: Context,
        arguments: Mapping[str, Any],
        kind: str,
        *,
        on_exit: bool = False,
        flag: dict[str, bool] | None = None,
    ) -> Call:
        """Return a call inside this one, in the same boundary."""
        return Call(
            name,
            holder,
            context,
            arguments,
            kind,
            boundary=self.boundary,
            on_exit=on_exit or self.on_exit,
            flag=flag,
            depth=self.depth + 1,
        )


Execute = Callable[[Call], Awaitable[Node]]
"""Executes a call until its dependents may continue, and returns the node."""


def task_name(node_name: str) -> str:
    """Return the name of the task or step that a node's name ends in, without loop items and attempts.

    Args:
        node_name: such as ``wf.train(0:a)(1)``.

    Returns:
        ``train``.
    """
    opener = ""
    for position in range(len(node_name) - 1, -1, -1):
        character = node_name[position]
        if opener:
            if character == opener:
                opener = ""
        elif character in ")]":
            opener = "(" if character == ")" else "["
        else:
            return node_name[: position + 1].rsplit(".", 1)[-1]
    return node_name
