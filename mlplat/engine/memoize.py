"""Remembers the outputs of memoized templates."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Protocol

from mlplat.argo import stores
from mlplat.argo.durations import DurationError, seconds
from mlplat.engine.artifacts import ArtifactStore

_WRITTEN = "mlplat.dev/written"
"""Stored with the outputs in a cache: when their artifacts were written, as another run may write over them."""

_KEY = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]*$")


class MemoizeError(Exception):
    """A cache cannot be used; the message is Argo's."""


class Cache(Protocol):
    """Keeps outputs between runs."""

    def load(self, cache_name: str, key: str, max_age: float | None) -> Mapping[str, Any] | None:
        """Return the outputs under a key, or None.

        Args:
            cache_name: the cache, as ``memoize.cache.configMap.name`` names it.
            key: the key.
            max_age: maximum age of an entry in seconds; None for no limit.
        """

    def save(self, cache_name: str, key: str, node_id: str, outputs: Mapping[str, Any]) -> None:
        """Save the outputs of a node under a key."""


def _key(parameter: Mapping[str, Any]) -> str:
    """Return the key of an artifact whose value is an output parameter; empty for any other value."""
    text = parameter.get("value") or ""
    if not text.startswith("{"):
        return ""
    try:
        value = json.loads(text)
    except ValueError:
        return ""
    return str(value["key"]) if {"key", "group", "uri"} <= value.keys() and value["key"] else ""


class Memo:
    """The cache, as templates use it.

    Args:
        cache: the cache; None disables caching.
        artifacts: the artifact store; outputs whose artifact was deleted or overwritten are not found.
        group: prefix of the names of caches, which separates results of tasks in images from those of processes.
    """

    def __init__(self, cache: Cache | None, artifacts: ArtifactStore, group: str = "") -> None:
        self._cache = cache
        self._artifacts = artifacts
        self._group = group

    def recall(self, memoize: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return the outputs under a template's key.

        Args:
            memoize: the template's ``memoize``, filled.

        Returns:
            The outputs; None if the cache has none, or only older ones.

        Raises:
            MemoizeError: the key or ``maxAge`` is not valid.
        """
        key = memoize.get("key", "")
        if not _KEY.match(key):
            raise MemoizeError(f"invalid cache key: {key}")
        max_age = None
        if memoize.get("maxAge"):
            try:
                max_age = seconds(memoize["maxAge"])
            except DurationError as error:
                raise MemoizeError(f"invalid maxAge: {error}") from None
        if self._cache is None:
            return None
        outputs = self._cache.load(self._group + memoize["cache"]["configMap"]["name"], key, max_age)
        if outputs is None:
            return None
        found = dict(outputs)
        kept, written = found.pop(_WRITTEN, None), self._written(found)
        return None if None in written.values() or kept not in (None, written) else found

    def _written(self, outputs: Mapping[str, Any]) -> dict[str, int | None]:
        """Return when each artifact was written, in nanoseconds; None for one that is gone."""
        keys = (*map(stores.key_of, outputs.get("artifacts", ())), *map(_key, outputs.get("parameters", ())))
        paths = {key: self._artifacts.path(key) for key in keys if key}
        return {key: path.stat().st_mtime_ns if path.exists() else None for key, path in paths.items()}

    def memorize(self, status: Mapping[str, Any], node_id: str, outputs: Mapping[str, Any]) -> None:
        """Save the outputs of a node that the cache did not have.

        Args:
            status: its ``memoizationStatus``.
            node_id: its id.
            outputs: its outputs.
        """
        if self._cache is not None:
            kept = {**outputs, _WRITTEN: self._written(outputs)}
            self._cache.save(self._group + status["cacheName"], status["key"], node_id, kept)
