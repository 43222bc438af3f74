"""Converts errors of databases to errors of the store, with hints."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, NoSuchModuleError, SQLAlchemyError

from mlplat.errors import Diagnostic, StoreError

DRIVERS = {
    "postgres": ("postgresql+psycopg", "psycopg", "mlplat[postgresql]"),
    "postgresql": ("postgresql+psycopg", "psycopg", "mlplat[postgresql]"),
    "mysql": ("mysql+pymysql", "pymysql", "mlplat[mysql]"),
    "mariadb": ("mariadb+pymysql", "pymysql", "mlplat[mysql]"),
}
"""Driver, module and package by the scheme of a URL."""


def place(url: URL) -> str:
    """Return the file or URL of a database, without a password."""
    if url.get_backend_name() == "sqlite":
        return url.database or "the store in memory"
    return url.render_as_string(hide_password=True)


@contextmanager
def reported(url: URL) -> Iterator[None]:
    """Turn errors of the database into errors of the store.

    Raises:
        StoreError: in place of any error of SQLAlchemy, the driver, or the file system.
    """
    try:
        yield
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise StoreError(_no_driver(url, error)) from error
    except DBAPIError as error:
        raise StoreError(_refused(url, str(error.orig).strip())) from error
    except sqlite3.Error as error:
        raise StoreError(_refused(url, str(error))) from error
    except SQLAlchemyError as error:
        raise StoreError(Diagnostic("MLP700", "", f"{place(url)}: {error}")) from error
    except OSError as error:
        raise StoreError(
            Diagnostic(
                "MLP704",
                "",
                f"{place(url)} cannot be opened: {error.strerror}",
                "check the path and its permissions",
            )
        ) from error


def _no_driver(url: URL, error: Exception) -> Diagnostic:
    for name, module, package in DRIVERS.values():
        if url.drivername == name:
            return Diagnostic(
                "MLP705", "", f"{module} is needed for {place(url)}", f"pip install '{package}'"
            )
    if isinstance(error, ModuleNotFoundError):
        return Diagnostic(
            "MLP705", "", f"{error.name} is needed for {place(url)}", f"pip install {error.name}"
        )
    return Diagnostic(
        "MLP701",
        "",
        f"unsupported database '{url.drivername}'",
        "use a file name, or a URL that starts with sqlite://, postgresql:// or mysql://",
    )


_HINTS = (
    ("unable to open database file", "MLP704", "check the path and its permissions"),
    ("not a database", "MLP704", "the file is not an SQLite database; choose another file, or move it"),
    ("malformed", "MLP704", "the file is damaged; restore it, or move it to start a new record"),
    ("readonly database", "MLP704", "check the permissions of the file and of its folder"),
    ("disk is full", "MLP706", "free space on the disk, then run the command again"),
    ("disk i/o error", "MLP706", "free space on the disk, then run the command again"),
    ("no space left", "MLP706", "free space on the disk of the database, then run the command again"),
    ("locked", "MLP707", "another process has locked it for more than 30 s: wait for it, or stop it"),
    ("password authentication failed", "MLP708", "check the user and password in the URL"),
    ("access denied", "MLP708", "check the user and password in the URL, and the permissions of the user"),
    (
        "permission denied",
        "MLP708",
        "grant the user permission to read, write and create tables in the database",
    ),
    ("does not exist", "MLP708", "create the database, and check its name and the user in the URL"),
    ("unknown database", "MLP708", "create the database, and check its name in the URL"),
    ("refused", "MLP709", "check the host and port in the URL, and that the server is running"),
    ("can't connect", "MLP709", "check the host and port in the URL, and that the server is running"),
    ("resolve", "MLP709", "check the host in the URL"),
    ("timeout", "MLP709", "check the host and port in the URL, and the network"),
)


def _refused(url: URL, answer: str) -> Diagnostic:
    lowered = answer.lower()
    for part, code, hint in _HINTS:
        if part in lowered:
            return Diagnostic(code, "", f"{place(url)}: {answer}", hint)
    return Diagnostic("MLP700", "", f"{place(url)}: {answer}")
