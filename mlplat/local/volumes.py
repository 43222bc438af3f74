"""Makes the volumes of a task below its folder."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlplat.local.containers import ContainerError, Pod

Files = dict[str, str]

_CLAIM = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?\Z")


class Volumes:
    """Volumes of one run.

    Args:
        shared: a folder for contents that many tasks read, and for claims that live as long as the run.
        claims: a folder for claims that outlive runs.
    """

    def __init__(self, shared: Path, claims: Path) -> None:
        self._shared = shared
        self._claims = claims

    def mount(
        self, root: Path, mounts: Sequence[Mapping[str, Any]], volumes: Sequence[Mapping[str, Any]], pod: Pod
    ) -> dict[str, Path]:
        """Put volumes where a task's container expects them.

        Args:
            root: the task's folder; stands for the container's ``/``.
            mounts: ``volumeMounts`` of the container.
            volumes: the volumes of the template and of the workflow.
            pod: what volumes can refer to.

        Returns:
            For each mount whose content lies outside of the task's folder where that is; the root has a link to it.

        Raises:
            ContainerError: a mount names a volume that isn't there, or one of an unknown kind.
            OSError: the disk refuses.
        """
        known = {volume["name"]: volume for volume in volumes}
        made: dict[str, Path] = {}
        linked: dict[str, Path] = {}
        for mount in sorted(mounts, key=lambda one: len(one["mountPath"])):
            volume = known.get(mount["name"])
            if volume is None:
                raise ContainerError(f"volume '{mount['name']}' not found in workflow spec")
            target = root / mount["mountPath"].strip("/")
            path = mount.get("subPath", "")
            if "emptyDir" in volume and mount["name"] not in made and not path and not target.exists():
                target.mkdir(parents=True)
                made[mount["name"]] = target
                continue
            source = made.get(mount["name"]) or self._content(volume, root, pod)
            made[mount["name"]] = source
            if path:
                source = source / path.strip("/")
                if not source.exists() and not self._is_content(volume):
                    source.mkdir(parents=True)
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.is_dir() and not target.is_symlink():
                target.rmdir()
            target.symlink_to(source, target_is_directory=source.is_dir())
            linked[mount["mountPath"]] = source
        return linked

    def claim(self, name: str) -> Path:
        """Return the folder of a claim that outlives runs; it may not be there yet.

        Raises:
            ContainerError: no claim can have this name.
        """
        if not _CLAIM.match(name):
            raise ContainerError(
                f'PersistentVolumeClaim "{name}" is invalid: metadata.name: it is no DNS name'
            )
        return self._claims / name

    def _is_content(self, volume: Mapping[str, Any]) -> bool:
        return any(kind in volume for kind in ("configMap", "secret", "downwardAPI", "projected"))

    def _content(self, volume: Mapping[str, Any], root: Path, pod: Pod) -> Path:
        if "emptyDir" in volume or "ephemeral" in volume:
            place = root.parent / "volumes" / str(volume["name"])
        elif "hostPath" in volume:
            return Path(volume["hostPath"]["path"])
        elif "persistentVolumeClaim" in volume:
            place = self.claim(str(volume["persistentVolumeClaim"]["claimName"]))
        elif "claimTemplate" in volume:
            place = self._shared / "claims" / str(volume["name"])
        elif self._is_content(volume):
            return self._write(_files(volume, pod))
        else:
            kind = next((key for key in volume if key != "name"), "none")
            raise ContainerError(
                f"volume '{volume['name']}' is of kind {kind}, which this engine does not have"
            )
        place.mkdir(parents=True, exist_ok=True)
        return place

    def _write(self, files: Files) -> Path:
        digest = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:16]
        place = self._shared / digest
        if place.is_dir():
            return place
        self._shared.mkdir(parents=True, exist_ok=True)
        staged = self._shared / f".{digest}-{os.getpid()}"
        for name, text in files.items():
            file = staged / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            file.chmod(0o444)
        staged.mkdir(exist_ok=True)
        staged.rename(place)
        return place


def is_mounted(path: str, mounts: Iterable[str]) -> bool:
    """Tell whether a path of a container is one of its mounts, or in one."""
    return any(path == mount or path.startswith(f"{mount.rstrip('/')}/") for mount in mounts)


def _files(volume: Mapping[str, Any], pod: Pod) -> Files:
    if "projected" in volume:
        files: Files = {}
        for source in volume["projected"].get("sources") or ():
            files.update(_files(source, pod))
        return files
    if "downwardAPI" in volume:
        return {
            _inside(item["path"]): pod.field(item["fieldRef"]["fieldPath"])
            for item in volume["downwardAPI"].get("items") or ()
        }
    for kind, key, known in (("configMap", "name", pod.config_maps), ("secret", "secretName", pod.secrets)):
        if kind in volume:
            source = volume[kind]
            name = source.get(key) or source.get("name")
            if name not in known:
                if source.get("optional"):
                    return {}
                raise ContainerError(f'{kind.lower()} "{name}" not found')
            return _selected(known[name], source.get("items"))
    raise ContainerError("a projected volume has a source that this engine does not have")


def _selected(data: Mapping[str, str], items: Sequence[Mapping[str, Any]] | None) -> Files:
    if not items:
        return {_inside(key): text for key, text in data.items()}
    return {_inside(item["path"]): data[item["key"]] for item in items if item["key"] in data}


def _inside(path: str) -> str:
    if path.startswith("/") or ".." in Path(path).parts:
        raise ContainerError(f"the volume's file {path!r} would leave its folder")
    return path
