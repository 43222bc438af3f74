"""Executes a suspend template: waits for a time, or for a person."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from mlplat.argo.durations import DurationError, seconds
from mlplat.engine.nodes import Node

if TYPE_CHECKING:
    from mlplat.engine.engine import Call, Engine

Ask = Callable[[Node], Awaitable[Mapping[str, str] | None]]
"""Asks a person whether a node may go on: its output parameters' values, or None for no."""


async def execute_suspend(engine: Engine, call: Call, template: Mapping[str, Any]) -> Node:
    """Wait until the suspension is over.

    Args:
        engine: tells when the workflow stops.
        call: the call of the template.
        template: the template, filled.

    Returns:
        The node: succeeded, or failed because the workflow stopped or a person said no.
    """
    tree = engine.tree
    node = tree.named(call.name)
    if node is None:
        node = engine.create(call, "Suspend", "Pending", template, flag=call.flag)
        supplied = [
            dict(one) for one in (template.get("outputs") or {}).get("parameters") or () if _is_supplied(one)
        ]
        if supplied:
            node["outputs"] = {"parameters": [_with_default(one, template) for one in supplied]}
    tree.mark(node, "Running")
    with engine.interruptible() as interrupted:
        if engine.refusal(call.on_exit):
            interrupted.set()
        if (template["suspend"] or {}).get("duration"):
            try:
                duration = seconds(template["suspend"]["duration"])
            except DurationError as error:
                raise engine.fail(call, str(error)) from None
            answer: Mapping[str, str] | None = {}
            with contextlib.suppress(TimeoutError):
                if engine.ask is not None and _is_for_a_person(node):
                    answer = await asyncio.wait_for(_ask(engine, node, interrupted), duration)
                else:
                    await asyncio.wait_for(interrupted.wait(), duration)
        else:
            answer = await _ask(engine, node, interrupted)
    if interrupted.is_set():
        message = (
            f"Stopped with strategy '{engine.shutdown}'" if engine.shutdown else "Step exceeded its deadline"
        )
        return tree.mark(node, "Failed", message)
    if answer is None:
        return tree.mark(node, "Failed", "stopped by a person")
    missing = _supply(node, answer)
    if missing:
        return tree.mark(node, "Error", missing)
    tree.mark(node, "Succeeded")
    engine.publish(node)
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
    """Tell a step that waits for a person, or goes on without one after a time, from one that only waits."""
    sides = (node.get("inputs") or {}, node.get("outputs") or {})
    return any(side.get("parameters") for side in sides)


async def _ask(engine: Engine, node: Node, interrupted: asyncio.Event) -> Mapping[str, str] | None:
    assert engine.ask is not None
    asking = asyncio.ensure_future(engine.ask(node))
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
