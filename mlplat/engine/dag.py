"""Executes a DAG template: each task as soon as what it depends on is over.

See ``executeDAG``, ``executeDAGTask`` and ``assessDAGPhase`` of Argo 4.0.7's ``workflow/controller/dag.go``.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlplat.argo.depends import Condition, condition, earlier
from mlplat.argo.expressions import ExpressionError, should_execute
from mlplat.argo.gojson import GoJSONError
from mlplat.argo.templating import DEPENDENCIES, Scope, TemplatingError, UnresolvedError
from mlplat.argo.templating import replace as replace_tags
from mlplat.engine import loops
from mlplat.engine.failures import FAIL_FAST, FailFastError, TemplateFailedError
from mlplat.engine.hooks import HookError, Over, run_exit_hook, run_hooks, while_running
from mlplat.engine.nodes import Node, completed, fulfilled, hooked, unsuccessful
from mlplat.engine.scope import (
    ArtifactMissingError,
    LocalScope,
    TaskLayer,
    aggregate,
    input_variables,
    node_variables,
    skipped_variables,
    template_outputs,
)
from mlplat.engine.templates import LOOPED_INLINE, Context, TemplateMissingError

if TYPE_CHECKING:
    from mlplat.engine.engine import Call, Engine


async def execute_dag(
    engine: Engine, call: Call, context: Context, node: Node, template: Mapping[str, Any]
) -> None:
    """Execute a DAG until its node is over.

    Args:
        engine: executes the tasks.
        call: the call of the DAG; its boundary is the DAG's own node.
        context: where the tasks' templates are looked up.
        node: the DAG's node.
        template: the DAG's template, filled.
    """
    await _Dag(engine, call, context, node, template).run()


class _Dag:
    def __init__(
        self, engine: Engine, call: Call, context: Context, node: Node, template: Mapping[str, Any]
    ) -> None:
        self.engine = engine
        self.call = call
        self.context = context
        self.node = node
        self.template = template
        self.tasks: dict[str, Mapping[str, Any]] = {
            task["name"]: task for task in template["dag"].get("tasks") or ()
        }
        self.conditions: dict[str, Condition] = {
            name: condition(task, self.tasks) for name, task in self.tasks.items()
        }
        target = template["dag"].get("target", "")
        self.targets = target.split() if target else self._leaves()
        self.loops: dict[str, list[str]] = {}
        self._after_loop: dict[str, tuple[Mapping[str, Any], Node, LocalScope]] = {}
        self._loop_hooks: dict[str, asyncio.Task[None]] = {}
        self._variables: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {}
        self._unreadable: dict[str, str] = {}
        self._unjoined: dict[str, str] = {}
        self._inputs = input_variables(template)

    def _leaves(self) -> list[str]:
        waited_for = {name for one in self.conditions.values() for name in one.tasks}
        return sorted(name for name in self.tasks if name not in waited_for)

    async def run(self) -> None:
        try:
            await self._run_tasks()
        except _UnreachableError as error:
            self.engine.tree.mark(self.node, "Error", str(error))
            return
        except HookError as error:
            raise self.engine.fail(self.call, str(error)) from None
        if self._fails_fast():
            self.engine.tree.mark(self.node, "Failed", FAIL_FAST)
            return
        if self._failing_target():
            raise self.engine.fail(self.call, next(iter(self._unreadable.values())))
        phase = self._assess()
        if phase == "Succeeded":
            self._give_outputs()
        outbound = [
            last
            for task in self.targets
            if (one := self._task_node(task))
            for last in self.engine.tree.outbound(one["id"])
        ]
        if outbound:
            self.node["outboundNodes"] = outbound
        self.engine.tree.mark(self.node, phase)
        self.engine.publish(self.node)

    def _give_outputs(self) -> None:
        for why in self._unjoined.values():
            raise self.engine.fail(self.call, why)
        try:
            outputs = template_outputs(self.template, self._whole_scope())
        except (TemplatingError, ExpressionError) as error:
            raise self.engine.fail(self.call, str(error)) from None
        if outputs is not None:
            self.node["outputs"] = outputs

    async def _run_tasks(self) -> None:
        needed = self._needed()
        remaining = {name: len(set(self.conditions[name].tasks)) for name in needed}
        followers: dict[str, list[str]] = {}
        for name in needed:
            for other in dict.fromkeys(self.conditions[name].tasks):
                followers.setdefault(other, []).append(name)
        running: set[asyncio.Task[str]] = set()

        def start(name: str) -> None:
            begun = [self._loop_hooks[one] for one in self.conditions[name].tasks if one in self._loop_hooks]
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
                    if name in self._after_loop:
                        # Argo looks at a loop's exit hook when it next comes to the DAG, and a DAG that ends with
                        # the loop is over by then.
                        goes_on = bool(running) or any(not one.done() for one in self._loop_hooks.values())
                        self._loop_hooks[name] = asyncio.ensure_future(
                            self._run_loop_hooks(*self._after_loop[name], goes_on=goes_on)
                        )
            await _gather(list(self._loop_hooks.values()))
        finally:
            for pending in (*running, *self._loop_hooks.values()):
                pending.cancel()
        if started < len(needed) and not (self._fails_fast() or self._unreadable):
            raise _UnreachableError(
                f"tasks {', '.join(name for name in needed if remaining[name])} wait for each other"
            )

    def _fails_fast(self) -> bool:
        return self.call.boundary is not None and self.engine.fails_fast(self.call.boundary)

    def _needed(self) -> list[str]:
        needed: dict[str, None] = {}
        stack = list(reversed(self.targets))
        visiting: set[str] = set()
        while stack:
            name = stack[-1]
            if name in needed:
                stack.pop()
                continue
            if name not in self.tasks:
                raise _UnreachableError(f"target {name} does not exist")
            waiting = [
                other
                for other in self.conditions[name].tasks
                if other not in needed and other not in visiting
            ]
            visiting.add(name)
            if waiting:
                stack.extend(reversed(waiting))
            else:
                needed[name] = None
                stack.pop()
        return list(needed)

    def _name(self, task: str) -> str:
        return f"{self.node['name']}.{task}"

    def _task_node(self, task: str) -> Node | None:
        return self.engine.tree.named(self._name(task))

    async def _run_task(self, name: str, hooks: list[asyncio.Task[None]]) -> str:
        task = self.tasks[name]
        if hooks:
            await asyncio.wait(hooks)
        if self._unreadable and not self._leads_to_failure(name):
            return name
        try:
            if not self.conditions[name].holds(
                {one: self._results(one) for one in self.conditions[name].tasks}
            ):
                self._skip(task, "Omitted", "omitted: depends condition not met")
                return name
            self._refuse_unreadable(name)
            scope = self._scope_of(name)
            resolved = self._resolve(task, scope)
            is_loop = loops.is_loop(resolved)
            expanded = list(loops.expand(resolved, scope.parameters)) if is_loop else [resolved]
        except (ExpressionError, TemplatingError, LookupError) as error:
            if isinstance(error, UnresolvedError):
                self.engine.endless(self._name(name), str(error))
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
        tree = self.engine.tree
        group = self._task_node(name)
        if group is None:
            self._connect(name)
            group = self._new_node(name, task, "TaskGroup", "Running")
        elif fulfilled(group):
            self._read_results(name)
            return
        self.loops[name] = [one["name"] for one in expanded]
        for one in expanded:
            tree.connect(group["id"], tree.id(self._name(one["name"])))
        await _gather([self._run_one(name, one, scope, connected=True) for one in expanded])
        if self._fails_fast():
            return
        phase = "Succeeded"
        for child in tree.existing(tree.id(self._name(one)) for one in self.loops[name]):
            if unsuccessful(child):
                phase = child["phase"]
        tree.mark(group, phase)
        self._read_results(name)
        self._after_loop[name] = (task, group, scope)

    def _read_results(self, loop: str) -> None:
        """Look at what the iterations of a loop gave: what follows them fails where it can't be joined or found."""
        try:
            self._variables_of(loop)
        except GoJSONError as error:
            self._unreadable[loop] = self._unjoined[loop] = str(error)
        if self.tasks[loop].get("inline"):
            self._unreadable[loop] = LOOPED_INLINE

    def _failing_target(self) -> str:
        """Return the first target that follows a loop with unreadable results: there Argo fails the DAG."""
        return next((one for one in self.targets if self._unreadable.keys() & self._before(one)), "")

    def _leads_to_failure(self, name: str) -> bool:
        target = self._failing_target()
        return not target or name == target or name in self._before(target)

    def _doomed(self, name: str) -> bool:
        """Whether nothing more starts, because the target at which the DAG fails is over."""
        return bool(self._unreadable) and name == self._failing_target()

    def _refuse_unreadable(self, name: str) -> None:
        for loop, why in self._unreadable.items():
            if loop in self._before(name):
                raise TemplatingError(why)

    async def _run_loop_hooks(
        self, task: Mapping[str, Any], group: Node, scope: LocalScope, *, goes_on: bool
    ) -> None:
        over = Over(self.call, task, group, self.context, scope, f"tasks.{task['name']}")
        with self._hooks_of(task["name"], group):
            await run_hooks(self.engine, over)
        if goes_on:
            await self._run_exit_hook(over)

    async def _run_one(
        self, original: str, task: Mapping[str, Any], scope: LocalScope, *, connected: bool = False
    ) -> None:
        name = task["name"]
        tree = self.engine.tree
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
        inner = replace(
            self.call,
            name=self._name(name),
            holder=task,
            context=self.context,
            arguments=task.get("arguments") or {},
            kind="tasks",
            flag=None,
            depth=self.call.depth + 1,
        )
        expected: Node = {"name": self._name(name)}
        begun = Over(self.call, task, expected, self.context, scope, f"tasks.{original}")
        try:
            with self._hooks_of(original, expected):
                async with while_running(self.engine, begun, self._name(name)):
                    expected = await self.engine.execute(inner)
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
        over = Over(self.call, task, expected, self.context, scope, f"tasks.{original}")
        with self._hooks_of(original, expected):
            await run_hooks(self.engine, over)
        if completed(expected):
            await self._run_exit_hook(over)

    @contextlib.contextmanager
    def _hooks_of(self, task: str, node: Node) -> Iterator[None]:
        """Fail the task, or the whole DAG where nothing follows the task, when one of its hooks can't be evaluated."""
        try:
            yield
        except HookError as error:
            if task in self.targets:
                raise
            known = self.engine.tree.named(node["name"])
            if known is not None:
                self.engine.tree.mark(known, "Error", str(error))

    async def _run_exit_hook(self, over: Over) -> None:
        try:
            await run_exit_hook(self.engine, over)
        except HookError as error:
            # Argo goes on without a word.
            self.engine.warnings.append(f"the exit hook of '{over.node['name']}' did not run: {error}")

    def _new_node(self, name: str, task: Mapping[str, Any], kind: str, phase: str, message: str = "") -> Node:
        return self.engine.tree.create(
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
            self.engine.tree.mark(known, phase, message)
        if connect:
            self._connect(task["name"])

    def _connect(self, name: str) -> None:
        tree = self.engine.tree
        child = tree.id(self._name(name))
        waited_for = self.conditions[name].tasks
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
            phases = [one["phase"] for one in self.engine.tree.existing(node.get("children", ()))]
            any_succeeded = "Succeeded" in phases
            all_failed = bool(phases) and all(one == "Failed" for one in phases)
        return {
            "Succeeded": phase == "Succeeded",
            "Failed": phase == "Failed",
            "Errored": phase == "Error",
            "Skipped": phase == "Skipped",
            "Omitted": phase == "Omitted",
            "Daemoned": False,
            "AnySucceeded": any_succeeded,
            "AllFailed": all_failed,
        }

    @cached_property
    def _earlier(self) -> Mapping[str, Collection[str]]:
        return earlier({name: one.tasks for name, one in self.conditions.items()})

    def _before(self, name: str) -> Collection[str]:
        return self._earlier.get(name, frozenset())

    def _variables_of(self, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
        if name not in self._variables:
            node = self._task_node(name)
            self._variables[name] = ({}, {}) if node is None else self._look_at(name, node)
        return self._variables[name]

    def _look_at(self, name: str, node: Node) -> tuple[dict[str, Any], dict[str, Any]]:
        prefix = f"tasks.{name}"
        tree = self.engine.tree
        variables: dict[str, Any] = {}
        if node["type"] == "TaskGroup":
            names = self.loops.get(name)
            children = (
                tree.existing(tree.id(self._name(one)) for one in names)
                if names
                else [one for one in tree.existing(node.get("children", ())) if not hooked(one)]
            )
            variables.update(aggregate(children, prefix))
        shown = last_try(self.engine, node)
        own, artifacts = node_variables(shown, prefix)
        variables.update(own)
        if node.get("outputs") is None and node["phase"] in ("Skipped", "Omitted"):
            variables.update(skipped_variables(self._template_of(name), prefix))
        return variables, artifacts

    def _template_of(self, name: str) -> Mapping[str, Any] | None:
        try:
            return self.context.resolve(self.tasks[name])[1]
        except TemplateMissingError:
            return None

    def _scope_of(self, name: str) -> LocalScope:
        return self._scope(lambda: self._before(name), self.engine.workflow_outputs())

    def _whole_scope(self) -> LocalScope:
        return self._scope(lambda: self.tasks, ({}, {}))

    def _scope(
        self, visible: Callable[[], Collection[str]], shared: tuple[dict[str, Any], dict[str, Any]]
    ) -> LocalScope:
        parameters, artifacts = self._inputs
        shared_parameters, shared_artifacts = shared

        def artifact(name: str) -> Mapping[str, Any] | None:
            if name.startswith("tasks."):
                task = name.split(".", 2)[1]
                return self._variables_of(task)[1].get(name) if task in visible() else None
            return artifacts.get(name) or shared_artifacts.get(name)

        tasks = TaskLayer(lambda task: self._variables_of(task)[0], visible)
        return LocalScope(self.engine.scope, Scope(parameters, shared_parameters, tasks), artifact)

    def _resolve(self, task: Mapping[str, Any], scope: LocalScope) -> dict[str, Any]:
        hooks = {key: task[key] for key in ("hooks",) if key in task}
        body = {key: value for key, value in task.items() if key != "hooks"}
        return {**resolve_references(body, scope, _artifact), **hooks}

    def _assess(self) -> str:
        """Deduce the DAG's phase from its targets, walking from node to node as Argo does."""
        if self.engine.shutdown:
            return "Failed"
        tree = self.engine.tree
        targets = dict.fromkeys((tree.id(self._name(task)) for task in self.targets), "")
        queue = [(child, "Succeeded") for child in self.node.get("children", ())]
        seen = set(queue)
        position = 0
        while position < len(queue):
            key, branch = queue[position]
            position += 1
            node = tree.nodes.get(key)
            if node is None:
                continue
            if completed(node):
                branch = node["phase"]
            if key in targets and targets[key] not in ("Failed", "Error"):
                targets[key] = branch
            children = self._after_retry(node) if node["type"] == "Retry" else node.get("children", ())
            for child in children:
                if (child, branch) not in seen:
                    seen.add((child, branch))
                    queue.append((child, branch))
        for task in self.targets:
            key = tree.id(self._name(task))
            if not targets[key] and key in tree.nodes:
                targets[key] = self._phase_of_unfound(task)
        return self._verdict(targets)

    def _phase_of_unfound(self, task: str) -> str:
        """Return the phase of a target that Argo does not find from the DAG's first tasks.

        What follows a DAG whose outputs failed hangs from nothing, for such a DAG has no ``outboundNodes``.
        """
        earlier = self._before(task)
        for name in (one for one in self.tasks if one in earlier):
            before = self._task_node(name)
            if before is not None and unsuccessful(before) and not self.engine.tree.outbound(before["id"]):
                why = str(before.get("message", ""))
                self.engine.endless(self._name(task), f"it depends on '{before['name']}': {why}")
                return str(before["phase"])
        node = self._task_node(task)
        return str(node["phase"]) if node is not None else ""

    def _after_retry(self, node: Node) -> list[str]:
        following: list[str] = []
        for child in reversed(self.engine.tree.existing(node.get("children", ()))):
            following.extend([child["id"]] if hooked(child) else child.get("children", ()))
        return following

    def _verdict(self, targets: Mapping[str, str]) -> str:
        fail_fast = self.template["dag"].get("failFast") is not False
        result = "Succeeded"
        for task in self.targets:
            phase = targets[self.engine.tree.id(self._name(task))]
            if phase in ("Failed", "Error") and not continues_on(self.tasks[task], phase):
                result = phase
                if fail_fast:
                    break
        return result


class _UnreachableError(Exception):
    """The tasks of a DAG can't all be reached."""


def continues_on(task: Mapping[str, Any], phase: str) -> bool:
    """Whether a task's ``continueOn`` lets others go on after a phase."""
    allowed = task.get("continueOn") or {}
    return bool((phase == "Failed" and allowed.get("failed")) or (phase == "Error" and allowed.get("error")))


def last_try(engine: Engine, node: Node) -> Node:
    """Return the last try of a node that retries, any other node itself."""
    if node["type"] != "Retry" or (node.get("memoizationStatus") or {}).get("hit"):
        return node
    tries = [one for one in engine.tree.existing(node.get("children", ())) if not hooked(one)]
    return tries[-1] if tries else node


def resolve_references(
    task: Mapping[str, Any],
    scope: LocalScope,
    artifact: Callable[[LocalScope, Mapping[str, Any]], dict[str, Any] | None],
) -> dict[str, Any]:
    """Replace what a task or step says of others.

    Args:
        task: the task or step, without its hooks.
        scope: what it can name.
        artifact: finds an artifact that an argument refers to, None when it may be missing.

    Returns:
        A new task. One whose ``when`` is false already keeps the rest as it was.

    Raises:
        TemplatingError: a reference can't be replaced.
        ExpressionError: ``when`` can't be evaluated, and no loop item is missing for it.
        LookupError: an artifact isn't there.
    """
    when = task.get("when")
    if when:
        resolved = replace_tags(when, scope.parameters, DEPENDENCIES)
        try:
            proceed = should_execute(resolved)
        except ExpressionError:
            if not loops.is_loop(task):
                raise
            proceed = True
        if not proceed:
            return {**task, "when": resolved}
    marked = {**task, "arguments": scope.mark_absent(task.get("arguments"))}
    new: dict[str, Any] = replace_tags(marked, scope.parameters, DEPENDENCIES)
    artifacts = (new["arguments"] or {}).get("artifacts")
    if artifacts:
        found = [
            artifact(scope, one) if one.get("from") or one.get("fromExpression") else one for one in artifacts
        ]
        kept = [one for one in found if one is not None]
        new = {**new, "arguments": {**new["arguments"], "artifacts": kept}}
    return new


def _artifact(scope: LocalScope, argument: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        return scope.artifact(argument)
    except ArtifactMissingError:
        if argument.get("optional"):
            return None
        raise


async def _gather(coroutines: list[Any]) -> None:
    tasks = [asyncio.ensure_future(one) for one in coroutines]
    try:
        await asyncio.gather(*tasks)
    finally:
        for one in tasks:
            one.cancel()
