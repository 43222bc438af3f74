"""The result of a run: outputs, artifacts, why it failed, what did not run because of that."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlplat.addresses import without_user
from mlplat.argo.depends import condition
from mlplat.argo.status import (
    FAILED,
    AnyNode,
    ArtifactValue,
    Templates,
    decoded,
    is_artifact,
    nodes_of,
    parents,
    passed,
    role,
)
from mlplat.argo.status import failures as failures_among
from mlplat.argo.values import ABSENT
from mlplat.runs.machine import Machine
from mlplat.runs.tasks import path
from mlplat.runs.trees import short

if TYPE_CHECKING:
    from mlplat.runs.cluster import Cluster

Workflow = Mapping[str, Any]

_EXPLAINED_FAILURES = 5
_CACHE_REFUSED = "could not save to config map cache"
_MAY_NOT_REPORT = "workflowtaskresults.argoproj.io is forbidden"
_NOT_PROVIDED = re.compile(r'\b(secret|configmap) ".*" (with key ".*" )?not found')


@dataclass(frozen=True, slots=True)
class RunArtifact:
    """An artifact that a task of a run wrote.

    Attributes:
        name: path of the task, and the name of its output.
        type: such as ``system.Dataset``.
        size: in bytes, if it is known.
        place: its file on this machine, or its key in the store of a cluster.
    """

    name: str
    type: str
    size: int | None
    place: Path | str


@dataclass(frozen=True, slots=True)
class RunFailure:
    """A task that failed.

    Attributes:
        task: its path in the run.
        message: the reason.
        last_lines: the end of its log, or the reason why it has none.
        hints: what to do.
    """

    task: str
    message: str
    last_lines: Sequence[str]
    hints: Sequence[str]


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """The result of a run.

    Attributes:
        outputs: of the pipeline, by name: a value as a short string, or the place of an artifact.
        artifacts: artifacts of its tasks.
        failures: the first tasks that explain why it failed.
        more_failures: the paths of the others.
        not_run: the paths of tasks that did not run because others failed.
        warnings: warnings of the engine about differences on a cluster.
    """

    outputs: Mapping[str, Path | str]
    artifacts: Sequence[RunArtifact]
    failures: Sequence[RunFailure]
    more_failures: Sequence[str]
    not_run: Sequence[str]
    warnings: Sequence[str]


def outcome(workflow: Workflow, place: Machine | Cluster) -> RunOutcome:
    """Return the result of a run.

    Args:
        workflow: the Workflow with its status.
        place: this machine or the cluster, to read the logs of failed tasks.
    """
    failed = [] if workflow["status"]["phase"] == "Succeeded" else failures(workflow)
    run = workflow["metadata"]["name"]
    return RunOutcome(
        _outputs(workflow, place),
        [
            RunArtifact(
                f"{path(run, node['name'])}.{value.own_name}",
                value.type,
                value.size,
                _place(value.key, value.uri, place),
            )
            for node, value in artifacts(workflow)
            if value.key
        ],
        [_failure(workflow, node, place) for node in failed[:_EXPLAINED_FAILURES]],
        [path(run, node["name"]) for node in failed[_EXPLAINED_FAILURES:]],
        not_run(workflow) if workflow["status"]["phase"] != "Succeeded" else [],
        [
            str(one.get("message", ""))
            for one in workflow["status"].get("conditions") or ()
            if one.get("type") == "SpecWarning"
        ],
    )


def _outputs(workflow: Workflow, place: Machine | Cluster) -> dict[str, Path | str]:
    root = nodes_of(workflow).get(workflow["metadata"]["name"], {})
    parameters = root.get("outputs", {}).get("parameters", ()) if root.get("type") == "DAG" else ()
    values = {parameter["name"]: decoded(parameter.get("value")) for parameter in parameters}
    return {
        name: _place(value.get("key"), value.get("uri"), place) if is_artifact(value) else short(value)
        for name, value in values.items()
        if value is not None
    }


def _place(key: str | None, uri: str | None, place: Machine | Cluster) -> Path | str:
    if not key:
        return without_user(uri or "")
    return place.home / "artifacts" / key if isinstance(place, Machine) else key


def _failure(workflow: Workflow, node: AnyNode, place: Machine | Cluster) -> RunFailure:
    from mlplat.runs.logs import last_lines

    message, run = str(node.get("message", "")), workflow["metadata"]["name"]
    hints = []
    if _CACHE_REFUSED in message:
        hints.append(
            "Argo's controller may not be allowed to write caches: "
            "kubectl apply -k kustomize/controller; or --no-cache"
        )
    if _MAY_NOT_REPORT in message:
        hints.append(
            "the service account of the pods is not allowed to report results: --service-account NAME; "
            f"mlplat doctor --engine argo -n {workflow['metadata']['namespace']} says what is missing"
        )
    if isinstance(place, Machine) and _NOT_PROVIDED.search(message):
        hints.append(f"put it in a file of Secrets and ConfigMaps: mlplat retry {run} --secrets FILE")
    return RunFailure(path(run, node["name"]), message, last_lines(workflow, node, place), hints)


def artifacts(workflow: Workflow) -> Iterator[tuple[AnyNode, ArtifactValue]]:
    """Yield the artifacts that a run's tasks wrote, each after the node of the task."""
    nodes, templates = nodes_of(workflow), Templates(workflow)
    parent_of = parents(nodes)
    for key, node in nodes.items():
        if role(key, nodes, parent_of) == "task":
            for artifact in passed(node, templates.of(node), "output").artifacts:
                yield node, artifact


