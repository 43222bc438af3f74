"""Executes calls of templates: finds and fills a template, takes locks, asks the cache, retries.

Each node that has not ended has a coroutine; nothing polls. The rules are those of ``executeTemplate`` in Argo
4.0.7's ``workflow/controller/operator.go``. What a template does is up to the handler of its kind, see
:mod:`mlplat.engine.kinds`.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlplat.argo.expressions import ExpressionError
from mlplat.argo.limits import DEEPEST
from mlplat.argo.status import Node, generated_pod_name
from mlplat.argo.structure import KINDS as NODE_TYPES
from mlplat.argo.structure import kind_of
from mlplat.argo.templating import TemplatingError
from mlplat.engine.calls import Call
from mlplat.engine.containers import ContainerError, container_paths, patched_paths
from mlplat.engine.execution import Execution, display_name
from mlplat.engine.executor import Executor
from mlplat.engine.failures import FAIL_FAST, FailFastError
from mlplat.engine.inputs import fill
from mlplat.engine.kinds import KINDS
from mlplat.engine.locks import Lock, Locks, Waiting, locks_of
from mlplat.engine.memoize import Memo, MemoizeError
from mlplat.engine.nodes import fulfilled
from mlplat.engine.retries import Retries
from mlplat.engine.templates import Context, TemplateMissingError, node_type

_DISPLAY_NAME_PATTERN = "^[a-zA-Z0-9][a-zA-Z0-9-.]{0,61}[a-zA-Z0-9]$"


class Engine:
    """Executes the templates of one workflow.

    Args:
        execution: the workflow.
        executor: runs its tasks.
        memo: its caches.
        locks: folder of the locks that all runs share.
    """

    def __init__(self, execution: Execution, *, executor: Executor, memo: Memo, locks: Path) -> None:
        self._execution = execution
        self._executor = executor
        self._memo = memo
        self._locks = Locks(locks, lambda: not execution.shutdown.is_requested)
        self._rewritten: dict[tuple[str, str], dict[str, Any]] = {}

    async def execute(self, call: Call) -> Node:
        """Execute a call until its dependents may continue.

        Args:
            call: the template, the node and the arguments.

        Returns:
            The node.

        Raises:
            TemplateFailedError: the template is missing, or cannot be filled; the node says why.
        """
        execution = self._execution
        existing = execution.tree.named(call.name)
        if existing is not None and fulfilled(existing):
            return existing
        if call.depth >= DEEPEST:
            raise execution.fail(call, "Maximum recursion depth exceeded")
        try:
            context, template = call.context.resolve(call.holder)
        except TemplateMissingError as error:
            raise execution.fail(call, str(error)) from None
        kind = kind_of(template)
        if not kind:
            raise execution.fail(call, f"Template '{template.get('name', '')}' missing specification")
        gate = call.boundary.gate if call.boundary and KINDS[kind].is_limited else None
        filled = self._fill(call, context, template)
        try:
            locks = self.synchronized(filled, lambda lock: self.waits(lock, call, node_type(filled)))
        except ValueError as error:
            raise execution.fail(call, str(error)) from None
        async with gate or contextlib.nullcontext(), locks:
            if existing is None and execution.fails_fast(call.boundary):
                raise FailFastError(FAIL_FAST)
            return await self._execute_filled(call, context, filled)

    def synchronized(
        self, holder: Mapping[str, Any], waiting: Waiting
    ) -> contextlib.AbstractAsyncContextManager[None]:
        """Hold the locks that a template or the workflow's spec names.

        Args:
            holder: has ``synchronization``.
            waiting: entered while waiting for one of them.

        Raises:
            ValueError: the locks cannot be determined.
        """
        synchronization = holder.get("synchronization")
        if not synchronization:
            return contextlib.nullcontext()
        documents = self._execution.documents
        namespace = documents.workflow["metadata"].get("namespace", "default")
        return self._locks.held(locks_of(synchronization, namespace, documents.config_maps), waiting)

    @contextlib.contextmanager
    def waits(self, lock: Lock, call: Call, kind: str) -> Iterator[None]:
        """Show a node while it waits for a lock.

        Args:
            lock: the lock that is not free.
            call: the call of the node.
            kind: type of the node.

        Yields:
            Once.
        """
        known = self._execution.tree.named(call.name)
        message = f"Waiting for {lock.name} lock. Lock status: 0/{lock.size}"
        if known is None:
            self._execution.create(call, kind, "Pending", {}, message)
        try:
            yield
        finally:
            if known is None:
                self._execution.tree.forget(call.name)

    def _fill(self, call: Call, context: Context, template: Mapping[str, Any]) -> dict[str, Any]:
        execution = self._execution
        local = {"node.name": call.name}
        if call.kind:
            local[f"{call.kind}.name"] = str(call.holder.get("name", ""))
        if NODE_TYPES[kind_of(template)] == "Pod" and execution.retry_strategy(template) is None:
            local["pod.name"] = generated_pod_name(
                execution.tree.workflow, call.name, template.get("name", "")
            )
        scope = execution.scope.child(local)
        config_maps = execution.documents.config_maps

        def filled(template: Mapping[str, Any]) -> dict[str, Any]:
            return fill(template, call.arguments, scope, config_maps, self._executor.path)

        try:
            written = self._rewrite(context, template)
            if "{{" in str(template.get("podSpecPatch") or ""):
                # Which paths a patch mounts is known when it is filled, and paths are rewritten before that.
                paths = [*container_paths(template), *patched_paths(filled(template)["podSpecPatch"])]
                written = self._executor.rewrite(template, paths) | {"podSpecPatch": written["podSpecPatch"]}
            return filled(written)
        except (TemplatingError, ExpressionError, ContainerError) as error:
            raise execution.fail(call, str(error)) from None

    def _rewrite(self, context: Context, template: Mapping[str, Any]) -> dict[str, Any]:
        if not template.get("name"):
            return self._executor.rewrite(template, container_paths(template))
        key = (context.scope, template["name"])
        if key not in self._rewritten:
            self._rewritten[key] = self._executor.rewrite(template, container_paths(template))
        return self._rewritten[key]

    async def _execute_filled(self, call: Call, context: Context, template: dict[str, Any]) -> Node:
        execution = self._execution
        node = execution.tree.named(call.name)
        name = display_name(template)
        if name and not re.match(_DISPLAY_NAME_PATTERN, name):
            if node is None:
                execution.create(call, node_type(template), "Pending", template)
            raise execution.fail(call, f"displayName must match the regex {_DISPLAY_NAME_PATTERN}")
        if template.get("memoize") and node is None:
            node = self._recall(call, template)
            if fulfilled(node):
                return node
        strategy = execution.retry_strategy(template)
        if strategy is None:
            return await self._attempt(call, context, template)
        if node is None:
            node = execution.create(call, "Retry", "Running", template)
        execution.began(node)
        attempt = replace(call, flag={**(call.flag or {}), "retried": True})
        return await Retries(execution, self._attempt, attempt, context, template, strategy).run(node)

    def _recall(self, call: Call, template: Mapping[str, Any]) -> Node:
        execution = self._execution
        try:
            entry = self._memo.recall(template["memoize"])
        except MemoizeError as error:
            raise execution.fail(call, str(error)) from None
        node = execution.create(call, node_type(template), "Pending", template)
        node["memoizationStatus"] = {**node["memoizationStatus"], "hit": entry is not None}
        if entry is not None:
            if entry:
                node["outputs"] = entry
            execution.tree.mark(node, "Succeeded")
            execution.publish(node)
        return node

    async def _attempt(self, call: Call, context: Context, template: dict[str, Any]) -> Node:
        """Execute a filled template once, by the handler of its kind."""
        handler = KINDS[kind_of(template)].execute
        node = await handler(self._execution, self.execute, call, context, template)
        memoized = node.get("memoizationStatus")
        if node["phase"] == "Succeeded" and memoized and not memoized["hit"]:
            self._memo.memorize(memoized, node["id"], node.get("outputs") or {})
        return node
