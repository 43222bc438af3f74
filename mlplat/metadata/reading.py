"""What a Workflow and its status say, as rows; pure functions.

The shape of ``status.nodes`` is Argo's (``NodeStatus`` in ``workflow_types.go`` of 4.0.7). What an artifact
is comes from the manifest that the compiler writes: an output parameter is an artifact value when the node's
template has an output artifact of the same name. Artifacts of Workflows that were written by hand are known
by their key alone.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mlplat.addresses import without_passwords, without_user
from mlplat.argo import metrics, steps, stores
from mlplat.argo.values import ABSENT
from mlplat.errors import StoreError
from mlplat.metadata.rows import Artifact, ArtifactUse, Direction, Engine, Metric, Parameter, Role, Run, Task

Json = Mapping[str, Any]

DEFAULT_NAMESPACE = "default"
DEFAULT_EXPERIMENT = "default"

_OWN_STORAGE = "mlplat://"

_FOLDER = re.compile(r"--[0-9]+\Z")
"""What the names of the folders of a list of artifacts end in, after the list's."""

_DIRECTIONS: tuple[Direction, ...] = ("input", "output")
_GROUP_TYPES = frozenset({"DAG", "Steps", "StepGroup", "TaskGroup"})
_EXPANDING_TYPES = frozenset({"TaskGroup", "StepGroup", "Retry"})
_ENGINE_LABELS = ("workflows.argoproj.io/", "mlplat.dev/")
_LOOP_ITEM = re.compile(r"\((\d+):")
_ATTEMPT = re.compile(r"\(\d+\)\Z")
_STEP_GROUP = re.compile(r"\[\d+\]")
_STORAGE_URLS = (("http", "url"), ("artifactory", "url"), ("git", "repo"))


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

    task: Task
    parameters: tuple[Parameter, ...]
    artifacts: tuple[Artifact, ...]
    uses: tuple[ArtifactUse, ...]
    metrics: tuple[Metric, ...]


def read_run(workflow: Json) -> Run:
    """Read the run as a whole.

    Args:
        workflow: a Workflow, with or without status.

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
    started_at = read_time(status.get("startedAt"))
    created_at = read_time(metadata.get("creationTimestamp")) or started_at
    uid = metadata.get("uid") or _made_uid(engine, namespace, name, metadata.get("creationTimestamp"))
    return Run(
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
        finished_at=read_time(status.get("finishedAt")),
        parameters=_arguments(spec),
        labels={
            key: value
            for key, value in _mapping(metadata.get("labels")).items()
            if not key.startswith(_ENGINE_LABELS)
        },
        manifest_digest=manifest_digest(spec),
    )


def read_nodes(workflow: Json, run: Run, ids: Iterable[str]) -> Iterator[NodeFacts]:
    """Read some nodes of the status.

    Args:
        workflow: a Workflow with plain ``status.nodes``.
        run: what :func:`read_run` made of it.
        ids: the nodes to read; those that aren't there are left out.

    Yields:
        The facts of each, in the order of ``ids``.
    """
    nodes = nodes_of(workflow)
    templates = _Templates(workflow)
    parent_of = parents(nodes)
    depth_of = depths(nodes)
    attempts: dict[str, int] = {}
    for node_id, parent_id in parent_of.items():
        if _type(nodes[parent_id]) == "Retry" and _was_started(nodes[node_id]):
            attempts[parent_id] = attempts.get(parent_id, 0) + 1
    for node_id in ids:
        node = nodes.get(node_id)
        if node is not None:
            parent_id = parent_of.get(node_id, "")
            is_attempt = bool(parent_id) and _type(nodes[parent_id]) == "Retry"
            task = _task(
                node_id,
                nodes,
                run.uid,
                parent_id=parent_id,
                is_attempt=is_attempt,
                tries=attempts.get(node_id, 0),
                depth=depth_of[node_id],
            )
            yield _facts(task, node, run, steps.template_of(templates.of(node), node))


def nodes_of(workflow: Json) -> Mapping[str, Json]:
    """Return ``status.nodes``, empty before the engine has seen the Workflow."""
    return steps.expanded(_mapping(_mapping(workflow.get("status")).get("nodes")))


def fingerprint(node: Json) -> str:
    """Hash a node as it stands in the status: 32 hexadecimal digits."""
    text = json.dumps(node, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def manifest_digest(spec: Json) -> str:
    """Hash what a Workflow does, whatever its arguments are and whoever stored it.

    Empty fields are left out, because the API server of a cluster adds some (``metadata: {}``, ``resources:
    {}``).

    Args:
        spec: ``spec`` of a Workflow.

    Returns:
        ``sha256:`` and 64 hexadecimal digits.
    """
    program = {key: value for key, value in spec.items() if key not in ("arguments", "shutdown", "suspend")}
    text = json.dumps(_without_empty(program), sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def read_time(text: object) -> datetime | None:
    """Read an RFC 3339 time as Kubernetes writes it; None for null, the empty string and what is no time."""
    if not isinstance(text, str) or not text:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def identity(*parts: str) -> str:
    """Make a primary key of 32 hexadecimal digits from what identifies a row."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def artifact_id(namespace: str, engine: Engine, key: str, uri: str) -> str:
    """Make the identity of an artifact: the place where its bytes are.

    Args:
        namespace: tenant.
        engine: whose artifact storage the key is for.
        key: key in that storage; may be empty when there is a URI.
        uri: place elsewhere, taken when there is no key.

    Returns:
        32 hexadecimal digits.
    """
    if key:
        return identity(namespace, engine, "key", key)
    return identity(namespace, engine if uri.startswith(_OWN_STORAGE) else "", "uri", uri)


