"""Artifacts, and the edges of their lineage."""

from __future__ import annotations

from sqlalchemy import Connection, or_, select

from mlplat.errors import Diagnostic, StoreError
from mlplat.metadata import records, schema
from mlplat.metadata.rows import ArtifactRow, ArtifactUse, RunRow
from mlplat.metadata.runs import uid_of


def list_artifacts(
    connection: Connection,
    run: RunRow | str | None,
    *,
    kind: str | None,
    name: str | None,
    namespace: str | None,
    digest: str | None,
    limit: int | None,
) -> tuple[ArtifactRow, ...]:
    """List artifacts, newest first; see :meth:`mlplat.metadata.Store.artifacts`."""
    table, uses = schema.artifacts, schema.artifact_uses
    wanted = (
        (table.c.type, kind),
        (table.c.name, name),
        (table.c.namespace, namespace),
        (table.c.digest, digest),
    )
    query = (
        select(table)
        .where(*(column == value for column, value in wanted if value is not None))
        .order_by(table.c.created_at.desc(), table.c.id)
        .limit(limit)
    )
    if run is not None:
        of_run = select(uses.c.artifact_id).where(uses.c.run_uid == uid_of(connection, run))
        given_out = table.c.id.in_(of_run.where(uses.c.direction == "output"))
        imported = table.c.id.in_(of_run) & table.c.producer_task_id.is_(None) & (table.c.key == "")
        query = query.where(given_out | imported)
    return tuple(map(records.artifact, connection.execute(query).mappings()))


def find_artifact(connection: Connection, reference: str) -> ArtifactRow:
    """Find one artifact; see :meth:`mlplat.metadata.Store.artifact`."""
    table = schema.artifacts
    same_place = or_(table.c.key == reference, table.c.uri == reference)
    query = select(table).where(or_(table.c.id.startswith(reference, autoescape=True), same_place)).limit(2)
    found = connection.execute(query).mappings().all()
    if len(found) != 1:
        message = (
            f"several artifacts have the id or key '{reference}'"
            if found
            else f"artifact '{reference}' not found in the record"
        )
        raise StoreError(Diagnostic("MLP711", "", message, "`mlplat get artifacts` lists them"))
    return records.artifact(found[0])


def list_uses(
    connection: Connection, run: RunRow | str | None, artifact: ArtifactRow | str | None
) -> tuple[ArtifactUse, ...]:
    """List the edges of the lineage; see :meth:`mlplat.metadata.Store.uses`."""
    table = schema.artifact_uses
    query = select(*records.without_id(table)).order_by(table.c.id)
    if artifact is not None:
        query = query.where(table.c.artifact_id == (artifact if isinstance(artifact, str) else artifact.id))
    if run is not None:
        query = query.where(table.c.run_uid == uid_of(connection, run))
    return tuple(ArtifactUse(**row) for row in connection.execute(query).mappings())
