"""Retries a template by its ``retryStrategy``.

See ``processNodeRetries`` of Argo 4.0.7's ``workflow/controller/operator.go``.
"""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from mlplat.argo import gotext
from mlplat.argo.durations import DurationError, seconds
from mlplat.argo.expressions import ExpressionError
from mlplat.argo.gotext import int_or_string
from mlplat.argo.status import FAILED, Node, generated_pod_name, is_attempt
from mlplat.argo.structure import KINDS as NODE_TYPES
from mlplat.argo.structure import kind_of
from mlplat.argo.templating import Scope, TemplatingError, evaluate_boolean_in
from mlplat.engine.calls import Call
from mlplat.engine.execution import Execution
from mlplat.engine.failures import FAIL_FAST, FailFastError, TemplateFailedError
from mlplat.engine.inputs import substitute
from mlplat.engine.nodes import fulfilled, instant, unsuccessful
from mlplat.engine.templates import Context

Attempt = Callable[[Call, Context, dict[str, Any]], Awaitable[Node]]
"""Executes a filled template once."""

_TRANSIENT = (
    "i/o timeout",
    "connection refused",
    "transport is closing",
    "deadline exceeded",
    "no such host",
)


_LONGEST_WAIT = (2**63 - 1) / 1e9
"""Seconds that fit into Go's ``time.Duration``."""


class _NoMoreAttemptsError(Exception):
    """There is no further attempt; the message is the node's."""


