"""Retries a template.

See ``processNodeRetries`` of Argo 4.0.7's ``workflow/controller/operator.go``.
"""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mlplat.argo import gotext
from mlplat.argo.durations import DurationError, seconds
from mlplat.argo.expressions import ExpressionError
from mlplat.argo.gotext import int_or_string
from mlplat.argo.structure import KINDS, kind_of
from mlplat.argo.templating import Scope, TemplatingError, evaluate_boolean_in
from mlplat.engine.failures import FAIL_FAST, FailFastError, TemplateFailedError
from mlplat.engine.inputs import substitute
from mlplat.engine.nodes import Node, fulfilled, instant, pod_name, unsuccessful
from mlplat.engine.templates import Context

if TYPE_CHECKING:
    from mlplat.engine.engine import Call, Engine

_TRANSIENT = (
    "i/o timeout",
    "connection refused",
    "transport is closing",
    "deadline exceeded",
    "no such host",
)


_LONGEST_WAIT = (2**63 - 1) / 1e9
"""Seconds that fit into Go's ``time.Duration``."""


class _NoMoreTriesError(Exception):
    """There will be no further try; the message is the node's, None keeps it."""


class Tries:
    """The tries of one node.

    Args:
        engine: executes them.
        call: the call; each try is one under a name of its own.
        context: where names inside of the template are looked up.
        filled: the template, filled.
        strategy: its ``retryStrategy``.
    """

    def __init__(
        self,
        engine: Engine,
        call: Call,
        context: Context,
        filled: dict[str, Any],
        strategy: Mapping[str, Any],
    ) -> None:
        self._engine = engine
        self._call = call
        self._context = context
        self._filled = filled
        self._strategy = strategy
        self._deadline: float | None = None

    async def run(self, node: Node) -> Node:
        """Try until a try succeeds or the strategy says to stop.

        Args:
            node: the node that retries.

        Returns:
            It, over.
        """
        tree = self._engine.tree
        tries = self._earlier(node)
        while True:
            if tries and not unsuccessful(tries[-1]):
                node["outputs"] = copy.deepcopy(tries[-1].get("outputs"))
                if node["outputs"] is None:
                    del node["outputs"]
                return tree.mark(node, "Succeeded")
            if tries:
                try:
                    await self._consider(node, tries)
                except _NoMoreTriesError as error:
                    if tries[-1].get("outputs"):
                        node["outputs"] = copy.deepcopy(tries[-1]["outputs"])
                    return tree.mark(node, tries[-1]["phase"], str(error))
                except (ExpressionError, ValueError) as error:
                    raise self._engine.fail(self._call, str(error)) from None
                if self._call.boundary is not None and self._engine.fails_fast(self._call.boundary):
                    raise FailFastError(FAIL_FAST)
            tries.append(await self._try(node, tries))

    def _earlier(self, node: Node) -> list[Node]:
        children = self._engine.tree.existing(node.get("children", ()))
        return [one for one in children if (one.get("nodeFlag") or {}).get("retried") and fulfilled(one)]

    async def _try(self, node: Node, tries: list[Node]) -> Node:
        engine = self._engine
        name = f"{node['name']}({len(tries)})"
        engine.tree.connect(node["id"], engine.tree.id(name))
        call = replace(self._call, name=name)
        kind = kind_of(self._filled)
        local = {"retries": str(len(tries)), **_last(tries)}
        if KINDS[kind] == "Pod":
            local["pod.name"] = pod_name(engine.tree.workflow, name, self._filled.get("name", ""))
        try:
            filled = substitute(self._filled, engine.scope.child(local))
        except (TemplatingError, ExpressionError) as error:
            raise engine.fail(call, str(error)) from None
        remaining = None if self._deadline is None else self._deadline - time.monotonic()
        try:
            return await engine.execute_once(call, self._context, filled, deadline=remaining)
        except TemplateFailedError:
            if self._policy() == "OnFailure":
                raise
            failed = engine.tree.named(name)
            assert failed is not None
            return failed

    def _policy(self) -> str:
        return self._strategy.get("retryPolicy") or (
            "Always" if self._strategy.get("expression") else "OnFailure"
        )

    async def _consider(self, node: Node, tries: list[Node]) -> None:
        engine, last = self._engine, tries[-1]
        if engine.shutdown:
            raise _NoMoreTriesError(f"Stopped with strategy '{engine.shutdown}'")
        if engine.deadline_passed and not self._call.on_exit:
            raise _NoMoreTriesError("retry exceeded workflow deadline")
        limit = self._strategy.get("limit")
        if self._strategy.get("backoff"):
            await self._back_off(node, tries, limit)
        allowed = {
            "Always": ("Failed", "Error"),
            "OnFailure": ("Failed",),
            "OnError": ("Error",),
            "OnTransientError": ("Failed", "Error") if _is_transient(last) else (),
        }
        policy = self._policy()
        if policy not in allowed:
            raise ExpressionError(f"{policy} is not a valid RetryPolicy")
        if last["phase"] not in allowed[policy]:
            raise _NoMoreTriesError(last.get("message", ""))
        if limit is not None and len(tries) > int_or_string(limit):
            raise _NoMoreTriesError("No more retries left")
        if self._strategy.get("expression"):
            names = Scope({"retries": str(len(tries) - 1), **_last(tries, missing="-1")})
            if not evaluate_boolean_in(names, self._strategy["expression"]):
                raise _NoMoreTriesError("retryStrategy.expression evaluated to false")

    async def _back_off(self, node: Node, tries: list[Node], limit: int | str | None) -> None:
        backoff = self._strategy["backoff"]
        elapsed = time.time() - instant(tries[0]["startedAt"]).timestamp()
        longest = seconds(backoff["maxDuration"]) if backoff.get("maxDuration") else None
        if longest is not None:
            if elapsed > longest:
                raise _NoMoreTriesError("Max duration limit exceeded")
            self._deadline = time.monotonic() + longest - elapsed
        if not backoff.get("duration"):
            raise DurationError("no base duration specified for retryStrategy")
        wait = seconds(backoff["duration"])
        factor = int_or_string(backoff["factor"]) if backoff.get("factor") is not None else 0
        if factor > 0:
            wait = _multiplied(wait, factor, len(tries) - 1)
        if backoff.get("cap"):
            wait = min(wait, seconds(backoff["cap"]))
        if longest is not None and elapsed + wait > longest:
            raise _NoMoreTriesError("Backoff would exceed max duration limit")
        if limit is not None and len(tries) <= _lenient_int(limit):
            self._engine.tree.mark(node, "Running", f"Backoff for {_spoken(wait)}")
            await self._pause(wait)
            self._engine.tree.mark(node, "Running", "")

    async def _pause(self, wait: float) -> None:
        with self._engine.interruptible() as interrupted:
            try:
                await asyncio.wait_for(interrupted.wait(), wait)
            except TimeoutError:
                return
        raise _NoMoreTriesError(
            f"Stopped with strategy '{self._engine.shutdown}'"
            if self._engine.shutdown
            else "retry exceeded workflow deadline"
        )


