"""Executes a DAG template: each task as soon as the tasks that it depends on have ended.

See ``executeDAG`` and ``executeDAGTask`` of Argo 4.0.7's ``workflow/controller/dag.go``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from mlplat.argo.depends import condition, in_order, unknown_names
from mlplat.argo.expressions import ExpressionError, should_execute
from mlplat.argo.gojson import GoJSONError
from mlplat.argo.status import Node
from mlplat.argo.templating import TemplatingError, UnresolvedError
from mlplat.engine import loops
from mlplat.engine.calls import Call, Execute
from mlplat.engine.dag_graph import TaskGraph, UnreachableTaskError
from mlplat.engine.dag_phase import assess
from mlplat.engine.dag_scope import DagScope
from mlplat.engine.execution import Execution
from mlplat.engine.failures import FAIL_FAST, FailFastError, TemplateFailedError
from mlplat.engine.groups import enter, gather, resolve_references
from mlplat.engine.handler import Inspection
from mlplat.engine.hooks import HookError, HookOwner, run_exit_hook, run_hooks, while_running
from mlplat.engine.nodes import completed, fulfilled, unsuccessful
from mlplat.engine.results import template_outputs
from mlplat.engine.scope import LocalScope, UnresolvedArtifactError
from mlplat.engine.templates import LOOPED_INLINE, Context
from mlplat.errors import Diagnostic, nearest


def check_dag(
    inspection: Inspection, path: str, template: Mapping[str, Any], context: Context
) -> Iterator[Diagnostic]:
    """Find tasks that depend on unknown tasks or on each other, and inspect the templates of all tasks."""
    tasks = {task["name"]: task for task in template["dag"].get("tasks") or ()}
    conditions = {name: condition(task, tasks) for name, task in tasks.items()}
    for name, missing in unknown_names(conditions, list(tasks)).items():
        for one in missing:
            yield Diagnostic(
                "MLP513", f"{path}.{name}.depends", f"there is no task {one!r}", nearest(one, list(tasks))
            )
    _, stuck = in_order({name: one.tasks for name, one in conditions.items()})
    if stuck:
        message = f"the tasks {', '.join(stuck)} depend on each other in a cycle"
        yield Diagnostic("MLP516", path, message, "remove one of the dependencies")
    for name, task in tasks.items():
        yield from inspection.holder(f"{path}.{name}", task, context)


async def execute_dag(
    execution: Execution, execute: Execute, call: Call, context: Context, template: Mapping[str, Any]
) -> Node:
    """Execute a DAG until its node has ended; see :class:`~mlplat.engine.handler.Handler`."""
    node, inner = enter(execution, call, context, template)
    await _Dag(execution, execute, inner, context, node, template).run()
    return node


class _Dag:
    def __init__(
        self,
        execution: Execution,
        execute: Execute,
        call: Call,
        context: Context,
        node: Node,
        template: Mapping[str, Any],
    ) -> None:
        self.execution = execution
        self.execute = execute
        self.call = call
        self.context = context
        self.node = node
        self.template = template
        self.graph = TaskGraph(template)
        self.scope = DagScope(execution, self.graph, context, node, template)
        self._ended_loops: dict[str, HookOwner] = {}
        self._loop_hooks: dict[str, asyncio.Task[None]] = {}
        self._unreadable: dict[str, str] = {}
        self._unjoined: dict[str, str] = {}

    async def run(self) -> None:
        try:
            await self._run_tasks()
        except UnreachableTaskError as error:
            self.execution.tree.mark(self.node, "Error", str(error))
            return
        except HookError as error:
            raise self.execution.fail(self.call, str(error)) from None
        if self._fails_fast():
            self.execution.tree.mark(self.node, "Failed", FAIL_FAST)
            return
        if self._failing_target():
            raise self.execution.fail(self.call, next(iter(self._unreadable.values())))
        fail_fast = self.template["dag"].get("failFast") is not False
        phase = assess(self.execution, self.graph, self.node, fail_fast=fail_fast)
        if phase == "Succeeded":
            self._give_outputs()
        outbound = [
            last
            for task in self.graph.targets
            if (one := self._task_node(task))
            for last in self.execution.tree.outbound(one["id"])
        ]
        if outbound:
            self.node["outboundNodes"] = outbound
        self.execution.tree.mark(self.node, phase)
        self.execution.publish(self.node)

    def _give_outputs(self) -> None:
        for why in self._unjoined.values():
            raise self.execution.fail(self.call, why)
        try:
            outputs = template_outputs(self.template, self.scope.whole())
        except (TemplatingError, ExpressionError) as error:
            raise self.execution.fail(self.call, str(error)) from None
        if outputs is not None:
            self.node["outputs"] = outputs

    async def _run_tasks(self) -> None:
        needed = self.graph.needed()
        remaining = {name: len(set(self.graph.conditions[name].tasks)) for name in needed}
        followers: dict[str, list[str]] = {}
        for name in needed:
            for other in dict.fromkeys(self.graph.conditions[name].tasks):
                followers.setdefault(other, []).append(name)
        running: set[asyncio.Task[str]] = set()

        def start(name: str) -> None:
            begun = [
                self._loop_hooks[one] for one in self.graph.conditions[name].tasks if one in self._loop_hooks
            ]
            running.add(asyncio.ensure_future(self._run_task(name, begun)))

        for name in needed:
            if remaining[name] == 0:
                start(name)
        started = len(running)
        try:
            while running:
                over, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for one in over:
                    name = one.result()
                    if self._fails_fast() or self._doomed(name):
                        continue
                    for follower in followers.get(name, ()):
                        remaining[follower] -= 1
                        if remaining[follower] == 0:
                            start(follower)
                            started += 1
                    if name in self._ended_loops:
                        # Argo looks at a loop's exit hook when it next comes to the DAG, and a DAG that ends with
                        # the loop is over by then.
                        continues = bool(running) or any(not one.done() for one in self._loop_hooks.values())
                        self._loop_hooks[name] = asyncio.ensure_future(
                            self._run_loop_hooks(self._ended_loops[name], continues=continues)
                        )
            await gather(list(self._loop_hooks.values()))
        finally:
            for pending in (*running, *self._loop_hooks.values()):
                pending.cancel()
        if started < len(needed) and not (self._fails_fast() or self._unreadable):
            raise UnreachableTaskError(
                f"tasks {', '.join(name for name in needed if remaining[name])} depend on each other in a cycle"
            )

    def _fails_fast(self) -> bool:
        return self.execution.fails_fast(self.call.boundary)

    def _name(self, task: str) -> str:
        return f"{self.node['name']}.{task}"

    def _task_node(self, task: str) -> Node | None:
        return self.execution.tree.named(self._name(task))

    async def _run_task(self, name: str, hooks: list[asyncio.Task[None]]) -> str:
        task = self.graph.tasks[name]
        if hooks:
            await asyncio.wait(hooks)
        if self._unreadable and not self._leads_to_failure(name):
            return name
        try:
            if not self.graph.conditions[name].holds(
                {one: self._results(one) for one in self.graph.conditions[name].tasks}
            ):
                self._skip(task, "Omitted", "omitted: depends condition not met")
                return name
            self._refuse_unreadable(name)
            scope = self.scope.before(name)
            resolved = self._resolve(task, scope)
            is_loop = loops.is_loop(resolved)
            expanded = list(loops.expand(resolved, scope.parameters)) if is_loop else [resolved]
        except (ExpressionError, TemplatingError, LookupError) as error:
            if isinstance(error, UnresolvedError):
                self.execution.warn_endless(self._name(name), str(error))
            self._skip(task, "Error", str(error))
            return name
        if not is_loop:
            await self._run_one(name, expanded[0], scope)
        elif not expanded:
            self._skip(task, "Skipped", "Skipped, empty params")
        else:
            await self._run_loop(task, expanded, scope)
        return name

    async def _run_loop(
        self, task: Mapping[str, Any], expanded: list[dict[str, Any]], scope: LocalScope
    ) -> None:
        name = task["name"]
        tree = self.execution.tree
        group = self._task_node(name)
        if group is None:
            self._connect(name)
            group = self._new_node(name, task, "TaskGroup", "Running")
        elif fulfilled(group):
            self._read_results(name)
            return
        items = [one["name"] for one in expanded]
        self.scope.add_loop(name, items)
        for one in expanded:
            tree.connect(group["id"], tree.id(self._name(one["name"])))
        await gather([self._run_one(name, one, scope, connected=True) for one in expanded])
        if self._fails_fast():
            return
        phase = "Succeeded"
        for child in tree.existing(tree.id(self._name(item)) for item in items):
            if unsuccessful(child):
                phase = child["phase"]
        tree.mark(group, phase)
        self._read_results(name)
        self._ended_loops[name] = self._owner(name, task, group, scope)

    def _read_results(self, loop: str) -> None:
        """Read the results of a loop; when they cannot be joined or found, tasks that depend on it fail."""
        try:
            self.scope.results(loop)
        except GoJSONError as error:
            self._unreadable[loop] = self._unjoined[loop] = str(error)
        if self.graph.tasks[loop].get("inline"):
            self._unreadable[loop] = LOOPED_INLINE

    def _failing_target(self) -> str:
        """Return the first target that follows a loop with unreadable results: Argo fails the DAG at this point."""
        return next(
            (one for one in self.graph.targets if self._unreadable.keys() & self.graph.before(one)), ""
        )

    def _leads_to_failure(self, name: str) -> bool:
        target = self._failing_target()
        return not target or name == target or name in self.graph.before(target)

    def _doomed(self, name: str) -> bool:
        """Return whether no more tasks start, because the target at which the DAG fails has ended."""
        return bool(self._unreadable) and name == self._failing_target()

    def _refuse_unreadable(self, name: str) -> None:
        for loop, why in self._unreadable.items():
            if loop in self.graph.before(name):
                raise TemplatingError(why)

    async def _run_loop_hooks(self, loop: HookOwner, *, continues: bool) -> None:
        with self._hooks_of(loop.holder["name"], loop.node):
            await run_hooks(self.execution, self.execute, loop)
        if continues:
            await self._run_exit_hook(loop)

    def _owner(self, name: str, task: Mapping[str, Any], node: Node, scope: LocalScope) -> HookOwner:
        return HookOwner(self.call, task, node, self.context, scope, f"tasks.{name}")

    async def _run_one(
        self, original: str, task: Mapping[str, Any], scope: LocalScope, *, connected: bool = False
    ) -> None:
        name = task["name"]
        tree = self.execution.tree
        if not connected:
            self._connect(name)
        known = self._task_node(name)
        if known is not None and fulfilled(known):
            return
        try:
            if not should_execute(task.get("when") or ""):
                self._skip(task, "Skipped", f"when '{task['when']}' evaluated false", connect=False)
                return
        except ExpressionError as error:
            self._skip(task, "Error", str(error), connect=False)
            return
        arguments = task.get("arguments") or {}
        inner = self.call.inner(self._name(name), task, self.context, arguments, "tasks")
        node: Node = {"name": inner.name}
        owner = self._owner(original, task, node, scope)
        try:
            with self._hooks_of(original, node):
                async with while_running(self.execution, self.execute, owner, inner.name):
                    node = await self.execute(inner)
        except FailFastError:
            return
        except TemplateFailedError as error:
            tree.mark(
                self._task_node(name) or self._new_node(name, task, "Skipped", "Error"),
                "Error",
                f"task '{self._name(name)}' errored: {error}",
            )
            return
        if self._fails_fast():
            return
        owner = self._owner(original, task, node, scope)
        with self._hooks_of(original, node):
            await run_hooks(self.execution, self.execute, owner)
        if completed(node):
            await self._run_exit_hook(owner)

    @contextlib.contextmanager
    def _hooks_of(self, task: str, node: Node) -> Iterator[None]:
        """Fail the task, or the whole DAG if no task depends on it, if one of its hooks cannot be evaluated."""
        try:
            yield
        except HookError as error:
            if task in self.graph.targets:
                raise
            known = self.execution.tree.named(node["name"])
            if known is not None:
                self.execution.tree.mark(known, "Error", str(error))

    async def _run_exit_hook(self, owner: HookOwner) -> None:
        try:
            await run_exit_hook(self.execution, self.execute, owner)
        except HookError as error:
            # Argo goes on without a word.
            self.execution.warnings.append(f"the exit hook of '{owner.node['name']}' did not run: {error}")

    def _new_node(self, name: str, task: Mapping[str, Any], kind: str, phase: str, message: str = "") -> Node:
        return self.execution.tree.create(
            self._name(name),
            kind,
            phase,
            holder=task,
            scope=self.context.scope,
            boundary=self.node["id"],
            flag={},
            message=message,
        )

    def _skip(self, task: Mapping[str, Any], phase: str, message: str, *, connect: bool = True) -> None:
        known = self._task_node(task["name"])
        if known is None:
            self._new_node(task["name"], task, "Skipped", phase, message)
        elif not fulfilled(known):
            self.execution.tree.mark(known, phase, message)
        if connect:
            self._connect(task["name"])

    def _connect(self, name: str) -> None:
        tree = self.execution.tree
        child = tree.id(self._name(name))
        waited_for = self.graph.conditions[name].tasks
        if not waited_for:
            tree.connect(self.node["id"], child)
        for other in waited_for:
            node = self._task_node(other)
            if node is not None:
                for parent in tree.outbound(node["id"]):
                    tree.connect(parent, child)

    def _results(self, name: str) -> dict[str, bool]:
        node = self._task_node(name)
        phase = node["phase"] if node else ""
        any_succeeded = all_failed = False
        if node is not None and node["type"] == "TaskGroup":
            phases = [one["phase"] for one in self.execution.tree.existing(node.get("children", ()))]
            any_succeeded = "Succeeded" in phases
            all_failed = bool(phases) and all(one == "Failed" for one in phases)
        return {
            "Succeeded": phase == "Succeeded",
            "Failed": phase == "Failed",
            "Errored": phase == "Error",
            "Skipped": phase == "Skipped",
            "Omitted": phase == "Omitted",
            "Daemoned": bool(node and node.get("daemoned")),
            "AnySucceeded": any_succeeded,
            "AllFailed": all_failed,
        }

    def _resolve(self, task: Mapping[str, Any], scope: LocalScope) -> dict[str, Any]:
        hooks = {key: task[key] for key in ("hooks",) if key in task}
        body = {key: value for key, value in task.items() if key != "hooks"}
        return {**resolve_references(body, scope, _artifact), **hooks}


def _artifact(scope: LocalScope, argument: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        return scope.artifact(argument)
    except UnresolvedArtifactError:
        if argument.get("optional"):
            return None
        raise
