"""Runs as pages: what the record has of a run, with its logs and the content of its artifacts, within limits."""

from __future__ import annotations

import hashlib
import stat
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mlplat import engine, report
from mlplat.addresses import without_passwords
from mlplat.argo import status as statuses
from mlplat.argo.names import NOTHING
from mlplat.argo.reasons import readable
from mlplat.argo.status import fused
from mlplat.canonical import canonical_json
from mlplat.errors import ArgumentError, Diagnostic, MlplatError
from mlplat.runs import cluster_files, state
from mlplat.runs.cluster import Cluster, Workflow
from mlplat.runs.machine import Machine
from mlplat.runs.tasks import path

if TYPE_CHECKING:
    from mlplat.metadata import ArtifactRow, RunRow, Store, TaskRow

_LOG, _LOG_OF_FAILED, _ALL_LOGS = 1 << 12, 1 << 14, 1 << 22
_PART, _WHOLE, _ALL_CONTENT = 1 << 16, 1 << 23, 1 << 25
_MOST_LOGS_OF_CLUSTER = 20


class FileSource(Protocol):
    """Where the logs and the artifacts of a run are."""

    def log(self, run: RunRow, task: TaskRow, attempts: Sequence[TaskRow]) -> str | None:
        """Return the end of what the last attempt of a task printed; None if that is not known.

        Raises:
            MlplatError: there is no log, with the reason.
        """

    def content(self, artifact: ArtifactRow, size: int) -> bytes | None:
        """Return at most so many of the first bytes of an artifact; None if it is not a file.

        Raises:
            MlplatError: it can't be read, with the reason.
        """

    def place(self, artifact: ArtifactRow) -> str:
        """Return where an artifact is."""


@dataclass(frozen=True, slots=True)
class MachineFiles:
    """The files of the runs of this machine.

    Attributes:
        home: folder of runs, logs and artifacts.
    """

    home: Path

    def log(self, run: RunRow, task: TaskRow, attempts: Sequence[TaskRow]) -> str | None:
        """Return the end of a log; see :class:`FileSource`."""
        last = attempts[-1] if attempts else task
        folder = self.home / "logs" / run.name
        own = folder / f"{last.id}.log"
        if own.exists():
            return engine.last_attempt(own)
        shared = folder / f"{last.boundary_id}.log"
        return fused.log_of(engine.last_attempt(shared), last.display_name) if shared.exists() else None

    def content(self, artifact: ArtifactRow, size: int) -> bytes | None:
        """Return the start of an artifact; see :class:`FileSource`."""
        return _start(self.home / "artifacts" / artifact.key, size) if _is_below(artifact.key) else None

    def place(self, artifact: ArtifactRow) -> str:
        """Return the path of an artifact, or its URI."""
        return str(self.home / "artifacts" / artifact.key) if artifact.key else artifact.uri


@dataclass(slots=True)
class ClusterFiles:
    """Pods and the artifact repository of a run of a cluster.

    Attributes:
        workflow: the Workflow with its status.
        cluster: where it is.
    """

    workflow: Workflow
    cluster: Cluster
    asked: int = field(default=0, init=False)

    def log(self, run: RunRow, task: TaskRow, attempts: Sequence[TaskRow]) -> str | None:  # noqa: ARG002
        """Return the end of a log; see :class:`FileSource`. Only a few logs are read, of tasks that failed."""
        if task.phase not in statuses.FAILED or self.asked >= _MOST_LOGS_OF_CLUSTER:
            return None
        self.asked += 1
        last = attempts[-1] if attempts else task
        kept: list[str] = []
        length = 0
        for line in cluster_files.log_of_pod(self.workflow, last.id, self.cluster):
            kept.append(line)
            length += len(line) + 1
            while length > 4 * _LOG_OF_FAILED and len(kept) > 1:
                length -= len(kept.pop(0)) + 1
        return "".join(f"{line}\n" for line in kept)

    def content(self, artifact: ArtifactRow, size: int) -> bytes | None:
        """Return the start of an artifact; see :class:`FileSource`."""
        if not artifact.key or artifact.size is None or artifact.size > _WHOLE:
            return None
        with tempfile.TemporaryDirectory(prefix="mlplat-report-") as folder:
            file = Path(folder) / "artifact"
            return (
                _start(file, size)
                if cluster_files.fetch(self.workflow, artifact.key, file, self.cluster)
                else None
            )

    def place(self, artifact: ArtifactRow) -> str:
        """Return the key of an artifact, or its URI."""
        return artifact.key or artifact.uri


