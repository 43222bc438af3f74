"""Children of nodes, from which the graph of a run is drawn; unknown for what was recorded before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mlplat.metadata.columns import JsonText

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema to this revision; what is recorded again gets its children then."""
    op.add_column("tasks", sa.Column("children", JsonText()))
    op.execute("UPDATE tasks SET fingerprint = ''")


def downgrade() -> None:
    """Bring the schema back to the revision before."""
    op.drop_column("tasks", "children")
