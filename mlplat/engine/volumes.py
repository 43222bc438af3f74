"""Creates the volumes of a task below its folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mlplat.engine.containers import ContainerError, PodInfo, sub_path

Files = dict[str, str]

_CLAIM = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?\Z")


@dataclass(frozen=True, slots=True)
class Mount:
    """The content of a path of a container.

    Attributes:
        source: the file or folder of this machine.
        read_only: whether the container may only read it.
    """

    source: Path
    read_only: bool = False


class Volumes:
    """Volumes of one run.

    Args:
        shared: a folder for contents that many tasks read, and for PVCs that live as long as the run.
        claims: a folder for PVCs that outlive runs.
    """

    def __init__(self, shared: Path, claims: Path) -> None:
        self._shared = shared
        self._claims = claims
        self._nested: dict[Path, set[Path]] = {}

    def mount(
        self,
        root: Path,
        mounts: Sequence[Mapping[str, Any]],
        volumes: Sequence[Mapping[str, Any]],
        pod: PodInfo,
        variables: Mapping[str, str],
    ) -> dict[str, Mount]:
        """Mount volumes at the paths of a task's container.

        Args:
            root: the task's folder, the ``/`` of the container.
            mounts: ``volumeMounts`` of the container.
            volumes: the volumes of the template and of the workflow.
            pod: the pod, which volumes can refer to.
            variables: the container's variables, to which a ``subPathExpr`` can refer.

        Returns:
            The content of each mount that is outside of the task's folder. There is a link to it, in the
            root or in the enclosing volume; :meth:`unmount` removes the latter.

        Raises:
            ContainerError: a mount refers to a missing volume, or one of an unsupported kind, or is outside of it; or
                there is something else at its path, in the enclosing volume.
            OSError: the disk refuses.
        """
        known = {volume["name"]: volume for volume in volumes}
        places: dict[str, Path] = {}
        linked: dict[str, Mount] = {}
        for mount in sorted(mounts, key=lambda one: len(one["mountPath"])):
            volume = known.get(mount["name"])
            if volume is None:
                raise ContainerError(f"volume '{mount['name']}' not found in workflow spec")
            target = root / mount["mountPath"].strip("/")
            nested = is_mounted(str(PurePosixPath(mount["mountPath"]).parent), linked)
            path = sub_path(mount, variables)
            is_new = mount["name"] not in places and not path and not nested and not target.exists()
            if "emptyDir" in volume and is_new:
                target.mkdir(parents=True)
                places[mount["name"]] = target
                continue
            source = places.get(mount["name"]) or self._content(volume, root, pod)
            places[mount["name"]] = source
            if path:
                source = self._below(source, path, volume)
            target.parent.mkdir(parents=True, exist_ok=True)
            if nested:
                self._nest(mount["mountPath"], target.parent.resolve() / target.name, source, root)
            else:
                _make_room(target)
                target.symlink_to(source, target_is_directory=source.is_dir())
            linked[mount["mountPath"]] = Mount(source, self._is_read_only(mount, volume))
        return linked

    def unmount(self, root: Path) -> None:
        """Remove the links of mounts from volumes that outlive a task.

        Args:
            root: the task's folder.
        """
        for place, users in list(self._nested.items()):
            users.discard(root)
            if not users:
                del self._nested[place]
                with contextlib.suppress(OSError):
                    if place.is_symlink():
                        place.unlink()

    def claim(self, name: str) -> Path:
        """Return the folder of a PVC that outlives runs; it may not exist yet.

        Raises:
            ContainerError: the name is not valid.
        """
        if not _CLAIM.match(name):
            raise ContainerError(
                f'PersistentVolumeClaim "{name}" is invalid: metadata.name: not a valid DNS name'
            )
        return self._claims / name

    def _is_content(self, volume: Mapping[str, Any]) -> bool:
        return any(kind in volume for kind in ("configMap", "secret", "downwardAPI", "projected"))

    def _is_read_only(self, mount: Mapping[str, Any], volume: Mapping[str, Any]) -> bool:
        claim = volume.get("persistentVolumeClaim") or {}
        return bool(mount.get("readOnly") or claim.get("readOnly") or self._is_content(volume))

    def _below(self, source: Path, path: str, volume: Mapping[str, Any]) -> Path:
        """Return a path in a volume; create a folder if it does not exist."""
        found = source / path
        if not found.resolve().is_relative_to(source.resolve()):
            raise ContainerError(
                f"subPath {path!r} is not within volume '{volume['name']}': it contains a link to a path outside"
            )
        if not found.exists() and not self._is_content(volume):
            found.mkdir(parents=True)
        return found

    def _nest(self, path: str, place: Path, source: Path, root: Path) -> None:
        """Link a mount inside of another volume, while a task needs it."""
        users = self._nested.get(place)
        if users is None:
            is_ours = place.is_symlink() and (
                place.readlink().is_relative_to(self._claims.parent) or place.readlink() == source
            )
            if is_ours:
                place.unlink()
            _make_room(place)
            if place.exists() or place.is_symlink():
                raise ContainerError(
                    f"cannot mount at {path}: the enclosing volume already contains {place}; "
                    "remove it, or use another mountPath"
                )
            place.symlink_to(source, target_is_directory=source.is_dir())
            users = self._nested[place] = set()
        elif place.readlink() != source:
            raise ContainerError(
                f"cannot mount at {path}: a running task has another mount there, in the same enclosing "
                "volume; mount it outside of that volume, or run one task after the other"
            )
        users.add(root)

    def _content(self, volume: Mapping[str, Any], root: Path, pod: PodInfo) -> Path:
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
                f"volume '{volume['name']}' is of kind {kind}, which is not supported on this machine"
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
    """Return whether a path of a container is one of its mounts, or in one."""
    return any(path == mount or path.startswith(f"{mount.rstrip('/')}/") for mount in mounts)


def _make_room(place: Path) -> None:
    """Remove an empty folder or file, which containers leave as mount points."""
    if place.is_symlink() or not place.exists():
        return
    if place.is_dir():
        if not any(place.iterdir()):
            place.rmdir()
    elif not place.stat().st_size:
        place.unlink()


def _files(volume: Mapping[str, Any], pod: PodInfo) -> Files:
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
    raise ContainerError("a projected volume has an unsupported source")


def _selected(data: Mapping[str, str], items: Sequence[Mapping[str, Any]] | None) -> Files:
    if not items:
        return {_inside(key): text for key, text in data.items()}
    return {_inside(item["path"]): data[item["key"]] for item in items if item["key"] in data}


def _inside(path: str) -> str:
    if path.startswith("/") or ".." in Path(path).parts:
        raise ContainerError(f"path {path!r} is outside of the volume")
    return path