@dataclass(frozen=True, slots=True)
class NoFiles:
    """No logs and no artifacts: of a run that was not on this machine, the record has neither."""

    def log(self, run: RunRow, task: TaskRow, attempts: Sequence[TaskRow]) -> str | None:  # noqa: ARG002
        """Return None."""
        return None

    def content(self, artifact: ArtifactRow, size: int) -> bytes | None:  # noqa: ARG002
        """Return None."""
        return None

    def place(self, artifact: ArtifactRow) -> str:
        """Return the key of an artifact, or its URI."""
        return artifact.key or artifact.uri


def read(place: Machine | Cluster, names: Sequence[str], *, whole: bool = True) -> list[report.Report]:
    """Read runs, from the record of this machine or from a cluster.

    Args:
        place: where they are.
        names: of the runs.
        whole: whether logs and the content of artifacts are read.

    Raises:
        MlplatError: a run does not exist, or the record or the cluster can't be read.
    """
    if isinstance(place, Cluster):
        workflows = [place.explained(place.read(name)) for name in names]
        return [of_workflow(one, _files(one, place) if whole else NoFiles()) for one in workflows]
    with state.record_to_read(place.home) as store:
        for name in names:
            place.catch_up(store, name)
        return [of_record(store, name, place.home, whole=whole) for name in names]


def of_ended(workflow: Workflow, place: Machine | Cluster) -> report.Report:
    """Read a run that has ended.

    Args:
        workflow: the Workflow with its status.
        place: where it ran.
    """
    return of_workflow(workflow, _files(workflow, place))


def _files(workflow: Workflow, place: Machine | Cluster) -> FileSource:
    return ClusterFiles(workflow, place) if isinstance(place, Cluster) else MachineFiles(place.home)


def of_record(store: Store, name: str, home: Path, *, whole: bool = True) -> report.Report:
    """Read a run of the record.

    Args:
        store: the record.
        name: name or uid of the run.
        home: folder of runs, logs and artifacts of this machine, for runs of this machine.
        whole: whether logs and the content of artifacts are read.

    Raises:
        StoreError: the run does not exist.
    """
    run = store.run(name)
    is_here = state.is_here(home, run)
    return _report(store, run, MachineFiles(home) if is_here and whole else NoFiles(), is_here=is_here)


def of_workflow(workflow: Workflow, source: FileSource) -> report.Report:
    """Read a run from its Workflow alone.

    Args:
        workflow: the Workflow with its status.
        source: where its logs and artifacts are.
    """
    from mlplat import metadata

    with metadata.open_store("sqlite://") as store:
        return _report(store, store.record(workflow), source)


def notebook_page(workflow: Workflow, home: Path | None) -> str:
    """Return the page of a run of this machine as a notebook shows it.

    Args:
        workflow: the Workflow with its status.
        home: folder of runs, logs and artifacts; None leaves logs and content out.
    """
    found = of_workflow(workflow, MachineFiles(home) if home else NoFiles())
    return report.embedded(report.page(found), f"Run {found.run.name}")


def write(text: str, file: Path) -> None:
    """Write a page to a file.

    Raises:
        ArgumentError: it can't be written.
    """
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        message, hint = f"{file} can't be written: {error.strerror}", "pass another file with -o"
        raise ArgumentError(Diagnostic("MLP420", "", message, hint)) from None


