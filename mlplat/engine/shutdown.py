"""Ends a workflow when it is stopped or its deadline passes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from mlplat.argo.status import Node
from mlplat.engine.executor import GRACE, Stoppable
from mlplat.engine.nodes import NodeTree, fulfilled


@dataclass(slots=True)
class _Active:
    running: Stoppable
    on_exit: bool


class Shutdown:
    """Tracks whether a workflow is being stopped, and the tasks that still run.

    Args:
        tree: the nodes of the workflow.

    Attributes:
        strategy: ``Stop`` or ``Terminate`` when the workflow was stopped, else empty.
        deadline_passed: whether ``activeDeadlineSeconds`` of the workflow have passed.
    """

    def __init__(self, tree: NodeTree) -> None:
        self.strategy = ""
        self.deadline_passed = False
        self._tree = tree
        self._active: dict[str, _Active] = {}
        self._waiting: set[asyncio.Event] = set()

    @property
    def is_requested(self) -> bool:
        """Whether the workflow is being stopped."""
        return bool(self.strategy) or self.deadline_passed

    def stop(self, strategy: str, grace: float = GRACE) -> None:
        """Stop the workflow.

        Args:
            strategy: ``Terminate`` ends everything, ``Stop`` lets exit handlers run.
            grace: seconds that tasks have to end by themselves.
        """
        self.strategy = strategy
        for key, active in list(self._active.items()):
            if strategy == "Terminate" or not active.on_exit:
                self._end(key, active, f"workflow shutdown with strategy:  {strategy}", grace)
        self._wake()

    def exceed_deadline(self) -> None:
        """End all tasks because the workflow's ``activeDeadlineSeconds`` have passed."""
        self.deadline_passed = True
        for key, active in list(self._active.items()):
            if not active.on_exit:
                self._end(key, active, "Step exceeded its deadline", GRACE)
        self._wake()

    def abandon(self) -> None:
        """Kill all tasks because the run cannot continue."""
        for active in self._active.values():
            active.running.stop(0)

    def _end(self, key: str, active: _Active, message: str, grace: float) -> None:
        node = self._tree.nodes[key]
        if not fulfilled(node):
            self._tree.mark(node, "Failed", message)
        active.running.stop(grace)

    def _wake(self) -> None:
        for event in self._waiting:
            event.set()

    def refusal(self, on_exit: bool) -> str:
        """Return why nothing new may run now, or an empty string."""
        if self.strategy and not (on_exit and self.strategy == "Stop"):
            return f"workflow shutdown with strategy: {self.strategy}"
        if self.deadline_passed and not on_exit:
            return "Step exceeded its deadline"
        return ""

    def started(self, node: Node, running: Stoppable, *, on_exit: bool) -> None:
        """Register a task, so that it ends with the workflow."""
        self._active[node["id"]] = _Active(running, on_exit)
        if self.refusal(on_exit):
            running.stop()

    def ended(self, node: Node) -> None:
        """Forget a task that has ended."""
        self._active.pop(node["id"], None)

    @contextlib.contextmanager
    def signalled(self) -> Iterator[asyncio.Event]:
        """Yield an event that is set when the workflow stops or its deadline passes."""
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            yield event
        finally:
            self._waiting.discard(event)