def _lenient_int(value: int | str) -> int:
    try:
        return int_or_string(value)
    except ValueError:
        return 0


def _multiplied(wait: float, factor: int, exponent: int) -> float:
    try:
        return min(wait * float(factor) ** exponent, _LONGEST_WAIT)
    except OverflowError:
        return _LONGEST_WAIT


def _last(tries: list[Node], missing: str = "0") -> dict[str, str]:
    if not tries:
        return {
            "lastRetry.exitCode": "0",
            "lastRetry.duration": "0",
            "lastRetry.status": "",
            "lastRetry.message": "",
        }
    last = tries[-1]
    duration = (instant(last["finishedAt"]) - instant(last["startedAt"])).total_seconds()
    return {
        "lastRetry.exitCode": (last.get("outputs") or {}).get("exitCode") or missing,
        "lastRetry.status": last["phase"],
        "lastRetry.duration": gotext.sprint(duration),
        "lastRetry.message": last.get("message", ""),
    }


def _is_transient(node: Node) -> bool:
    message = node.get("message", "").lower()
    return any(sign in message for sign in _TRANSIENT)


def _spoken(wait: float) -> str:
    whole = int(wait)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    parts = [(hours, "hour"), (minutes, "minute"), (rest, "second")]
    return (
        " ".join(f"{count} {unit}{'s' if count != 1 else ''}" for count, unit in parts if count)
        or "0 seconds"
    )
