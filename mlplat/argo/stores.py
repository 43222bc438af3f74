"""Locations of artifacts: keys in the repository of the namespace or the Workflow.

A location with only a key is relative to that repository (Argo's ``artifactRepositoryRef``), of whatever
kind: Argo takes the repository's own location and puts the key there (``ArtifactLocation.Relocate`` of Argo 4.0.7's
``workflow_types.go``). So the kind in the manifest does not matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

KEYS: Mapping[str, str] = {"s3": "key", "gcs": "key", "oss": "key", "azure": "blob", "hdfs": "path"}
"""The fields of the key in a location, by kind."""

HDFS = "hdfs"
"""The only kind of repository with absolute keys."""

LOCATIONS = (*KEYS, "artifactory", "http", "git", "raw", "plugin")
"""Fields of an artifact for its location."""


def location(key: str, store: str = "") -> dict[str, Any]:
    """Return the location of an artifact.

    Args:
        key: relative to the repository's root.
        store: :data:`HDFS` if that is the kind of the repository.

    Returns:
        The location fields of an artifact: ``{"s3": {"key": …}}``.
    """
    return {"s3": {"key": f"/{key}" if store == HDFS else key}}


def has_location(artifact: Mapping[str, Any]) -> bool:
    """Return whether an artifact has a location."""
    return any(artifact.get(one) for one in LOCATIONS)


def key_of(artifact: Mapping[str, Any]) -> str:
    """Return the key of an artifact, or an empty string."""
    keys = ((artifact.get(store) or {}).get(field) for store, field in KEYS.items())
    return next((str(key).removeprefix("/") for key in keys if key), "")
