"""Executes a suspend template: waits for a duration or an approval."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from mlplat.argo.durations import DurationError, seconds
from mlplat.argo.status import Node
from mlplat.engine.calls import Call, Execute
from mlplat.engine.execution import Execution
from mlplat.engine.handler import Inspection, refusal
from mlplat.engine.templates import Context
from mlplat.errors import Diagnostic

_A_PERSON = (
    "run it in a terminal, where mlplat asks; or set the time after which it continues without an answer: "
    "dsl.approval(…, timeout='1h'), suspend.duration in YAML; or run it on a cluster with mlplat run --engine argo, "
    "where it waits until someone approves: argo resume RUN"
)


def check_suspend(
    inspection: Inspection, path: str, template: Mapping[str, Any], context: Context
) -> Iterator[Diagnostic]:
    """Refuse a template that waits for an approval if nobody can be asked."""
    del context
    if not (template["suspend"] or {}).get("duration") and not inspection.interactive:
        message = "it waits for approval, but standard input is not a terminal"
        yield refusal(f"{path}.suspend", message, _A_PERSON)


async def execute_suspend(
    execution: Execution, execute: Execute, call: Call, context: Context, template: Mapping[str, Any]
) -> Node:
    """Wait until the suspension ends; see :class:`~mlplat.engine.handler.Handler`.

    The node fails when the workflow is stopped or a person says no.
    """
    del execute, context
    tree, shutdown = execution.tree, execution.shutdown
    node = tree.named(call.name)
    if node is None:
        node = execution.create(call, "Suspend", "Pending", template)
        supplied = [
            dict(one) for one in (template.get("outputs") or {}).get("parameters") or () if _is_supplied(one)
        ]
        if supplied:
            node["outputs"] = {"parameters": [_with_default(one, template) for one in supplied]}
    tree.mark(node, "Running")
    with shutdown.signalled() as interrupted:
        if shutdown.refusal(call.on_exit):
            interrupted.set()
        if (template["suspend"] or {}).get("duration"):
            try:
                duration = seconds(template["suspend"]["duration"])
            except DurationError as error:
                raise execution.fail(call, str(error)) from None
            answer: Mapping[str, str] | None = {}
            with contextlib.suppress(TimeoutError):
                if execution.ask is not None and _is_for_a_person(node):
                    answer = await asyncio.wait_for(_ask(execution, node, interrupted), duration)
                else:
                    await asyncio.wait_for(interrupted.wait(), duration)
        else:
            answer = await _ask(execution, node, interrupted)
    if interrupted.is_set():
        message = (
            f"Stopped with strategy '{shutdown.strategy}'"
            if shutdown.strategy
            else "Step exceeded its deadline"
        )
        return tree.mark(node, "Failed", message)
    if answer is None:
        return tree.mark(node, "Failed", "stopped by the user")
    missing = _supply(node, answer)
    if missing:
        return tree.mark(node, "Error", missing)
    tree.mark(node, "Succeeded")
    execution.publish(node)
    return node


def _is_supplied(parameter: Mapping[str, Any]) -> bool:
    return (parameter.get("valueFrom") or {}).get("supplied") is not None


def _with_default(parameter: dict[str, Any], template: Mapping[str, Any]) -> dict[str, Any]:
    if "default" not in parameter["valueFrom"]:
        for one in (template.get("inputs") or {}).get("parameters") or ():
            if one["name"] == parameter["name"] and "default" in one:
                return {**parameter, "valueFrom": {**parameter["valueFrom"], "default": one["default"]}}
    return parameter


def _is_for_a_person(node: Node) -> bool:
    """Return whether a person may answer before the timeout, unlike for a node that only waits."""
    sides = (node.get("inputs") or {}, node.get("outputs") or {})
    return any(side.get("parameters") for side in sides)


async def _ask(execution: Execution, node: Node, interrupted: asyncio.Event) -> Mapping[str, str] | None:
    assert execution.ask is not None
    asking = asyncio.ensure_future(execution.ask(node))
    stopping = asyncio.ensure_future(interrupted.wait())
    try:
        await asyncio.wait((asking, stopping), return_when=asyncio.FIRST_COMPLETED)
        return asking.result() if asking.done() else None
    finally:
        asking.cancel()
        stopping.cancel()


def _supply(node: Node, answer: Mapping[str, str]) -> str:
    for parameter in (node.get("outputs") or {}).get("parameters", ()):
        value = answer.get(parameter["name"], parameter["valueFrom"].get("default"))
        if value is None:
            return f"raw output parameter '{parameter['name']}' has not been set and does not have a default value"
        parameter["value"] = value
        parameter.pop("valueFrom")
    return ""
