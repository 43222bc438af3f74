"""``mlplat get``, ``mlplat record``, ``mlplat cache``: the record of runs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mlplat.argo.reasons import readable
from mlplat.argo.status import FINISHED, shown
from mlplat.cli import places, show
from mlplat.cli.grammar import Given
from mlplat.cli.tables import table
from mlplat.errors import ArgumentError, ClusterError, Diagnostic
from mlplat.runs import state, trees
from mlplat.runs.lists import LISTS, OF_ONE_RUN, Row
from mlplat.runs.state import home, is_here

if TYPE_CHECKING:
    from mlplat.metadata import ArtifactRow, RunRow, Store

_TOLD = 5


def get(given: Given) -> int:
    """List runs, or what one of them had: tasks, parameters, artifacts and what they were for, metrics."""
    if given.columns or given.filter or given.sort:
        from mlplat.cli import columns

        chosen = columns.chosen(given)
        with _store(given) as store:
            if given.output == "json" or store.runs(1):
                return columns.get(given, store, chosen)
            print(_without_runs(given, store))
            return 0
    if given.name is None and given.what in OF_ONE_RUN:
        message = f"get {given.what} requires the name of a run"
        raise ArgumentError(Diagnostic("MLP407", "", message, "`mlplat get runs` lists them"))
    with _store(given) as store:
        run = store.run(given.name) if given.name else None
        rows = LISTS[given.what](store, run, given.limit)
        missing = "" if rows or store.runs(1) else _without_runs(given, store)
    if given.output == "json":
        print(json.dumps([one.document for one in rows], indent=2, default=_json))
    elif missing:
        print(missing)
    else:
        usual = [column for column in _COLUMNS[given.what] if column[0] != "RUN" or run is None]
        print(table([title for title, _ in usual], [[read(one) for _, read in usual] for one in rows]))
    sys.stdout.flush()
    _tell_of_unfollowed(given, run, rows)
    return 0


def _without_runs(given: Given, store: Store) -> str:
    """Return the line that is printed in place of a table when there are no runs at all."""
    if given.engine == "argo":
        return f"no runs in {given.namespace or 'this namespace'}"
    return f"no runs in {store.place if os.environ.get('MLPLAT_STORE') else home()}"


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
    store = metadata.open_store("sqlite://", place.identity())
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
        raise ArgumentError(Diagnostic("MLP407", "", "expected names of runs, --all or --selector", hint))
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


def _tell_of_unfollowed(given: Given, run: RunRow | None, rows: Sequence[Row]) -> None:
    """Print which cluster runs may have changed since they were recorded."""
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


def _json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _when(moment: datetime | None) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def _took(row: Any) -> str:
    if not row.started_at or not row.finished_at:
        return ""
    return show.duration((row.finished_at - row.started_at).total_seconds())


def _lies(artifact: ArtifactRow) -> str:
    if artifact.key and is_here(home(), artifact):
        return str(home() / "artifacts" / artifact.key)
    return artifact.key or artifact.uri


_COLUMNS: dict[str, list[tuple[str, Callable[[Row], str]]]] = {
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
        ("VALUE", lambda one: trees.short(one.row.value)),
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


def cache(given: Given) -> int:
    """Forget every cached result."""
    if given.engine == "argo":
        count = places.cluster(given).clear_cache(given.controller_namespace)
        print(f"deleted {count} cache{'' if count == 1 else 's'} of the cluster")
        return 0
    count = places.machine(given).clear_cache()
    print(f"deleted {count} cached result{'' if count == 1 else 's'}")
    return 0
