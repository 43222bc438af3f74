"""Runs and experiments of the record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Select, delete, func, or_, select, update

from mlplat.errors import Diagnostic, StoreError, suggestion
from mlplat.metadata import records, schema
from mlplat.metadata.rows import ArtifactRow, Engine, ExperimentRow, RunRow

if TYPE_CHECKING:
    from collections.abc import Collection

_SUGGESTED = 200


def list_runs(
    connection: Connection,
    limit: int | None,
    *,
    phase: str | Collection[str] | None,
    pipeline: str | None,
    experiment: str | None,
    namespace: str | None,
    engine: Engine | None,
    name: str | None,
    offset: int,
) -> tuple[RunRow, ...]:
    """List runs, newest first; see :meth:`mlplat.metadata.Store.runs`."""
    table = schema.runs
    conditions = (
        (schema.experiments.c.name, experiment),
        (table.c.pipeline, pipeline),
        (table.c.namespace, namespace),
        (table.c.engine, engine),
        (table.c.name, name),
    )
    query = (
        _runs()
        .where(*(column == value for column, value in conditions if value is not None))
        .order_by(table.c.created_at.desc(), table.c.uid.desc())
        .limit(limit)
        .offset(offset or None)
    )
    if phase is not None:
        query = query.where(table.c.phase.in_([phase] if isinstance(phase, str) else list(phase)))
    return tuple(RunRow(**row) for row in connection.execute(query).mappings())


def find_run(connection: Connection, name: str, namespace: str | None = None) -> RunRow:
    """Find one run; see :meth:`mlplat.metadata.Store.run`."""
    table = schema.runs
    query = (
        _runs()
        .where(or_(table.c.name == name, table.c.uid == name))
        .order_by(table.c.created_at.desc())
        .limit(1)
    )
    known = select(table.c.name).order_by(table.c.created_at.desc()).limit(_SUGGESTED)
    if namespace is not None:
        query = query.where(table.c.namespace == namespace)
        known = known.where(table.c.namespace == namespace)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        names = list(dict.fromkeys(connection.execute(known).scalars()))
        raise StoreError(
            Diagnostic("MLP710", "", f"run '{name}' not found in the record", _suggestion(name, names))
        )
    return RunRow(**row)


def uid_of(connection: Connection, run: RunRow | str) -> str:
    """Return the uid of a run, or of the run with a name or uid."""
    return run.uid if isinstance(run, RunRow) else find_run(connection, run).uid


def list_experiments(connection: Connection, namespace: str | None) -> tuple[ExperimentRow, ...]:
    """List experiments, by name; see :meth:`mlplat.metadata.Store.experiments`."""
    table, runs = schema.experiments, schema.runs
    query = (
        select(
            table.c.namespace,
            table.c.name,
            table.c.created_at,
            func.count(runs.c.uid).label("run_count"),
            func.max(runs.c.created_at).label("last_run_at"),
        )
        .join(runs, runs.c.experiment_id == table.c.id, isouter=True)
        .group_by(table.c.id, table.c.namespace, table.c.name, table.c.created_at)
        .order_by(table.c.name, table.c.namespace)
    )
    if namespace is not None:
        query = query.where(table.c.namespace == namespace)
    return tuple(ExperimentRow(**row) for row in connection.execute(query).mappings())


def delete_run(connection: Connection, run: RunRow) -> tuple[ArtifactRow, ...]:
    """Delete a run; see :meth:`mlplat.metadata.Store.delete_run`."""
    uses, artifacts, tasks = schema.artifact_uses, schema.artifacts, schema.tasks
    of_run = select(uses.c.artifact_id).where(uses.c.run_uid == run.uid)
    of_others = select(uses.c.artifact_id).where(uses.c.run_uid != run.uid)
    only_here = artifacts.c.id.in_(of_run) & artifacts.c.id.not_in(of_others)
    orphans = tuple(
        records.artifact(row)
        for row in connection.execute(select(artifacts).where(only_here).order_by(artifacts.c.id)).mappings()
    )
    nodes = select(tasks.c.id).where(tasks.c.run_uid == run.uid)
    connection.execute(
        delete(schema.cache_entries).where(
            schema.cache_entries.c.node_id.in_(nodes), schema.cache_entries.c.namespace == run.namespace
        )
    )
    connection.execute(delete(schema.runs).where(schema.runs.c.uid == run.uid))
    for orphan in orphans:
        connection.execute(delete(artifacts).where(artifacts.c.id == orphan.id))
    connection.execute(
        update(artifacts)
        .where(artifacts.c.producer_run_uid == run.uid)
        .values(producer_run_uid=None, producer_task_id=None)
    )
    return orphans


def _runs() -> Select[Any]:
    columns = [column for column in schema.runs.columns if column.name not in ("experiment_id", "revision")]
    return select(*columns, schema.experiments.c.name.label("experiment")).join(schema.experiments)


def _suggestion(name: str, names: list[str]) -> str:
    if not names:
        return "the record has no runs yet"
    return suggestion(name, names) or "to list runs: mlplat get runs"
