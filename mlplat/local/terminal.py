"""Asks a person at the terminal whether a suspended workflow may go on."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Mapping

from mlplat.local.nodes import Node


def is_interactive() -> bool:
    """Whether there is a person to ask."""
    return sys.stdin is not None and sys.stdin.isatty()


async def ask(node: Node) -> Mapping[str, str] | None:
    """Ask for a node's outputs, and whether to go on.

    Args:
        node: the suspended node.

    Returns:
        Values of its output parameters by name; None when the person says no.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Mapping[str, str] | None] = loop.create_future()

    def answered(given: Mapping[str, str] | None) -> None:
        if not answer.done():
            answer.set_result(given)

    def read() -> None:
        given = _read(node)
        loop.call_soon_threadsafe(answered, given)

    threading.Thread(target=read, daemon=True).start()
    return await answer


def _read(node: Node) -> Mapping[str, str] | None:
    values: dict[str, str] = {}
    try:
        for parameter in (node.get("outputs") or {}).get("parameters", ()):
            default = parameter["valueFrom"].get("default")
            shown = f" [{default}]" if default is not None else ""
            text = input(f"{node['displayName']}: {parameter['name']}{shown}: ")
            if text or default is None:
                values[parameter["name"]] = text
        return (
            values if input(f"{node['displayName']}: go on? [y/N] ").strip().lower() in ("y", "yes") else None
        )
    except EOFError:
        return None
