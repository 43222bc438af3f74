"""Brings the tables of a database to the version of the code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, insert, inspect, select, text

from mlplat.errors import Diagnostic, StoreError
from mlplat.metadata.columns import MYSQL
from mlplat.metadata.refusals import place
from mlplat.metadata.schema import HEAD, metadata, schema_version

MIGRATIONS = Path(__file__).with_name("migrations")
_MIGRATION_LOCK = 0x6D6C706C6174


def is_current(connection: Connection) -> bool:
    """Return whether the tables are those of this version."""
    return _stored(connection) == HEAD


def migrate(connection: Connection) -> None:
    """Make the tables of this version, or change those of an older one.

    Args:
        connection: an open transaction that may write.

    Raises:
        StoreError: a newer mlplat or another program made the tables.
    """
    with _exclusive(connection):
        version = _stored(connection)
        if version is None:
            _create(connection)
        elif version != HEAD:
            _upgrade(connection, version)


def _stored(connection: Connection) -> str | None:
    if not inspect(connection).has_table(schema_version.name):
        return None
    return connection.execute(select(schema_version.c.version_num)).scalar_one_or_none()


@contextmanager
def _exclusive(connection: Connection) -> Iterator[None]:
    """Let one process at a time migrate; SQLite's transaction is exclusive as it is."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(text(f"pg_advisory_xact_lock({_MIGRATION_LOCK})")))
        yield
    elif connection.dialect.name in MYSQL:
        connection.execute(text("SELECT GET_LOCK('mlplat-migration', 300)"))
        try:
            yield
        finally:
            connection.execute(text("SELECT RELEASE_LOCK('mlplat-migration')"))
    else:
        yield


def _create(connection: Connection) -> None:
    """Make the tables of this version, as the migrations would."""
    foreign = sorted(set(inspect(connection).get_table_names()) & set(metadata.tables))
    if foreign:
        raise StoreError(
            Diagnostic(
                "MLP703",
                "",
                f"{place(connection.engine.url)} has tables of another program ({', '.join(foreign)})",
                "use a separate database, schema or file for mlplat",
            )
        )
    metadata.create_all(connection, checkfirst=False)
    schema_version.create(connection, checkfirst=True)
    connection.execute(insert(schema_version).values(version_num=HEAD))


def _upgrade(connection: Connection, version: str) -> None:
    """Run the migrations; Alembic is imported here because it is slow to import and seldom needed."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version not in known:
        raise StoreError(
            Diagnostic(
                "MLP702",
                "",
                f"{place(connection.engine.url)} was written by a newer mlplat "
                f"(its schema is {version}, this version knows {HEAD})",
                "upgrade mlplat, or use another store",
            )
        )
    command.upgrade(config, "head")
