"""Column types that preserve Python values in every supported database."""

# ruff: noqa: ARG002 -- the signatures are SQLAlchemy's

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, String, Text, TypeDecorator
from sqlalchemy.types import TypeEngine

NAME_LENGTH = 255

MYSQL = ("mysql", "mariadb")
"""Names of the dialects of MySQL."""

_NOT_STORABLE = re.compile("[\x00\x1a\ud800-\udfff]")
_ESCAPED = re.compile("\x1a([0-9a-f]{4})")


def escape_text(text: str) -> str:
    """Escape characters that a database refuses in text: NUL (PostgreSQL) and lone surrogates (every UTF-8 encoder).

    Args:
        text: any string.

    Returns:
        The same string with such characters as U+001A and four hexadecimal digits; :func:`unescape_text`
        gives it back.
    """
    return _NOT_STORABLE.sub(lambda match: f"\x1a{ord(match[0]):04x}", text)


def unescape_text(text: str) -> str:
    """Undo :func:`escape_text`."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)


def shorten_name(name: str) -> str:
    """Fit a name into an indexed column.

    Args:
        name: any string.

    Returns:
        The name itself when it has at most 255 characters, else its beginning and a hash of all of it.
    """
    if len(name) <= NAME_LENGTH:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{name[: NAME_LENGTH - 17]}~{digest}"


class _LongText(TypeDecorator[Any]):
    """Text of any length; MySQL's TEXT ends at 64 KiB."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the type; MySQL's are imported for MySQL only, because importing them takes long."""
        if dialect.name not in MYSQL:
            return self.impl_instance
        from sqlalchemy.dialects.mysql import LONGTEXT

        return LONGTEXT()


class AnyText(_LongText):
    """Text of any length with any character."""

    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Escape on the way in."""
        return None if value is None else escape_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Unescape on the way out."""
        return None if value is None else unescape_text(value)


class Name(TypeDecorator[str]):
    """A name: text that can be indexed; one of more than 255 characters is shortened."""

    impl = String(NAME_LENGTH)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Escape and shorten on the way in, in queries too."""
        return None if value is None else shorten_name(escape_text(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Unescape on the way out."""
        return None if value is None else unescape_text(value)


class JsonText(_LongText):
    """JSON as ASCII text.

    Unlike the databases' own JSON types it keeps NaN, infinities, NUL and the order of keys.
    """

    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        """Write as JSON."""
        return json.dumps(value, ensure_ascii=True, separators=(",", ":"))

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Read from JSON."""
        return None if value is None else json.loads(value)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time, stored in UTC to the microsecond; MySQL's DATETIME drops fractions unless told otherwise."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the type, as for long text."""
        if dialect.name not in MYSQL:
            return self.impl_instance
        from sqlalchemy.dialects.mysql import DATETIME

        return DATETIME(fsp=6)

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store without zone, in UTC."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return with the zone."""
        return None if value is None else value.replace(tzinfo=UTC)
