"""Functions that tasks of importers run, like those of users: their source is in the manifest."""

from __future__ import annotations

from typing import Any


def fetch(value: Any, artifact: Any) -> None:
    """Pass on, as an artifact of the store, what Argo has put at the artifact's path."""
    artifact.name, artifact.uri, artifact.metadata = value["name"], value["uri"], value["metadata"]


def copy_to_workspace(data: Any, workspace: str, place: str) -> str:
    """Copy an importer's data into the workspace, and return its path there."""
    import hashlib
    import os
    import shutil
    from urllib.parse import unquote, urlsplit

    path = urlsplit(data.uri).path if data.uri.startswith(("http://", "https://")) else data.uri
    name = os.path.basename(unquote(path).rstrip("/")).encode()[-255:].decode(errors="ignore") or "data"
    folder = os.path.join(workspace, ".artifacts", hashlib.sha256(place.encode()).hexdigest()[:16])
    target = os.path.join(folder, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    (shutil.copytree if os.path.isdir(data.path) else shutil.copyfile)(data.path, target)
    return target
