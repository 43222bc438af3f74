"""What Alembic runs for each command: on the connection of the store, or on that of ``-x url=…``."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, create_engine

from mlplat.metadata.schema import VERSION_TABLE, metadata


def run(connection: Connection) -> None:
    """Run the command on an open connection."""
    context.configure(connection=connection, target_metadata=metadata, version_table=VERSION_TABLE)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    engine = create_engine(context.get_x_argument(as_dictionary=True)["url"])
    with engine.begin() as opened:
        run(opened)
    engine.dispose()
