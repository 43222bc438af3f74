"""``mlplat get``, ``mlplat logs``, ``mlplat cache``: the record of runs."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlplat.argo import steps
from mlplat.argo.names import NOTHING
from mlplat.cli import show
from mlplat.cli.parser import home
from mlplat.cli.tasks import Nodes, path, unknown, within
from mlplat.errors import ArgumentError, Diagnostic, EngineError

if TYPE_CHECKING:
    from mlplat.metadata import Artifact, Run, Store, Task

_Row = Any
_FAILED = ("Failed", "Error")


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
        return {**placed, **dataclasses.asdict(self.row)}

    @property
    def order(self) -> tuple[Any, ...]:
        return (self.task.order if self.task else (), getattr(self.row, "artifact", ""), self.row.name)


_OF_ONE_RUN = ("tasks", "parameters", "metrics", "lineage")


def get(given: argparse.Namespace) -> int:
    """List runs, or what one of them had: tasks, parameters, artifacts and what they were for, metrics."""
    if given.name is None and given.what in _OF_ONE_RUN:
        message = f"get {given.what} needs the name of a run"
        raise ArgumentError(Diagnostic("MLP407", "", message, "mlplat get runs lists them"))
    with _record() as store:
        _catch_up(store, given.name)
        run = store.run(given.name) if given.name else None
        rows = _LISTS[given.what](store, run, given.limit)
        has_runs = bool(rows or store.runs(1))
    if given.output == "json":
        print(json.dumps([one.document for one in rows], indent=2, default=_json))
    elif not has_runs:
        print(f"no runs in {home()}")
    else:
        columns = [column for column in _COLUMNS[given.what] if column[0] != "RUN" or run is None]
        print(table([title for title, _ in columns], [[read(one) for _, read in columns] for one in rows]))
    return 0


def _record() -> Store:
    """Open the record to read it; where there is none an empty one, which leaves nothing behind."""
    from mlplat import metadata

    folder = home()
    if folder.exists() and not folder.is_dir():
        hint = "set MLPLAT_HOME to the folder of the runs"
        raise EngineError(Diagnostic("MLP601", "", f"{folder} is no folder", hint))
    file = folder / "mlplat.db"
    return metadata.open_store(file if file.exists() else "sqlite://")


def _runs(store: Store, run: Run | None, limit: int) -> list[_Placed]:
    found = store.runs(limit, name=run.name if run else None)
    return [
        _Placed(dataclasses.replace(one, message=one.message or _failed(store, one)), one) for one in found
    ]


def _failed(store: Store, run: Run) -> str:
    """Write which tasks of a run failed, and why when it is one."""
    if run.phase not in _FAILED:
        return ""
    tasks = store.tasks(run, phase=_FAILED)
    if len(tasks) == 1:
        return f"{path(run.name, tasks[0].name)}: {tasks[0].message}"
    return f"failed: {show.listed([path(run.name, task.name) for task in tasks])}" if tasks else ""


def _tasks(store: Store, run: Run, _limit: int) -> list[_Placed]:
    skipped = (NOTHING, "Skipped")
    return [_Placed(task, run, task) for task in store.tasks(run) if (task.template, task.type) != skipped]


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
    """List the values of tasks, and of the pipeline itself, but for what the compiler passes for itself."""
    every = {task.id: task for task in store.tasks(run, roles=None)}
    shown = {key: task for key, task in every.items() if task.role == "task" or task.name == run.name}
    placed = []
    for one in store.parameters(run):
        value = show.decoded(one.value)
        if one.task_id in shown and "--" not in one.name and not show.is_artifact(value):
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


def _json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _when(moment: datetime | None) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def _took(row: _Row) -> str:
    if not row.started_at or not row.finished_at:
        return ""
    return show.duration((row.finished_at - row.started_at).total_seconds())


def _lies(artifact: Artifact) -> str:
    if artifact.key and artifact.engine == "local":
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
        ("MESSAGE", lambda one: one.row.message),
    ],
    "tasks": [
        ("NAME", lambda one: one.path),
        ("PHASE", lambda one: "Cached" if one.row.cached else one.row.phase),
        ("ATTEMPTS", lambda one: str(one.row.attempts)),
        ("STARTED", lambda one: _when(one.row.started_at)),
        ("TOOK", lambda one: _took(one.row)),
        ("MESSAGE", lambda one: one.row.message),
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
        ("VALUE", lambda one: f"{one.row.value:.6g}"),
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
    every = [list(titles), *map(list, rows)]
    widths = [max(len(row[column]) for row in every) for column in range(len(titles))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in every
    )


def _catch_up(store: Store, name: str | None = None) -> None:
    """Record how far the runs of this machine are that still go on, or how they ended that were killed; or one run."""
    from mlplat import local

    for run in store.runs(name=name, phase="Running", engine="local"):
        known = local.load(home() / "runs" / run.name) if run.name == Path(run.name).name else None
        if known is not None:
            store.record(known)


class _Wrote(NamedTuple):
    """What an attempt wrote: the path of its node, the task that it is an attempt of, and the lines."""

    path: str
    task: str
    lines: Iterable[str]


def logs(given: argparse.Namespace) -> int:
    """Print the logs of a run's tasks, each line with the task's path when there are several."""
    if given.engine == "argo":
        return _cluster_logs(given)
    with _record() as store:
        _catch_up(store, given.name)
        run = store.run(given.name)
        every = store.tasks(run, roles=None)
    nodes = {task.id: {"name": task.name, "displayName": task.display_name} for task in every}
    tasks = [task for task in every if task.role != "group"]
    names = (task.display_name for task in tasks if task.role == "task" and task.attempts)
    chosen = _chosen(given, run.name, nodes, names)
    tasks = [task for task in tasks if task.id in chosen]
    folder = home() / "logs" / run.name
    wrote = [
        _Wrote(path(run.name, task.name), task.parent_id if task.role == "attempt" else task.id, lines)
        for task in tasks
        for lines in _written(folder, task)
    ]
    _print(wrote, given.task)
    if given.task and not wrote:
        for task in tasks:
            if not task.attempts:
                _print_why_not(path(run.name, task.name), task.cached, task.message or task.phase.lower())
    return 0


def _chosen(given: argparse.Namespace, run: str, nodes: Nodes, names: Iterable[str]) -> Collection[str]:
    """Return the ids of the nodes whose logs are wanted; ``names`` are what could have been asked for."""
    chosen = within(run, given.task, nodes) if given.task else nodes.keys()
    if not chosen:
        raise ArgumentError(unknown(run, given.task or "", names))
    return chosen


def _written(folder: Path, task: Task) -> Iterator[list[str]]:
    """Return the lines of each attempt of a task, which may share the log of its pod with others."""
    from mlplat import local

    own = local.attempts(folder / f"{task.id}.log")
    shared = local.attempts(folder / f"{task.boundary_id}.log")
    for text in own or filter(None, (steps.log_of(text, task.display_name) for text in shared)):
        yield text.splitlines()


def _print(wrote: Sequence[_Wrote], asked: str | None) -> None:
    from mlplat import local

    several = not asked or len({one.task for one in wrote}) > 1
    before = ""
    for one in wrote:
        source, begin = (one.path, f"{one.path}: ") if several else (one.task, "")
        if source == before:
            print(f"{begin}{local.NEXT_ATTEMPT}")
        for line in one.lines:
            print(f"{begin}{line}")
        before = source


def _print_why_not(task: str, cached: bool, message: str) -> None:
    why = "its results are from the cache" if cached else message
    print(f"{task} did not run: {why}", file=sys.stderr)


def _cluster_logs(given: argparse.Namespace) -> int:
    from mlplat import k8s

    where = {"context": given.context, "kubeconfig": given.kubeconfig}
    workflow = k8s.read(given.name, namespace=given.namespace or None, **where)
    nodes = {key: dict(node) for key, node in show.nodes_of(workflow).items()}
    task_of = {
        key: parent
        for parent, node in nodes.items()
        if node["type"] == "Retry"
        for key in node.get("children") or ()
    }
    pods = {key: node for key, node in nodes.items() if node["type"] == "Pod" and not show.is_cached(node)}
    names = (node["displayName"] for node in pods.values())
    chosen = _chosen(given, given.name, nodes if given.task else pods, names)
    ran = sorted(chosen & pods.keys(), key=lambda key: (str(pods[key].get("startedAt") or ""), key))
    wrote = [
        _Wrote(path(given.name, pods[key]["name"]), task_of.get(key, key), k8s.logs(workflow, key, **where))
        for key in ran
    ]
    _print(wrote, given.task)
    for node in () if wrote else (nodes[key] for key in sorted(chosen)):
        if node["type"] in ("Pod", "Skipped"):
            message = node.get("message") or node["phase"].lower()
            _print_why_not(path(given.name, node["name"]), show.is_cached(node), message)
    return 0


def cache(given: argparse.Namespace) -> int:
    """Forget every cached result."""
    if given.engine == "argo":
        from mlplat import k8s

        count = k8s.delete_caches(
            namespace=given.namespace or None,
            controller_namespace=given.controller_namespace,
            context=given.context,
            kubeconfig=given.kubeconfig,
        )
        print(f"deleted {count} cache{'' if count == 1 else 's'} of the cluster")
        return 0
    with _record() as store:
        count = store.cache().clear()
    print(f"forgot {count} result{'' if count == 1 else 's'}")
    return 0