def side_of(found: report.Report) -> report.Side:
    """Return what a run has to compare: its parameters, metrics and artifacts."""
    names = [metric.name for metric in found.metrics]
    metrics = {
        metric.name if names.count(metric.name) == 1 else f"{metric.task}: {metric.name}": metric.value
        for metric in found.metrics
    }
    artifacts = {f"{one.task}: {one.name}": one.digest or _unhashed(one) for one in found.artifacts}
    return report.Side(found.run, metrics, artifacts)


def _unhashed(artifact: report.ArtifactView) -> str:
    """Return what is known of the content of an artifact without a digest: its size, or what its task logged."""
    if artifact.size is not None:
        return f"no digest, {artifact.size} bytes"
    if not artifact.metadata:
        return "no digest"
    logged = canonical_json(artifact.metadata).encode("utf-8", "surrogatepass")
    return f"sha256:{hashlib.sha256(logged).hexdigest()}"


def _report(store: Store, run: RunRow, source: FileSource, *, is_here: bool = True) -> report.Report:
    every = store.tasks(run, roles=None)
    tree = _Tree(run, every)
    values = _values(store, run)
    attempts: dict[str, list[TaskRow]] = {}
    for task in every:
        if task.role == "attempt":
            attempts.setdefault(task.parent_id, []).append(task)
    for found in attempts.values():
        found.sort(key=lambda task: task.order)
    reader = _Reader(run, source)
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


class _Tree:
    """The nodes of a run that people know, in the order in which they read them."""

    def __init__(self, run: RunRow, tasks: Sequence[TaskRow]) -> None:
        by_id = {task.id: task for task in tasks}
        parents = {task.id: task.parent_id for task in tasks}
        hidden = {task.id for task in tasks if _is_hidden(task, run)}
        inside: dict[str, list[TaskRow]] = {}
        for task in sorted(tasks, key=lambda task: task.order):
            if task.id not in hidden:
                inside.setdefault(_parent(task.id, parents, hidden), []).append(task)
        self.loops = {task.id for task in tasks if task.type == "TaskGroup"}
        for key in self.loops & {only[0].id for only in inside.values() if len(only) == 1}:
            outer = _parent(key, parents, hidden)
            if outer in by_id and inside.get(key):
                # The group of a ParallelFor holds nothing but its loop: one box is enough.
                hidden.add(key)
                self.loops.add(outer)
                inside[outer] = inside.pop(key)
        self.parents = {key: _parent(key, parents, hidden) for key in by_id}
        self.after = statuses.edges({task.id: task.children for task in tasks}, parents, hidden)
        self._hidden = hidden
        self.shown: list[TaskRow] = []
        waiting = list(reversed(inside.get("", ())))
        while waiting:
            self.shown.append(task := waiting.pop())
            waiting += reversed(inside.get(task.id, ()))

    def seen(self, key: str) -> str:
        """Return the node itself, or what is shown around it."""
        return self.parents[key] if key in self._hidden else key


def _is_hidden(task: TaskRow, run: RunRow) -> bool:
    is_of_the_compiler = (task.template, task.type) == (NOTHING, "Skipped")
    is_root = task.name == run.name and task.role == "group"
    return task.role == "attempt" or task.type in ("StepGroup", "Container") or is_of_the_compiler or is_root


def _parent(key: str, parents: Mapping[str, str], hidden: Iterable[str]) -> str:
    seen = {key}
    key = parents.get(key, "")
    while key in hidden and key not in seen:
        seen.add(key)
        key = parents.get(key, "")
    return key if key in parents else ""


