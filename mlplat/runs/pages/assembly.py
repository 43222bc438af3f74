"""A run of the record, with its logs and artifacts, as the report that a page shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mlplat import report
from mlplat.addresses import without_passwords
from mlplat.argo import status as statuses
from mlplat.argo.reasons import readable
from mlplat.runs.pages.limits import Reader
from mlplat.runs.pages.sources import FileSource
from mlplat.runs.pages.tree import Tree
from mlplat.runs.tasks import path

if TYPE_CHECKING:
    from mlplat.metadata import ArtifactRow, RunRow, Store, TaskRow


def assembled(store: Store, run: RunRow, source: FileSource, *, is_here: bool = True) -> report.Report:
    """Make the report of a run.

    Args:
        store: the record.
        run: a run of it.
        source: where its logs and artifacts are.
        is_here: whether a local run was on this machine.
    """
    every = store.tasks(run, roles=None)
    tree = Tree(run, every)
    values = _values(store, run)
    attempts: dict[str, list[TaskRow]] = {}
    for task in every:
        if task.role == "attempt":
            attempts.setdefault(task.parent_id, []).append(task)
    for found in attempts.values():
        found.sort(key=lambda task: task.order)
    reader = Reader(run, source)
    causes = {tree.seen(task.id): task.message for task in store.failures(run)}
    tasks = tuple(
        _task(
            run,
            task,
            tree,
            values.get(task.id, _NO_VALUES),
            reader,
            attempts.get(task.id, ()),
            causes.get(task.id),
        )
        for task in tree.shown
    )
    root = next((task for task in every if task.name == run.name), None)
    outputs = values.get(root.id, _NO_VALUES)[1] if root and root.role == "group" else ()
    names = {task.id: path(run.name, task.name) for task in every}
    place = {task.id: task.order for task in every}
    metrics = (
        report.MetricView(names.get(one.task_id, ""), one.artifact, one.name, one.value)
        for one in sorted(store.metrics(run), key=lambda one: place[one.task_id])
    )
    return report.Report(
        _run(run, outputs, is_here), tasks, tuple(metrics), _artifacts(store, run, names, reader)
    )


_Values = tuple[tuple[report.ParameterView, ...], tuple[report.ParameterView, ...]]
_NO_VALUES: _Values = ((), ())


def _run(run: RunRow, outputs: tuple[report.ParameterView, ...], is_here: bool) -> report.RunView:
    machine = "this machine" if is_here else "another machine"
    place = machine if run.engine == "local" else f"cluster, namespace {run.namespace}"
    return report.RunView(
        name=run.name,
        pipeline=run.pipeline,
        experiment=run.experiment,
        place=place,
        phase=run.phase,
        message=run.message,
        started_at=run.started_at,
        finished_at=run.finished_at,
        source=run.manifest_digest,
        parameters=tuple(
            report.ParameterView(name, without_passwords(text))
            for name, text in run.parameters.items()
            if "--" not in name
        ),
        outputs=outputs,
    )


def _task(
    run: RunRow,
    task: TaskRow,
    tree: Tree,
    values: _Values,
    reader: Reader,
    attempts: Sequence[TaskRow],
    failure: str | None,
) -> report.TaskView:
    kind: report.Kind = "task" if task.role == "task" else "loop" if task.id in tree.loops else "group"
    inputs, outputs = values if kind == "task" else ((), ())
    return report.TaskView(
        id=task.id,
        path=path(run.name, task.name),
        label=task.display_name,
        kind=kind,
        phase=task.phase,
        message=readable(task.message if failure is None else failure),
        parent=tree.parents[task.id],
        after=tree.after.get(task.id, ()),
        attempts=task.attempts,
        cached=task.cached,
        started_at=task.started_at,
        finished_at=task.finished_at,
        inputs=inputs,
        outputs=outputs,
        log=reader.log(task, attempts) if kind == "task" else None,
        is_cause=failure is not None,
    )


def _values(store: Store, run: RunRow) -> dict[str, _Values]:
    """Return the inputs and outputs of each task, without those that the compiler adds."""
    values: dict[str, _Values] = {}
    for one in store.parameters(run):
        value = statuses.decoded(one.value)
        if "--" in one.name or value is None or statuses.is_artifact(value):
            continue
        inputs, outputs = values.get(one.task_id, _NO_VALUES)
        added = (report.ParameterView(one.name, value),)
        values[one.task_id] = (
            (inputs + added, outputs) if one.direction == "input" else (inputs, outputs + added)
        )
    return values


def _artifacts(
    store: Store, run: RunRow, names: Mapping[str, str], reader: Reader
) -> tuple[report.ArtifactView, ...]:
    work = {task.id: task for task in store.tasks(run)}
    rows = {artifact.id: artifact for artifact in store.artifacts(run)}
    latest: dict[str, tuple[TaskRow, report.ArtifactView, ArtifactRow]] = {}
    for use in store.uses(run):
        artifact = rows.get(use.artifact_id)
        if use.direction != "output" or use.task_id not in work or artifact is None or artifact.id in latest:
            continue
        view = report.ArtifactView(
            names[use.task_id],
            use.name,
            artifact.type,
            without_passwords(reader.source.place(artifact)),
            artifact.digest,
            artifact.size,
            artifact.metadata,
        )
        latest[artifact.id] = (work[use.task_id], view, artifact)
    ordered = sorted(latest.values(), key=lambda one: (one[0].order, one[1].name))
    return tuple(reader.content(artifact, view) for _, view, artifact in ordered)
