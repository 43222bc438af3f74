"""The artifact store of this machine: a folder in which an artifact's key is its path."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path, PurePosixPath

_FICLONE = 0x40049409


class ArtifactError(Exception):
    """An artifact can't be read or written."""


class ArtifactMissingError(ArtifactError):
    """There is nothing under the key."""


class ArtifactStore:
    """Artifacts by key.

    Args:
        root: the folder; made when the first artifact is put.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, key: str) -> Path:
        """Return where the artifact of a key lies, or would lie.

        Args:
            key: such as ``my-run/train/model``.

        Returns:
            The path of a file or folder.

        Raises:
            ArtifactError: the key is empty or would leave the folder.
        """
        parts = PurePosixPath(key.strip("/")).parts
        if not parts or ".." in parts or "\0" in key:
            raise ArtifactError(f"artifact key {key!r} does not name a place below the artifact folder")
        return self._root.joinpath(*parts)

    def get(self, key: str, target: Path, *, unpack: bool | None) -> None:
        """Copy an artifact, so that the reader can't harm it.

        Args:
            key: its key.
            target: where to; a file that is there is replaced, and so is an empty folder.
            unpack: whether it is a ``.tgz`` to be unpacked; None to look.

        Raises:
            ArtifactMissingError: there is nothing under the key.
            ArtifactError: it isn't an archive though it should be one.
            FileExistsError: there is a folder with something in it.
            OSError: the disk refuses.
        """
        source = self.path(key)
        if not source.exists():
            raise ArtifactMissingError(f"there is no artifact under the key {key!r}")
        copy(source, target, unpack=unpack)

    def put(self, source: Path, key: str, *, pack: bool, move: bool = False) -> None:
        """Copy a file or folder under a key: all of it or, when anything fails, nothing.

        Args:
            source: what a task has written.
            key: its key; what lies there is replaced.
            pack: whether to write it as a ``.tgz``, as Argo does without ``archive: none``.
            move: whether it is not wanted where it is, which spares the copy.

        Raises:
            ArtifactError: the key would leave the folder.
            OSError: the disk refuses.
        """
        target = self.path(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        with _place_beside(target) as staged:
            if pack:
                with tarfile.open(staged, "w:gz", compresslevel=1) as archive:
                    archive.add(source, arcname=source.name)
            elif move:
                _move(source, staged)
            else:
                _copy(source, staged)
            _replace(staged, target)


def copy(source: Path, target: Path, *, unpack: bool | None) -> None:
    """Copy a file or folder to where a task reads it.

    Args:
        source: what to copy.
        target: where to; a file that is there is replaced, and so is an empty folder.
        unpack: whether it is a ``.tgz`` to be unpacked; None to look.

    Raises:
        ArtifactError: it isn't an archive though it should be one.
        FileExistsError: there is a folder with something in it.
        OSError: the disk refuses.
    """
    make_room(target)
    if unpack is None:
        unpack = source.is_file() and tarfile.is_tarfile(source)
    if unpack:
        _unpack(source, target)
    else:
        _copy(source, target)


def make_room(target: Path) -> None:
    """Remove what an artifact replaces when it is loaded: what a rename would, and an empty folder.

    Args:
        target: where the artifact is going to be.

    Raises:
        FileExistsError: there is a folder with something in it, or a link to one, such as a volume.
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


def _move(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy(source, target)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, copy_function=copy_file, symlinks=True)
    else:
        copy_file(source, target)


def _replace(staged: Path, target: Path) -> None:
    if staged.is_dir() or target.is_dir():
        with contextlib.suppress(FileNotFoundError):
            target.rename(staged.with_name("replaced"))
    staged.replace(target)


def copy_file(source: str | Path, target: str | Path) -> str:
    """Copy a file, sharing its blocks where the file system can.

    Args:
        source: the file.
        target: the copy.

    Returns:
        The copy's path.
    """
    with Path(source).open("rb") as reading, Path(target).open("wb") as writing:
        if not _clone(reading.fileno(), writing.fileno()):
            _copy_bytes(reading.fileno(), writing.fileno())
    shutil.copymode(source, target)
    return str(target)


def _clone(source: int, target: int) -> bool:
    try:
        ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


def _copy_bytes(source: int, target: int) -> None:
    remaining = os.fstat(source).st_size
    if hasattr(os, "copy_file_range"):
        try:
            while remaining > 0 and (copied := os.copy_file_range(source, target, remaining)) > 0:
                remaining -= copied
            if remaining <= 0:
                return
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
    while block := os.read(source, 1 << 20):
        view = memoryview(block)
        while view:
            view = view[os.write(target, view) :]


def _unpack(source: Path, target: Path) -> None:
    with _place_beside(target) as staged:
        staged.mkdir()
        try:
            with tarfile.open(source) as archive:
                _extract(archive, staged)
        except tarfile.TarError as error:
            raise ArtifactError(f"{source.name} is not an archive that can be unpacked: {error}") from None
        content = list(staged.iterdir())
        (content[0] if len(content) == 1 else staged).rename(target)


def _extract(archive: tarfile.TarFile, target: Path) -> None:
    if hasattr(tarfile, "data_filter"):
        archive.extractall(target, filter="data")
        return
    for member in archive.getmembers():
        parts = PurePosixPath(member.name).parts
        if member.name.startswith("/") or ".." in parts or not (member.isfile() or member.isdir()):
            raise ArtifactError(f"the archive holds {member.name!r}, which would leave its folder")
    archive.extractall(target)  # noqa: S202
