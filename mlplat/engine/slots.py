"""Limits how many tasks run at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Slots:
    """The slots that the tasks of one workflow take while they run.

    Args:
        jobs: number of tasks that this machine runs at once.
        parallelism: ``spec.parallelism`` of the workflow; None for no limit.
    """

    def __init__(self, jobs: int, parallelism: int | None = None) -> None:
        self._machine = asyncio.Semaphore(jobs)
        self._workflow = asyncio.Semaphore(parallelism) if parallelism else contextlib.nullcontext()

    @contextlib.asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Hold a slot, as soon as one is free."""
        async with self._workflow, self._machine:
            yield
