"""Metrics as they were logged: integers, booleans and strings too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mlplat.metadata.columns import JsonText

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.add_column("metrics", sa.Column("exact", JsonText()))


def downgrade() -> None:
    """Bring the schema back to the revision before, which knows numbers only."""
    op.execute("DELETE FROM metrics WHERE value IS NULL AND not_finite = ''")
    op.drop_column("metrics", "exact")
