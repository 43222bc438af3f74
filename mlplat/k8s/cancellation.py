"""Ending requests to a cluster from another thread."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from mlplat.k8s.failures import CancelledError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Cancellation:
    """Ends the requests of the clients that were made with it, and their pauses; any thread may cancel.

    A watch or a log may wait for its next line for minutes, in a read that no flag reaches, so its connection is shut
    down. A server that has not answered yet is waited for as long as the request allows.

    Example::

        cancellation = Cancellation()
        for change in watch(client.cancelled_by(cancellation), WORKFLOWS):
            ...  # until another thread calls cancellation.cancel()
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._open: set[Callable[[], None]] = set()

    @property
    def is_cancelled(self) -> bool:
        """Whether :meth:`cancel` was called."""
        return self._event.is_set()

    def cancel(self) -> None:
        """End all requests and pauses; later ones end at once."""
        self._event.set()
        with self._lock:
            for shut_down in self._open:
                with suppress(
                    OSError, RuntimeError, ValueError
                ):  # the answer has been read, or the server hung up
                    shut_down()

    def check(self) -> None:
        """Raise an error after :meth:`cancel`.

        Raises:
            CancelledError: it was called.
        """
        if self.is_cancelled:
            raise CancelledError

    def rest(self, seconds: float) -> None:
        """Wait.

        Args:
            seconds: how long.

        Raises:
            CancelledError: :meth:`cancel` was called, before or meanwhile.
        """
        self._event.wait(seconds)
        self.check()

    @contextmanager
    def shutting_down(self, connection: Callable[[], None]) -> Iterator[None]:
        """Shut a connection down when :meth:`cancel` is called while the block runs.

        Args:
            connection: shuts it down, so that a read that waits in another thread returns.

        Raises:
            CancelledError: :meth:`cancel` was called before.
        """
        with self._lock:
            self.check()
            self._open.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(connection)
