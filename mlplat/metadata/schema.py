"""The tables of the record.

A change here needs a new revision in ``migrations/versions`` and the new :data:`HEAD`; a test compares the
two.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    event,
)

from mlplat.metadata.columns import MYSQL, AnyText, JsonText, Name, UtcDateTime

HEAD = "0005"
VERSION_TABLE = "mlplat_schema_version"

_NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=_NAMING)

schema_version = Table(
    VERSION_TABLE,
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name=f"{VERSION_TABLE}_pkc"),
)
"""Which revision the tables have; Alembic's own, so it is not part of :data:`metadata`."""

experiments = Table(
    "experiments",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("namespace", String(253), nullable=False),
    Column("name", Name, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("uid", String(128), primary_key=True),
    Column("namespace", String(253), nullable=False),
    Column("name", String(253), nullable=False),
    Column("pipeline", Name, nullable=False),
    Column("experiment_id", String(32), ForeignKey("experiments.id"), nullable=False),
    Column("engine", String(16), nullable=False),
    Column("phase", String(32), nullable=False),
    Column("message", AnyText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("parameters", JsonText, nullable=False),
    Column("labels", JsonText, nullable=False),
    Column("manifest_digest", String(71), nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("cluster", String(128), nullable=False, server_default=""),
    Index("ix_runs_created_at", "created_at"),
    Index("ix_runs_name", "name"),
    Index("ix_runs_pipeline_created_at", "pipeline", "created_at"),
    Index("ix_runs_experiment_id_created_at", "experiment_id", "created_at"),
    Index("ix_runs_phase_created_at", "phase", "created_at"),
)

tasks = Table(
    "tasks",
    metadata,
    Column("run_uid", String(128), ForeignKey("runs.uid", ondelete="CASCADE"), primary_key=True),
    Column("id", String(320), primary_key=True),
    Column("name", AnyText, nullable=False),
    Column("display_name", AnyText, nullable=False),
    Column("type", String(32), nullable=False),
    Column("role", String(16), nullable=False),
    Column("template", Name, nullable=False),
    Column("phase", String(32), nullable=False),
    Column("message", AnyText, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("cached", Boolean, nullable=False),
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("exit_code", Integer),
    Column("boundary_id", String(320), nullable=False),
    Column("parent_id", String(320), nullable=False),
    Column("loop_index", Integer),
    Column("fingerprint", String(32), nullable=False),
    Column("depth", Integer, nullable=False, server_default="0"),
    Column("children", JsonText),
)


def _task_reference() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["run_uid", "task_id"], ["tasks.run_uid", "tasks.id"], ondelete="CASCADE")


parameters = Table(
    "parameters",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("run_uid", String(128), nullable=False),
    Column("task_id", String(320), nullable=False),
    Column("direction", String(8), nullable=False),
    Column("name", Name, nullable=False),
    Column("value", AnyText, nullable=False),
    _task_reference(),
    Index("ix_parameters_run_uid_task_id", "run_uid", "task_id"),
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("namespace", String(253), nullable=False),
    Column("engine", String(16), nullable=False),
    Column("name", Name, nullable=False),
    Column("type", Name, nullable=False),
    Column("key", AnyText, nullable=False),
    Column("uri", AnyText, nullable=False),
    Column("digest", String(128), nullable=False),
    Column("size", BigInteger),
    Column("metadata", JsonText, nullable=False),
    Column("producer_run_uid", String(128)),
    Column("producer_task_id", String(320)),
    Column("created_at", UtcDateTime, nullable=False),
    Column("cluster", String(128), nullable=False, server_default=""),
    Index("ix_artifacts_type_created_at", "type", "created_at"),
    Index("ix_artifacts_digest", "digest"),
    Index("ix_artifacts_producer_run_uid", "producer_run_uid"),
)

artifact_uses = Table(
    "artifact_uses",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("run_uid", String(128), nullable=False),
    Column("task_id", String(320), nullable=False),
    Column("direction", String(8), nullable=False),
    Column("name", Name, nullable=False),
    Column("position", Integer, nullable=False),
    Column("artifact_id", String(32), ForeignKey("artifacts.id"), nullable=False),
    _task_reference(),
    Index("ix_artifact_uses_run_uid_task_id", "run_uid", "task_id"),
    Index("ix_artifact_uses_artifact_id", "artifact_id"),
)

metrics = Table(
    "metrics",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("run_uid", String(128), nullable=False),
    Column("task_id", String(320), nullable=False),
    Column("artifact", Name, nullable=False),
    Column("name", Name, nullable=False),
    Column("value", Double),
    Column("not_finite", String(4), nullable=False),
    Column("exact", JsonText),
    _task_reference(),
    Index("ix_metrics_run_uid_task_id", "run_uid", "task_id"),
    Index("ix_metrics_name", "name"),
)

cache_entries = Table(
    "cache_entries",
    metadata,
    Column("namespace", String(128), primary_key=True),
    Column("cache_name", String(253), primary_key=True),
    Column("key", String(253), primary_key=True),
    Column("node_id", String(320), nullable=False),
    Column("outputs", JsonText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_hit_at", UtcDateTime),
    Index("ix_cache_entries_node_id", "node_id"),
)


@event.listens_for(metadata, "before_create")
def _use_unicode(target: MetaData, connection: Connection, **_: Any) -> None:
    """Let MySQL store every character; tables with such options import its dialect, so only its own get them."""
    if connection.dialect.name in MYSQL:
        options = {"charset": "utf8mb4", "collate": "utf8mb4_bin"}
        for made in target.tables.values():
            made.dialect_kwargs.update(
                {f"{name}_{key}": value for name in MYSQL for key, value in options.items()}
            )