def parents(nodes: Mapping[str, Json]) -> dict[str, str]:
    """Find the node that made each node.

    Loops, groups of steps and retries name what they make after themselves: ``loop(2:item)``,
    ``run[0].step``, ``task(1)``. Everything else was made by its boundary.

    Args:
        nodes: ``status.nodes``.

    Returns:
        Node id to the id of its parent; nodes without a parent are left out.
    """
    makers = {node.get("name"): node_id for node_id, node in nodes.items() if _type(node) in _EXPANDING_TYPES}
    found: dict[str, str] = {}
    for node_id, node in nodes.items():
        boundary = node.get("boundaryID") or ""
        parent = _maker(node, nodes, makers) if makers else None
        if parent in {None, node_id} and boundary in nodes:
            parent = boundary
        if parent is not None and parent != node_id:
            found[node_id] = parent
    return found


def depths(nodes: Mapping[str, Json]) -> dict[str, int]:
    """Find how deep each node lies in the graph of ``children``, where it comes after all that it waits for.

    Args:
        nodes: ``status.nodes``.

    Returns:
        Node id to the length of the longest way to it; 0 for nodes that are no one's child.
    """
    children = {
        node_id: [child for child in node.get("children") or () if child in nodes]
        for node_id, node in nodes.items()
    }
    waits_for = Counter(child for found in children.values() for child in found)
    depth = dict.fromkeys(nodes, 0)
    ready = [node_id for node_id in nodes if not waits_for[node_id]]
    while ready:
        node_id = ready.pop()
        for child in children[node_id]:
            depth[child] = max(depth[child], depth[node_id] + 1)
            waits_for[child] -= 1
            if not waits_for[child]:
                ready.append(child)
    return depth


def _maker(node: Json, nodes: Mapping[str, Json], makers: Mapping[Any, str]) -> str | None:
    name = node.get("name") or ""
    prefix = _boundary_name(node, nodes)
    own = name[len(prefix) :]
    attempt = _ATTEMPT.search(own)
    if attempt and prefix + own[: attempt.start()] in makers:
        return makers[prefix + own[: attempt.start()]]
    item = _LOOP_ITEM.search(own)
    if item and prefix + own[: item.start()] in makers:
        return makers[prefix + own[: item.start()]]
    step_group = _STEP_GROUP.match(own)
    return makers.get(prefix + step_group[0]) if step_group else None


def _boundary_name(node: Json, nodes: Mapping[str, Json]) -> str:
    return _mapping(nodes.get(node.get("boundaryID") or "")).get("name") or ""


