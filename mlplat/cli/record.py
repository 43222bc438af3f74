"""``mlplat get``, ``mlplat record``, ``mlplat cache``: the record of runs."""

from __future__ import annotations

import dataclasses
import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from mlplat.argo.names import NOTHING
from mlplat.argo.reasons import readable
from mlplat.argo.status import FAILED, FINISHED, decoded, is_artifact, shown, spelled
from mlplat.cli import places, show
from mlplat.cli.commands import Given
from mlplat.errors import ArgumentError, ClusterError, Diagnostic
from mlplat.escaping import escaped_line
from mlplat.runs import state
from mlplat.runs.state import home, known_machine
from mlplat.runs.tasks import path

if TYPE_CHECKING:
    from mlplat.metadata import Artifact, Run, Store, Task

_Row = Any
_TOLD = 5
_CHILD_FAILED = re.compile("child '.*' failed")


class _Placed(NamedTuple):
    """A row, with the run and the task that it belongs to, where the record has them."""

    row: _Row
    run: Run | None
    task: Task | None = None

    @property
    def path(self) -> str:
        return path(self.run.name, self.task.name) if self.run and self.task else ""

    @property
    def document(self) -> dict[str, Any]:
        """All that is known of the row, with the names of its run and task."""
        placed = {"run": self.run.name if self.run else "", "task": self.path} if self.task else {}
        return {**placed, **_finite(dataclasses.asdict(self.row))}

    @property
    def order(self) -> tuple[Any, ...]:
        return (self.task.order if self.task else (), getattr(self.row, "artifact", ""), self.row.name)


_OF_ONE_RUN = ("tasks", "parameters", "metrics", "lineage")


def get(given: Given) -> int:
    """List runs, or what one of them had: tasks, parameters, artifacts and what they were for, metrics."""
    if given.name is None and given.what in _OF_ONE_RUN:
        message = f"get {given.what} needs the name of a run"
        raise ArgumentError(Diagnostic("MLP407", "", message, "mlplat get runs lists them"))
    if given.columns or given.filter or given.sort:
        from mlplat.cli import columns

        chosen = columns.chosen(given)
        with _store(given) as store:
            return columns.get(given, store, chosen)
    with _store(given) as store:
        run = store.run(given.name) if given.name else None
        rows = _LISTS[given.what](store, run, given.limit)
        has_runs = bool(rows or store.runs(1))
    if given.output == "json":
        print(json.dumps([one.document for one in rows], indent=2, default=_json))
    elif not has_runs:
        print(f"no runs in {given.namespace or 'this namespace' if given.engine == 'argo' else home()}")
    else:
        usual = [column for column in _COLUMNS[given.what] if column[0] != "RUN" or run is None]
        print(table([title for title, _ in usual], [[read(one) for _, read in usual] for one in rows]))
    sys.stdout.flush()
    _tell_of_unfollowed(given, run, rows)
    return 0


def _store(given: Given) -> Store:
    """Open the record, or make one of the Workflows of a cluster as they are now."""
    if given.engine == "local":
        machine = places.machine(given)
        store = state.record_to_read(machine.home)
        machine.catch_up(store, given.name)
        return store
    from mlplat import k8s, metadata
    from mlplat.runs.cluster import readable

    place = places.cluster(given)
    store = metadata.open_store("sqlite://")
    if given.name:
        store.record(place.explained(place.read(given.name)))
    else:
        for workflow in k8s.newest(limit=given.limit, **place.options):
            store.record(readable(workflow))
    return store


def record(given: Given) -> int:
    """Take Workflows of a cluster into the record."""
    from mlplat.runs.cluster import Recorded

    if bool(given.runs) + given.all + bool(given.selector) != 1:
        hint = "mlplat record RUN, mlplat record --all, or mlplat record -l team=blue"
        raise ArgumentError(Diagnostic("MLP407", "", "give names of runs, --all, or labels", hint))
    taken: list[Recorded] = []
    cluster = places.cluster(given)
    with state.record(cluster.home, cluster.identity()) as store:
        for one in cluster.record(store, names=given.runs, selector=given.selector):
            taken.append(one)
            if one.run is None:
                print(f"{one.name}: {one.error}", file=sys.stderr)
            else:
                print(f"recorded {one.name}  {one.run.phase}")
    if not taken:
        print("no Workflows found", file=sys.stderr)
    return ClusterError.exit_code if any(one.error for one in taken) else 0