class Retries:
    """The attempts of one node.

    Args:
        execution: the workflow.
        attempt: executes a filled template once.
        call: the call of the template; each attempt has a name of its own.
        context: where names in the template are looked up.
        template: the template, filled.
        strategy: its ``retryStrategy``.
    """

    def __init__(
        self,
        execution: Execution,
        attempt: Attempt,
        call: Call,
        context: Context,
        template: dict[str, Any],
        strategy: Mapping[str, Any],
    ) -> None:
        self._execution = execution
        self._attempt = attempt
        self._call = call
        self._context = context
        self._template = template
        self._strategy = strategy
        self._until: float | None = None

    async def run(self, node: Node) -> Node:
        """Retry until an attempt succeeds or the strategy stops.

        Args:
            node: the node that retries.

        Returns:
            The node, which has ended.
        """
        execution, tree = self._execution, self._execution.tree
        attempts = self._earlier(node)
        while True:
            if attempts and not unsuccessful(attempts[-1]):
                node.pop("outputs", None)
                if (outputs := attempts[-1].get("outputs")) is not None:
                    node["outputs"] = copy.deepcopy(outputs)
                return tree.mark(node, "Succeeded")
            if attempts:
                try:
                    await self._consider(node, attempts)
                except _NoMoreAttemptsError as error:
                    if attempts[-1].get("outputs"):
                        node["outputs"] = copy.deepcopy(attempts[-1]["outputs"])
                    return tree.mark(node, attempts[-1]["phase"], str(error))
                except (ExpressionError, ValueError) as error:
                    raise execution.fail(self._call, str(error)) from None
                if execution.fails_fast(self._call.boundary):
                    raise FailFastError(FAIL_FAST)
            attempts.append(await self._next(node, attempts))

    def _earlier(self, node: Node) -> list[Node]:
        children = self._execution.tree.existing(node.get("children", ()))
        return [one for one in children if is_attempt(one) and fulfilled(one)]

    async def _next(self, node: Node, attempts: list[Node]) -> Node:
        execution, tree = self._execution, self._execution.tree
        name = f"{node['name']}({len(attempts)})"
        tree.connect(node["id"], tree.id(name))
        call = replace(self._call, name=name, until=self._until)
        local = {"retries": str(len(attempts)), **_last(attempts)}
        if NODE_TYPES[kind_of(self._template)] == "Pod":
            local["pod.name"] = generated_pod_name(tree.workflow, name, self._template.get("name", ""))
        try:
            filled = substitute(self._template, execution.scope.child(local))
        except (TemplatingError, ExpressionError) as error:
            raise execution.fail(call, str(error)) from None
        try:
            return await self._attempt(call, self._context, filled)
        except TemplateFailedError:
            if self._policy() == "OnFailure":
                raise
            failed = tree.named(name)
            assert failed is not None
            return failed

    def _policy(self) -> str:
        return self._strategy.get("retryPolicy") or (
            "Always" if self._strategy.get("expression") else "OnFailure"
        )

    async def _consider(self, node: Node, attempts: list[Node]) -> None:
        shutdown, last = self._execution.shutdown, attempts[-1]
        if shutdown.strategy:
            raise _NoMoreAttemptsError(f"Stopped with strategy '{shutdown.strategy}'")
        if shutdown.deadline_passed and not self._call.on_exit:
            raise _NoMoreAttemptsError("retry exceeded workflow deadline")
        limit = self._strategy.get("limit")
        if self._strategy.get("backoff"):
            await self._back_off(node, attempts, limit)
        allowed = {
            "Always": FAILED,
            "OnFailure": ("Failed",),
            "OnError": ("Error",),
            "OnTransientError": FAILED if _is_transient(last) else (),
        }
        policy = self._policy()
        if policy not in allowed:
            raise ExpressionError(f"{policy} is not a valid RetryPolicy")
        if last["phase"] not in allowed[policy]:
            raise _NoMoreAttemptsError(last.get("message", ""))
        if limit is not None and len(attempts) > int_or_string(limit):
            raise _NoMoreAttemptsError("No more retries left")
        if self._strategy.get("expression"):
            names = Scope({"retries": str(len(attempts) - 1), **_last(attempts, missing="-1")})
            if not evaluate_boolean_in(names, self._strategy["expression"]):
                raise _NoMoreAttemptsError("retryStrategy.expression evaluated to false")

    async def _back_off(self, node: Node, attempts: list[Node], limit: int | str | None) -> None:
        backoff = self._strategy["backoff"]
        elapsed = time.time() - instant(attempts[0]["startedAt"]).timestamp()
        longest = seconds(backoff["maxDuration"]) if backoff.get("maxDuration") else None
        if longest is not None:
            if elapsed > longest:
                raise _NoMoreAttemptsError("Max duration limit exceeded")
            self._until = time.monotonic() + longest - elapsed
        if not backoff.get("duration"):
            raise DurationError("no base duration specified for retryStrategy")
        wait = seconds(backoff["duration"])
        factor = int_or_string(backoff["factor"]) if backoff.get("factor") is not None else 0
        if factor > 0:
            wait = _multiplied(wait, factor, len(attempts) - 1)
        if backoff.get("cap"):
            wait = min(wait, seconds(backoff["cap"]))
        if longest is not None and elapsed + wait > longest:
            raise _NoMoreAttemptsError("Backoff would exceed max duration limit")
        if limit is not None and len(attempts) <= _lenient_int(limit):
            self._execution.tree.mark(node, "Running", f"Backoff for {_in_words(wait)}")
            await self._pause(wait)
            self._execution.tree.mark(node, "Running", "")

    async def _pause(self, wait: float) -> None:
        shutdown = self._execution.shutdown
        with shutdown.signalled() as interrupted:
            try:
                await asyncio.wait_for(interrupted.wait(), wait)
            except TimeoutError:
                return
        raise _NoMoreAttemptsError(
            f"Stopped with strategy '{shutdown.strategy}'"
            if shutdown.strategy
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


def _last(attempts: list[Node], missing: str = "0") -> dict[str, str]:
    if not attempts:
        return {
            "lastRetry.exitCode": "0",
            "lastRetry.duration": "0",
            "lastRetry.status": "",
            "lastRetry.message": "",
        }
    last = attempts[-1]
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


def _in_words(wait: float) -> str:
    whole = int(wait)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    parts = [(hours, "hour"), (minutes, "minute"), (rest, "second")]
    return (
        " ".join(f"{count} {unit}{'s' if count != 1 else ''}" for count, unit in parts if count)
        or "0 seconds"
    )
