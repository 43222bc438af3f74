"""Asks the person at the terminal whether a suspended workflow may continue."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import Mapping, Sequence

from mlplat.argo.status import Node
from mlplat.escaping import escaped

_MESSAGE = "message"
"""The input with the question: it is shown, not asked for."""


def is_interactive() -> bool:
    """Return whether there is a person to ask."""
    return sys.stdin is not None and sys.stdin.isatty()


def tell_stopping(has_exit_handler: bool) -> None:
    """Print that a run is being stopped; see :class:`~mlplat.engine.control.Control`."""
    last = ", then the exit handler runs" if has_exit_handler else ""
    with contextlib.suppress(OSError):  # the terminal may be gone
        sys.stderr.write(f"stopping the running tasks{last}; press Ctrl-C to terminate now\n")
        sys.stderr.flush()


async def ask(node: Node) -> Mapping[str, str] | None:
    """Ask for a node's outputs or, when it has none, whether to continue.

    Args:
        node: the suspended node.

    Returns:
        Values of its output parameters by name; None when the person says no.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[Mapping[str, str] | None] = loop.create_future()

    def answered(outputs: Mapping[str, str] | None) -> None:
        if not answer.done():
            answer.set_result(outputs)

    def read() -> None:
        given = _read(node)
        loop.call_soon_threadsafe(answered, given)

    threading.Thread(target=read, daemon=True).start()
    return await answer


def _read(node: Node) -> Mapping[str, str] | None:
    values: dict[str, str] = {}
    inputs = {one["name"]: one for one in (node.get("inputs") or {}).get("parameters", ())}
    name, message = node["displayName"], inputs.get(_MESSAGE, {}).get("value")
    lead = f"{name}: {message}\n" if message else ""
    questions = [
        one
        for one in (node.get("outputs") or {}).get("parameters", ())
        if one["name"] != _MESSAGE or "default" not in one["valueFrom"]
    ]
    try:
        for parameter in questions:
            default = parameter["valueFrom"].get("default")
            known = inputs.get(parameter["name"], {}).get("enum") or ()
            text = _value(f"{lead}{name}: {parameter['name']}", default, known)
            lead = ""
            if text or default is None:
                values[parameter["name"]] = text
        if questions:
            return values
        asked = escaped(f"{lead}{name}: continue? [y/N] ")
        return {} if input(asked).strip().lower() in ("y", "yes") else None
    except EOFError:
        return None


def _value(prompt: str, default: str | None, choices: Sequence[str]) -> str:
    """Ask for one value until it is one of the choices, or the default."""
    of = f" ({', '.join(choices)})" if choices else ""
    shown = f" [{default}]" if default is not None else ""
    asked = f"{prompt}{of}{shown}: "
    while True:
        text = input(escaped(asked)).strip()
        if not choices or text in choices or (not text and default is not None):
            return text
        asked = f"{text!r} is not one of {', '.join(choices)}: "