def _tell_of_unfollowed(given: Given, run: Run | None, rows: Sequence[_Placed]) -> None:
    """Say which runs of a cluster may be further than the record knows."""
    listed = {one.run.uid: one.run for one in rows if one.run}
    told = [run] if run else list(listed.values())
    behind = [
        one for one in told if given.engine == "local" and one.engine == "argo" and one.phase not in FINISHED
    ]
    for one in behind[:_TOLD]:
        hint = f"mlplat record {one.name} -n {one.namespace}"
        print(
            f"{one.name} was {one.phase.lower()} when it was last recorded; to update: {hint}",
            file=sys.stderr,
        )


def _runs(store: Store, run: Run | None, limit: int) -> list[_Placed]:
    found = store.runs(limit, name=run.name if run else None)
    return [_Placed(dataclasses.replace(one, message=_message(store, one)), one) for one in found]


def _message(store: Store, run: Run) -> str:
    """Write why a run ended as it did: not which of its steps failed, by its id, as Argo says of steps."""
    own = "" if _CHILD_FAILED.fullmatch(run.message) else run.message
    return own or _failed(store, run) or run.message


def _failed(store: Store, run: Run) -> str:
    """Write which tasks of a run failed, and why when it is one."""
    if run.phase not in FAILED:
        return ""
    tasks = store.failures(run)
    if len(tasks) == 1:
        return f"{path(run.name, tasks[0].name)}: {tasks[0].message}"
    return f"failed: {show.listed([path(run.name, task.name) for task in tasks])}" if tasks else ""


def _tasks(store: Store, run: Run, _limit: int) -> list[_Placed]:
    """List the tasks of a run, and the groups of tasks that failed of their own."""
    groups = [task for task in store.failures(run) if task.role == "group"]
    skipped = (NOTHING, "Skipped")
    tasks = [task for task in store.tasks(run) if (task.template, task.type) != skipped]
    return [_Placed(task, run, task) for task in sorted([*tasks, *groups], key=lambda task: task.order)]


def _artifacts(store: Store, run: Run | None, limit: int) -> list[_Placed]:
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
class _Value:
    """What went into a task or came out of it."""

    direction: str
    name: str
    value: Any


