"""The lists of the record as tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mlplat.argo import durations
from mlplat.argo.reasons import readable
from mlplat.argo.status import metric_text, spelled
from mlplat.errors import ArgumentError, Diagnostic
from mlplat.runs import columns, records, state
from mlplat.runs.lists import LISTS, OF_ONE_RUN, Row
from mlplat.runs.machine import Machine
from mlplat.runs.trees import short

if TYPE_CHECKING:
    from mlplat.metadata import ArtifactRow, Store, TaskRow
    from mlplat.runs.cluster import Cluster


@dataclass(frozen=True, slots=True)
class Table:
    """A list of the record.

    Attributes:
        titles: of the columns.
        rows: the columns of each row, as text.
        documents: all fields of each row.
        warnings: runs of a cluster that may have changed since they were recorded, with reasons.
        place: name of a record without runs; empty if it has any.
    """

    titles: Sequence[str]
    rows: Sequence[Sequence[str]]
    documents: Sequence[Mapping[str, Any]]
    warnings: Sequence[str] = ()
    place: str = ""


def listed(place: Machine | Cluster, what: str, name: str | None, limit: int) -> Table:
    """List runs, or the tasks, artifacts and so on of one run.

    Args:
        place: this machine or the cluster.
        what: a name of :data:`COLUMNS`.
        name: of the run; None lists all runs, or the artifacts of all.
        limit: number of rows of a list of all runs.

    Raises:
        ArgumentError: the list needs a run.
        MlplatError: the run does not exist, or the record or the cluster cannot be read.
    """
    if name is None and what in OF_ONE_RUN:
        message = f"get {what} requires the name of a run"
        raise ArgumentError(Diagnostic("MLP407", "", message, "`mlplat get runs` lists them"))
    with records.opened(place, name, limit) as store:
        warnings = _update(store, place, name)
        run = store.run(name) if name else None
        found = LISTS[what](store, run, limit)
        nowhere = _without_runs(place, store) if not found else ""
    usual = {title: read for title, read in COLUMNS[what].items() if title != "RUN" or run is None}
    return Table(
        list(usual),
        [[read(one) for read in usual.values()] for one in found],
        [one.document for one in found],
        warnings,
        nowhere,
    )


def selected(place: Machine | Cluster, selection: columns.Selection, limit: int) -> Table:
    """List runs with chosen columns.

    Args:
        place: this machine or the cluster.
        selection: columns, conditions and order.
        limit: number of rows.

    Raises:
        MlplatError: the record or the cluster cannot be read.
    """
    with records.opened(place, limit=limit) as store:
        warnings = _update(store, place, None)
        found = columns.select(store, selection, limit)
        nowhere = _without_runs(place, store) if not found else ""
    return Table(
        [name if "." in name else name.upper() for name in selection.columns],
        [[_cell(cell) for cell in row.values()] for row in found],
        [{name: _plain(cell) for name, cell in row.items()} for row in found],
        warnings,
        nowhere,
    )


def _without_runs(place: Machine | Cluster, store: Store) -> str:
    """Return the name of a record that has no runs; empty if it has any."""
    if store.runs(1):
        return ""
    if not isinstance(place, Machine):
        return place.namespace or "this namespace"
    return str(store.place if state.is_shared() else place.home)


def _update(store: Store, place: Machine | Cluster, name: str | None) -> list[str]:
    if not isinstance(place, Machine) or not store.runs(1, engine="argo"):
        return []
    from mlplat.runs import cluster_updates
    from mlplat.runs.cluster import Cluster

    return cluster_updates.update(store, Cluster(home=place.home), [name] if name else [])


def _plain(cell: columns.Cell) -> Any:
    return cell if cell is None or isinstance(cell, datetime) else spelled(cell)


def _cell(cell: columns.Cell) -> str:
    if isinstance(cell, datetime):
        return _when(cell)
    return "" if cell is None else metric_text(cell)


def _when(moment: datetime | None) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def _ran(task: TaskRow) -> bool:
    """Return whether a task ran or may still run; for others, Argo has times, too."""
    return task.phase not in ("Omitted", "Skipped")


def _took(row: Any) -> str:
    if not row.started_at or not row.finished_at:
        return ""
    return durations.short((row.finished_at - row.started_at).total_seconds())


def _place(artifact: ArtifactRow) -> str:
    home = state.home()
    if artifact.key and state.is_here(home, artifact):
        return str(home / "artifacts" / artifact.key)
    return artifact.key or artifact.uri


COLUMNS: dict[str, dict[str, Callable[[Row], str]]] = {
    "runs": {
        "NAME": lambda one: one.row.name,
        "PIPELINE": lambda one: one.row.pipeline,
        "ENGINE": lambda one: one.row.engine,
        "PHASE": lambda one: one.row.phase,
        "STARTED": lambda one: _when(one.row.started_at),
        "TOOK": lambda one: _took(one.row),
        "MESSAGE": lambda one: readable(one.row.message),
    },
    "tasks": {
        "NAME": lambda one: one.path,
        "PHASE": lambda one: "Cached" if one.row.cached else one.row.phase,
        "ATTEMPTS": lambda one: str(one.row.attempts),
        "STARTED": lambda one: _when(one.row.started_at) if _ran(one.row) else "",
        "TOOK": lambda one: _took(one.row) if _ran(one.row) else "",
        "MESSAGE": lambda one: readable(one.row.message),
    },
    "artifacts": {
        "RUN": lambda one: one.run.name if one.run else "",
        "TASK": lambda one: one.path,
        "NAME": lambda one: one.row.name,
        "TYPE": lambda one: one.row.type,
        "SIZE": lambda one: "" if one.row.size is None else f"{one.row.size:,}",
        "DIGEST": lambda one: one.row.digest[:19],
        "PLACE": lambda one: _place(one.row),
    },
    "parameters": {
        "TASK": lambda one: one.path,
        "DIRECTION": lambda one: one.row.direction,
        "NAME": lambda one: one.row.name,
        "VALUE": lambda one: short(one.row.value),
    },
    "lineage": {
        "TASK": lambda one: one.path,
        "DIRECTION": lambda one: one.row.direction,
        "NAME": lambda one: one.row.name,
        "MADE BY": lambda one: "/".join(filter(None, (one.row.made_by_run, one.row.made_by_task))),
        "PLACE": lambda one: _place(one.row.artifact),
    },
    "metrics": {
        "TASK": lambda one: one.path,
        "ARTIFACT": lambda one: one.row.artifact,
        "METRIC": lambda one: one.row.name,
        "VALUE": lambda one: metric_text(one.row.value),
    },
}
"""The columns of each list by their titles, with the function that formats it."""
