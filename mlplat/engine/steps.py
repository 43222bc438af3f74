"""Executes a steps template: one group after the other, the steps of a group at the same time.

See Argo 4.0.7's ``workflow/controller/steps.go``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

from mlplat.argo.expressions import ExpressionError, should_execute
from mlplat.argo.gojson import GoJSONError
from mlplat.argo.status import Node
from mlplat.argo.templating import Scope, TemplatingError, UnresolvedError
from mlplat.engine import loops
from mlplat.engine.calls import Call, Execute
from mlplat.engine.execution import Execution
from mlplat.engine.failures import FAIL_FAST, FailFastError, TemplateFailedError
from mlplat.engine.groups import called_template, continues_on, enter, resolve_references
from mlplat.engine.handler import Inspection
from mlplat.engine.hooks import HookError, HookOwner, run_exit_hook, run_hooks, while_running
from mlplat.engine.nodes import completed, fulfilled, unsuccessful
from mlplat.engine.results import (
    aggregate,
    node_variables,
    skipped_artifacts,
    skipped_variables,
    template_outputs,
)
from mlplat.engine.scope import LocalScope, found_artifact, input_variables
from mlplat.engine.templates import LOOPED_INLINE, Context, TemplateMissingError
from mlplat.errors import Diagnostic
from mlplat.ir.argo_template import steps_of


def check_steps(
    inspection: Inspection, path: str, template: Mapping[str, Any], context: Context
) -> Iterator[Diagnostic]:
    """Inspect the templates of all steps."""
    for index, group in enumerate(steps_of(template)):
        for step in group:
            yield from inspection.holder(f"{path}.steps[{index}].{step.get('name', '')}", step, context)


async def execute_steps(
    execution: Execution, execute: Execute, call: Call, context: Context, template: Mapping[str, Any]
) -> Node:
    """Execute steps until their node has ended; see :class:`~mlplat.engine.handler.Handler`."""
    node, inner = enter(execution, call, context, template)
    await _Steps(execution, execute, inner, context, node, template).run()
    return node


class _Steps:
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
        self.variables, self.artifacts = input_variables(template)

    def _scope(self) -> LocalScope:
        shared, shared_artifacts = self.execution.workflow_outputs()
        artifacts = self.artifacts
        return LocalScope(
            self.execution.scope,
            Scope(dict(self.variables), shared),
            lambda name: artifacts[name] if name in artifacts else shared_artifacts.get(name),
        )

    async def run(self) -> None:
        tree = self.execution.tree
        previous: Node | None = None
        for index, steps in enumerate(steps_of(self.template)):
            group = self._group(index, previous)
            await self._run_group(group, steps)
            if self._fails_fast():
                tree.mark(group, "Failed", FAIL_FAST)
                tree.mark(self.node, "Failed", FAIL_FAST)
                return
            previous = group
            if unsuccessful(group):
                self._set_outbound(group)
                tree.mark(self.node, "Failed", group.get("message", ""))
                return
            try:
                self._remember(group, steps)
            except (GoJSONError, TemplateMissingError) as error:
                raise self.execution.fail(self.call, str(error)) from None
        if previous is not None:
            self._set_outbound(previous)
        try:
            outputs = template_outputs(self.template, self._scope())
        except (TemplatingError, ExpressionError) as error:
            raise self.execution.fail(self.call, str(error)) from None
        if outputs is not None:
            self.node["outputs"] = outputs
            self.execution.publish(self.node)
        tree.mark(self.node, "Succeeded")

    def _fails_fast(self) -> bool:
        return self.execution.fails_fast(self.call.boundary)

    def _group(self, index: int, previous: Node | None) -> Node:
        tree = self.execution.tree
        name = f"{self.node['name']}[{index}]"
        group = tree.named(name)
        if group is None:
            group = tree.create(
                name,
                "StepGroup",
                "Running",
                holder={},
                scope=self.context.scope,
                boundary=self.node["id"],
                flag={},
            )
        if previous is None:
            tree.connect(self.node["id"], group["id"])
        elif not previous.get("children"):
            tree.connect(previous["id"], group["id"])
        else:
            for child in list(previous["children"]):
                for last in tree.outbound(child):
                    tree.connect(last, group["id"])
        return group

    def _set_outbound(self, group: Node) -> None:
        tree = self.execution.tree
        self.node["outboundNodes"] = [
            last for child in tree.existing(group.get("children", ())) for last in tree.outbound(child["id"])
        ]

    async def _run_group(self, group: Node, steps: list[dict[str, Any]]) -> None:
        tree = self.execution.tree
        if fulfilled(group):
            return
        scope = self._scope()
        try:
            resolved = [self._resolve(step, scope) for step in steps]
        except (ExpressionError, TemplatingError) as error:
            if isinstance(error, UnresolvedError):
                self.execution.warn_endless(group["name"], str(error))
            tree.mark(group, "Error", f"failed to resolve references: {error}")
            return
        try:
            expanded = self._expand(group, resolved, scope)
        except TemplatingError as error:
            tree.mark(group, "Error", str(error))
            return
        running: list[asyncio.Future[tuple[Node, dict[str, Any]] | None]] = []
        problem = ""
        for original, step in expanded:
            name = f"{group['name']}.{step['name']}"
            try:
                proceed = should_execute(step.get("when") or "")
            except ExpressionError as error:
                self._skip(group, name, step, "Error", str(error))
                problem = problem or str(error)
                break
            if not proceed:
                self._skip(group, name, step, "Skipped", f"when '{step['when']}' evaluated false")
                continue
            tree.connect(group["id"], tree.id(name))
            running.append(asyncio.ensure_future(self._run_step(name, original, step, scope)))
        failed = await self._wait(running)
        if self._fails_fast():
            for child in [one for one in group.get("children", ()) if one not in tree.nodes]:
                tree.disconnect(group["id"], child)
            return
        if problem or failed:
            tree.mark(group, "Error", problem or failed)
            return
        for future in running:
            done = future.result()
            if done is not None:
                node, step = done
                if unsuccessful(node) and not continues_on(step, node["phase"]):
                    tree.mark(group, "Failed", f"child '{node['id']}' failed")
                    return
        tree.mark(group, "Succeeded")

    async def _wait(self, running: list[asyncio.Future[Any]]) -> str:
        problem = ""
        try:
            for future in running:
                try:
                    await future
                except FailFastError:
                    continue
                except (TemplateFailedError, HookError) as error:
                    problem = problem or str(error)
        finally:
            for future in running:
                future.cancel()
        return problem

    def _resolve(self, step: dict[str, Any], scope: LocalScope) -> dict[str, Any]:
        body = {key: value for key, value in step.items() if key != "hooks"}
        resolved = resolve_references(body, scope, found_artifact)
        return {**resolved, "hooks": step["hooks"]} if "hooks" in step else resolved

    def _expand(
        self, group: Node, steps: list[dict[str, Any]], scope: LocalScope
    ) -> list[tuple[str, dict[str, Any]]]:
        expanded: list[tuple[str, dict[str, Any]]] = []
        for step in steps:
            if not loops.is_loop(step):
                expanded.append((step["name"], step))
                continue
            items = list(loops.expand(step, scope.parameters))
            if not items:
                self._skip(group, f"{group['name']}.{step['name']}", step, "Skipped", "Skipped, empty params")
            expanded.extend((step["name"], item) for item in items)
        return expanded

    def _skip(self, group: Node, name: str, step: Mapping[str, Any], phase: str, message: str) -> None:
        tree = self.execution.tree
        if tree.named(name) is None:
            tree.create(
                name,
                "Skipped",
                phase,
                holder=step,
                scope=self.context.scope,
                boundary=self.node["id"],
                flag={},
                message=message,
            )
        tree.connect(group["id"], tree.id(name))

    async def _run_step(
        self, name: str, original: str, step: dict[str, Any], scope: LocalScope
    ) -> tuple[Node, dict[str, Any]]:
        inner = self.call.inner(name, step, self.context, step.get("arguments") or {}, "steps")
        owner = HookOwner(self.call, step, {"name": name}, self.context, scope, f"steps.{original}")
        try:
            async with while_running(self.execution, self.execute, owner, name):
                node = await self.execute(inner)
        except FailFastError:
            raise
        except TemplateFailedError as error:
            raise TemplateFailedError(
                f"step group deemed errored due to child {name} error: {error}"
            ) from None
        if self._fails_fast():
            raise FailFastError(FAIL_FAST)
        visible = scope.child({f"steps.{node['displayName']}.status": node["phase"]})
        owner = HookOwner(self.call, step, node, self.context, visible, f"steps.{original}")
        await run_hooks(self.execution, self.execute, owner)
        if completed(node):
            await run_exit_hook(self.execution, self.execute, owner)
        return node, step

    def _remember(self, group: Node, steps: list[dict[str, Any]]) -> None:
        tree = self.execution.tree
        for step in steps:
            name = f"{group['name']}.{step['name']}"
            prefix = f"steps.{step['name']}"
            node = tree.named(name)
            if node is None:
                children = [
                    one
                    for one in tree.existing(group.get("children", ()))
                    if one["name"].startswith(f"{name}(") and one["type"] != "Skipped"
                ]
                if children and step.get("inline"):
                    raise TemplateMissingError(LOOPED_INLINE)
                self.variables.update(aggregate(children, prefix))
                own, artifacts = node_variables(group, prefix)
            else:
                own, artifacts = node_variables(tree.last_attempt(node), prefix)
                if node.get("outputs") is None and node["phase"] in ("Skipped", "Omitted"):
                    template = called_template(self.context, step)
                    own.update(skipped_variables(template, prefix))
                    artifacts.update(skipped_artifacts(template, prefix))
            self.variables.update(own)
            self.artifacts.update(artifacts)
