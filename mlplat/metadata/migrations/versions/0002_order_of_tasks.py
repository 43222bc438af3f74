"""Order of tasks that started within the same second."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema to this revision."""
    op.add_column("tasks", sa.Column("depth", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Bring the schema back to the revision before."""
    op.drop_column("tasks", "depth")
