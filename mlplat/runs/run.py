"""A run that is followed in the background: its events, its result, and its end."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from mlplat.runs.outputs import outputs_of
from mlplat.runs.pages.notebook import notebook_page

Node = Mapping[str, Any]
Workflow = Mapping[str, Any]

How = Literal["Stop", "Terminate"]
"""How a run is ended: ``Stop`` lets exit handlers run, ``Terminate`` does not; as in ``spec.shutdown``."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A node is new or has changed."""

    node: Node


@dataclass(frozen=True, slots=True)
class Notice:
    """Something happened to the run as a whole."""

    text: str


@dataclass(frozen=True, slots=True)
class Stopping:
    """The run is being stopped.

    Attributes:
        has_exit_handler: whether its exit handler runs then.
    """

    has_exit_handler: bool


Event = Changed | Notice | Stopping
Emit = Callable[[Event], None]
Follow = Callable[[Emit, threading.Event], dict[str, Any]]
"""Follows a run to its end, or until the event is set; returns the Workflow as it was then."""


class Run:
    """A run, followed by a thread of this process.

    Used as a context manager, it is left at the end of the block; see :meth:`leave`.

    Args:
        workflow: the Workflow as it was started or found.
        follow: called in the thread, with a function that takes events.
        cancel: requests the end of the run.
        home: folder of its logs and artifacts, if they are on this machine.

    Attributes:
        workflow: the Workflow as it was started or found.
    """

    def __init__(
        self,
        workflow: Workflow,
        follow: Follow,
        cancel: Callable[[How], None],
        home: Path | None = None,
    ) -> None:
        self.workflow = workflow
        self.cancel = cancel
        self._follow = follow
        self._home = home
        self._events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._left = threading.Event()
        self._finished: dict[str, Any] | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name=f"mlplat-{self.name}", daemon=True)
        self._thread.start()

    @property
    def name(self) -> str:
        """The run's name."""
        return str(self.workflow["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """The run's namespace."""
        return str(self.workflow["metadata"].get("namespace", ""))

    def events(self) -> Iterator[Event]:
        """Yield events in order until the run has ended or was left; each event is yielded once.

        Raises:
            MlplatError: the run cannot be followed any longer.
        """
        while (event := self._events.get()) is not None:
            yield event
        self._events.put(None)
        self._thread.join()
        if self._error is not None:
            raise self._error

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the run has ended; return whether it has.

        Args:
            timeout: maximum number of seconds to wait.
        """
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def result(self, timeout: float | None = None) -> dict[str, Any]:
        """Wait until the run has ended, and return the Workflow with its status, whether it succeeded or failed.

        Args:
            timeout: maximum number of seconds to wait.

        Raises:
            TimeoutError: it is still running.
            MlplatError: it cannot be followed any longer.
        """
        if not self.wait(timeout):
            raise TimeoutError(f"{self.name} is still running")
        if self._error is not None:
            raise self._error
        assert self._finished is not None
        return self._finished

    def outputs(self, timeout: float | None = None) -> dict[str, Any]:
        """Wait until the run has ended, and return the outputs of its pipeline by name.

        Args:
            timeout: maximum number of seconds to wait.

        Returns:
            See :func:`mlplat.runs.outputs.outputs_of`.

        Raises:
            TimeoutError: it is still running.
            MlplatError: it cannot be followed any longer.
        """
        return outputs_of(self.result(timeout), self._home / "artifacts" if self._home else None)

    def _repr_html_(self) -> str | None:
        """Return the page of the run for a notebook: as it is now or, on a cluster, as it was found until it ended."""
        from mlplat import engine

        now = engine.load(self._home / "runs" / self.name) if self._home and not self._finished else None
        return notebook_page(self._finished or now or self.workflow, self._home)

    def leave(self) -> None:
        """Stop following; the run continues, and the record has its last known state."""
        self._left.set()
        self._thread.join()

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.leave()

    def _work(self) -> None:
        try:
            self._finished = self._follow(self._events.put, self._left)
        except BaseException as error:  # noqa: BLE001 - it is raised again where the run is waited for
            self._error = error
        finally:
            self._events.put(None)
