"""Functions for DAG and steps templates, whose nodes contain the nodes of calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from mlplat.argo.expressions import ExpressionError, should_execute
from mlplat.argo.status import Node
from mlplat.argo.structure import KINDS as NODE_TYPES
from mlplat.argo.structure import kind_of
from mlplat.argo.templating import DEPENDENCIES
from mlplat.argo.templating import replace as replace_tags
from mlplat.engine import loops
from mlplat.engine.calls import Boundary, Call
from mlplat.engine.execution import Execution
from mlplat.engine.scope import LocalScope
from mlplat.engine.templates import Context, TemplateMissingError


def enter(
    execution: Execution, call: Call, context: Context, template: Mapping[str, Any]
) -> tuple[Node, Call]:
    """Return the running node of a DAG or steps template, and its call with that node as the boundary."""
    kind = NODE_TYPES[kind_of(template)]
    node = execution.tree.named(call.name) or execution.create(call, kind, "Running", template)
    execution.began(node)
    limit = template.get("parallelism")
    gate = asyncio.Semaphore(int(limit)) if limit else None
    return node, replace(call, boundary=Boundary(node["id"], template, gate, context.captured(template)))


def resolve_references(
    task: Mapping[str, Any],
    scope: LocalScope,
    artifact: Callable[[LocalScope, Mapping[str, Any]], dict[str, Any] | None],
) -> dict[str, Any]:
    """Replace the references of a task or step to others.

    Args:
        task: the task or step, without its hooks.
        scope: its variables.
        artifact: returns the artifact of an argument; None for a missing optional one.

    Returns:
        A new task. If its ``when`` is already false, the rest is unchanged.

    Raises:
        TemplatingError: a reference cannot be replaced.
        ExpressionError: ``when`` cannot be evaluated, and no loop item is missing for it.
        LookupError: an artifact does not exist.
    """
    when = task.get("when")
    if when:
        resolved = replace_tags(when, scope.parameters, DEPENDENCIES)
        try:
            proceed = should_execute(resolved)
        except ExpressionError:
            if not loops.is_loop(task):
                raise
            proceed = True
        if not proceed:
            return {**task, "when": resolved}
    marked = {**task, "arguments": scope.mark_absent(task.get("arguments"))}
    new: dict[str, Any] = replace_tags(marked, scope.parameters, DEPENDENCIES)
    artifacts = (new["arguments"] or {}).get("artifacts")
    if artifacts:
        found = [
            artifact(scope, one) if one.get("from") or one.get("fromExpression") else one for one in artifacts
        ]
        kept = [one for one in found if one is not None]
        new = {**new, "arguments": {**new["arguments"], "artifacts": kept}}
    return new


def continues_on(task: Mapping[str, Any], phase: str) -> bool:
    """Whether a task's or step's ``continueOn`` lets others continue after a phase."""
    allowed = task.get("continueOn") or {}
    return bool((phase == "Failed" and allowed.get("failed")) or (phase == "Error" and allowed.get("error")))


def called_template(context: Context, holder: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the template that a task or step names, or None when it does not exist."""
    try:
        return context.resolve(holder)[1]
    except TemplateMissingError:
        return None


async def gather(coroutines: list[Any]) -> None:
    """Wait for coroutines; when one raises, the others are cancelled."""
    tasks = [asyncio.ensure_future(one) for one in coroutines]
    try:
        await asyncio.gather(*tasks)
    finally:
        for one in tasks:
            one.cancel()
