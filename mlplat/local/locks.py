"""Mutexes and semaphores: what Argo's ``synchronization`` keeps between the templates and workflows of this machine.

Each place of a lock is a file under the home folder, locked while it is held, so runs of other processes count too. See
``workflow/sync`` of Argo 4.0.7: a lock belongs to a namespace; a semaphore's size stands in a ConfigMap.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from mlplat.errors import Diagnostic

_PAUSE = 0.2
"""Seconds between two looks at a lock that another process holds."""


@dataclass(frozen=True, slots=True)
class Lock:
    """One lock.

    Attributes:
        name: unique on this machine: namespace, kind and name.
        size: how many may hold it.
    """

    name: str
    size: int


def locks_of(
    synchronization: Mapping[str, Any], namespace: str, config_maps: Mapping[str, Mapping[str, str]]
) -> list[Lock]:
    """Return the locks that a ``synchronization`` names, in the one order in which all take them.

    Args:
        synchronization: of a template or workflow; filled.
        namespace: the workflow's.
        config_maps: data of ConfigMaps by name.

    Raises:
        ValueError: a semaphore's size is not there, or is no number.
    """
    mutexes = [*(synchronization.get("mutexes") or ()), synchronization.get("mutex")]
    semaphores = [*(synchronization.get("semaphores") or ()), synchronization.get("semaphore")]
    found = [
        Lock(f"{one.get('namespace') or namespace}/Mutex/{one.get('name', '')}", 1) for one in mutexes if one
    ]
    for one in semaphores:
        if one:
            reference = one.get("configMapKeyRef") or {}
            name, key = reference.get("name", ""), reference.get("key", "")
            size = _size(name, key, config_maps)
            found.append(Lock(f"{one.get('namespace') or namespace}/ConfigMap/{name}/{key}", size))
    return sorted(found, key=lambda lock: lock.name)


def _size(name: str, key: str, config_maps: Mapping[str, Mapping[str, str]]) -> int:
    text = config_maps.get(name, {}).get(key, "")
    if not text.strip().isdigit():
        raise ValueError(f"the size of a semaphore is not there: ConfigMap {name!r}, key {key!r}")
    return int(text)


def problems(
    path: str, synchronization: Mapping[str, Any], config_maps: Mapping[str, Mapping[str, str]]
) -> Iterator[Diagnostic]:
    """Tell which locks of a template or workflow can't be kept here."""
    named = [*(synchronization.get("mutexes") or ()), *(synchronization.get("semaphores") or ())]
    if any(one.get("database") for one in named):
        yield Diagnostic(
            "MLP501",
            path,
            "locks in a database are not kept here",
            "take database away, or run it on a cluster: mlplat run --engine argo",
        )
        return
    if "{{" in str(synchronization):
        return
    try:
        locks_of(synchronization, "", config_maps)
    except ValueError as error:
        yield Diagnostic("MLP501", path, str(error), "give the ConfigMap's file as well")


class Locks:
    """The locks of the runs of one home folder, as one run sees them.

    Args:
        folder: where the files are.
        may_go_on: tells whether the run may still take one.
    """

    def __init__(self, folder: Path, may_go_on: Callable[[], bool]) -> None:
        self._folder = folder
        self._may_go_on = may_go_on
        self._own: dict[str, asyncio.Semaphore] = {}

    @contextlib.asynccontextmanager
    async def held(self, locks: list[Lock]) -> AsyncIterator[None]:
        """Hold locks, as soon as all are free; where the run is stopped before, without them."""
        async with contextlib.AsyncExitStack() as stack:
            for lock in locks:
                own = self._own.setdefault(lock.name, asyncio.Semaphore(lock.size))
                await stack.enter_async_context(own)
                stack.enter_context(await self._file(lock))
            yield

    async def _file(self, lock: Lock) -> contextlib.ExitStack:
        """Lock one of the files of a lock."""
        self._folder.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(lock.name.encode()).hexdigest()[:16]
        stack = contextlib.ExitStack()
        while self._may_go_on():
            for place in range(lock.size):
                file = (self._folder / f"{name}.{place}").open("w")
                if _locked(file):
                    stack.enter_context(file)
                    return stack
                file.close()
            await asyncio.sleep(_PAUSE)
        return stack


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
