"""Clusters of runs and artifacts; empty for what was recorded before they were known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLES = ("runs", "artifacts")


def upgrade() -> None:
    """Bring the schema to this revision."""
    for table in _TABLES:
        op.add_column(table, sa.Column("cluster", sa.String(128), nullable=False, server_default=""))


def downgrade() -> None:
    """Bring the schema back to the revision before."""
    for table in _TABLES:
        op.drop_column(table, "cluster")
