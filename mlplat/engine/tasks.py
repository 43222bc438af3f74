"""Executes container and script templates: each is one task, which is a pod on a cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

from mlplat.argo.durations import DurationError, with_units
from mlplat.argo.gotext import int_or_string
from mlplat.argo.status import Node, generated_pod_name
from mlplat.argo.stores import key_of
from mlplat.argo.templating import replace as replace_tags
from mlplat.engine.calls import Call, Execute, task_name
from mlplat.engine.containers import PodInfo
from mlplat.engine.execution import Execution
from mlplat.engine.executor import Stoppable
from mlplat.engine.handler import ON_A_CLUSTER, Inspection, refusal
from mlplat.engine.nodes import fulfilled
from mlplat.engine.outputs import Outcome
from mlplat.engine.pods import PodTask
from mlplat.engine.templates import Context
from mlplat.errors import Diagnostic

_FIELDS = {
    "daemon": "a daemon would need other tasks to reach it over the network",
    "sidecars": "a sidecar runs in a second container, next to the task",
    "initContainers": "an init container runs in a container of its own, before the task",
}
"""Why fields of a pod's template are not supported."""


def check_pod(path: str, template: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Refuse pods that consist of more than one container that runs to its end."""
    for field, reason in _FIELDS.items():
        if template.get(field):
            yield refusal(f"{path}.{field}", reason, ON_A_CLUSTER)


def check_container(
    inspection: Inspection, path: str, template: Mapping[str, Any], context: Context
) -> Iterator[Diagnostic]:
    """Refuse containers that need their image, or a cluster."""
    del context
    yield from check_pod(path, template)
    kind = "container" if template.get("container") is not None else "script"
    container = template[kind]
    if not container.get("command") and not inspection.images:
        yield refusal(
            f"{path}.{kind}.command",
            "the command is defined in the image, but tasks run as processes without an image",
            "add command to the template, or run with --executor podman (or docker)",
        )
    for variable in container.get("env") or ():
        if "resourceFieldRef" in (variable.get("valueFrom") or {}):
            yield refusal(
                f"{path}.{kind}.env.{variable.get('name', '')}",
                "tasks that run as processes have no resource limits",
                "set a value for the variable",
            )


async def execute_task(
    execution: Execution, execute: Execute, call: Call, context: Context, template: Mapping[str, Any]
) -> Node:
    """Execute a task; see :class:`~mlplat.engine.handler.Handler`."""
    del execute, context
    return await in_slot(execution, call, template, lambda node: _run(execution, call, node, template))


async def in_slot(
    execution: Execution,
    call: Call,
    template: Mapping[str, Any],
    run: Callable[[Node], Awaitable[Outcome]],
) -> Node:
    """Create the node of a task, run the task when a slot is free, and settle the node.

    Args:
        execution: the workflow.
        call: the call of the template.
        template: the template, filled.
        run: runs the task of the node.

    Returns:
        The node, which has ended.
    """
    tree = execution.tree
    node = tree.named(call.name) or execution.create(call, "Pod", "Pending", template)
    async with execution.slots.taken():
        if why := execution.shutdown.refusal(call.on_exit):
            return node if fulfilled(node) else tree.mark(node, "Failed", why)
        execution.began(tree.started(node))
        outcome = await run(node)
    execution.shutdown.ended(node)
    if not fulfilled(node):
        if outcome.outputs:
            node["outputs"] = outcome.outputs
        tree.mark(node, outcome.phase, outcome.message)
        execution.publish(node)
    return node


async def _run(execution: Execution, call: Call, node: Node, template: Mapping[str, Any]) -> Outcome:
    task = _task(execution, call, node, template)
    try:
        limits = _limits(template)
    except ValueError as error:
        raise execution.fail(call, str(error)) from None
    loop = asyncio.get_running_loop()
    timers: list[asyncio.TimerHandle] = []
    exceeded = ""

    def started(running: Stoppable) -> None:
        execution.shutdown.started(node, running, on_exit=call.on_exit)

        def exceed(message: str) -> None:
            nonlocal exceeded
            exceeded = message
            running.stop()

        timers.extend(loop.call_later(after, exceed, message) for after, message in limits)
        if call.until is not None:
            timers.append(loop.call_at(call.until, exceed, "main: Error (exit code 143)"))

    try:
        outcome = await execution.pods.run(task, started)
    finally:
        for timer in timers:
            timer.cancel()
    archive = template.get("archiveLocation") or {}
    if archive.get("archiveLogs", execution.spec.get("archiveLogs")):
        outcome = await execution.pods.with_log(outcome, task)
    if not exceeded or outcome.phase == "Succeeded":
        return outcome
    code = {key: value for key, value in outcome.outputs.items() if key == "exitCode"}
    return Outcome("Failed", exceeded, code)


def _task(execution: Execution, call: Call, node: Node, template: Mapping[str, Any]) -> PodTask:
    spec, metadata = execution.spec, execution.workflow["metadata"]
    name = generated_pod_name(execution.tree.workflow, call.name, template.get("name", ""))
    boundary = call.boundary
    return PodTask(
        id=node["id"],
        template=template,
        pod=_pod_info(execution, name, template, node),
        volumes=_workflow_volumes(execution),
        patches=[_workflow_patch(execution, template)] if spec.get("podSpecPatch") else [],
        capture=boundary is not None and task_name(call.name) in boundary.results,
        prefix=key_of(template.get("archiveLocation") or {}) or f"{metadata['name']}/{name}",
    )


def _workflow_volumes(execution: Execution) -> list[dict[str, Any]]:
    spec = execution.spec
    volumes = [dict(one) for one in replace_tags(list(spec.get("volumes") or ()), execution.scope)]
    claims = spec.get("volumeClaimTemplates") or ()
    return volumes + [{"name": one["metadata"]["name"], "claimTemplate": {}} for one in claims]


def _workflow_patch(execution: Execution, template: Mapping[str, Any]) -> str:
    inputs = (template.get("inputs") or {}).get("parameters") or ()
    own = {f"inputs.parameters.{one['name']}": one.get("value", "") for one in inputs}
    return str(replace_tags(execution.spec["podSpecPatch"], execution.scope.child(own)))


def _limits(template: Mapping[str, Any]) -> list[tuple[float, str]]:
    """Return the time limits of a task: seconds and message.

    Raises:
        ValueError: a limit is not a valid duration.
    """
    message = "Pod was active on the node longer than the specified deadline"
    limits: list[tuple[float, str]] = []
    if template.get("activeDeadlineSeconds") is not None:
        limits.append((float(int_or_string(template["activeDeadlineSeconds"])), message))
    if template.get("timeout"):
        try:
            limits.append((with_units(str(template["timeout"])), message))
        except DurationError as error:
            raise ValueError(f"invalid timeout format. {error}") from None
    return limits


def _pod_info(execution: Execution, name: str, template: Mapping[str, Any], node: Node) -> PodInfo:
    spec, metadata = execution.spec, execution.workflow["metadata"]
    common = replace_tags(spec.get("podMetadata") or {}, execution.scope)
    own = template.get("metadata") or {}
    return PodInfo(
        name=name,
        namespace=metadata.get("namespace", "default"),
        service_account=template.get("serviceAccountName") or spec.get("serviceAccountName") or "default",
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
        config_maps=execution.documents.config_maps,
        secrets=execution.documents.secrets,
    )