def _task(
    run: RunRow,
    task: TaskRow,
    tree: _Tree,
    values: _Values,
    reader: _Reader,
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
    """Return what went into each task and came out of it, but for what the compiler passes for itself."""
    found: dict[str, _Values] = {}
    for one in store.parameters(run):
        value = statuses.decoded(one.value)
        if "--" in one.name or value is None or statuses.is_artifact(value):
            continue
        inputs, outputs = found.get(one.task_id, _NO_VALUES)
        added = (report.ParameterView(one.name, value),)
        found[one.task_id] = (
            (inputs + added, outputs) if one.direction == "input" else (inputs, outputs + added)
        )
    return found


@dataclass(slots=True)
class _Reader:
    """Reads logs and contents until there is too much of them for one page."""

    run: RunRow
    source: FileSource
    logs_left: int = _ALL_LOGS
    content_left: int = _ALL_CONTENT

    def log(self, task: TaskRow, attempts: Sequence[TaskRow]) -> report.LogView:
        """Return the end of the log of a task; a task that failed has more room."""
        if task.cached or task.phase in report.NOT_RUN:
            return report.LogView()
        room = _LOG_OF_FAILED if task.phase in statuses.FAILED else _LOG
        if self.logs_left < room:
            return report.LogView(
                note=f"The report has reached its size limit; see: mlplat logs {self.run.name}"
            )
        try:
            text = self.source.log(self.run, task, attempts)
        except MlplatError as error:
            return report.LogView(note=error.diagnostics[0].message)
        if not text:
            return report.LogView()
        end = text[-room:]
        if len(end) < len(text) and "\n" in end[:-1]:
            end = end.split("\n", 1)[1]
        self.logs_left -= len(end)
        return report.LogView(end, is_whole=len(end) == len(text))

    def content(self, artifact: ArtifactRow, found: report.ArtifactView) -> report.ArtifactView:
        """Return an artifact with its content: pictures and documents whole, of others the start."""
        if self.content_left < _WHOLE:
            return replace(found, note="The report has reached its size limit.")
        try:
            data = self.source.content(artifact, _PART + 1)
            if data is not None and len(data) > _PART and report.needs_all(found.type, data):
                data = self.source.content(artifact, _WHOLE + 1)
                is_whole = data is not None and len(data) <= _WHOLE
            else:
                is_whole = data is not None and len(data) <= _PART
                data = data[:_PART] if data else data
        except MlplatError as error:
            return replace(found, note=error.diagnostics[0].message)
        if data is None:
            return found
        if not is_whole and report.needs_all(found.type, data):
            return replace(found, note="It is too large for the report.")
        self.content_left -= len(data)
        return replace(found, content=data, is_whole=is_whole)


def _artifacts(
    store: Store, run: RunRow, names: Mapping[str, str], reader: _Reader
) -> tuple[report.ArtifactView, ...]:
    work = {task.id: task for task in store.tasks(run)}
    rows = {artifact.id: artifact for artifact in store.artifacts(run)}
    found: dict[str, tuple[TaskRow, report.ArtifactView, ArtifactRow]] = {}
    for use in store.uses(run):
        artifact = rows.get(use.artifact_id)
        if use.direction != "output" or use.task_id not in work or artifact is None or artifact.id in found:
            continue
        shown = report.ArtifactView(
            names[use.task_id],
            use.name,
            artifact.type,
            without_passwords(reader.source.place(artifact)),
            artifact.digest,
            artifact.size,
            artifact.metadata,
        )
        found[artifact.id] = (work[use.task_id], shown, artifact)
    ordered = sorted(found.values(), key=lambda one: (one[0].order, one[1].name))
    return tuple(reader.content(artifact, shown) for _, shown, artifact in ordered)


def _is_below(key: str) -> bool:
    return bool(key) and not key.startswith("/") and ".." not in Path(key).parts and "\0" not in key


def _start(file: Path, size: int) -> bytes | None:
    """Return the first bytes of a regular file; None if it is not one, or can't be read."""
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            return None
        with file.open("rb") as opened:
            return opened.read(size)
    except OSError:
        return None
