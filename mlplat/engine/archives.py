"""Packs and unpacks artifacts as Argo's executor does (``util/archive`` and ``untar`` of 4.0.7)."""

from __future__ import annotations

import gzip
import os
import posixpath
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from mlplat.engine import files

_LONGEST_READ = 8 << 20
"""Maximum size of one read from an archive, in bytes: a larger header is an attack on memory."""

_BLOCK = 1 << 20
_BROKEN = (tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error)


class ArchiveError(Exception):
    """An archive cannot be made, or not be unpacked."""


class _Bounded:
    """A file that refuses large reads, and all reads after copying is aborted."""

    def __init__(self, file: IO[bytes]) -> None:
        self.tell, self.seek, self._file = file.tell, file.seek, file

    def read(self, size: int = -1) -> bytes:
        """Read so many bytes.

        Raises:
            ReadError: the number is too large.
            GivenUpError: copying is aborted.
        """
        files.check()
        if not 0 <= size <= _LONGEST_READ:
            raise tarfile.ReadError(f"a header of {size:,} bytes")
        return self._file.read(size)


def pack(source: Path, target: Path) -> None:
    """Write a ``.tgz`` of a file or folder.

    Links stay links, hard links become copies, and pipes and devices are archived without
    being read.

    Args:
        source: a file or folder.
        target: the archive.

    Raises:
        ArchiveError: there is a socket in it.
        NotAFileError: it is neither file nor folder.
        OSError: it cannot be read or written.
    """
    if not source.is_dir():
        with files.opened(source):
            pass
    with tarfile.open(target, "w:gz", compresslevel=1) as archive:
        for path in _walk(source):
            inodes: dict[Any, Any] = cast("Any", archive).inodes
            inodes.clear()
            entry = archive.gettarinfo(path, str(path.relative_to(source.parent)))
            if cast("Any", entry) is None:
                raise ArchiveError("archive/tar: sockets not supported")
            if entry.isreg():
                with files.opened(path) as file:
                    archive.addfile(entry, cast("IO[bytes]", _Bounded(file)))
            else:
                archive.addfile(entry)


def _walk(path: Path) -> Iterator[Path]:
    left = [path]
    while left:
        found = left.pop()
        yield found
        if found.is_dir() and not found.is_symlink():
            left += sorted(found.iterdir(), reverse=True)


def is_archive(path: Path) -> bool:
    """Return whether a file is a ``.tgz`` that is not empty."""
    try:
        with _opened(path) as archive:
            return archive.next() is not None
    except (*_BROKEN, OSError):
        return False


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    with files.opened(path) as file, gzip.open(file) as stream:
        bounded = cast("IO[bytes]", _Bounded(cast("IO[bytes]", stream)))
        with tarfile.open(fileobj=bounded, mode="r:") as archive:
            yield archive


def unpack(source: Path, target: Path) -> None:
    """Unpack a ``.tgz``: its folders, files and links; other entries are ignored.

    Args:
        source: the archive.
        target: an empty folder.

    Raises:
        ArchiveError: it is not a ``.tgz``, something in it is outside of the folder, or it needs more space than the
            disk has free.
        OSError: a file cannot be written.
    """
    try:
        with _opened(source) as archive:
            for member in archive:
                _extract(archive, member, target)
    except _BROKEN as error:
        raise ArchiveError(f"{source.name} is not an archive that can be unpacked: {error}") from None


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    name = posixpath.normpath(f"./{member.name}")
    if name == "." or name.split("/", 1)[0] == "..":
        raise ArchiveError(f"illegal file path: {member.name}")
    place = target / name
    if any(folder.is_symlink() for folder in place.parents if folder.is_relative_to(target)):
        raise ArchiveError(f"illegal file path: {member.name} is below a link of the archive")
    if member.isdir():
        place.mkdir(mode=0o755, parents=True, exist_ok=True)
    elif member.issym():
        leads_to = posixpath.normpath(posixpath.join(posixpath.dirname(name), member.linkname))
        if posixpath.isabs(leads_to) or leads_to.split("/", 1)[0] in (".", ".."):
            raise ArchiveError(f"illegal symlink target: {member.name} -> {member.linkname}")
        place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        place.symlink_to(member.linkname)
    elif member.isreg():
        _write(archive, member, place)


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, place: Path) -> None:
    place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    free = shutil.disk_usage(place.parent).free
    if member.size > free:
        message = f"{member.name} needs {member.size:,} bytes, but the disk has {free:,} bytes free"
        raise ArchiveError(message)
    content = archive.extractfile(member)
    assert content is not None
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(place, flags, (member.mode & 0o777) | 0o600), "wb") as file:
        shutil.copyfileobj(content, file, _BLOCK)
