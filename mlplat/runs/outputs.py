"""The outputs of a run as Python values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlplat.argo.status import decoded, is_artifact, nodes_of
from mlplat.runtime.artifacts import ARTIFACT_CLASSES, Artifact


def outputs_of(workflow: Mapping[str, Any], artifacts: Path | None = None) -> dict[str, Any]:
    """Return the outputs of a pipeline by name.

    Args:
        workflow: a run of it that has ended.
        artifacts: folder with the artifacts of a local run; None if they are elsewhere.

    Returns:
        Values as they were returned, and artifacts as objects with ``uri``, ``metadata`` and, in the folder, ``path``.
        None for what a failed run has not written.
    """
    spec = workflow["spec"]
    entrypoint: Mapping[str, Any] = next(
        (one for one in spec.get("templates") or () if one["name"] == spec.get("entrypoint")), {}
    )
    declared = [one["name"] for one in (entrypoint.get("outputs") or {}).get("parameters") or ()]
    root = nodes_of(workflow).get(workflow["metadata"]["name"], {})
    written = {
        one["name"]: decoded(one.get("value")) for one in root.get("outputs", {}).get("parameters") or ()
    }
    return {name: _value(written.get(name), artifacts) for name in declared}


def _value(value: Any, artifacts: Path | None) -> Any:
    if isinstance(value, list):
        return [_value(item, artifacts) for item in value]
    return _artifact(value, artifacts) if is_artifact(value) and {"name", "uri"} <= value.keys() else value


def _artifact(value: Mapping[str, Any], artifacts: Path | None) -> Artifact:
    made = ARTIFACT_CLASSES.get(value["type"].get("schemaTitle", ""), Artifact)
    artifact = made(value["name"], value["uri"], value["metadata"])
    if artifacts and value.get("key"):
        artifact.custom_path = str(artifacts / value["key"])
    return artifact
