"""The data of a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Kind = Literal["task", "group", "loop"]
Scalar = float | int | bool | str


@dataclass(frozen=True, slots=True)
class ParameterView:
    """A parameter.

    Attributes:
        name: its name.
        value: any JSON value.
    """

    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class LogView:
    """What a task printed.

    Attributes:
        text: the end of the log; empty if the task printed nothing.
        is_whole: whether the log has nothing before :attr:`text`.
        note: why there is no log; empty if there is one.
    """

    text: str = ""
    is_whole: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True)
class RunView:
    """The run as a whole; all times are aware.

    Attributes:
        name: its name.
        pipeline: name of the pipeline.
        experiment: name of the experiment.
        place: where it ran, such as ``this machine`` or ``namespace my-team``.
        phase: Argo's phase of the Workflow.
        message: why it is in this phase; may be empty.
        started_at: when its first task started.
        finished_at: when it ended; None while it runs.
        source: digest of the manifest without its arguments.
        parameters: arguments of the pipeline.
        outputs: results of the pipeline.
    """

    name: str
    pipeline: str
    experiment: str
    place: str
    phase: str
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    source: str = ""
    parameters: tuple[ParameterView, ...] = ()
    outputs: tuple[ParameterView, ...] = ()


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task, or a group of tasks.

    Attributes:
        id: unique within the run.
        path: name for people, such as ``loop(0:a).train``.
        label: last part of the path.
        kind: ``loop`` for a group of iterations, ``group`` for other groups.
        phase: Argo's phase of the node.
        message: why it is in this phase; may be empty.
        parent: id of the group that it is in; empty at the top.
        after: ids of the tasks of the same group that it waited for.
        attempts: number of attempts.
        cached: whether its outputs came from the cache.
        started_at: when it started.
        finished_at: when it ended; None while it runs.
        inputs: parameters that it read.
        outputs: parameters that it wrote.
        log: its log; None for a group.
        is_cause: whether the run failed because of it, and not because of another one.
    """

    id: str
    path: str
    label: str
    kind: Kind
    phase: str
    message: str = ""
    parent: str = ""
    after: tuple[str, ...] = ()
    attempts: int = 1
    cached: bool = False
    started_at: datetime | None = None
    finished_at: datetime | None = None
    inputs: tuple[ParameterView, ...] = ()
    outputs: tuple[ParameterView, ...] = ()
    log: LogView | None = None
    is_cause: bool = False


@dataclass(frozen=True, slots=True)
class MetricView:
    """A value that a task logged.

    Attributes:
        task: path of the task.
        artifact: name of the artifact that it was logged to.
        name: name of the metric.
        value: the logged value.
    """

    task: str
    artifact: str
    name: str
    value: Scalar


@dataclass(frozen=True, slots=True)
class ArtifactView:
    """An artifact that a task wrote.

    Attributes:
        task: path of the task.
        name: name of the output.
        type: schema title, such as ``system.Model``.
        place: where its bytes are: a path, a key or a URI.
        digest: digest of its content; empty if unknown.
        size: in bytes; None if unknown.
        metadata: metadata from the task.
        content: its bytes, or the first of them; None if they are not part of the report.
        is_whole: whether :attr:`content` has all of its bytes.
        note: why the content is missing; empty if it is not.
    """

    task: str
    name: str
    type: str
    place: str = ""
    digest: str = ""
    size: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    content: bytes | None = None
    is_whole: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that the page of a run shows.

    Attributes:
        run: the run.
        tasks: tasks and groups, in the order in which people read them.
        metrics: metrics of the tasks.
        artifacts: artifacts of the tasks.
    """

    run: RunView
    tasks: tuple[TaskView, ...] = ()
    metrics: tuple[MetricView, ...] = ()
    artifacts: tuple[ArtifactView, ...] = ()
