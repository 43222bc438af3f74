"""Mutexes and semaphores: Argo's ``synchronization`` between the templates and workflows of this machine.

Each slot of a lock is a file under the home folder, locked while it is held, so runs of other processes count too. See
``workflow/sync`` of Argo 4.0.7: a lock belongs to a namespace, a semaphore's size is in a ConfigMap, and a holder of
several locks gets all or none.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlplat.errors import Diagnostic

_PAUSE = 0.2
"""Seconds between two attempts to get a lock."""


@dataclass(frozen=True, slots=True)
class Lock:
    """One lock.

    Attributes:
        name: unique on this machine: namespace, kind and name.
        size: maximum number of holders.
    """

    name: str
    size: int


Waiting = Callable[[Lock], contextlib.AbstractContextManager[None]]
"""Entered while waiting for a lock."""


def locks_of(
    synchronization: Mapping[str, Any], namespace: str, config_maps: Mapping[str, Mapping[str, str]]
) -> list[Lock]:
    """Return the locks that a ``synchronization`` names.

    Args:
        synchronization: of a template or workflow; filled.
        namespace: the workflow's.
        config_maps: data of ConfigMaps by name.

    Raises:
        ValueError: a lock is listed twice, or the size of a semaphore is missing or not a positive integer.
    """
    mutexes = [*(synchronization.get("mutexes") or ()), synchronization.get("mutex")]
    semaphores = [*(synchronization.get("semaphores") or ()), synchronization.get("semaphore")]
    locks = [
        Lock(f"{one.get('namespace') or namespace}/Mutex/{one.get('name', '')}", 1) for one in mutexes if one
    ]
    for one in semaphores:
        if one:
            reference = one.get("configMapKeyRef") or {}
            name, key = reference.get("name", ""), reference.get("key", "")
            size = _size(name, key, config_maps)
            locks.append(Lock(f"{one.get('namespace') or namespace}/ConfigMap/{name}/{key}", size))
    names = [lock.name for lock in locks]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"the lock {twice[0]} is listed twice")
    return locks


def _size(name: str, key: str, config_maps: Mapping[str, Mapping[str, str]]) -> int:
    text = config_maps.get(name, {}).get(key, "").strip()
    if not text.isdigit():
        raise ValueError(
            f"the size of a semaphore is missing or not a number: ConfigMap {name!r}, key {key!r}"
        )
    if int(text) < 1:
        raise ValueError(
            f"the size of a semaphore is {text}, expected at least 1: ConfigMap {name!r}, key {key!r}"
        )
    return int(text)


def problems(
    path: str, synchronization: Mapping[str, Any], config_maps: Mapping[str, Mapping[str, str]]
) -> Iterator[Diagnostic]:
    """Yield the locks of a template or workflow that are not supported on this machine."""
    named = [*(synchronization.get("mutexes") or ()), *(synchronization.get("semaphores") or ())]
    if any(one.get("database") for one in named):
        yield Diagnostic(
            "MLP501",
            path,
            "locks in a database are not supported on this machine",
            "remove database, or run it on a cluster: mlplat run --engine argo",
        )
        return
    if "{{" in str(synchronization):
        return
    try:
        locks_of(synchronization, "", config_maps)
    except ValueError as error:
        hint = "list each lock once, and pass the ConfigMap of a semaphore too"
        yield Diagnostic("MLP501", path, str(error), hint)


class Locks:
    """The locks of the runs of one home folder, as one run sees them.

    Args:
        folder: where the files are.
        may_go_on: returns whether the run may still get one.
    """

    def __init__(self, folder: Path, may_go_on: Callable[[], bool]) -> None:
        self._folder = folder
        self._may_go_on = may_go_on
        self._freed = asyncio.Event()

    @contextlib.asynccontextmanager
    async def held(self, locks: list[Lock], waiting: Waiting) -> AsyncIterator[None]:
        """Hold locks as soon as all are free; if the run is stopped first, continue without them.

        Args:
            locks: the locks.
            waiting: entered with the first of them that is not free, while waiting for it.
        """
        taken = self._take(locks)
        if isinstance(taken, Lock):
            with waiting(taken):
                taken = await self._wait(locks)
        try:
            yield
        finally:
            _give_back(taken)
            self._freed.set()

    async def _wait(self, locks: list[Lock]) -> list[tuple[int, Path]]:
        while self._may_go_on():
            self._freed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._freed.wait(), _PAUSE)
            taken = self._take(locks)
            if not isinstance(taken, Lock):
                return taken
        return []

    def _take(self, locks: list[Lock]) -> list[tuple[int, Path]] | Lock:
        """Lock a file of each lock; if one isn't free, lock none and return it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        taken: list[tuple[int, Path]] = []
        for lock in locks:
            name = hashlib.sha256(lock.name.encode()).hexdigest()[:16]
            places = (self._folder / f"{name}.{place}" for place in range(lock.size))
            found = next(((file, path) for path in places if (file := _locked(path)) is not None), None)
            if found is None:
                _give_back(taken)
                return lock
            taken.append(found)
        return taken


def _locked(path: Path) -> int | None:
    """Open and lock a file; None when another one holds it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(file).st_ino == path.stat().st_ino:
            return file
    except (BlockingIOError, FileNotFoundError):
        pass  # held, or removed by the one who held it
    os.close(file)
    return None


def _give_back(locks: list[tuple[int, Path]]) -> None:
    for file, path in locks:
        path.unlink(missing_ok=True)
        os.close(file)
