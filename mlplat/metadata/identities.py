"""Hashes by which the record knows runs, nodes and artifacts again."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any

OWN_STORAGE = "mlplat://"
"""Start of the URIs of artifacts in the storage of a cluster or machine."""


def identity(*parts: str) -> str:
    """Make a primary key of 32 hexadecimal digits from what identifies a row."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def run_uid(place: str, namespace: str, name: str, created: object) -> str:
    """Make the uid of a run whose Workflow has none: of one cluster or machine, and one time."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"mlplat:{place}/{namespace}/{name}/{created or ''}"))


def artifact_id(cluster: str, namespace: str, engine: str, key: str, uri: str) -> str:
    """Make the identity of an artifact: the place where its bytes are.

    Args:
        cluster: identity of the cluster or machine; empty if it is unknown.
        namespace: tenant.
        engine: whose artifact storage the key is for.
        key: key in that storage; may be empty when there is a URI.
        uri: place elsewhere, taken when there is no key.

    Returns:
        32 hexadecimal digits.
    """
    known = [cluster] if cluster else []
    if key:
        return identity(*known, namespace, engine, "key", key)
    if uri.startswith(OWN_STORAGE):
        return identity(*known, namespace, engine, "uri", uri)
    return identity(namespace, "", "uri", uri)


def fingerprint(node: Mapping[str, Any]) -> str:
    """Return the hash of a node in the status: 32 hexadecimal digits."""
    text = json.dumps(node, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def manifest_digest(spec: Mapping[str, Any]) -> str:
    """Hash what a Workflow does, whatever its arguments are and whoever stored it.

    Empty fields are left out, because the API server of a cluster adds some (``metadata: {}``, ``resources:
    {}``).

    Args:
        spec: ``spec`` of a Workflow.

    Returns:
        ``sha256:`` and 64 hexadecimal digits.
    """
    program = {key: value for key, value in spec.items() if key not in ("arguments", "shutdown", "suspend")}
    text = json.dumps(_without_empty(program), sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _without_empty(value: Any) -> Any:
    if isinstance(value, Mapping):
        kept = {key: _without_empty(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, "", {}, [])}
    if isinstance(value, (list, tuple)):
        return [_without_empty(item) for item in value]
    return value
