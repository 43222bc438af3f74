"""Executes a whole workflow: its entrypoint, its hooks and its exit handler.

See ``operate`` of Argo 4.0.7's ``workflow/controller/operator.go``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from mlplat.argo import gotext
from mlplat.argo.expressions import ExpressionError
from mlplat.argo.status import Node, generated_pod_name
from mlplat.argo.templating import evaluate_boolean_in
from mlplat.engine.calls import Call
from mlplat.engine.engine import Engine
from mlplat.engine.execution import Execution
from mlplat.engine.failures import TemplateFailedError
from mlplat.engine.hooks import exit_hook
from mlplat.engine.nodes import unsuccessful

_PHASES = {
    "Pending": "Pending",
    "Running": "Running",
    "Succeeded": "Succeeded",
    "Skipped": "Succeeded",
    "Omitted": "Succeeded",
    "Failed": "Failed",
    "Error": "Error",
}
"""Phases of the workflow by phase of its first node."""


async def execute_workflow(execution: Execution, engine: Engine) -> tuple[str, str]:
    """Execute a workflow to its end.

    Args:
        execution: the workflow.
        engine: executes its templates.

    Returns:
        Its phase and message.
    """
    spec = execution.spec
    call = Call(execution.tree.workflow, {"template": spec["entrypoint"]}, execution.library.root, {})
    try:
        locks = engine.synchronized(spec, lambda lock: engine.waits(lock, call, "DAG"))
    except ValueError as error:
        return "Error", str(error)
    with _deadline(execution):
        async with locks:
            return await _execute(execution, engine)


@contextlib.contextmanager
def _deadline(execution: Execution) -> Iterator[None]:
    """End the workflow after its ``activeDeadlineSeconds``."""
    seconds = execution.spec.get("activeDeadlineSeconds")
    if seconds is None:
        yield
        return
    timer = asyncio.get_running_loop().call_later(float(seconds), execution.shutdown.exceed_deadline)
    try:
        yield
    finally:
        timer.cancel()


async def _execute(execution: Execution, engine: Engine) -> tuple[str, str]:
    spec, root = execution.spec, execution.library.root
    arguments = spec.get("arguments") or {}
    name = execution.tree.workflow
    execution.globals.set("workflow.failures", "[]")
    early = asyncio.ensure_future(_run_hooks(execution, engine))
    try:
        node = await engine.execute(Call(name, {"template": spec["entrypoint"]}, root, arguments, "steps"))
        await early
        phase = _PHASES[node["phase"]]
        execution.globals.set("workflow.status", phase)
        execution.globals.set("workflow.failures", gotext.to_json(_failures(execution)))
        await _run_hooks(execution, engine)
    except TemplateFailedError as error:
        return "Error", f"error in entry template execution: {error}"
    except ExpressionError as error:
        return "Error", str(error)
    finally:
        early.cancel()
    hook = exit_hook(spec, arguments)
    if hook is not None and execution.shutdown.strategy != "Terminate":
        try:
            after = await engine.execute(_hook_call(execution, hook, f"{name}.onExit", on_exit=True))
        except TemplateFailedError as error:
            return "Error", f"error in exit template execution : {error}"
        if phase == "Succeeded" and unsuccessful(after):
            return _PHASES[after["phase"]], after.get("message", "")
    if unsuccessful(node) and execution.shutdown.strategy:
        return phase, f"Stopped with strategy '{execution.shutdown.strategy}'"
    return phase, "" if phase == "Succeeded" else node.get("message", "")


async def _run_hooks(execution: Execution, engine: Engine) -> None:
    """Run the workflow's hooks whose expressions hold now, and which have not run yet."""
    tree = execution.tree
    root = tree.id(tree.workflow)
    for name, hook in (execution.spec.get("hooks") or {}).items():
        target = f"{tree.workflow}.hooks.{name}"
        if name == "exit" or tree.named(target) is not None:
            continue
        if not hook.get("expression"):
            raise ExpressionError(f"Expression required for hook {target}")
        if not evaluate_boolean_in(execution.scope, hook["expression"]):
            continue
        running = asyncio.ensure_future(engine.execute(_hook_call(execution, hook, target)))
        await asyncio.sleep(0)
        if root in tree.nodes:
            tree.connect(root, tree.id(target))
        await running


def _hook_call(execution: Execution, hook: Mapping[str, Any], name: str, *, on_exit: bool = False) -> Call:
    holder = {key: hook[key] for key in ("template", "templateRef") if hook.get(key)}
    return Call(
        name,
        holder,
        execution.library.root,
        hook.get("arguments") or {},
        "steps",
        on_exit=on_exit,
        flag={"hooked": True},
    )


def _failures(execution: Execution) -> list[dict[str, Any]]:
    """Return the value of ``workflow.failures``."""
    tree = execution.tree

    def described(node: Node) -> dict[str, Any]:
        template = node.get("templateName", "")
        return {
            "displayName": node["displayName"],
            "message": node.get("message", ""),
            "templateName": template,
            "phase": node["phase"],
            "podName": generated_pod_name(tree.workflow, node["name"], template),
            "finishedAt": node["finishedAt"],
        }

    return [described(node) for node in tree.nodes.values() if unsuccessful(node)]
