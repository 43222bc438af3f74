"""Reads and copies files of tasks, which may be pipes, devices or endless.

Copying calls :func:`check` between blocks, so that the end of a run need not wait for the rest.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from fcntl import ioctl
from pathlib import Path
from typing import BinaryIO

_FICLONE = 0x40049409
_BLOCK = 1 << 20
_LARGEST_RANGE = 1 << 26
"""Maximum number of bytes that the kernel copies in one call."""

_given_up: ContextVar[threading.Event | None] = ContextVar("given_up", default=None)


class GivenUpError(OSError):
    """Copying is aborted."""


def until(given_up: threading.Event, copy_all: Callable[[], None]) -> None:
    """Call a function; its copying is aborted when an event is set.

    Raises:
        GivenUpError: the event was set before the end.
    """
    before = _given_up.set(given_up)
    try:
        copy_all()
    finally:
        _given_up.reset(before)


def check() -> None:
    """Raise if copying is aborted.

    Raises:
        GivenUpError: copying is aborted.
    """
    given_up = _given_up.get()
    if given_up is not None and given_up.is_set():
        raise GivenUpError(errno.ECANCELED, "the task was stopped")


class NotAFileError(OSError):
    """A path is a pipe, a socket or a device."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(errno.EINVAL, f"{path} is not a regular file or directory")

    def __str__(self) -> str:
        return str(self.strerror)


@contextlib.contextmanager
def opened(path: str | Path) -> Iterator[BinaryIO]:
    """Open a regular file, or the one that a link leads to, without waiting for a writer or touching a device.

    Args:
        path: the file.

    Yields:
        The file, open for reading.

    Raises:
        NotAFileError: it is a pipe, a socket or a device.
        OSError: it cannot be opened, or is a folder.
    """
    _check(Path(path).stat().st_mode, path)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    with os.fdopen(descriptor, "rb") as file:
        _check(os.fstat(descriptor).st_mode, path)
        yield file


def _check(mode: int, path: str | Path) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise NotAFileError(path)


def read(path: Path, limit: int) -> bytes:
    """Read a regular file, or the one that a link leads to.

    Args:
        path: the file.
        limit: maximum size in bytes.

    Raises:
        NotAFileError: it is a pipe, a socket or a device.
        OSError: it cannot be read, is a folder, or is larger (``EFBIG``).
    """
    with opened(path) as file:
        found = file.read(limit + 1)
        if len(found) > limit:
            raise OSError(errno.EFBIG, f"it holds more than {limit:,} bytes", str(path))
        return found


def copy(source: Path, target: Path) -> None:
    """Copy a file or folder; a link to a file becomes a copy of that file, as in an object store.

    Args:
        source: the file or folder.
        target: the path, which must not exist.

    Raises:
        NotAFileError: it contains a pipe, a socket or a device.
        OSError: it cannot be read or written; or a link in it is broken, or leads to a folder.
    """
    if not source.is_dir():
        _copy_file(source, target)
        return
    target.mkdir()
    left = [(source, target)]
    while left:
        folder, copied = left.pop()
        for entry in _entries(folder):
            if entry.is_dir(follow_symlinks=False):
                (copied / entry.name).mkdir()
                left.append((Path(entry.path), copied / entry.name))
            else:
                _copy_file(Path(entry.path), copied / entry.name)


def is_plain(path: Path) -> bool:
    """Return whether a file or folder contains nothing but folders and files of its own: no links, soft or hard."""
    if not path.is_dir():
        return _is_own_file(path.lstat())
    left = [path]
    while left:
        for entry in _entries(left.pop()):
            if entry.is_dir(follow_symlinks=False):
                left.append(Path(entry.path))
            elif not _is_own_file(entry.stat(follow_symlinks=False)):
                return False
    return True


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return list(entries)


def _is_own_file(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1


def _copy_file(source: Path, target: Path) -> None:
    with opened(source) as reading, target.open("xb") as writing:
        if not _clone(reading.fileno(), writing.fileno()):
            _copy_bytes(reading.fileno(), writing.fileno())
        os.fchmod(writing.fileno(), os.fstat(reading.fileno()).st_mode & 0o777)


def _clone(source: int, target: int) -> bool:
    """Share the blocks of a file, where the file system can."""
    try:
        ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True


def _copy_bytes(source: int, target: int) -> None:
    """Copy the content of a file, without its holes."""
    size = os.fstat(source).st_size
    for start, end in _extents(source, size):
        _copy_range(source, target, start, end)
    os.ftruncate(target, size)


def _extents(file: int, size: int) -> Iterator[tuple[int, int]]:
    """Return the ranges of a file that are not holes: start and end."""
    end = 0
    while end < size:
        try:
            start = os.lseek(file, end, os.SEEK_DATA)
            end = min(os.lseek(file, start, os.SEEK_HOLE), size)
        except (AttributeError, OSError) as error:
            if isinstance(error, OSError) and error.errno == errno.ENXIO:
                return
            start, end = end, size
        yield start, end


def _copy_range(source: int, target: int, start: int, end: int) -> None:
    os.lseek(source, start, os.SEEK_SET)
    os.lseek(target, start, os.SEEK_SET)
    left = end - start
    while left > 0 and (copied := _copy_some(source, target, min(left, _LARGEST_RANGE))) > 0:
        left -= copied
        check()


def _copy_some(source: int, target: int, size: int) -> int:
    if hasattr(os, "copy_file_range"):
        try:
            return os.copy_file_range(source, target, size)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise
    view = memoryview(os.read(source, min(size, _BLOCK)))
    copied = len(view)
    while view:
        view = view[os.write(target, view) :]
    return copied
