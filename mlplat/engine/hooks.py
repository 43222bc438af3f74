"""Runs exit handlers and the other hooks of tasks and steps.

See Argo 4.0.7's ``workflow/controller/exit_handler.go`` and ``hooks.go``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mlplat.argo.expressions import ExpressionError
from mlplat.argo.status import Node
from mlplat.argo.templating import LENIENT, TemplatingError, evaluate_boolean_in
from mlplat.argo.templating import replace as replace_tags
from mlplat.engine.calls import Call, Execute
from mlplat.engine.execution import Execution
from mlplat.engine.failures import TemplateFailedError
from mlplat.engine.results import output_variables
from mlplat.engine.scope import LocalScope, found_artifact
from mlplat.engine.templates import Context


class HookError(Exception):
    """A hook cannot be evaluated, or its arguments cannot be found; the message is Argo's."""


def exit_hook(holder: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the exit hook of a task, step or spec.

    Args:
        holder: has ``onExit`` or ``hooks.exit``.
        arguments: arguments of the workflow, for a hook without arguments.

    Returns:
        The hook; None if it has none.
    """
    if holder.get("onExit"):
        return {"template": holder["onExit"], "arguments": arguments}
    hook = (holder.get("hooks") or {}).get("exit")
    if hook is None:
        return None
    own = hook.get("arguments") or {}
    return {**hook, "arguments": own or arguments}


@dataclass(frozen=True, slots=True)
class HookOwner:
    """A task or step that has hooks.

    Attributes:
        call: the call of the DAG or steps template that it belongs to.
        holder: the task or step as the manifest has it.
        node: its node.
        context: where the templates of its hooks are looked up.
        scope: the variables of its hooks.
        prefix: its own name in that scope, such as ``tasks.train``.
    """

    call: Call
    holder: Mapping[str, Any]
    node: Node
    context: Context
    scope: LocalScope
    prefix: str


async def run_exit_hook(execution: Execution, execute: Execute, owner: HookOwner) -> None:
    """Run the exit hook of a task or step, unless the workflow is being terminated."""
    hook = exit_hook(owner.holder, execution.spec.get("arguments") or {})
    if hook is not None and execution.shutdown.strategy != "Terminate":
        await _run(execution, execute, owner, hook, f"{owner.node['name']}.onExit", on_exit=True)


async def run_hooks(execution: Execution, execute: Execute, owner: HookOwner) -> None:
    """Run the hooks of a task or step whose expressions hold in its phase, and which have not run yet."""
    hooks = [(name, hook) for name, hook in (owner.holder.get("hooks") or {}).items() if name != "exit"]
    for name, hook in hooks:
        target = f"{owner.node['name']}.hooks.{name}"
        if execution.tree.named(target) is None:
            await _run(execution, execute, owner, hook, target, on_exit=False)


@contextlib.asynccontextmanager
async def while_running(
    execution: Execution, execute: Execute, owner: HookOwner, name: str
) -> AsyncIterator[None]:
    """Run the hooks of a task or step that hold while it runs.

    Args:
        execution: the workflow.
        execute: executes them.
        owner: the task or step; its node is looked up after the start.
        name: the name of its node.

    Yields:
        Once; hooks that are still running are waited for at the end.
    """
    if not any(key != "exit" for key in owner.holder.get("hooks") or {}):
        yield
        return
    running: list[asyncio.Future[None]] = []

    def begun(node: Node) -> None:
        if not running:
            running.append(asyncio.ensure_future(run_hooks(execution, execute, replace(owner, node=node))))

    execution.watch(name, begun)
    try:
        yield
        await asyncio.gather(*running)
    finally:
        execution.unwatch(name)
        for one in running:
            one.cancel()


async def _run(
    execution: Execution,
    execute: Execute,
    owner: HookOwner,
    hook: Mapping[str, Any],
    name: str,
    *,
    on_exit: bool,
) -> None:
    node = owner.node
    outputs = execution.tree.last_attempt(node).get("outputs")
    visible = owner.scope.child({f"{owner.prefix}.status": node["phase"]})
    arguments = hook.get("arguments") or {}
    try:
        if not on_exit and not hook.get("expression"):
            raise HookError(f"Expression required for hook {name}")
        if hook.get("expression") and not evaluate_boolean_in(visible.parameters, hook["expression"]):
            return
        if arguments and (on_exit or outputs is not None):
            parameters, artifacts = output_variables(outputs or {}, owner.prefix)
            arguments = _arguments(arguments, visible.child(parameters, artifacts=artifacts))
    except (ExpressionError, TemplatingError) as error:
        raise HookError(str(error)) from None
    holder = {key: hook[key] for key in ("template", "templateRef") if hook.get(key)}
    call = owner.call.inner(
        name, holder, owner.context, arguments, "steps", on_exit=on_exit, flag={"hooked": True}
    )
    execution.tree.connect(node["id"], execution.tree.id(name))
    with contextlib.suppress(TemplateFailedError):
        await execute(call)


def _arguments(arguments: Mapping[str, Any], scope: LocalScope) -> dict[str, Any]:
    new: dict[str, Any] = replace_tags(scope.mark_absent(arguments), scope.parameters, LENIENT)
    if new.get("artifacts"):
        found = [
            found_artifact(scope, one) if one.get("from") or one.get("fromExpression") else one
            for one in new["artifacts"]
        ]
        new["artifacts"] = [one for one in found if one is not None]
    return new
