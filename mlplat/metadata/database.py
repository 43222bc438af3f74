"""Opens the database of the record, and runs transactions in it.

SQLite is opened in WAL mode, so that readers never wait; a writing transaction takes the write lock when it
begins (``BEGIN IMMEDIATE``), because SQLite lets no one wait who wants to write after having read.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Engine, Table, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError as UrlError
from sqlalchemy.exc import OperationalError

from mlplat.errors import Diagnostic, StoreError
from mlplat.metadata import versions
from mlplat.metadata.columns import MYSQL
from mlplat.metadata.refusals import DRIVERS, place, reported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

Result = TypeVar("Result")

_BUSY_SECONDS = 30
_ATTEMPTS = 5
_WRITES = "mlplat_writes"
_DEADLOCK_STATES = frozenset({"40001", "40P01"})
_MYSQL_DEADLOCKS = frozenset({1205, 1213})


class Database:
    """An open database whose tables are those of this version.

    Use :func:`connect` to get one.

    Args:
        engine: the connection pool.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._write_lock = threading.Lock()

    @property
    def place(self) -> str:
        """Where it is, without the password."""
        return place(self._engine.url)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for queries.

        Raises:
            StoreError: the database cannot be read.
        """
        with reported(self._engine.url), self._engine.begin() as connection:
            yield connection

    def write(self, work: Callable[[Connection], Result]) -> Result:
        """Do something in one transaction.

        Where the database breaks a deadlock at its expense, it is done again from the start.

        Args:
            work: the work; it may run several times, so it must not keep data from an earlier run.

        Returns:
            What ``work`` returns, after the commit.

        Raises:
            StoreError: the database cannot be written.
        """
        with reported(self._engine.url), self._write_lock:
            for _ in range(_ATTEMPTS - 1):
                with suppress(_ConflictError), _conflicts(), _writing(self._engine) as connection:
                    return work(connection)
            with _writing(self._engine) as connection:
                return work(connection)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()


def connect(url_or_path: str | Path) -> Database:
    """Open the database and bring its tables to this version.

    Args:
        url_or_path: a file for SQLite, made when it does not exist; or a URL such as ``postgresql://user@host/name``.

    Returns:
        The database.

    Raises:
        StoreError: the URL is wrong, the database cannot be opened, or a newer mlplat made it.
    """
    return _connected(_url(url_or_path))


def connect_to_existing(url_or_path: str | Path) -> Database:
    """Open the database as :func:`connect` does, but make no file.

    Args:
        url_or_path: as for :func:`connect`.

    Returns:
        The database.

    Raises:
        StoreError: the file does not exist, or what :func:`connect` says.
    """
    url = _url(url_or_path)
    if _is_file(url):
        with reported(url):
            exists = Path(url.database or "").exists()
        if not exists:
            message = f"there is no record at {place(url)}"
            hint = "check the path; the first run that is recorded there makes the file"
            raise StoreError(Diagnostic("MLP712", "", message, hint))
    return _connected(url)


def _connected(url: URL) -> Database:
    with reported(url):
        engine = _engine(url)
        try:
            _migrate(engine)
        except BaseException:
            engine.dispose()
            raise
    return Database(engine)


def upsert(
    connection: Connection, into: Table, rows: Sequence[Mapping[str, Any]], update: Sequence[str]
) -> None:
    """Insert rows; where the primary key is there already, update some columns of it instead.

    Args:
        connection: an open transaction.
        into: the table.
        rows: all with the same keys; sorted by primary key when other writers may have the same rows (no
            deadlocks then).
        update: the columns to update; none leaves the row as it is.
    """
    if not rows:
        return
    keys = list(into.primary_key.columns.keys())
    statement = _insert_of(connection)(into)
    if connection.dialect.name in MYSQL:
        columns = {name: statement.inserted[name] for name in update} or {keys[0]: into.c[keys[0]]}
        statement = statement.on_duplicate_key_update(columns)
    elif update:
        columns = {name: statement.excluded[name] for name in update}
        statement = statement.on_conflict_do_update(index_elements=keys, set_=columns)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=keys)
    connection.execute(statement, list(rows))


def _insert_of(connection: Connection) -> Callable[[Table], Any]:
    """Return the ``insert`` of the database's own dialect; importing the others takes long."""
    name = {"mariadb": "mysql"}.get(connection.dialect.name, connection.dialect.name)
    own: Callable[[Table], Any] = import_module(f"sqlalchemy.dialects.{name}").insert
    return own


class _ConflictError(Exception):
    """A transaction failed only because another one was in its way."""


@contextmanager
def _conflicts() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        original: Any = error.orig
        first = next(iter(original.args), None)
        if getattr(original, "sqlstate", None) in _DEADLOCK_STATES or first in _MYSQL_DEADLOCKS:
            raise _ConflictError from error
        raise


def _url(url_or_path: str | Path) -> URL:
    if isinstance(url_or_path, Path) or "://" not in url_or_path:
        return URL.create("sqlite", database=str(Path(url_or_path).expanduser().absolute()))
    try:
        url = make_url(url_or_path)
    except (UrlError, ValueError):
        raise StoreError(
            Diagnostic(
                "MLP701",
                "",
                "the URL of the metadata store cannot be read",
                "write a file name, or a URL such as postgresql://user:password@host:5432/mlplat; "
                "characters such as @ and / in a password are written %40 and %2F",
            )
        ) from None
    if url.drivername in DRIVERS:
        url = url.set(drivername=DRIVERS[url.drivername][0])
    if url.get_backend_name() in MYSQL:
        url = url.update_query_dict({"charset": "utf8mb4"})
    return url


def _is_file(url: URL) -> bool:
    return url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True, isolation_level="READ COMMITTED")
    if _is_file(url):
        _make_private(Path(url.database or ""))
    engine = create_engine(url, connect_args={"timeout": _BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_private(file: Path) -> None:
    """Make a file that only this user may read, or remove the permissions of others from an existing one.

    A file that is there is not opened: closing it would give up the locks that SQLite holds in this process.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    for name in ("", "-wal", "-shm"):
        part = file.with_name(f"{file.name}{name}")
        with suppress(FileNotFoundError):
            found = part.stat()
            if found.st_mode & 0o077 and found.st_uid == os.geteuid():
                part.chmod(0o600)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in ("foreign_keys = ON", "synchronous = NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def _writing(engine: Engine) -> Iterator[Connection]:
    with engine.execution_options(**{_WRITES: True}).begin() as connection:
        yield connection


def _migrate(engine: Engine) -> None:
    with engine.begin() as connection:
        if versions.is_current(connection):
            return
    if engine.dialect.name == "sqlite":
        _use_wal(engine)
    with _writing(engine) as connection:
        versions.migrate(connection)


def _use_wal(engine: Engine) -> None:
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()