def _task(
    node_id: str,
    nodes: Mapping[str, Json],
    run_uid: str,
    *,
    parent_id: str,
    is_attempt: bool,
    tries: int,
    depth: int,
) -> Task:
    node = nodes[node_id]
    kind = _type(node)
    cached = bool(_mapping(node.get("memoizationStatus")).get("hit"))
    name = node.get("name") or node_id
    item = _LOOP_ITEM.search(name[len(_boundary_name(node, nodes)) :])
    return Task(
        run_uid=run_uid,
        id=node_id,
        name=name,
        display_name=node.get("displayName") or name,
        type=kind,
        role=_role(kind, is_attempt),
        template=node.get("templateName") or _mapping(node.get("templateRef")).get("template") or "",
        phase=node.get("phase") or "Pending",
        message=node.get("message") or "",
        attempts=tries
        if kind == "Retry"
        else int(kind not in _GROUP_TYPES and not cached and _was_started(node)),
        cached=cached,
        started_at=read_time(node.get("startedAt")),
        finished_at=read_time(node.get("finishedAt")),
        exit_code=_integer(_mapping(node.get("outputs")).get("exitCode")),
        boundary_id=node.get("boundaryID") or "",
        parent_id=parent_id,
        loop_index=int(item[1]) if item else None,
        depth=depth,
    )


def _role(kind: str, is_attempt: bool) -> Role:
    if kind in _GROUP_TYPES:
        return "group"
    return "attempt" if is_attempt else "task"


def _was_started(node: Json) -> bool:
    return node.get("phase") not in (None, "", "Pending", "Skipped", "Omitted")


def _facts(task: Task, node: Json, run: Run, template: Json) -> NodeFacts:
    """Read values and artifacts; an attempt's are those of the retry node above it, which repeats them."""
    if task.role == "attempt":
        return NodeFacts(task, (), (), (), ())
    parameters: list[Parameter] = []
    artifacts: dict[str, Artifact] = {}
    uses: list[ArtifactUse] = []
    logged: list[Metric] = []
    for direction in _DIRECTIONS:
        side = _mapping(node.get(f"{direction}s"))
        declared = _mapping(template.get(f"{direction}s"))
        named = {
            _FOLDER.sub("", one) for one in _names(declared.get("artifacts")) | _names(side.get("artifacts"))
        }
        texts = _texts(side)
        for name, text in texts.items():
            values = _artifact_values(text) if name in named else None
            if values is None:
                parameters.append(Parameter(run.uid, task.id, direction, name, without_passwords(text)))
                continue
            for position, value in enumerate(values):
                artifact = _artifact(value, name, task, direction, run)
                # What is an input too was handed on: who made it, and what it was called there, stays.
                artifacts.setdefault(artifact.id, artifact)
                uses.append(ArtifactUse(run.uid, task.id, direction, name, position, artifact.id))
                if direction == "output":
                    logged.extend(_metrics(artifact, name, task))
        if task.role == "task":
            by_parameter = texts.keys() | _names(declared.get("parameters"))
            for name, value in _stored_artifacts(side, without=by_parameter):
                artifact = _artifact(value, name, task, direction, run)
                artifacts.setdefault(artifact.id, artifact)
                uses.append(ArtifactUse(run.uid, task.id, direction, name, 0, artifact.id))
    return NodeFacts(task, tuple(parameters), tuple(artifacts.values()), tuple(uses), tuple(logged))


def _texts(side: Json) -> dict[str, str]:
    found = {
        parameter["name"]: _text(parameter["value"])
        for parameter in side.get("parameters") or ()
        if parameter.get("value") not in (None, ABSENT)
    }
    result = side.get("result")
    if result is not None:
        found.setdefault("result", _text(result))
    return found


def _artifact_values(text: str) -> list[Json] | None:
    """Read an artifact value, a list of them, or null (no artifact came); None when it is something else."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    if value is None:
        return []
    values = value if isinstance(value, list) else [value]
    found = [_decoded(item) for item in values]
    if not all(isinstance(item, dict) and (item.get("key") or item.get("uri")) for item in found):
        return None
    return found


def _decoded(item: Any) -> Any:
    """Read an item of a loop's collected outputs: the engine gives texts of JSON."""
    if not isinstance(item, str):
        return item
    try:
        return json.loads(item)
    except ValueError:
        return item


