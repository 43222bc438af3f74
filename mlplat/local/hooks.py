"""Runs exit handlers and the other hooks of tasks and steps.

See Argo 4.0.7's ``workflow/controller/exit_handler.go`` and ``hooks.go``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlplat.argo.expressions import ExpressionError
from mlplat.argo.templating import LENIENT, TemplatingError, evaluate_in
from mlplat.argo.templating import replace as replace_tags
from mlplat.local.nodes import Node, hooked
from mlplat.local.scope import LocalScope, output_variables
from mlplat.local.templates import Context

if TYPE_CHECKING:
    from mlplat.local.engine import Call, Engine


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
    return {**hook, "arguments": own if own else arguments}


async def run_exit_hook(
    engine: Engine, call: Call, holder: Mapping[str, Any], node: Node, context: Context, scope: LocalScope, prefix: str
) -> None:
    """Run the exit hook of a task or step that is over.

    Args:
        engine: executes it.
        call: the call of the DAG or steps template that the task belongs to.
        holder: the task or step.
        node: its node.
        context: where the hook's template is looked up.
        scope: what its arguments can name.
        prefix: such as ``tasks.train``.
    """
    hook = exit_hook(holder, engine.spec.get("arguments") or {})
    if hook is None or engine.shutdown == "Terminate":
        return
    await _run(engine, call, hook, f"{node['name']}.onExit", node, context, scope, prefix, on_exit=True)


async def run_hooks(
    engine: Engine, call: Call, holder: Mapping[str, Any], node: Node, context: Context, scope: LocalScope, prefix: str
) -> None:
    """Run the hooks of a task or step whose expressions hold now that it is over.

    Args:
        engine: executes them.
        call: the call of the DAG or steps template that the task belongs to.
        holder: the task or step.
        node: its node.
        context: where the hooks' templates are looked up.
        scope: what their expressions and arguments can name.
        prefix: such as ``tasks.train``.
    """
    for name, hook in (holder.get("hooks") or {}).items():
        if name != "exit":
            target = f"{node['name']}.hooks.{name}"
            await _run(engine, call, hook, target, node, context, scope, prefix, on_exit=False)


async def _run(
    engine: Engine,
    call: Call,
    hook: Mapping[str, Any],
    name: str,
    node: Node,
    context: Context,
    scope: LocalScope,
    prefix: str,
    *,
    on_exit: bool,
) -> None:
    from mlplat.local.engine import TemplateFailure

    outputs = _outputs(engine, node)
    parameters, artifacts = output_variables(outputs, prefix)
    visible = scope.child({f"{prefix}.status": node["phase"]}, artifacts=artifacts)
    try:
        if hook.get("expression") and evaluate_in(visible.parameters, hook["expression"]) is not True:
            return
        arguments = _arguments(hook.get("arguments") or {}, visible.child(parameters))
    except (ExpressionError, TemplatingError, LookupError) as error:
        engine.tree.mark(node, node["phase"], str(error))
        return
    inner = replace(
        call,
        name=name,
        holder={key: hook[key] for key in ("template", "templateRef") if hook.get(key)},
        context=context,
        arguments=arguments,
        kind="steps",
        on_exit=on_exit or call.on_exit,
        flag={"hooked": True},
        depth=call.depth + 1,
    )
    engine.tree.connect(node["id"], engine.tree.id(name))
    try:
        await engine.execute(inner)
    except TemplateFailure:
        return


def _outputs(engine: Engine, node: Node) -> Mapping[str, Any]:
    if node["type"] == "Retry":
        tries = [one for one in engine.tree.existing(node.get("children", ())) if not hooked(one)]
        if tries:
            node = tries[-1]
    return node.get("outputs") or {}


def _arguments(arguments: Mapping[str, Any], scope: LocalScope) -> dict[str, Any]:
    new: dict[str, Any] = replace_tags(scope.mark_absent(arguments), scope.parameters, LENIENT)
    if new.get("artifacts"):
        found = []
        for one in new["artifacts"]:
            if not (one.get("from") or one.get("fromExpression")):
                found.append(one)
                continue
            try:
                found.append(scope.artifact(one))
            except (LookupError, ExpressionError):
                if not one.get("optional"):
                    raise
        new["artifacts"] = found
    return new
