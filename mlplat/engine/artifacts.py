"""The artifact store of this machine: a folder in which an artifact's key is its path."""

from __future__ import annotations

import contextlib
import errno
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from mlplat.argo import stores
from mlplat.engine import files


class ArtifactError(Exception):
    """An artifact cannot be read or written."""


class ArtifactMissingError(ArtifactError):
    """No artifact has this key."""


class ArtifactStore:
    """Artifacts by key.

    Args:
        root: the folder; made when the first artifact is put.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, key: str) -> Path:
        """Return the path for a key, whether or not there is an artifact.

        Args:
            key: such as ``my-run/train/model``.

        Returns:
            The path of a file or folder.

        Raises:
            ArtifactError: the key is empty or is outside the folder.
        """
        parts = PurePosixPath(key.strip("/")).parts
        if not parts or ".." in parts or "\0" in key:
            raise ArtifactError(f"artifact key {key!r} is outside the artifact folder")
        return self._root.joinpath(*parts)

    def get(self, key: str, target: Path, *, unpack: bool | None) -> None:
        """Copy an artifact, so that the reader cannot change it.

        Args:
            key: its key.
            target: the path; an existing file or empty folder is replaced.
            unpack: whether to unpack a ``.tgz``; None to detect it.

        Raises:
            ArtifactMissingError: no artifact has this key.
            ArtifactError: it is not an archive.
            FileExistsError: the target is a folder that is not empty.
            OSError: a file cannot be read or written.
        """
        source = self.path(key)
        if not source.exists():
            raise ArtifactMissingError(f"artifact {key!r} not found")
        copy(source, target, unpack=unpack)

    def put(self, source: Path, key: str, *, pack: bool, move: bool = False) -> None:
        """Copy a file or folder under a key: all of it or, when anything fails, nothing.

        Args:
            source: the file or folder.
            key: its key; an existing artifact is replaced.
            pack: whether to write it as a ``.tgz``, as Argo does without ``archive: none``.
            move: whether the source may be moved instead of copied.

        Raises:
            ArtifactError: the key is outside the folder, or a socket cannot be packed.
            NotAFileError: there is a pipe, a socket or a device.
            OSError: a file cannot be read or written; or, without packing, a link is broken or leads to a folder.
        """
        target = self.path(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        with _place_beside(target) as staged:
            if pack:
                _pack(source, staged)
            elif move and files.is_plain(source):
                _move(source, staged)
            else:
                files.copy(source, staged)
            _replace(staged, target)


def copy(source: Path, target: Path, *, unpack: bool | None) -> None:
    """Copy a file or folder to where a task reads it.

    Args:
        source: what to copy.
        target: the path; an existing file or empty folder is replaced.
        unpack: whether to unpack a ``.tgz``; None to detect it.

    Raises:
        ArtifactError: it is not an archive.
        FileExistsError: the target is a folder that is not empty.
        OSError: a file cannot be read or written.
    """
    from mlplat.engine import archives

    make_room(target)
    if unpack is None:
        unpack = source.is_file() and archives.is_archive(source)
    if unpack:
        _unpack(source, target)
    else:
        files.copy(source, target)


def make_room(target: Path) -> None:
    """Remove the file or empty folder that an artifact replaces when it is loaded.

    Args:
        target: path of the artifact.

    Raises:
        FileExistsError: the target is a folder that is not empty, or a link to one, such as a volume.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.is_dir():
        target.unlink(missing_ok=True)
    elif target.is_symlink() or any(target.iterdir()):
        raise FileExistsError(errno.EEXIST, "file exists", str(target))
    else:
        target.rmdir()


@contextlib.contextmanager
def _place_beside(target: Path) -> Iterator[Path]:
    holder = Path(tempfile.mkdtemp(prefix=".put-", dir=target.parent))
    try:
        yield holder / "artifact"
    finally:
        shutil.rmtree(holder, ignore_errors=True)


def _pack(source: Path, target: Path) -> None:
    from mlplat.engine import archives

    try:
        archives.pack(source, target)
    except archives.ArchiveError as error:
        raise ArtifactError(str(error)) from None


def _move(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        files.copy(source, target)


def _replace(staged: Path, target: Path) -> None:
    if staged.is_dir() or target.is_dir():
        with contextlib.suppress(FileNotFoundError):
            target.rename(staged.with_name("replaced"))
    staged.replace(target)


def _unpack(source: Path, target: Path) -> None:
    from mlplat.engine import archives

    with _place_beside(target) as staged:
        staged.mkdir()
        try:
            archives.unpack(source, staged)
        except archives.ArchiveError as error:
            raise ArtifactError(str(error)) from None
        content = list(staged.iterdir())
        (content[0] if len(content) == 1 else staged).rename(target)


def artifact_key(artifact: Mapping[str, Any]) -> str:
    """Return the key of an artifact.

    Raises:
        ArtifactError: it has none.
    """
    if key := stores.key_of(artifact):
        return key
    raise ArtifactError(f"artifact {artifact['name']!r} has no key")