def failures(workflow: Workflow) -> list[AnyNode]:
    """Return the nodes that explain why a run failed, as people know them."""
    return list(failures_among(nodes_of(workflow)).values())


def not_run(workflow: Workflow) -> list[str]:
    """Return the paths of tasks that did not run because others failed: omitted ones, and those never reached."""
    nodes = nodes_of(workflow)
    templates = {template["name"]: template for template in workflow["spec"].get("templates", ())}
    children: dict[str, dict[str, AnyNode]] = {}
    for node in nodes.values():
        children.setdefault(node.get("boundaryID", ""), {})[node["displayName"]] = node
    omitted: list[str] = []
    missing: list[str] = []
    for key, there in children.items():
        around = nodes.get(key, {})
        dag = templates.get(around.get("templateName", ""), {}).get("dag") or {}
        tasks = {task["name"]: task for task in dag.get("tasks", ())}
        order = list(tasks)
        blocked = sorted(_blocked(tasks, there), key=lambda name: order.index(name) if name in tasks else -1)
        omitted += [str(there[name]["name"]) for name in blocked]
        if around.get("type") == "DAG" and around.get("phase") in FAILED:
            missing += [f"{around['name']}.{name}" for name in tasks if name not in there]
    run = workflow["metadata"]["name"]
    return [name.removeprefix(f"{run}.") for name in (*omitted, *missing)]


def _blocked(tasks: Mapping[str, Mapping[str, Any]], nodes: Mapping[str, AnyNode]) -> list[str]:
    """Return the omitted tasks of a DAG that depend on a failed or omitted task."""
    omitted = [name for name, node in nodes.items() if node.get("phase") == "Omitted"]
    waits = {name: set(condition(tasks.get(name, {}), tasks).tasks) for name in omitted}
    causes = {name for name, node in nodes.items() if node.get("phase") in FAILED}
    while found := {name for name in omitted if name not in causes and waits[name] & causes}:
        causes |= found
    return [name for name in omitted if name in causes]


def without_absent(workflow: Workflow) -> dict[str, Any]:
    """Return a run whose unwritten outputs have no value, and are null in lists."""
    status = workflow["status"]
    return {**workflow, "status": {**status, "nodes": _without_absent(status.get("nodes", {}))}}


def _without_absent(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_absent(item) for key, item in value.items() if item != ABSENT}
    if isinstance(value, list):
        return [_without_absent(item) for item in value]
    return value.replace(f'"{ABSENT}"', "null") if isinstance(value, str) else value
