"""Where an artifact's bytes lie: the kinds of artifact repository, and the field that names a place in each.

A location with no more than that field lies in the repository that the namespace or the Workflow names
(Argo's ``artifactRepositoryRef``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DEFAULT = "s3"
KEYS: Mapping[str, str] = {"s3": "key", "gcs": "key", "oss": "key", "azure": "blob", "hdfs": "path"}
"""The field that names the place, by kind."""


def location(store: str, key: str) -> dict[str, Any]:
    """Return the location of an artifact.

    Args:
        store: one of :data:`KEYS`.
        key: relative to the repository's root; HDFS wants it absolute, and gets it so.

    Returns:
        The part of an artifact that says where it lies, such as ``{"s3": {"key": …}}``.
    """
    return {store: {KEYS[store]: f"/{key}" if store == "hdfs" else key}}


def key_of(artifact: Mapping[str, Any]) -> str:
    """Return the key of an artifact as :func:`location` took it, or an empty text."""
    for store, field in KEYS.items():
        if key := (artifact.get(store) or {}).get(field):
            return str(key).removeprefix("/") if store == "hdfs" else str(key)
    return ""
