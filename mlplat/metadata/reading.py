"""What a Workflow and its status say, as rows; pure functions on top of :mod:`mlplat.argo.status`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mlplat.addresses import without_passwords
from mlplat.argo import status as statuses
from mlplat.argo.status import ArtifactValue, Direction, Nodes, moment
from mlplat.errors import StoreError
from mlplat.metadata.identities import OWN_STORAGE, artifact_id, manifest_digest, run_uid
from mlplat.metadata.rows import ArtifactRow, ArtifactUse, Engine, MetricRow, ParameterRow, RunRow, TaskRow

Json = Mapping[str, Any]

DEFAULT_NAMESPACE = "default"
DEFAULT_EXPERIMENT = "default"

_DIRECTIONS: tuple[Direction, ...] = ("input", "output")
_ENGINE_LABELS = ("workflows.argoproj.io/", "mlplat.dev/")


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """Everything that one node says.

    Attributes:
        task: the node itself.
        parameters: values in and out.
        artifacts: what it read and what it gave out; of those that it made, it is the producer.
        uses: its edges to :attr:`artifacts`.
        metrics: values that it logged.
    """

    task: TaskRow
    parameters: tuple[ParameterRow, ...]
    artifacts: tuple[ArtifactRow, ...]
    uses: tuple[ArtifactUse, ...]
    metrics: tuple[MetricRow, ...]


def read_run(workflow: Json, cluster: str = "") -> RunRow:
    """Read the run as a whole.

    Args:
        workflow: a Workflow, with or without status.
        cluster: identity of the cluster or machine that it ran on; empty if it is unknown.

    Returns:
        The run.

    Raises:
        StoreError: it is no Workflow, or has no name.
    """
    metadata = _mapping(workflow.get("metadata"))
    name = metadata.get("name")
    if workflow.get("kind") != "Workflow" or not isinstance(name, str) or not name:
        raise StoreError(
            "only a Workflow with metadata.name can be recorded",
            "record what the engine returned, not the manifest",
        )
    status = _mapping(workflow.get("status"))
    spec = _mapping(workflow.get("spec"))
    engine = _engine(metadata)
    namespace = metadata.get("namespace") or DEFAULT_NAMESPACE
    started_at = moment(status.get("startedAt"))
    created_at = moment(metadata.get("creationTimestamp")) or started_at
    uid = metadata.get("uid") or run_uid(
        cluster or engine, namespace, name, metadata.get("creationTimestamp")
    )
    return RunRow(
        uid=uid,
        namespace=namespace,
        name=name,
        pipeline=_pipeline(metadata, spec),
        experiment=_ours(metadata, "experiment") or DEFAULT_EXPERIMENT,
        engine=engine,
        phase=status.get("phase") or "Pending",
        message=status.get("message") or "",
        created_at=created_at or datetime.now(UTC),
        started_at=started_at,
        finished_at=moment(status.get("finishedAt")),
        parameters=_arguments(spec),
        labels={
            key: value
            for key, value in _mapping(metadata.get("labels")).items()
            if not key.startswith(_ENGINE_LABELS)
        },
        manifest_digest=manifest_digest(spec),
        cluster=cluster,
    )


def read_nodes(workflow: Json, run: RunRow, ids: Iterable[str]) -> Iterator[NodeFacts]:
    """Read some nodes of the status.

    Args:
        workflow: a Workflow with plain ``status.nodes``.
        run: what :func:`read_run` made of it.
        ids: the nodes to read; those that aren't there are left out.

    Yields:
        The facts of each, in the order of ``ids``.
    """
    nodes = statuses.nodes_of(workflow)
    templates = statuses.Templates(workflow)
    tree = _Tree(nodes)
    for key in ids:
        if key in nodes:
            task = _task(key, nodes, tree, run)
            yield _facts(task, nodes[key], run, templates.of(nodes[key]))


class _Tree:
    """How the nodes of a run belong together."""

    def __init__(self, nodes: Nodes) -> None:
        self.parents = statuses.parents(nodes)
        self.attempts = statuses.attempts(nodes, self.parents)
        self.depths = statuses.depths(nodes)


def _task(key: str, nodes: Nodes, tree: _Tree, run: RunRow) -> TaskRow:
    node = nodes[key]
    kind, name = node.get("type") or "Pod", node.get("name") or key
    role = statuses.role(key, nodes, tree.parents)
    cached = statuses.is_cached(node)
    attempts = tree.attempts.get(key, ()) if kind == "Retry" else [] if role == "group" or cached else [key]
    return TaskRow(
        run_uid=run.uid,
        id=key,
        name=name,
        display_name=node.get("displayName") or name,
        type=kind,
        role=role,
        template=node.get("templateName") or _mapping(node.get("templateRef")).get("template") or "",
        phase=node.get("phase") or "Pending",
        message=statuses.message_of(key, nodes, tree.attempts),
        attempts=sum(statuses.was_started(nodes[one]) for one in attempts),
        cached=cached,
        started_at=moment(node.get("startedAt")),
        finished_at=moment(node.get("finishedAt")),
        exit_code=statuses.integer(_mapping(node.get("outputs")).get("exitCode")),
        boundary_id=node.get("boundaryID") or "",
        parent_id=tree.parents.get(key, ""),
        loop_index=statuses.loop_index(node, nodes),
        depth=tree.depths[key],
        children=tuple(node.get("children") or ()),
    )


def _facts(task: TaskRow, node: Json, run: RunRow, template: Json) -> NodeFacts:
    """Read values and artifacts; an attempt's are those of the retry node above it, which repeats them."""
    if task.role == "attempt":
        return NodeFacts(task, (), (), (), ())
    parameters: list[ParameterRow] = []
    artifacts: dict[str, ArtifactRow] = {}
    uses: list[ArtifactUse] = []
    logged: list[MetricRow] = []
    for direction in _DIRECTIONS:
        side = statuses.passed(node, template, direction)
        texts = {**({} if side.result is None else {"result": side.result}), **side.parameters}
        for name, text in texts.items():
            parameters.append(ParameterRow(run.uid, task.id, direction, name, without_passwords(text)))
        for value in side.artifacts:
            artifact = _artifact(value, task, direction, run)
            # What is an input too was handed on: who made it, and what it was called there, stays.
            artifacts.setdefault(artifact.id, artifact)
            uses.append(ArtifactUse(run.uid, task.id, direction, value.name, value.position, artifact.id))
            if direction == "output" and task.role == "task":
                for metric, logged_value in statuses.metrics(value):
                    logged.append(MetricRow(run.uid, task.id, value.name, metric, logged_value))
    return NodeFacts(task, tuple(parameters), tuple(artifacts.values()), tuple(uses), tuple(logged))


