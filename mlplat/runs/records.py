"""Opens the record of a place to read it: that of this machine, or one of the current Workflows of a cluster."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from mlplat.runs import state
from mlplat.runs.machine import Machine

if TYPE_CHECKING:
    from mlplat.metadata import Store
    from mlplat.runs.cluster import Cluster


def opened(place: Machine | Cluster, run: str | None = None, limit: int | None = None) -> Store:
    """Open the record to read it.

    Args:
        place: this machine, whose record is brought up to date; or a cluster, of which one is made in memory.
        run: name of the only run to read; all if None.
        limit: number of runs to read from a cluster; all if None.

    Raises:
        ClusterError: the run does not exist, or the cluster refused or cannot be reached.
        StoreError: the record cannot be opened.
    """
    with ExitStack() as on_failure:
        if isinstance(place, Machine):
            store = on_failure.enter_context(state.record_to_read(place.home))
            place.catch_up(store, run)
        else:
            from mlplat import metadata

            store = on_failure.enter_context(metadata.open_store("sqlite://", place.identity()))
            _read(store, place, run, limit)
        on_failure.pop_all()
    return store


def _read(store: Store, place: Cluster, run: str | None, limit: int | None) -> None:
    from mlplat import k8s
    from mlplat.runs.cluster import readable

    if run:
        store.record(place.explained(place.read(run)))
    else:
        for workflow in k8s.newest(limit=limit, **place.options):
            store.record(readable(workflow))
