"""When to repeat a request that failed, and how long to wait before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlplat.k8s.failures import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlplat.errors import ClusterError

    Rest = Callable[[float], None]

PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 30.0)
"""Seconds to wait after each failure in a row: an outage may last a minute and a half."""

_POLITE = 4
_LONGEST = 30.0


def is_temporary(error: ClusterError) -> bool:
    """Return whether another attempt may succeed: no answer, an error of the server, or an expired watch (410)."""
    return not isinstance(error, RefusedError) or error.status in {410, 429} or error.status >= 500


def is_postponed(error: ClusterError) -> bool:
    """Return whether the server did nothing and asks to repeat the request: even a creation is safe to repeat.

    The rule is that of client-go: ``Retry-After`` with 429 or a 5xx.
    """
    return isinstance(error, RefusedError) and error.retry_after is not None and is_temporary(error)


class Patience:
    """Waits after each failure in a row, until there are too many.

    Args:
        rest: waits for so many seconds.
        repeats: returns whether an error is worth another attempt.
        attempts: how many failures in a row are too many.
    """

    def __init__(
        self, rest: Rest, repeats: Callable[[ClusterError], bool], attempts: int | None = None
    ) -> None:
        self._rest = rest
        self._repeats = repeats
        self._attempts = attempts
        self._pauses = self._fresh()

    @classmethod
    def with_outages(cls, rest: Rest) -> Patience:
        """Return the patience of what runs for long, such as a watch."""
        return cls(rest, is_temporary)

    @classmethod
    def with_busy_server(cls, rest: Rest) -> Patience:
        """Return the patience of a single request."""
        return cls(rest, is_postponed, _POLITE)

    def _fresh(self) -> Iterator[float]:
        return iter(PAUSES[: self._attempts and self._attempts - 1])

    def failed(self, error: ClusterError) -> None:
        """Wait before the next attempt.

        Args:
            error: why the last one failed.

        Raises:
            ClusterError: the error, when another attempt is useless or there were too many.
        """
        pause = next(self._pauses, None) if self._repeats(error) else None
        if pause is None:
            raise error
        asked = error.retry_after if isinstance(error, RefusedError) else None
        self._rest(max(pause, min(asked or 0.0, _LONGEST)))

    def succeeded(self) -> None:
        """Forget the failures so far."""
        self._pauses = self._fresh()

    def rest(self) -> None:
        """Wait between two requests that both succeed, so that a server which ends watches at once is spared."""
        self.succeeded()
        self._rest(PAUSES[0])
