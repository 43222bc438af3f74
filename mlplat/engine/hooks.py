"""Runs exit handlers and the other hooks of tasks and steps.

See Argo 4.0.7's ``workflow/controller/exit_handler.go`` and ``hooks.go``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mlplat.argo.expressions import ExpressionError
from mlplat.argo.templating import LENIENT, TemplatingError, evaluate_boolean_in
from mlplat.argo.templating import replace as replace_tags
from mlplat.engine.failures import TemplateFailedError
from mlplat.engine.nodes import Node, hooked
from mlplat.engine.scope import LocalScope, found_artifact, output_variables
from mlplat.engine.templates import Context

if TYPE_CHECKING:
    from mlplat.engine.engine import Call, Engine


class HookError(Exception):
    """A hook can't be evaluated, or its arguments can't be found; the message is Argo's."""


def exit_hook(holder: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the exit hook of a task, step or spec.

    Args:
        holder: has ``onExit`` or ``hooks.exit``.
        arguments: what the hook gets when it names no arguments itself: those of the workflow.

    Returns:
        The hook; None when there is none.
    """
    if holder.get("onExit"):
        return {"template": holder["onExit"], "arguments": arguments}
    hook = (holder.get("hooks") or {}).get("exit")
    if hook is None:
        return None
    own = hook.get("arguments") or {}
    return {**hook, "arguments": own or arguments}


@dataclass(frozen=True, slots=True)
class Over:
    """A task or step that is over.

    Attributes:
        call: the call of the DAG or steps template that it belongs to.
        holder: the task or step as it stands in the manifest.
        node: its node.
        context: where the templates of its hooks are looked up.
        scope: what its hooks can name.
        prefix: how it is named itself, such as ``tasks.train``.
    """

    call: Call
    holder: Mapping[str, Any]
    node: Node
    context: Context
    scope: LocalScope
    prefix: str


async def run_exit_hook(engine: Engine, over: Over) -> None:
    """Run the exit hook of a task or step, unless the workflow is being terminated."""
    hook = exit_hook(over.holder, engine.spec.get("arguments") or {})
    if hook is not None and engine.shutdown != "Terminate":
        await _run(engine, over, hook, f"{over.node['name']}.onExit", on_exit=True)


async def run_hooks(engine: Engine, over: Over) -> None:
    """Run the hooks of a task or step whose expressions hold in its phase, and which have not run yet."""
    due = [(name, hook) for name, hook in (over.holder.get("hooks") or {}).items() if name != "exit"]
    for name, hook in due:
        target = f"{over.node['name']}.hooks.{name}"
        if engine.tree.named(target) is None:
            await _run(engine, over, hook, target, on_exit=False)


@contextlib.asynccontextmanager
async def while_running(engine: Engine, over: Over, name: str) -> AsyncIterator[None]:
    """Run the hooks of a task or step that hold while it runs.

    Args:
        engine: executes them.
        over: the task or step; its node is looked up when it has begun.
        name: the name of its node.

    Yields:
        Once; hooks that run still are waited for at the end.
    """
    if not any(key != "exit" for key in over.holder.get("hooks") or {}):
        yield
        return
    running: list[asyncio.Future[None]] = []

    def begun(node: Node) -> None:
        if not running:
            running.append(asyncio.ensure_future(run_hooks(engine, replace(over, node=node))))

    engine.watch(name, begun)
    try:
        yield
        await asyncio.gather(*running)
    finally:
        engine.unwatch(name)
        for one in running:
            one.cancel()


async def _run(engine: Engine, over: Over, hook: Mapping[str, Any], name: str, *, on_exit: bool) -> None:
    node = over.node
    outputs = _outputs(engine, node)
    visible = over.scope.child({f"{over.prefix}.status": node["phase"]})
    arguments = hook.get("arguments") or {}
    try:
        if not on_exit and not hook.get("expression"):
            raise HookError(f"Expression required for hook {name}")
        if hook.get("expression") and not evaluate_boolean_in(visible.parameters, hook["expression"]):
            return
        if arguments and (on_exit or outputs is not None):
            parameters, artifacts = output_variables(outputs or {}, over.prefix)
            arguments = _arguments(arguments, visible.child(parameters, artifacts=artifacts))
    except (ExpressionError, TemplatingError) as error:
        raise HookError(str(error)) from None
    inner = replace(
        over.call,
        name=name,
        holder={key: hook[key] for key in ("template", "templateRef") if hook.get(key)},
        context=over.context,
        arguments=arguments,
        kind="steps",
        on_exit=on_exit or over.call.on_exit,
        flag={"hooked": True},
        depth=over.call.depth + 1,
    )
    engine.tree.connect(node["id"], engine.tree.id(name))
    with contextlib.suppress(TemplateFailedError):
        await engine.execute(inner)


def _outputs(engine: Engine, node: Node) -> Mapping[str, Any] | None:
    if node["type"] == "Retry":
        tries = [one for one in engine.tree.existing(node.get("children", ())) if not hooked(one)]
        if tries:
            node = tries[-1]
    outputs: Mapping[str, Any] | None = node.get("outputs")
    return outputs


def _arguments(arguments: Mapping[str, Any], scope: LocalScope) -> dict[str, Any]:
    new: dict[str, Any] = replace_tags(scope.mark_absent(arguments), scope.parameters, LENIENT)
    if new.get("artifacts"):
        found = [
            found_artifact(scope, one) if one.get("from") or one.get("fromExpression") else one
            for one in new["artifacts"]
        ]
        new["artifacts"] = [one for one in found if one is not None]
    return new
