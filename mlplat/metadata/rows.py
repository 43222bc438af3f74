"""What the record holds, as the queries of :class:`mlplat.metadata.Store` return it.

All times are aware and in UTC. ``uid`` is the Workflow's, ``id`` of a task is the node's id in
``status.nodes``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from mlplat.argo.status import FINISHED

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Engine = Literal["local", "argo"]
Role = Literal["task", "attempt", "group"]
Direction = Literal["input", "output"]

_NUMBERS = re.compile(r"([0-9]+)")


@dataclass(frozen=True, slots=True)
class ExperimentRow:
    """A group of runs that people compare with each other.

    Attributes:
        namespace: tenant that it belongs to.
        name: unique within the namespace; runs that name none are in ``default``.
        created_at: when its first run was recorded.
        run_count: how many runs it holds.
        last_run_at: creation time of its newest run; None when it holds none.
    """

    namespace: str
    name: str
    created_at: datetime
    run_count: int = 0
    last_run_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RunRow:
    """One execution of a Workflow.

    Attributes:
        uid: ``metadata.uid`` of the Workflow.
        namespace: tenant, and namespace on a cluster.
        name: ``metadata.name``; not unique over time on a cluster.
        pipeline: what was run: name of the pipeline, else of the WorkflowTemplate, else of the generated
            name.
        experiment: name of the experiment.
        engine: where it ran.
        phase: ``Pending``, ``Running``, ``Succeeded``, ``Failed`` or ``Error``.
        message: why it is in this phase; may be empty.
        created_at: when the Workflow was made.
        started_at: when its first node started.
        finished_at: when it ended; None while it runs.
        parameters: arguments of the Workflow, as plain text.
        labels: labels of the Workflow, without those that the engine keeps for itself.
        manifest_digest: ``sha256:…`` of the spec without its arguments; equal for runs of the same program
            on both engines.
        cluster: identity of the cluster, or of the machine for a local run; empty if it was recorded without one.
    """

    uid: str
    namespace: str
    name: str
    pipeline: str
    experiment: str
    engine: Engine
    phase: str
    message: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    parameters: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    manifest_digest: str = ""
    cluster: str = ""

    @property
    def finished(self) -> bool:
        """Whether the run has come to its end."""
        return self.phase in FINISHED


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One node of a run.

    Attributes:
        run_uid: the run that it belongs to.
        id: node id, unique within the run.
        name: full node name, such as ``run-x7k2p.for-loop-2(0:0).train``.
        display_name: last part of the name.
        type: Argo's node type (``Pod``, ``Retry``, ``DAG``, ``TaskGroup``, ``Skipped``, …).
        role: ``task`` for a unit of work, ``attempt`` for an attempt of a task with retries, ``group`` for what
            only holds others.
        template: name of the template that it ran; may be empty.
        phase: Argo's node phase, ``Skipped`` and ``Omitted`` included.
        message: why it is in this phase; may be empty.
        attempts: how often its work was started; 0 when it was skipped or its outputs came from the cache.
        cached: whether its outputs came from the cache.
        started_at: when it started.
        finished_at: when it ended; None while it runs.
        exit_code: of the main container, when it is known.
        boundary_id: id of the DAG or steps node around it; empty for the outermost.
        parent_id: id of the loop or retry node that made it, else :attr:`boundary_id`.
        loop_index: its place in the loop that made it, from 0; None outside of loops.
        depth: how many nodes lie on the longest way to it; what depends on another is deeper.
        children: ids of the nodes in it or directly after it, as in the status; none for a run that an older version
            recorded.
    """

    run_uid: str
    id: str
    name: str
    display_name: str
    type: str
    role: Role
    template: str
    phase: str
    message: str
    attempts: int
    cached: bool
    started_at: datetime | None
    finished_at: datetime | None
    exit_code: int | None
    boundary_id: str
    parent_id: str
    loop_index: int | None
    depth: int
    children: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[int, list[tuple[int, str]]]:
        """Sort key: after what it depends on, then by name, where numbers count as numbers."""
        parts = _NUMBERS.split(self.name)
        return (self.depth, [(int(part) if part.isdecimal() else -1, part) for part in parts])


@dataclass(frozen=True, slots=True)
class ParameterRow:
    """An input or output parameter of a task; artifact values are excluded.

    Attributes:
        run_uid: the run.
        task_id: the task.
        direction: ``input`` or ``output``.
        name: name of the parameter; ``result`` is the output of a script template.
        value: its text, as it stands in the status.
    """

    run_uid: str
    task_id: str
    direction: Direction
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class ArtifactRow:
    """A file or folder that a task wrote, or that a run imported.

    Attributes:
        id: made from cluster, namespace, engine and place, so the same place is always the same artifact.
        namespace: tenant.
        engine: engine whose artifact store has the key.
        name: name of the output of the producing task.
        type: schema title, such as ``system.Model``.
        key: where its bytes are in the artifact storage; empty when only a URI is known.
        uri: where its bytes are otherwise; may be empty.
        digest: ``sha256:…`` of its content; empty when unknown.
        size: in bytes; None when unknown.
        metadata: metadata from its producer.
        producer_run_uid: run that wrote it; None when that run is not in the record.
        producer_task_id: task that wrote it; None when that run is not in the record.
        cluster: cluster whose artifact store has the key; empty for a URI, and if it was recorded without a cluster.
    """

    id: str
    namespace: str
    engine: Engine
    name: str
    type: str
    key: str
    uri: str
    digest: str
    size: int | None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    producer_run_uid: str | None = None
    producer_task_id: str | None = None
    cluster: str = ""


@dataclass(frozen=True, slots=True)
class ArtifactUse:
    """An edge of the lineage: a task read an artifact, or gave it out.

    If the outputs of a task come from the cache, another task produced the artifact.

    Attributes:
        run_uid: the run.
        task_id: the task.
        direction: ``input`` or ``output``.
        name: name that the task has for it.
        position: place in the list for an input that takes several; else 0.
        artifact_id: the artifact.
    """

    run_uid: str
    task_id: str
    direction: Direction
    name: str
    position: int
    artifact_id: str


@dataclass(frozen=True, slots=True)
class MetricRow:
    """A value that a task logged.

    Attributes:
        run_uid: the run.
        task_id: the task.
        artifact: name of the metrics artifact it was logged to.
        name: name of the metric.
        value: a number, which may be NaN or infinite, a boolean or a string, as it was logged.
    """

    run_uid: str
    task_id: str
    artifact: str
    name: str
    value: float | int | bool | str
