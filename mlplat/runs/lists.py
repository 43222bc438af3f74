"""Lists of the record: runs, and the tasks, parameters, artifacts, lineage and metrics of a run."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mlplat.argo.names import NOTHING
from mlplat.argo.status import FAILED, decoded, is_artifact, spelled
from mlplat.runs.tasks import listed, path

if TYPE_CHECKING:
    from mlplat.metadata import ArtifactRow, RunRow, Store, TaskRow

OF_ONE_RUN = ("tasks", "parameters", "metrics", "lineage")
"""The lists that need a run."""

_Row = Any
_CHILD_FAILED = re.compile("child '.*' failed")


class Row(NamedTuple):
    """A row, with its run and task, if recorded."""

    row: _Row
    run: RunRow | None
    task: TaskRow | None = None

    @property
    def path(self) -> str:
        """The path of the task in the run."""
        return path(self.run.name, self.task.name) if self.run and self.task else ""

    @property
    def document(self) -> dict[str, Any]:
        """All fields of the row, with the names of its run and task."""
        placed = {"run": self.run.name if self.run else "", "task": self.path} if self.task else {}
        return {**placed, **_finite(dataclasses.asdict(self.row))}

    @property
    def order(self) -> tuple[Any, ...]:
        """Sort key: as the tasks of a run follow each other."""
        return (self.task.order if self.task else (), getattr(self.row, "artifact", ""), self.row.name)


def _runs(store: Store, run: RunRow | None, limit: int) -> list[Row]:
    found = store.runs(limit, name=run.name if run else None)
    return [Row(dataclasses.replace(one, message=_message(store, one)), one) for one in found]


def _message(store: Store, run: RunRow) -> str:
    """Return the message of a run, without Argo's ids of failed steps."""
    own = "" if _CHILD_FAILED.fullmatch(run.message) else run.message
    return own or _failed(store, run) or run.message


def _failed(store: Store, run: RunRow) -> str:
    """Return the failed tasks of a run, with the message if it is only one."""
    if run.phase not in FAILED:
        return ""
    tasks = store.failures(run)
    if len(tasks) == 1:
        return f"{path(run.name, tasks[0].name)}: {tasks[0].message}"
    return f"failed: {listed([path(run.name, task.name) for task in tasks])}" if tasks else ""


def _tasks(store: Store, run: RunRow, _limit: int) -> list[Row]:
    """List the tasks of a run, and the groups of tasks that failed of their own."""
    groups = [task for task in store.failures(run) if task.role == "group"]
    skipped = (NOTHING, "Skipped")
    tasks = [task for task in store.tasks(run) if (task.template, task.type) != skipped]
    return [Row(task, run, task) for task in sorted([*tasks, *groups], key=lambda task: task.order)]


def _artifacts(store: Store, run: RunRow | None, limit: int) -> list[Row]:
    """List artifacts, those of the newest run first, within a run as its tasks follow each other."""
    rows = store.artifacts(run, limit=None if run else limit)
    makers = {row.id: (row.producer_run_uid or "", row.producer_task_id or "") for row in rows}
    if run:
        work = {task.id for task in store.tasks(run)}
        makers |= {
            use.artifact_id: (run.uid, use.task_id)
            for use in store.uses(run)
            if use.direction == "output" and use.task_id in work
        }
    return sorted(
        _placed(store, rows, [makers[row.id] for row in rows]),
        key=lambda one: (one.run.created_at.timestamp(), one.run.uid) if one.run else (0.0, ""),
        reverse=True,
    )


@dataclasses.dataclass(frozen=True, slots=True)
class TaskValue:
    """The inputs and outputs of a task."""

    direction: str
    name: str
    value: Any


def _parameters(store: Store, run: RunRow, _limit: int) -> list[Row]:
    """List the parameters of tasks and of the pipeline, without those that the compiler adds.

    Inputs without a value and unwritten outputs of failed tasks are left out.
    """
    every = {task.id: task for task in store.tasks(run, roles=None)}
    shown = {key: task for key, task in every.items() if task.role == "task" or task.name == run.name}
    placed = []
    for one in store.parameters(run):
        value = decoded(one.value)
        if one.task_id not in shown or "--" in one.name or is_artifact(value):
            continue
        was_written = one.direction == "output" and shown[one.task_id].phase == "Succeeded"
        if value is not None or was_written:
            placed.append(Row(TaskValue(one.direction, one.name, value), run, shown[one.task_id]))
    return sorted(placed, key=lambda one: one.task.order if one.task else ())


@dataclasses.dataclass(frozen=True, slots=True)
class Edge:
    """A task that read or wrote an artifact, and the task and run that made the artifact."""

    direction: str
    name: str
    made_by_run: str
    made_by_task: str
    artifact: ArtifactRow


def _lineage(store: Store, run: RunRow, _limit: int) -> list[Row]:
    tasks = {task.id: task for task in store.tasks(run)}
    uses = [use for use in store.uses(run) if use.task_id in tasks]
    artifacts = {key: store.artifact(key) for key in {use.artifact_id for use in uses}}
    made_by = {
        key: (one.producer_run_uid or "", one.producer_task_id or "") for key, one in artifacts.items()
    }
    runs, makers = _known(store, [uid for uid, _ in made_by.values()])
    placed = []
    for use in uses:
        uid, task = made_by[use.artifact_id]
        maker = Row(None, runs.get(uid), makers.get((uid, task)))
        name = maker.run.name if maker.run else ""
        edge = Edge(use.direction, use.name, name, maker.path, artifacts[use.artifact_id])
        placed.append(Row(edge, run, tasks[use.task_id]))
    return sorted(
        placed, key=lambda one: (one.task.order if one.task else (), one.row.direction, one.row.name)
    )


def _metrics(store: Store, run: RunRow, _limit: int) -> list[Row]:
    rows = store.metrics(run)
    return _placed(store, rows, [(row.run_uid, row.task_id) for row in rows])


def _placed(store: Store, rows: Sequence[_Row], makers: Sequence[tuple[str, str]]) -> list[Row]:
    """Return rows in the order of their tasks; makers are the ids of run and task."""
    runs, tasks = _known(store, [uid for uid, _ in makers])
    placed = [Row(row, runs.get(maker[0]), tasks.get(maker)) for row, maker in zip(rows, makers, strict=True)]
    return sorted(placed, key=lambda one: one.order)


def _known(store: Store, uids: Iterable[str]) -> tuple[dict[str, RunRow], dict[tuple[str, str], TaskRow]]:
    """Return runs by their ids, and their tasks by both ids; an empty id stands for none."""
    runs = {uid: store.run(uid) for uid in set(uids) if uid}
    return runs, {(uid, task.id): task for uid in runs for task in store.tasks(uid, roles=None)}


LISTS: dict[str, Callable[[Store, Any, int], list[Row]]] = {
    "runs": _runs,
    "tasks": _tasks,
    "parameters": _parameters,
    "artifacts": _artifacts,
    "lineage": _lineage,
    "metrics": _metrics,
}


def _finite(value: Any) -> Any:
    """Return a value with NaN and infinities as strings, because JSON has none."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return spelled(value) if isinstance(value, float) else value