def _artifact(value: ArtifactValue, task: TaskRow, direction: Direction, run: RunRow) -> ArtifactRow:
    cluster = run.cluster if value.key or value.uri.startswith(OWN_STORAGE) else ""
    produced = direction == "output" and task.role == "task" and not task.cached
    return ArtifactRow(
        id=artifact_id(cluster, run.namespace, run.engine, value.key, value.uri),
        namespace=run.namespace,
        engine=run.engine,
        name=value.own_name,
        type=value.type,
        key=value.key,
        uri=value.uri,
        digest=value.digest,
        size=value.size,
        metadata=value.metadata,
        producer_run_uid=run.uid if produced else None,
        producer_task_id=task.id if produced else None,
        cluster=cluster,
    )


def _engine(metadata: Json) -> Engine:
    named = _ours(metadata, "engine")
    if named in ("local", "argo"):
        return "local" if named == "local" else "argo"
    return "argo" if metadata.get("resourceVersion") or metadata.get("managedFields") else "local"


def _ours(metadata: Json, name: str) -> str:
    for group in ("annotations", "labels"):
        value = _mapping(metadata.get(group)).get(f"mlplat.dev/{name}")
        if isinstance(value, str) and value:
            return value
    return ""


def _pipeline(metadata: Json, spec: Json) -> str:
    named = _ours(metadata, "pipeline") or _mapping(spec.get("workflowTemplateRef")).get("name")
    return named or (metadata.get("generateName") or "").rstrip("-.") or metadata["name"]


def _arguments(spec: Json) -> dict[str, str]:
    given = _listed(_mapping(spec.get("arguments")).get("parameters"))
    return {
        parameter["name"]: _text(parameter["value"])
        for parameter in given
        if parameter.get("value") is not None
    }


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _listed(value: Any) -> Iterable[Json]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, (list, tuple)) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
