"""Writes Workflows to the tables; only changes since the last time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, select, update

from mlplat.argo.status import nodes_of, parents, unpacked
from mlplat.argo.status.fused import pod_of
from mlplat.metadata import schema
from mlplat.metadata.database import Database, upsert
from mlplat.metadata.identities import artifact_id, fingerprint
from mlplat.metadata.reading import NodeFacts, read_nodes, read_run
from mlplat.metadata.records import (
    ARTIFACT_COLUMNS,
    TASK_COLUMNS,
    artifact_row,
    experiment_row,
    metric_row,
    run_row,
    task_row,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from mlplat.metadata.rows import ArtifactRow, RunRow

_REMEMBERED_RUNS = 64
_BATCH = 500


@dataclass(frozen=True, slots=True)
class _Known:
    """What the tables hold of a run, as of a revision.

    The revision in the database counts the changes of all writers: when it is another one, this knowledge is
    void.
    """

    revision: int = -1
    run: Mapping[str, Any] = field(default_factory=dict)
    fingerprints: Mapping[str, str] = field(default_factory=dict)


_UNKNOWN = _Known()


class Recorder:
    """Keeps the tables equal to the Workflows that it is given.

    Args:
        database: where to write.
        cluster: identity of the cluster or machine that the Workflows run on; empty if it is unknown.
    """

    def __init__(self, database: Database, cluster: str = "") -> None:
        self._database = database
        self._cluster = cluster
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._lock = threading.Lock()

    def record(self, workflow: Mapping[str, Any], changed: Collection[str] | None = None) -> RunRow:
        """Write a Workflow, in one transaction; see :meth:`mlplat.metadata.Store.record`."""
        workflow = unpacked(workflow)
        run = read_run(workflow, self._cluster)
        with self._lock:
            known = self._known.get(run.uid, _UNKNOWN)
            now_known, run = self._database.write(
                lambda connection: _write(connection, workflow, run, known, changed)
            )
            self._known[run.uid] = now_known
            self._known.move_to_end(run.uid)
            if len(self._known) > _REMEMBERED_RUNS:
                self._known.popitem(last=False)
        return run


def _write(
    connection: Connection,
    workflow: Mapping[str, Any],
    run: RunRow,
    recorded: _Known,
    changed: Collection[str] | None,
) -> tuple[_Known, RunRow]:
    stored = _stored(connection, run.uid)
    revision, cluster = stored or (0, run.cluster)
    run = replace(run, cluster=cluster or run.cluster)  # two users may know one cluster by different names
    row = run_row(run)
    if stored is None:
        upsert(connection, schema.experiments, [experiment_row(run)], ())
        upsert(
            connection,
            schema.runs,
            [{"uid": run.uid, "created_at": run.created_at, "revision": 0, **row}],
            (),
        )
        revision, _ = _stored(connection, run.uid) or (0, "")
        recorded = _Known(revision=revision, fingerprints=_stored_fingerprints(connection, run.uid))
        changed = None
    elif revision != recorded.revision:
        recorded = _Known(revision=revision, fingerprints=_stored_fingerprints(connection, run.uid))
        changed = None
    if cluster != run.cluster:  # the artifacts get new identities, so every node is written again
        recorded = _Known(revision=revision, fingerprints=dict.fromkeys(recorded.fingerprints, ""))
        changed = None
    nodes = nodes_of(workflow)
    prints = _changed_fingerprints(nodes, recorded.fingerprints, changed)
    deleted = (
        [node_id for node_id in recorded.fingerprints if node_id not in nodes] if changed is None else []
    )
    if not prints and not deleted and row == recorded.run:
        return recorded, run
    if row != recorded.run:
        upsert(connection, schema.experiments, [experiment_row(run)], ())
    connection.execute(
        update(schema.runs).where(schema.runs.c.uid == run.uid).values({**row, "revision": revision + 1})
    )
    _delete_tasks(connection, run.uid, deleted)
    _delete_details(connection, run.uid, [node_id for node_id in prints if node_id in recorded.fingerprints])
    _write_nodes(connection, run, list(read_nodes(workflow, run, prints)), prints)
    fingerprints = {**recorded.fingerprints, **prints}
    for node_id in deleted:
        del fingerprints[node_id]
    return _Known(revision + 1, row, fingerprints), run


def _changed_fingerprints(
    nodes: Mapping[str, Any], stored: Mapping[str, str], changed: Collection[str] | None
) -> dict[str, str]:
    pods = None if changed is None else set(changed)
    ids = [node_id for node_id in nodes if pods is None or pod_of(node_id, nodes) in pods]
    prints = {node_id: fingerprint(nodes[node_id]) for node_id in ids}
    found = {node_id: text for node_id, text in prints.items() if stored.get(node_id) != text}
    parent_of = parents(nodes) if found else {}
    for parent in {parent_of[node_id] for node_id in found if node_id in parent_of} - found.keys():
        if nodes[parent].get("type") == "Retry" or stored.get(parent) != fingerprint(nodes[parent]):
            found[parent] = fingerprint(nodes[parent])  # a retry's row tells of its attempts
    return found


def _write_nodes(
    connection: Connection, run: RunRow, facts: Sequence[NodeFacts], prints: Mapping[str, str]
) -> None:
    _upsert_batches(
        connection,
        schema.tasks,
        [task_row(fact.task, prints[fact.task.id]) for fact in facts],
        TASK_COLUMNS,
    )
    produced: dict[str, dict[str, Any]] = {}
    used: dict[str, dict[str, Any]] = {}
    for fact in facts:
        for artifact in fact.artifacts:
            rows = produced if artifact.producer_run_uid else used
            rows[artifact.id] = artifact_row(artifact, fact.task.finished_at or run.created_at)
    _adopt(connection, [artifact for fact in facts for artifact in fact.artifacts])
    _upsert_batches(connection, schema.artifacts, _by_id(produced), ARTIFACT_COLUMNS)
    _upsert_batches(connection, schema.artifacts, _by_id(used), ())
    _insert(connection, schema.parameters, [asdict(row) for fact in facts for row in fact.parameters])
    _insert(connection, schema.artifact_uses, [asdict(row) for fact in facts for row in fact.uses])
    _insert(connection, schema.metrics, [metric_row(row) for fact in facts for row in fact.metrics])


def _adopt(connection: Connection, artifacts: Iterable[ArtifactRow]) -> None:
    """Set the cluster of artifacts that were recorded without one."""
    table, uses = schema.artifacts, schema.artifact_uses
    known = {
        artifact_id("", one.namespace, one.engine, one.key, one.uri): one for one in artifacts if one.cluster
    }
    for batch in _batches(sorted(known)):
        rows = connection.execute(select(table).where(table.c.id.in_(batch))).mappings().all()
        for row in rows:
            now = known[row["id"]]
            upsert(connection, table, [{**row, "id": now.id, "cluster": now.cluster}], ())
            connection.execute(update(uses).where(uses.c.artifact_id == row["id"]).values(artifact_id=now.id))
            connection.execute(delete(table).where(table.c.id == row["id"]))


def _stored(connection: Connection, uid: str) -> tuple[int, str] | None:
    """Return the revision and the cluster of a run as it is recorded, and lock its row; None if it is not."""
    table = schema.runs
    query = select(table.c.revision, table.c.cluster).where(table.c.uid == uid).with_for_update()
    row = connection.execute(query).one_or_none()
    return None if row is None else (row.revision, row.cluster)


def _stored_fingerprints(connection: Connection, uid: str) -> dict[str, str]:
    query = select(schema.tasks.c.id, schema.tasks.c.fingerprint).where(schema.tasks.c.run_uid == uid)
    return {row.id: row.fingerprint for row in connection.execute(query)}


def _delete_tasks(connection: Connection, uid: str, ids: Sequence[str]) -> None:
    _delete_details(connection, uid, ids)
    for batch in _batches(ids):
        connection.execute(
            delete(schema.tasks).where(schema.tasks.c.run_uid == uid, schema.tasks.c.id.in_(batch))
        )


def _delete_details(connection: Connection, uid: str, ids: Sequence[str]) -> None:
    for table in (schema.parameters, schema.artifact_uses, schema.metrics):
        for batch in _batches(ids):
            connection.execute(delete(table).where(table.c.run_uid == uid, table.c.task_id.in_(batch)))


def _by_id(rows: Mapping[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [rows[key] for key in sorted(rows)]


def _upsert_batches(
    connection: Connection, table: Any, rows: Sequence[Mapping[str, Any]], columns: Sequence[str]
) -> None:
    for batch in _batches(rows):
        upsert(connection, table, batch, columns)


def _insert(connection: Connection, table: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        connection.execute(table.insert(), list(rows))


def _batches(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (items[start : start + _BATCH] for start in range(0, len(items), _BATCH))
