"""Ends a run from another thread, or on a signal."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Literal

How = Literal["Stop", "Terminate"]
"""How a run ends: ``Stop`` lets exit handlers run, ``Terminate`` does not; as in ``spec.shutdown`` of a Workflow."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def _ignore(has_exit_handler: bool) -> None:
    del has_exit_handler


class Control:
    """Ends one run of this process; its methods may be called from any thread.

    A request before the start of the run takes effect at its start.

    Args:
        stopping: called when the run stops, with whether an exit handler runs; also when another process
            requests it.
    """

    def __init__(self, stopping: Callable[[bool], None] = _ignore) -> None:
        self.stopping = stopping
        self._requests: deque[How] = deque()
        self._wake: Callable[[], None] | None = None
        self._is_stopping = False

    def end(self, how: How = "Stop") -> None:
        """Request that the run ends."""
        self._requests.append(how)
        # No lock: a signal handler may interrupt this very function, in the same thread.
        if (wake := self._wake) is not None:
            wake()

    def interrupt(self) -> None:
        """Stop the run; if it is stopping already, terminate it."""
        how: How = "Terminate" if self._is_stopping else "Stop"
        self._is_stopping = True
        self.end(how)

    def stops(self, has_exit_handler: bool) -> None:
        """Note that the run stops, whoever requested it, and call ``stopping``."""
        self._is_stopping = True
        self.stopping(has_exit_handler)

    @contextlib.contextmanager
    def delivered(self, end: Callable[[str], None]) -> Iterator[None]:
        """Pass requests on while a run uses the current event loop.

        Args:
            end: ends the run; called in the loop.
        """
        loop = asyncio.get_running_loop()

        def deliver() -> None:
            while self._requests:
                end(self._requests.popleft())

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the run has ended
                loop.call_soon_threadsafe(deliver)

        self._wake = wake
        deliver()
        try:
            yield
        finally:
            self._wake = None


@contextlib.contextmanager
def signals(control: Control) -> Iterator[None]:
    """Interrupt a run at SIGINT, SIGTERM, SIGHUP or SIGQUIT while the block runs; then restore the signal handlers.

    Python allows handlers in the main thread only; elsewhere this does nothing. A SIGHUP that is ignored, as under
    ``nohup``, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        control.interrupt()

    before = {number: signal.getsignal(number) for number in _SIGNALS}
    if before[signal.SIGHUP] is signal.SIG_IGN:
        del before[signal.SIGHUP]
    for number in before:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
