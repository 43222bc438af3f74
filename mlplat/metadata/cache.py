"""The cache of task outputs that the local engine uses where Argo uses ConfigMaps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, select, update

from mlplat.metadata.database import Database, upsert
from mlplat.metadata.schema import cache_entries

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEY_COLUMNS = ("namespace", "cache_name", "key")


class RunCache:
    """Outputs of tasks by cache name and key, in the record.

    Args:
        database: where the entries are.
        namespace: tenant; entries of one are never given to another.
    """

    def __init__(self, database: Database, namespace: str) -> None:
        self._database = database
        self._namespace = namespace

    def load(self, cache_name: str, key: str, max_age: float | None = None) -> dict[str, Any] | None:
        """Return cached outputs, and record the lookup.

        As in Argo, age counts from when the outputs were saved, not from when they were last used.

        Args:
            cache_name: name of the cache.
            key: key within it.
            max_age: in seconds; None takes entries of any age.

        Returns:
            ``outputs`` of the node that was saved; None if there is none, or only an older one.

        Raises:
            StoreError: the record cannot be read or written.
        """
        now = datetime.now(UTC)
        query = select(cache_entries.c.outputs).where(*self._is(cache_name, key))
        if max_age is not None:
            query = query.where(cache_entries.c.created_at >= now - timedelta(seconds=max_age))
        with self._database.reading() as connection:
            outputs: dict[str, Any] | None = connection.execute(query).scalar_one_or_none()
        if outputs is not None:
            hit = update(cache_entries).where(*self._is(cache_name, key)).values(last_hit_at=now)
            self._database.write(lambda connection: connection.execute(hit))
        return outputs

    def save(self, cache_name: str, key: str, node_id: str, outputs: Mapping[str, Any]) -> None:
        """Save outputs, and replace earlier ones.

        Args:
            cache_name: name of the cache.
            key: key within it.
            node_id: the node that has the outputs.
            outputs: ``outputs`` of that node.

        Raises:
            StoreError: the record cannot be written.
        """
        row = {
            "namespace": self._namespace,
            "cache_name": cache_name,
            "key": key,
            "node_id": node_id,
            "outputs": dict(outputs),
            "created_at": datetime.now(UTC),
            "last_hit_at": None,
        }
        columns = [name for name in row if name not in _KEY_COLUMNS]
        self._database.write(lambda connection: upsert(connection, cache_entries, [row], columns))

    def maker(self, key: str) -> str:
        """Return the id of the node whose outputs were saved last under a key, in any cache, or an empty string.

        Raises:
            StoreError: the record cannot be read.
        """
        query = (
            select(cache_entries.c.node_id)
            .where(cache_entries.c.namespace == self._namespace, cache_entries.c.key == key)
            .order_by(cache_entries.c.created_at.desc())
            .limit(1)
        )
        with self._database.reading() as connection:
            return connection.execute(query).scalar_one_or_none() or ""

    def clear(self, cache_name: str | None = None) -> int:
        """Forget outputs.

        Args:
            cache_name: the cache to empty; None empties all of this namespace.

        Returns:
            How many entries there were.

        Raises:
            StoreError: the record cannot be written.
        """
        statement = delete(cache_entries).where(cache_entries.c.namespace == self._namespace)
        if cache_name is not None:
            statement = statement.where(cache_entries.c.cache_name == cache_name)

        def work(connection: Connection) -> int:
            return connection.execute(statement).rowcount

        return self._database.write(work)

    def _is(self, cache_name: str, key: str) -> tuple[Any, ...]:
        return (
            cache_entries.c.namespace == self._namespace,
            cache_entries.c.cache_name == cache_name,
            cache_entries.c.key == key,
        )