def _parameters(store: Store, run: Run, _limit: int) -> list[_Placed]:
    """List the values of tasks, and of the pipeline itself, but for what the compiler passes for itself.

    Inputs that were not given are left out, and so are outputs that a failed task did not write.
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
            placed.append(_Placed(_Value(one.direction, one.name, value), run, shown[one.task_id]))
    return sorted(placed, key=lambda one: one.task.order if one.task else ())


@dataclasses.dataclass(frozen=True, slots=True)
class _Edge:
    """That a task read an artifact or gave it out, and which task of which run wrote the artifact."""

    direction: str
    name: str
    made_by_run: str
    made_by_task: str
    artifact: Artifact


def _lineage(store: Store, run: Run, _limit: int) -> list[_Placed]:
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
        maker = _Placed(None, runs.get(uid), makers.get((uid, task)))
        name = maker.run.name if maker.run else ""
        edge = _Edge(use.direction, use.name, name, maker.path, artifacts[use.artifact_id])
        placed.append(_Placed(edge, run, tasks[use.task_id]))
    return sorted(
        placed, key=lambda one: (one.task.order if one.task else (), one.row.direction, one.row.name)
    )


def _metrics(store: Store, run: Run, _limit: int) -> list[_Placed]:
    rows = store.metrics(run)
    return _placed(store, rows, [(row.run_uid, row.task_id) for row in rows])


def _placed(store: Store, rows: Sequence[_Row], makers: Sequence[tuple[str, str]]) -> list[_Placed]:
    """Return rows in the order of their tasks, which are given as ids of run and task."""
    runs, tasks = _known(store, [uid for uid, _ in makers])
    placed = [
        _Placed(row, runs.get(maker[0]), tasks.get(maker)) for row, maker in zip(rows, makers, strict=True)
    ]
    return sorted(placed, key=lambda one: one.order)


def _known(store: Store, uids: Iterable[str]) -> tuple[dict[str, Run], dict[tuple[str, str], Task]]:
    """Return runs by their ids, and their tasks by both ids; an empty id stands for none."""
    runs = {uid: store.run(uid) for uid in set(uids) if uid}
    return runs, {(uid, task.id): task for uid in runs for task in store.tasks(uid, roles=None)}


_LISTS: dict[str, Callable[[Store, Any, int], list[_Placed]]] = {
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


def _json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _when(moment: datetime | None) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def _took(row: _Row) -> str:
    if not row.started_at or not row.finished_at:
        return ""
    return show.duration((row.finished_at - row.started_at).total_seconds())


def _lies(artifact: Artifact) -> str:
    if artifact.key and artifact.engine == "local" and artifact.cluster in ("", known_machine(home())):
        return str(home() / "artifacts" / artifact.key)
    return artifact.key or artifact.uri


_COLUMNS: dict[str, list[tuple[str, Callable[[_Placed], str]]]] = {
    "runs": [
        ("NAME", lambda one: one.row.name),
        ("PIPELINE", lambda one: one.row.pipeline),
        ("ENGINE", lambda one: one.row.engine),
        ("PHASE", lambda one: one.row.phase),
        ("STARTED", lambda one: _when(one.row.started_at)),
        ("TOOK", lambda one: _took(one.row)),
        ("MESSAGE", lambda one: readable(one.row.message)),
    ],
    "tasks": [
        ("NAME", lambda one: one.path),
        ("PHASE", lambda one: "Cached" if one.row.cached else one.row.phase),
        ("ATTEMPTS", lambda one: str(one.row.attempts)),
        ("STARTED", lambda one: _when(one.row.started_at)),
        ("TOOK", lambda one: _took(one.row)),
        ("MESSAGE", lambda one: readable(one.row.message)),
    ],
    "artifacts": [
        ("RUN", lambda one: one.run.name if one.run else ""),
        ("TASK", lambda one: one.path),
        ("NAME", lambda one: one.row.name),
        ("TYPE", lambda one: one.row.type),
        ("SIZE", lambda one: "" if one.row.size is None else f"{one.row.size:,}"),
        ("DIGEST", lambda one: one.row.digest[:19]),
        ("PLACE", lambda one: _lies(one.row)),
    ],
    "parameters": [
        ("TASK", lambda one: one.path),
        ("DIRECTION", lambda one: one.row.direction),
        ("NAME", lambda one: one.row.name),
        ("VALUE", lambda one: show.short(one.row.value)),
    ],
    "lineage": [
        ("TASK", lambda one: one.path),
        ("DIRECTION", lambda one: one.row.direction),
        ("NAME", lambda one: one.row.name),
        ("MADE BY", lambda one: "/".join(filter(None, (one.row.made_by_run, one.row.made_by_task)))),
        ("PLACE", lambda one: _lies(one.row.artifact)),
    ],
    "metrics": [
        ("TASK", lambda one: one.path),
        ("ARTIFACT", lambda one: one.row.artifact),
        ("METRIC", lambda one: one.row.name),
        ("VALUE", lambda one: shown(one.row.value)),
    ],
}


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write rows in columns.

    Args:
        titles: of the columns.
        rows: texts, as many as titles.

    Returns:
        Lines, the titles first.
    """
    every = [list(titles), *([escaped_line(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in every) for column in range(len(titles))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in every
    )


def cache(given: Given) -> int:
    """Forget every cached result."""
    if given.engine == "argo":
        count = places.cluster(given).clear_cache(given.controller_namespace)
        print(f"deleted {count} cache{'' if count == 1 else 's'} of the cluster")
        return 0
    count = places.machine(given).clear_cache()
    print(f"forgot {count} result{'' if count == 1 else 's'}")
    return 0
