"""The stages of a task: its inputs are copied, its command runs, its outputs are copied."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from mlplat.engine import files
from mlplat.engine.executor import GRACE, Running


class Stages:
    """The stages of one task, which can be stopped in each of them."""

    def __init__(self) -> None:
        self._command: Running | None = None
        self._given_up = threading.Event()
        self._insisting: asyncio.TimerHandle | None = None

    async def copy(self, function: Callable[[], None]) -> None:
        """Call a function that copies files, in a thread.

        Raises:
            GivenUpError: the task was stopped before all was copied.
        """
        return await asyncio.to_thread(files.until, self._given_up, function)

    def runs(self, command: Running) -> None:
        """Take the command that was started; it is stopped where the task was."""
        self._command = command
        if self._given_up.is_set():
            command.stop()

    def stop(self, grace: float = GRACE) -> None:
        """End the task: inputs are not copied any further, and outputs not after the seconds that the command has."""
        if self._command is None or grace <= 0:
            self._given_up.set()
        elif self._insisting is None:
            self._insisting = asyncio.get_running_loop().call_later(grace, self._given_up.set)
        if self._command is not None:
            self._command.stop(grace)

    def close(self) -> None:
        """Forget the timer."""
        if self._insisting is not None:
            self._insisting.cancel()
