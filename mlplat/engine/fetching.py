"""Fetches the input artifacts of a task."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from mlplat.argo.stores import has_location
from mlplat.engine import remote
from mlplat.engine.artifacts import (
    ArtifactError,
    ArtifactMissingError,
    ArtifactStore,
    artifact_key,
    copy,
    make_room,
)
from mlplat.engine.stages import Stages

Secrets = Mapping[str, Mapping[str, str]]
"""Data of Secrets by name."""


class Inputs:
    """Fetches the input artifacts of tasks.

    Args:
        store: the artifacts of this machine.
    """

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store

    async def load(
        self,
        artifact: Mapping[str, Any],
        root: Path,
        secrets: Secrets,
        stages: Stages,
    ) -> None:
        """Fetch an artifact to its path in the container of a task.

        Args:
            artifact: the input artifact, with its location.
            root: the task's folder, the ``/`` of the container.
            secrets: data of Secrets by name, for artifacts of other stores.
            stages: the stages of the task, which can stop the copying.

        Raises:
            ArtifactError: the artifact cannot be loaded.
        """
        if not has_location(artifact):
            if artifact.get("optional"):
                return
            raise ArtifactError(f"required artifact '{artifact['name']}' not supplied")
        target = root / artifact["path"].strip("/")
        archive = artifact.get("archive") or {}
        unpack = False if "none" in archive else True if "tar" in archive else None
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            await stages.copy(partial(self._fetch, artifact, target, unpack, secrets))
        except ArtifactMissingError as error:
            if not artifact.get("optional"):
                why = error if remote.is_remote(artifact) else "The specified key does not exist."
                raise ArtifactError(f"artifact {artifact['name']} failed to load: {why}") from error
            target.mkdir(parents=True, exist_ok=True)
            return
        except FileExistsError:
            place = f"/mainctrfs{artifact['path'].rstrip('/')}"
            raise ArtifactError(f"rename {place}.tmp {place}: file exists") from None
        if artifact.get("mode") is not None:
            _change_mode(target, int(artifact["mode"]), bool(artifact.get("recurseMode")))

    def _fetch(
        self, artifact: Mapping[str, Any], target: Path, unpack: bool | None, secrets: Secrets
    ) -> None:
        if artifact.get("raw") is not None:
            make_room(target)
            target.write_text(artifact["raw"].get("data", ""), encoding="utf-8")
            return
        if not remote.is_remote(artifact):
            self._store.get(artifact_key(artifact), target, unpack=unpack)
            return
        if unpack is False:
            make_room(target)
            remote.fetch(artifact, target, secrets)
            return
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            fetched = Path(folder) / "artifact"
            remote.fetch(artifact, fetched, secrets)
            copy(fetched, target, unpack=unpack)


def _change_mode(path: Path, mode: int, recursive: bool) -> None:
    path.chmod(mode)
    if recursive and path.is_dir():
        for below in path.rglob("*"):
            with contextlib.suppress(FileNotFoundError):
                below.chmod(mode)
