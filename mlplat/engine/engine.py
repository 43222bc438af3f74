"""Executes templates: decides what a node does, and when.

One coroutine stands for one node that isn't over; nothing polls. The rules are those of ``executeTemplate`` in Argo
4.0.7's ``workflow/controller/operator.go``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mlplat.argo.durations import DurationError, with_units
from mlplat.argo.expressions import ExpressionError
from mlplat.argo.gotext import int_or_string
from mlplat.argo.limits import DEEPEST
from mlplat.argo.stores import key_of
from mlplat.argo.structure import KINDS, kind_of
from mlplat.argo.templating import Scope, TemplatingError
from mlplat.argo.templating import replace as replace_tags
from mlplat.engine.containers import ContainerError, Pod, container_paths, patched_paths
from mlplat.engine.dag import execute_dag
from mlplat.engine.documents import Documents
from mlplat.engine.failures import FAIL_FAST, FailFastError, TemplateFailedError
from mlplat.engine.inputs import fill
from mlplat.engine.locks import Lock, Locks, Waiting, locks_of
from mlplat.engine.memoize import Memo, MemoizeError
from mlplat.engine.nodes import Node, NodeTree, fulfilled, pod_name, unsuccessful
from mlplat.engine.pods import Outcome, PodRunner, Task
from mlplat.engine.process import GRACE, Executor, Stoppable
from mlplat.engine.scope import Globals, output_variables
from mlplat.engine.steps import execute_steps
from mlplat.engine.suspend import Ask, execute_suspend
from mlplat.engine.templates import Context, Library, TemplateMissingError, node_type
from mlplat.engine.tries import Tries

_RUNS = ("Pod", "Steps", "DAG")
_DISPLAY_NAME = "workflows.argoproj.io/display-name"
_DISPLAY_NAME_PATTERN = "^[a-zA-Z0-9][a-zA-Z0-9-.]{0,61}[a-zA-Z0-9]$"
_RESULT = re.compile(r"""(?:tasks|steps)(?:\.([\w-]+)|\[\\?['"]([\w-]+)\\?['"]\])\.outputs\.result""")


@dataclass(slots=True)
class Boundary:
    """The DAG or steps node to which tasks belong.

    Attributes:
        id: the node's id.
        template: its template.
        gate: lets as many tasks run as ``parallelism`` of the template says.
        results: names of the tasks whose standard output is referred to.
    """

    id: str
    template: Mapping[str, Any]
    gate: asyncio.Semaphore | None = None
    results: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Call:
    """One use of a template.

    Attributes:
        name: name of the node.
        holder: the task, step or hook.
        context: where its template is looked up.
        arguments: what is passed.
        kind: ``tasks`` or ``steps``; empty for hooks and the entrypoint.
        boundary: what it belongs to.
        on_exit: whether it is part of an exit handler, which runs even when the workflow stops.
        flag: ``nodeFlag`` of its node.
        depth: nested calls above it.
    """

    name: str
    holder: Mapping[str, Any]
    context: Context
    arguments: Mapping[str, Any]
    kind: str = ""
    boundary: Boundary | None = None
    on_exit: bool = False
    flag: dict[str, bool] | None = None
    depth: int = 0


@dataclass(slots=True)
class _Active:
    running: Stoppable
    on_exit: bool


class Engine:
    """Executes the templates of one workflow.

    Args:
        documents: the workflow and what it refers to.
        tree: its nodes.
        pods: runs its tasks.
        executor: what the tasks run in.
        variables: its global variables.
        memo: its caches.
        jobs: tasks that may run at the same time.
        locks: folder of the locks that all runs share.
        ask: asks a person whether a suspended workflow may go on; None where nobody is there.
    """

    def __init__(
        self,
        documents: Documents,
        *,
        tree: NodeTree,
        pods: PodRunner,
        executor: Executor,
        variables: Globals,
        memo: Memo,
        jobs: int,
        locks: Path,
        ask: Ask | None,
    ) -> None:
        self.documents = documents
        self.workflow = documents.workflow
        self.spec: Mapping[str, Any] = documents.workflow["spec"]
        self.tree = tree
        self.globals = variables
        self.library = Library(tree.workflow, self.spec, documents.specs)
        self.ask = ask
        self.outputs: dict[str, list[dict[str, Any]]] = {}
        self.warnings: list[str] = []
        self.shutdown = ""
        self.deadline_passed = False
        self._pods = pods
        self._executor = executor
        self._memo = memo
        self._locks = Locks(locks, lambda: not (self.shutdown or self.deadline_passed))
        self._slots = asyncio.Semaphore(jobs)
        limit = self.spec.get("parallelism")
        self._workflow_gate = asyncio.Semaphore(int(limit)) if limit else None
        self._scope = Scope(variables)
        self._active: dict[str, _Active] = {}
        self._rewritten: dict[tuple[str, str], dict[str, Any]] = {}
        self._references: dict[tuple[str, str], frozenset[str]] = {}
        self._volumes = self._workflow_volumes()
        self._waiting: set[asyncio.Event] = set()
        self._watched: dict[str, Callable[[Node], None]] = {}

    def _workflow_volumes(self) -> list[dict[str, Any]]:
        volumes = [dict(one) for one in replace_tags(list(self.spec.get("volumes") or ()), self._scope)]
        claims = self.spec.get("volumeClaimTemplates") or ()
        return volumes + [{"name": one["metadata"]["name"], "claimTemplate": {}} for one in claims]

    @property
    def scope(self) -> Scope:
        """Global variables."""
        return self._scope

    def stop(self, strategy: str, grace: float = GRACE) -> None:
        """Stop the workflow.

        Args:
            strategy: ``Terminate`` ends everything, ``Stop`` lets exit handlers run.
            grace: seconds that tasks have to end by themselves.
        """
        self.shutdown = strategy
        for key, active in list(self._active.items()):
            if strategy == "Terminate" or not active.on_exit:
                self._end(key, active, f"workflow shutdown with strategy:  {strategy}", grace)
        self._wake()

    def abandon(self) -> None:
        """Kill what runs: the run can't go on."""
        for active in self._active.values():
            active.running.stop(0)

    def exceed_deadline(self) -> None:
        """End what runs because the workflow's ``activeDeadlineSeconds`` are over."""
        self.deadline_passed = True
        for key, active in list(self._active.items()):
            if not active.on_exit:
                self._end(key, active, "Step exceeded its deadline", GRACE)
        self._wake()

    def _end(self, key: str, active: _Active, message: str, grace: float) -> None:
        node = self.tree.nodes[key]
        if not fulfilled(node):
            self.tree.mark(node, "Failed", message)
        active.running.stop(grace)

    def _wake(self) -> None:
        for event in self._waiting:
            event.set()

    @contextlib.contextmanager
    def interruptible(self) -> Any:
        """Give an event that is set when the workflow stops or its deadline passes."""
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            yield event
        finally:
            self._waiting.discard(event)

    def watch(self, name: str, begun: Callable[[Node], None]) -> None:
        """Call a function with the node of a name as soon as it runs."""
        self._watched[name] = begun

    def unwatch(self, name: str) -> None:
        """Undo :meth:`watch`."""
        self._watched.pop(name, None)

    def began(self, node: Node) -> None:
        """Tell those who watch a node that it runs."""
        if node["name"] in self._watched:
            self._watched[node["name"]](node)

    def refusal(self, on_exit: bool) -> str:
        """Return why nothing new may run now, empty when it may."""
        if self.shutdown and not (on_exit and self.shutdown == "Stop"):
            return f"workflow shutdown with strategy: {self.shutdown}"
        if self.deadline_passed and not on_exit:
            return "Step exceeded its deadline"
        return ""

    async def execute(self, call: Call) -> Node:
        """Execute a template until its node is over.

        Args:
            call: which template, for which node, with which arguments.

        Returns:
            The node.

        Raises:
            TemplateFailedError: the template is missing, or can't be filled; the node says why.
        """
        existing = self.tree.named(call.name)
        if existing is not None and fulfilled(existing):
            return existing
        if call.depth >= DEEPEST:
            raise self.fail(call, "Maximum recursion depth exceeded")
        try:
            context, template = call.context.resolve(call.holder)
        except TemplateMissingError as error:
            raise self.fail(call, str(error)) from None
        kind = kind_of(template)
        if kind not in KINDS:
            raise self.fail(call, f"Template '{template.get('name', '')}' missing specification")
        gate = call.boundary.gate if call.boundary else None
        filled = self._fill(call, context, template)
        try:
            locks = self.synchronized(filled, lambda lock: self.waits(lock, call, node_type(filled)))
        except ValueError as error:
            raise self.fail(call, str(error)) from None
        place = gate if gate is not None and kind != "suspend" else contextlib.nullcontext()
        async with place, locks:
            if existing is None and call.boundary is not None and self.fails_fast(call.boundary):
                raise FailFastError(FAIL_FAST)
            return await self._execute_filled(call, context, template, filled)

    def fails_fast(self, boundary: Boundary) -> bool:
        """Whether nothing more may start in a DAG or steps node: its template says ``failFast``, and something failed.

        Attempts count too; see ``checkParallelism`` and ``getUnsuccessfulChildrenCounter`` of Argo 4.0.7.
        """
        return bool(boundary.template.get("failFast")) and any(
            node.get("boundaryID") == boundary.id and node["type"] in _RUNS and unsuccessful(node)
            for node in self.tree.nodes.values()
        )

    def synchronized(
        self, holder: Mapping[str, Any], waiting: Waiting
    ) -> contextlib.AbstractAsyncContextManager[None]:
        """Hold the locks that a template or the workflow's spec names.

        Args:
            holder: has ``synchronization``.
            waiting: is entered while one of them is waited for.

        Raises:
            ValueError: they can't be known.
        """
        synchronization = holder.get("synchronization")
        if not synchronization:
            return contextlib.nullcontext()
        namespace = self.workflow["metadata"].get("namespace", "default")
        return self._locks.held(locks_of(synchronization, namespace, self.documents.config_maps), waiting)

    @contextlib.contextmanager
    def waits(self, lock: Lock, call: Call, kind: str) -> Iterator[None]:
        """Show a node that waits for a lock, until it comes to its turn.

        Args:
            lock: what is not free.
            call: what the node is for.
            kind: type of the node.

        Yields:
            Once.
        """
        known = self.tree.named(call.name)
        message = f"Waiting for {lock.name} lock. Lock status: 0/{lock.size}"
        if known is None:
            self.create(call, kind, "Pending", {}, flag=call.flag, message=message)
        try:
            yield
        finally:
            if known is None:
                self.tree.forget(call.name)

    def _fill(self, call: Call, context: Context, template: Mapping[str, Any]) -> dict[str, Any]:
        local = {"node.name": call.name}
        if call.kind:
            local[f"{call.kind}.name"] = str(call.holder.get("name", ""))
        if KINDS[kind_of(template)] == "Pod" and self.retry_strategy(template) is None:
            local["pod.name"] = pod_name(self.tree.workflow, call.name, template.get("name", ""))
        scope = self._scope.child(local)

        def filled(written: Mapping[str, Any]) -> dict[str, Any]:
            return fill(written, call.arguments, scope, self.documents.config_maps, self._executor.path)

        try:
            written = self._rewrite(context, template)
            if "{{" in str(template.get("podSpecPatch") or ""):
                paths = [*container_paths(template), *patched_paths(filled(template)["podSpecPatch"])]
                written = self._executor.rewrite(template, paths) | {"podSpecPatch": written["podSpecPatch"]}
            return filled(written)
        except (TemplatingError, ExpressionError, ContainerError) as error:
            raise self.fail(call, str(error)) from None

    def _rewrite(self, context: Context, template: Mapping[str, Any]) -> dict[str, Any]:
        if not (template.get("container") or template.get("script")):
            return dict(template)
        if not template.get("name"):
            return self._executor.rewrite(template, container_paths(template))
        key = (context.scope, template["name"])
        if key not in self._rewritten:
            self._rewritten[key] = self._executor.rewrite(template, container_paths(template))
        return self._rewritten[key]

    def retry_strategy(self, template: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return the retry strategy of a template, or that of the workflow."""
        own = template.get("retryStrategy")
        return self.spec.get("retryStrategy") if own is None else own

    async def _execute_filled(
        self, call: Call, context: Context, template: Mapping[str, Any], filled: dict[str, Any]
    ) -> Node:
        node = self.tree.named(call.name)
        display_name = _display_name(filled)
        if display_name and not re.match(_DISPLAY_NAME_PATTERN, display_name):
            if node is None:
                self.create(call, node_type(filled), "Pending", filled, flag=call.flag)
            raise self.fail(call, f"displayName must match the regex {_DISPLAY_NAME_PATTERN}")
        memoize = filled.get("memoize")
        if memoize and node is None:
            node = self._recall(call, filled, memoize)
            if fulfilled(node):
                return node
        if self.retry_strategy(filled) is not None:
            return await self._execute_with_tries(call, context, filled, node)
        return await self.execute_once(call, context, filled, template)

    def _recall(self, call: Call, filled: Mapping[str, Any], memoize: Mapping[str, Any]) -> Node:
        try:
            entry = self._memo.recall(memoize)
        except MemoizeError as error:
            raise self.fail(call, str(error)) from None
        node = self.create(call, node_type(filled), "Pending", filled, flag=call.flag)
        node["memoizationStatus"] = {
            "hit": entry is not None,
            "key": memoize["key"],
            "cacheName": memoize["cache"]["configMap"]["name"],
        }
        if entry is not None:
            if entry:
                node["outputs"] = entry
            self.tree.mark(node, "Succeeded")
            self.publish(node)
        return node

    async def _execute_with_tries(
        self, call: Call, context: Context, filled: dict[str, Any], node: Node | None
    ) -> Node:
        if node is None:
            node = self.create(call, "Retry", "Running", filled, flag=call.flag)
        self.began(node)
        strategy = self.retry_strategy(filled)
        assert strategy is not None
        tries = Tries(
            self, replace(call, flag={**(call.flag or {}), "retried": True}), context, filled, strategy
        )
        return await tries.run(node)

    def create(
        self,
        call: Call,
        kind: str,
        phase: str,
        filled: Mapping[str, Any],
        *,
        flag: Mapping[str, bool] | None,
        message: str = "",
    ) -> Node:
        """Make the node of a call."""
        inputs = {key: value for key, value in (filled.get("inputs") or {}).items() if value}
        node = self.tree.create(
            call.name,
            kind,
            phase,
            holder=call.holder,
            scope=call.context.scope,
            boundary=call.boundary.id if call.boundary else "",
            flag=flag,
            message=message,
            inputs=inputs,
            display_name="" if (flag or {}).get("retried") else _display_name(filled),
        )
        memoize = filled.get("memoize")
        if memoize:
            name = memoize["cache"]["configMap"]["name"]
            node["memoizationStatus"] = {"hit": False, "key": memoize["key"], "cacheName": name}
        return node

    def fail(self, call: Call, message: str) -> TemplateFailedError:
        """Mark the node of a call as an error, making it when there is none."""
        node = self.tree.named(call.name)
        if node is not None:
            self.tree.mark(node, "Error", message)
        else:
            self.tree.create(
                call.name,
                "Skipped",
                "Error",
                holder=call.holder,
                scope=call.context.scope,
                boundary=call.boundary.id if call.boundary else "",
                flag=call.flag,
                message=message,
            )
        return TemplateFailedError(message)

    def endless(self, node: str, why: str) -> None:
        """Remember that Argo would wait for a node for ever, where this engine ends the run.

        Args:
            node: the node's name.
            why: what it waits for.
        """
        self.warnings.append(f"on a cluster the Workflow never finishes: it waits for '{node}': {why}")

    async def execute_once(
        self,
        call: Call,
        context: Context,
        filled: dict[str, Any],
        template: Mapping[str, Any] | None = None,
        deadline: float | None = None,
    ) -> Node:
        """Execute a filled template, without retries.

        Args:
            call: which node it is for.
            context: where names inside of the template are looked up.
            filled: the template.
            template: the template before it was filled; when given, waiting tasks are filled again instead of kept.
            deadline: seconds until ``backoff.maxDuration`` is over.

        Returns:
            The node.
        """
        kind = kind_of(filled)
        if KINDS[kind] == "Pod":
            again = (
                (lambda: self._fill(call, context, template)) if template is not None else (lambda: filled)
            )
            return await self._execute_pod(call, filled, again, deadline)
        if kind == "suspend":
            return await execute_suspend(self, call, filled)
        node = self.tree.named(call.name) or self.create(call, KINDS[kind], "Running", filled, flag=call.flag)
        self.began(node)
        execution = execute_dag if kind == "dag" else execute_steps
        boundary = Boundary(
            node["id"], filled, self._template_gate(filled), self._result_references(context, filled)
        )
        await execution(self, replace(call, boundary=boundary), context, node, filled)
        if node["phase"] == "Succeeded":
            with contextlib.suppress(MemoizeError):
                self._memorize(node)
        return node

    def _template_gate(self, template: Mapping[str, Any]) -> asyncio.Semaphore | None:
        limit = template.get("parallelism")
        return asyncio.Semaphore(int(limit)) if limit else None

    def _result_references(self, context: Context, template: Mapping[str, Any]) -> frozenset[str]:
        key = (context.scope, template.get("name", ""))
        if not key[1] or key not in self._references:
            found = _RESULT.findall(json.dumps(template))
            self._references[key] = frozenset(plain or quoted for plain, quoted in found)
        return self._references[key]

    async def _execute_pod(
        self, call: Call, filled: dict[str, Any], again: Callable[[], dict[str, Any]], deadline: float | None
    ) -> Node:
        node = self.tree.named(call.name) or self.create(call, "Pod", "Pending", filled, flag=call.flag)
        waits = self._slots.locked() or (self._workflow_gate is not None and self._workflow_gate.locked())
        template: dict[str, Any] | None = None if waits else filled
        if waits:
            del filled
        async with self._place():
            refusal = self.refusal(call.on_exit)
            if refusal:
                return node if fulfilled(node) else self.tree.mark(node, "Failed", refusal)
            if template is None:
                template = again()
            self.began(self.tree.started(node))
            outcome = await self._run_pod(call, node, template, deadline)
        self._active.pop(node["id"], None)
        self._settle(node, outcome)
        return node

    @contextlib.asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        if self._workflow_gate is None:
            async with self._slots:
                yield
            return
        async with self._workflow_gate, self._slots:
            yield

    async def _run_pod(
        self, call: Call, node: Node, template: Mapping[str, Any], deadline: float | None
    ) -> Outcome:
        metadata = self.workflow["metadata"]
        name = pod_name(self.tree.workflow, call.name, template.get("name", ""))
        archive = template.get("archiveLocation") or {}
        task = Task(
            id=node["id"],
            template=template,
            pod=self._pod(name, template, node),
            volumes=self._volumes,
            patches=[self._workflow_patch(template)] if self.spec.get("podSpecPatch") else [],
            capture=call.boundary is not None and task_name(call.name) in call.boundary.results,
            prefix=key_of(archive) or f"{metadata['name']}/{name}",
        )
        try:
            limits = self._limits(template, deadline)
        except ValueError as error:
            raise self.fail(call, str(error)) from None
        timers: list[asyncio.TimerHandle] = []
        over = ""

        def started(running: Stoppable) -> None:
            self._active[node["id"]] = _Active(running, call.on_exit)
            if self.refusal(call.on_exit):
                running.stop()

            def exceed(message: str) -> None:
                nonlocal over
                over = message
                running.stop()

            loop = asyncio.get_running_loop()
            timers.extend(loop.call_later(after, exceed, message) for after, message in limits)

        try:
            outcome = await self._pods.run(task, started)
        finally:
            for timer in timers:
                timer.cancel()
        if archive.get("archiveLogs", self.spec.get("archiveLogs")):
            outcome = await self._pods.with_log(outcome, task)
        if not over or outcome.phase == "Succeeded":
            return outcome
        code = {key: value for key, value in outcome.outputs.items() if key == "exitCode"}
        return Outcome("Failed", over, code)

    def _workflow_patch(self, template: Mapping[str, Any]) -> str:
        inputs = (template.get("inputs") or {}).get("parameters") or ()
        own = {f"inputs.parameters.{one['name']}": one.get("value", "") for one in inputs}
        return str(replace_tags(self.spec["podSpecPatch"], self._scope.child(own)))

    def _limits(self, template: Mapping[str, Any], deadline: float | None) -> list[tuple[float, str]]:
        message = "Pod was active on the node longer than the specified deadline"
        limits: list[tuple[float, str]] = []
        if template.get("activeDeadlineSeconds") is not None:
            limits.append((float(int_or_string(template["activeDeadlineSeconds"])), message))
        if template.get("timeout"):
            try:
                limits.append((with_units(str(template["timeout"])), message))
            except DurationError as error:
                raise ValueError(f"invalid timeout format. {error}") from None
        if deadline is not None:
            limits.append((max(deadline, 0.0), "main: Error (exit code 143)"))
        return limits

    def _pod(self, name: str, template: Mapping[str, Any], node: Node) -> Pod:
        metadata = self.workflow["metadata"]
        common = replace_tags(self.spec.get("podMetadata") or {}, self._scope)
        own = template.get("metadata") or {}
        return Pod(
            name=name,
            namespace=metadata.get("namespace", "default"),
            service_account=template.get("serviceAccountName")
            or self.spec.get("serviceAccountName")
            or "default",
            annotations={
                "workflows.argoproj.io/node-id": node["id"],
                "workflows.argoproj.io/node-name": node["name"],
                **(common.get("annotations") or {}),
                **(own.get("annotations") or {}),
            },
            labels={
                "workflows.argoproj.io/workflow": metadata["name"],
                "workflows.argoproj.io/completed": "false",
                **(common.get("labels") or {}),
                **(own.get("labels") or {}),
            },
            config_maps=self.documents.config_maps,
            secrets=self.documents.secrets,
        )

    def _settle(self, node: Node, outcome: Outcome) -> None:
        if fulfilled(node):
            return
        if outcome.outputs:
            node["outputs"] = outcome.outputs
        self.tree.mark(node, outcome.phase, outcome.message)
        self.publish(node)
        if outcome.phase == "Succeeded":
            try:
                self._memorize(node)
            except MemoizeError as error:
                self.tree.mark(node, "Error", str(error))

    def _memorize(self, node: Node) -> None:
        status = node.get("memoizationStatus")
        if status and not status["hit"]:
            self._memo.memorize(status, node["id"], node.get("outputs") or {})

    def publish(self, node: Node) -> None:
        """Make the outputs of a node that have a ``globalName`` outputs of the workflow."""
        outputs = node.get("outputs") or {}
        for kind in ("parameters", "artifacts"):
            for one in outputs.get(kind) or ():
                if one.get("globalName"):
                    self._publish_one(kind, one)

    def _publish_one(self, kind: str, output: Mapping[str, Any]) -> None:
        dropped = ("globalName", "path", "valueFrom") if kind == "parameters" else ("globalName", "path")
        shared = {key: value for key, value in output.items() if key not in dropped}
        shared["name"] = output["globalName"]
        known = self.outputs.setdefault(kind, [])
        position = next((at for at, one in enumerate(known) if one["name"] == shared["name"]), None)
        if position is None:
            known.append(shared)
        else:
            known[position] = shared
        if kind == "parameters" and "value" in shared:
            self.globals.set(f"workflow.outputs.parameters.{shared['name']}", shared["value"])

    def workflow_outputs(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the variables ``workflow.outputs.…``: parameters, and artifacts."""
        return output_variables(self.outputs, "workflow")


def _display_name(template: Mapping[str, Any]) -> str:
    """Return how a template's node is shown; Argo does not rename a node that waits for a person."""
    annotations = {} if kind_of(template) == "suspend" else template.get("annotations") or {}
    return str(annotations.get(_DISPLAY_NAME, ""))


def task_name(node_name: str) -> str:
    """Return the name of the task or step that a node's name ends in, without loop items and tries.

    Args:
        node_name: such as ``wf.train(0:a)(1)``.

    Returns:
        ``train``.
    """
    opener = ""
    for position in range(len(node_name) - 1, -1, -1):
        character = node_name[position]
        if opener:
            if character == opener:
                opener = ""
        elif character in ")]":
            opener = "(" if character == ")" else "["
        else:
            return node_name[: position + 1].rsplit(".", 1)[-1]
    return node_name
