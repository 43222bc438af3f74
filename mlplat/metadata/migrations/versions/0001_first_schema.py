"""First schema."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_LONG = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
_TIME = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NAME = sa.String(255)
_UNICODE: dict[str, Any] = {
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mariadb_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_bin",
}

_INDEXES = (
    ("runs", ("created_at",)),
    ("runs", ("name",)),
    ("runs", ("pipeline", "created_at")),
    ("runs", ("experiment_id", "created_at")),
    ("runs", ("phase", "created_at")),
    ("parameters", ("run_uid", "task_id")),
    ("artifacts", ("type", "created_at")),
    ("artifacts", ("digest",)),
    ("artifacts", ("producer_run_uid",)),
    ("artifact_uses", ("run_uid", "task_id")),
    ("artifact_uses", ("artifact_id",)),
    ("metrics", ("run_uid", "task_id")),
    ("metrics", ("name",)),
    ("cache_entries", ("node_id",)),
)
_TABLES = (
    "experiments",
    "runs",
    "tasks",
    "parameters",
    "artifacts",
    "artifact_uses",
    "metrics",
    "cache_entries",
)


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.create_table(
        "experiments",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("namespace", sa.String(253), nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_experiments"),
        **_UNICODE,
    )
    op.create_table(
        "runs",
        sa.Column("uid", sa.String(128), nullable=False),
        sa.Column("namespace", sa.String(253), nullable=False),
        sa.Column("name", sa.String(253), nullable=False),
        sa.Column("pipeline", _NAME, nullable=False),
        sa.Column("experiment_id", sa.String(32), nullable=False),
        sa.Column("engine", sa.String(16), nullable=False),
        sa.Column("phase", sa.String(32), nullable=False),
        sa.Column("message", _LONG, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("started_at", _TIME),
        sa.Column("finished_at", _TIME),
        sa.Column("parameters", _LONG, nullable=False),
        sa.Column("labels", _LONG, nullable=False),
        sa.Column("manifest_digest", sa.String(71), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("uid", name="pk_runs"),
        sa.ForeignKeyConstraint(["experiment_id"], ["experiments.id"], name="fk_runs_experiment_id"),
        **_UNICODE,
    )
    op.create_table(
        "tasks",
        sa.Column("run_uid", sa.String(128), nullable=False),
        sa.Column("id", sa.String(320), nullable=False),
        sa.Column("name", _LONG, nullable=False),
        sa.Column("display_name", _LONG, nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("template", _NAME, nullable=False),
        sa.Column("phase", sa.String(32), nullable=False),
        sa.Column("message", _LONG, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("cached", sa.Boolean(), nullable=False),
        sa.Column("started_at", _TIME),
        sa.Column("finished_at", _TIME),
        sa.Column("exit_code", sa.Integer()),
        sa.Column("boundary_id", sa.String(320), nullable=False),
        sa.Column("parent_id", sa.String(320), nullable=False),
        sa.Column("loop_index", sa.Integer()),
        sa.Column("fingerprint", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("run_uid", "id", name="pk_tasks"),
        sa.ForeignKeyConstraint(["run_uid"], ["runs.uid"], name="fk_tasks_run_uid", ondelete="CASCADE"),
        **_UNICODE,
    )
    op.create_table(
        "parameters",
        *_of_a_task("parameters"),
        sa.Column("direction", sa.String(8), nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("value", _LONG, nullable=False),
        **_UNICODE,
    )
    op.create_table(
        "artifacts",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("namespace", sa.String(253), nullable=False),
        sa.Column("engine", sa.String(16), nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("type", _NAME, nullable=False),
        sa.Column("key", _LONG, nullable=False),
        sa.Column("uri", _LONG, nullable=False),
        sa.Column("digest", sa.String(128), nullable=False),
        sa.Column("size", sa.BigInteger()),
        sa.Column("metadata", _LONG, nullable=False),
        sa.Column("producer_run_uid", sa.String(128)),
        sa.Column("producer_task_id", sa.String(320)),
        sa.Column("created_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_artifacts"),
        **_UNICODE,
    )
    op.create_table(
        "artifact_uses",
        *_of_a_task("artifact_uses"),
        sa.Column("direction", sa.String(8), nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("artifact_id", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.id"], name="fk_artifact_uses_artifact_id"),
        **_UNICODE,
    )
    op.create_table(
        "metrics",
        *_of_a_task("metrics"),
        sa.Column("artifact", _NAME, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("value", sa.Double()),
        sa.Column("not_finite", sa.String(4), nullable=False),
        **_UNICODE,
    )
    op.create_table(
        "cache_entries",
        sa.Column("namespace", sa.String(128), nullable=False),
        sa.Column("cache_name", sa.String(253), nullable=False),
        sa.Column("key", sa.String(253), nullable=False),
        sa.Column("node_id", sa.String(320), nullable=False),
        sa.Column("outputs", _LONG, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("last_hit_at", _TIME),
        sa.PrimaryKeyConstraint("namespace", "cache_name", "key", name="pk_cache_entries"),
        **_UNICODE,
    )
    for table, columns in _INDEXES:
        op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def downgrade() -> None:
    """Remove all tables."""
    for table in reversed(_TABLES):
        op.drop_table(table)


def _of_a_task(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column("id", _SERIAL, nullable=False),
        sa.Column("run_uid", sa.String(128), nullable=False),
        sa.Column("task_id", sa.String(320), nullable=False),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
        sa.ForeignKeyConstraint(
            ["run_uid", "task_id"],
            ["tasks.run_uid", "tasks.id"],
            name=f"fk_{table}_run_uid_task_id",
            ondelete="CASCADE",
        ),
    )