def _stored_artifacts(side: Json, *, without: Iterable[str]) -> Iterator[tuple[str, Json]]:
    """Read the artifacts that Argo itself carries, for Workflows that have no artifact values.

    Those with two dashes in their name are the compiler's own.
    """
    left_out = set(without)
    for artifact in side.get("artifacts") or ():
        name = artifact.get("name") or ""
        if name in left_out or name.endswith("-logs") or "--" in name:
            continue
        key = stores.key_of(artifact) or _mapping(artifact.get("plugin")).get("key")
        uri = next(
            (_mapping(artifact.get(kind)).get(part) for kind, part in _STORAGE_URLS if artifact.get(kind)),
            None,
        )
        if key or uri:
            yield name, {"key": key, "uri": uri}


def _artifact(value: Json, name: str, task: Task, direction: Direction, run: Run) -> Artifact:
    key, uri = _text(value.get("key") or ""), without_user(_text(value.get("uri") or ""))
    produced = direction == "output" and task.role == "task" and not task.cached
    return Artifact(
        id=artifact_id(run.namespace, run.engine, key, uri),
        namespace=run.namespace,
        engine=run.engine,
        name=_text(value.get("name") or name),
        type=_artifact_type(value.get("type")),
        key=key,
        uri=uri,
        digest=_text(value.get("digest") or ""),
        size=_integer(value.get("size")),
        metadata=_mapping(value.get("metadata")),
        producer_run_uid=run.uid if produced else None,
        producer_task_id=task.id if produced else None,
    )


def _artifact_type(value: object) -> str:
    if isinstance(value, Mapping):
        value = value.get("schemaTitle") or value.get("instanceSchema")
    return value if isinstance(value, str) and value else "system.Artifact"


def _metrics(artifact: Artifact, name: str, task: Task) -> Iterator[Metric]:
    if artifact.type not in metrics.TYPES or task.role != "task":
        return
    for metric, value in metrics.scalars(artifact.metadata):
        yield Metric(task.run_uid, task.id, name, metric, value)


class _Templates:
    """Finds the template of a node, in the spec or in what the status keeps of WorkflowTemplates."""

    def __init__(self, workflow: Json) -> None:
        status = _mapping(workflow.get("status"))
        whole = _mapping(status.get("storedWorkflowTemplateSpec"))
        own = (*_listed(whole.get("templates")), *_listed(_mapping(workflow.get("spec")).get("templates")))
        self._own = {template.get("name"): template for template in own}
        self._stored = _mapping(status.get("storedTemplates"))

    def of(self, node: Json) -> Json:
        """Return the template of a node; an empty one when it isn't known."""
        reference = _mapping(node.get("templateRef"))
        if reference:
            scope = "cluster" if reference.get("clusterScope") else "namespaced"
            return _mapping(self._stored.get(f"{scope}/{reference.get('name')}/{reference.get('template')}"))
        name = node.get("templateName")
        scoped = self._stored.get(f"{node.get('templateScope')}/{name}")
        return _mapping(scoped or self._own.get(name))


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


def _made_uid(engine: Engine, namespace: str, name: str, created: object) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"mlplat:{engine}/{namespace}/{name}/{created or ''}"))


def _arguments(spec: Json) -> dict[str, str]:
    given = _listed(_mapping(spec.get("arguments")).get("parameters"))
    return {
        parameter["name"]: _text(parameter["value"])
        for parameter in given
        if parameter.get("value") is not None
    }


def _without_empty(value: Any) -> Any:
    if isinstance(value, Mapping):
        kept = {key: _without_empty(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, "", {}, [])}
    if isinstance(value, (list, tuple)):
        return [_without_empty(item) for item in value]
    return value


def _type(node: Json) -> str:
    return node.get("type") or "Pod"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _listed(value: Any) -> Iterable[Json]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, (list, tuple)) else []


def _names(value: Any) -> set[str]:
    return {item["name"] for item in _listed(value) if item.get("name")}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _integer(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None
