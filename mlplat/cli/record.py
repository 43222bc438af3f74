"""``mlplat get``, ``mlplat logs``, ``mlplat cache``: the record of runs."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlplat.argo import steps
from mlplat.cli.parser import home
from mlplat.cli.show import duration
from mlplat.cli.tasks import unknown
from mlplat.errors import ArgumentError, Diagnostic

if TYPE_CHECKING:
    from mlplat.metadata import Store

_Row = Any


def get(given: argparse.Namespace) -> int:
    """List runs, or the tasks, artifacts or metrics of one."""
    from mlplat import metadata

    with metadata.open_store(home() / "mlplat.db") as store:
        if given.what == "runs":
            _catch_up(store)
            rows: Sequence[_Row] = store.runs(given.limit, name=given.name)
        elif given.what == "artifacts" and given.name is None:
            rows = store.artifacts()[: given.limit]
        elif given.name is None:
            raise ArgumentError(
                Diagnostic(
                    "MLP407", "", f"get {given.what} needs the name of a run", "mlplat get runs lists them"
                )
            )
        else:
            _catch_up(store, given.name)
            run = store.run(given.name)
            listing: dict[str, Callable[[], Sequence[_Row]]] = {
                "tasks": lambda: store.tasks(run),
                "artifacts": lambda: store.artifacts(run=run),
                "metrics": lambda: store.metrics(run),
            }
            rows = listing[given.what]()
            if given.what == "metrics" and given.output != "json":
                named = _with_places(store, rows, "run_uid", "task_id")
                rows = sorted(named, key=lambda row: (row.task_id, row.artifact, row.name))
        if given.what == "artifacts" and given.output != "json":
            rows = _with_places(store, rows, "producer_run_uid", "producer_task_id")
    if given.output == "json":
        print(json.dumps([dataclasses.asdict(row) for row in rows], indent=2, default=_json))
    else:
        columns = _COLUMNS[given.what]
        print(table([title for title, _ in columns], [[read(row) for _, read in columns] for row in rows]))
    return 0


def _with_places(store: Store, rows: Sequence[_Row], run: str, task: str) -> list[_Row]:
    """Return rows with the place of their task in its run instead of its id."""
    places: dict[tuple[str, str], str] = {}
    for uid in {uid for row in rows if (uid := getattr(row, run))}:
        for one in store.tasks(uid, roles=None):
            places[uid, one.id] = one.name.partition(".")[2] or one.name
    return [
        dataclasses.replace(row, **{task: places.get((getattr(row, run), getattr(row, task)), "")})
        for row in rows
    ]


def _json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _when(moment: datetime | None) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def _took(row: _Row) -> str:
    if not row.started_at or not row.finished_at:
        return ""
    return duration((row.finished_at - row.started_at).total_seconds())


_COLUMNS: dict[str, list[tuple[str, Callable[[_Row], str]]]] = {
    "runs": [
        ("NAME", lambda run: run.name),
        ("PIPELINE", lambda run: run.pipeline),
        ("ENGINE", lambda run: run.engine),
        ("PHASE", lambda run: run.phase),
        ("STARTED", lambda run: _when(run.started_at)),
        ("TOOK", _took),
        ("MESSAGE", lambda run: run.message),
    ],
    "tasks": [
        ("NAME", lambda task: task.display_name),
        ("PHASE", lambda task: "Cached" if task.cached else task.phase),
        ("ATTEMPTS", lambda task: str(task.attempts)),
        ("STARTED", lambda task: _when(task.started_at)),
        ("TOOK", _took),
        ("MESSAGE", lambda task: task.message),
    ],
    "artifacts": [
        ("TASK", lambda artifact: artifact.producer_task_id),
        ("NAME", lambda artifact: artifact.name),
        ("TYPE", lambda artifact: artifact.type),
        ("SIZE", lambda artifact: "" if artifact.size is None else f"{artifact.size:,}"),
        ("DIGEST", lambda artifact: artifact.digest[:19]),
        (
            "PLACE",
            lambda artifact: (
                str(home() / "artifacts" / artifact.key)
                if artifact.key and artifact.engine == "local"
                else artifact.key or artifact.uri
            ),
        ),
    ],
    "metrics": [
        ("TASK", lambda metric: metric.task_id),
        ("ARTIFACT", lambda metric: metric.artifact),
        ("METRIC", lambda metric: metric.name),
        ("VALUE", lambda metric: f"{metric.value:.6g}"),
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


def logs(given: argparse.Namespace) -> int:
    """Print the logs of a run's tasks, each line with the task's name when there are several."""
    if given.engine == "argo":
        return _cluster_logs(given)
    from mlplat import metadata

    with metadata.open_store(home() / "mlplat.db") as store:
        _catch_up(store, given.name)
        run = store.run(given.name)
        tasks = store.tasks(run, roles=("task", "attempt"))
    folder = home() / "logs" / run.name
    chosen = [task for task in tasks if given.task in (None, task.display_name, task.id, task.name)]
    of_tries = {task.id for task in chosen}
    chosen += [task for task in tasks if task.parent_id in of_tries and task not in chosen]
    if not chosen:
        names = (task.display_name for task in tasks if task.role == "task" and task.attempts)
        raise ArgumentError(unknown(run.name, given.task or "", names))
    for task in chosen:
        own, shared = folder / f"{task.id}.log", folder / f"{task.boundary_id}.log"
        file = own if own.exists() else shared
        if file.exists():
            text = file.read_text(encoding="utf-8", errors="replace")
            for line in (text if file is own else steps.log_of(text, task.display_name)).splitlines():
                print(line if given.task else f"{task.display_name}: {line}")
    return 0


def _cluster_logs(given: argparse.Namespace) -> int:
    from mlplat import k8s

    where = {"context": given.context, "kubeconfig": given.kubeconfig}
    workflow = k8s.read(given.name, namespace=given.namespace or None, **where)
    nodes = steps.expanded(workflow.get("status", {}).get("nodes", {})).values()
    ran = [
        node for node in nodes if node["type"] == "Pod" and not node.get("memoizationStatus", {}).get("hit")
    ]
    pods = sorted(ran, key=lambda node: str(node.get("startedAt") or ""))
    chosen = [node for node in pods if given.task in (None, node["displayName"], node["id"])]
    if not chosen:
        names = (node["displayName"] for node in pods)
        raise ArgumentError(unknown(given.name, given.task or "", names))
    for node in chosen:
        for line in k8s.logs(workflow, node["id"], **where):
            print(line if given.task else f"{node['displayName']}: {line}")
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
    from mlplat import metadata

    with metadata.open_store(home() / "mlplat.db") as store:
        count = store.cache().clear()
    print(f"forgot {count} result{'' if count == 1 else 's'}")
    return 0
