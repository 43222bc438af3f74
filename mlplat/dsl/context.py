"""The pipeline that is being written right now."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, TypeAlias

from mlplat.dsl.nodes import GraphNode, Group
from mlplat.errors import AuthoringError, Diagnostic, Source

Runner: TypeAlias = Callable[[Any, Mapping[str, Any]], Any]
"""Runs a call of a component: takes the component and its arguments."""

_MARK = f"{{{{channel:{os.urandom(8).hex()}:"
"""Prefix of the mark of a runtime value in a string; it is random, so that no string of a user contains it."""

_MARKED = re.compile(rf"{re.escape(_MARK)}([0-9]+)\}}\}}")
_HOME = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120 - importing pathlib takes as long as all of this package
_OWN = tuple(f"{_HOME}{os.sep}{room}" for room in ("dsl", "kubernetes", "client.py"))


@dataclass
class Tracing:
    """The part of a pipeline that its function has defined so far.

    Attributes:
        stack: open groups, the innermost last.
        tasks: all tasks.
        problems: errors so far; raised together when the function has returned.
        marked: runtime values that were put into strings. They stay as they are, so their type does not matter here.
    """

    stack: list[Group]
    tasks: list[GraphNode] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)
    marked: list[Any] = field(default_factory=list)
    _places: dict[int, int] = field(default_factory=dict)
    _last: int = 0
    _counts: dict[str, int] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)

    @property
    def group(self) -> Group:
        """The innermost open group."""
        return self.stack[-1]

    def mark(self, value: Any) -> str:
        """Return the mark that represents a runtime value in a string, until a task gets the string."""
        place = self._places.setdefault(id(value), len(self.marked))
        if place == len(self.marked):
            self.marked.append(value)
        return f"{_MARK}{place}}}}}"

    def values_in(self, text: str) -> dict[str, Any]:
        """Return the runtime values that a string contains, by their marks."""
        if _MARK not in text:
            return {}
        return {match[0]: self.marked[int(match[1])] for match in _MARKED.finditer(text)}

    def number(self) -> int:
        """Return the next number for the name of a group or of the item of a loop over constants."""
        self._last += 1
        return self._last

    def group_name(self, prefix: str) -> str:
        """Name a group by its kind and the next number: ``condition-1``."""
        unique = f"{prefix}-{self.number()}"
        if unique in self._taken:
            return self.group_name(prefix)
        self._taken.add(unique)
        return unique

    def wrapped(self, inner: str, prefix: str) -> tuple[str, str]:
        """Name a group around another one, as KFP does: the outer one gets the lower number.

        Args:
            inner: the name of the group inside.
            prefix: the kind of the group around it.

        Returns:
            The name of the group around, and the new name of the group inside.
        """
        outer = self.group_name(prefix)
        (kind, low), high = inner.rsplit("-", 1), outer.rsplit("-", 1)[1]
        swapped = f"{prefix}-{low}", f"{kind}-{high}"
        if self._taken.isdisjoint(swapped):
            self._taken.update(swapped)
            return swapped
        return outer, inner

    def task_name(self, name: str) -> str:
        """Make a task's name unique: ``train``, ``train-2``, ``train-3``."""
        count = self._counts.get(name, 0) + 1
        self._counts[name] = count
        unique = name if count == 1 else f"{name}-{count}"
        if unique in self._taken:
            return self.task_name(name)
        self._taken.add(unique)
        return unique


def holds_marks(text: str) -> bool:
    """Return whether a string contains a runtime value."""
    return _MARK in text


_current: ContextVar[Tracing | None] = ContextVar("mlplat.dsl.tracing", default=None)


def current() -> Tracing | None:
    """Return the pipeline that is being written; None outside of a pipeline function."""
    return _current.get()


@contextlib.contextmanager
def tracing_into(group: Group) -> Iterator[Tracing]:
    """Trace calls into a group, the outermost of a new pipeline."""
    started = Tracing([group])
    token = _current.set(started)
    try:
        yield started
    finally:
        _current.reset(token)


def tracing(what: str, hint: str = "use it in a function with @dsl.pipeline") -> Tracing:
    """Return the pipeline that is being written.

    Args:
        what: name of the called object, for the error.
        hint: hint of the error.

    Raises:
        AuthoringError: no pipeline is being written.
    """
    current = _current.get()
    if current is None:
        raise AuthoringError(Diagnostic("MLP115", what, "it is used outside of a pipeline", hint, caller()))
    return current


def report(problem: Diagnostic) -> None:
    """Add an error to the pipeline that is being written; all are raised together at its end.

    Raises:
        AuthoringError: no pipeline is being written.
    """
    current = _current.get()
    if current is None:
        raise AuthoringError(problem)
    current.problems.append(problem)


_warned: ContextVar[list[Diagnostic] | None] = ContextVar("mlplat.dsl.warned", default=None)
_passed: ContextVar[list[Diagnostic] | None] = ContextVar("mlplat.dsl.passed", default=None)


@contextlib.contextmanager
def keeping_warnings() -> Iterator[list[Diagnostic]]:
    """Keep the warnings of a program while it is read.

    Yields:
        The warnings so far.
    """
    yield from _listed(_warned)


@contextlib.contextmanager
def past_errors() -> Iterator[list[Diagnostic]]:
    """Collect the errors of all components and pipelines of a program, instead of raising the first.

    Yields:
        The errors so far.
    """
    yield from _listed(_passed)


def _listed(variable: ContextVar[list[Diagnostic] | None]) -> Iterator[list[Diagnostic]]:
    found: list[Diagnostic] = []
    token = variable.set(found)
    try:
        yield found
    finally:
        variable.reset(token)


def keep(problems: Sequence[Diagnostic]) -> None:
    """Collect errors in a component or pipeline, or raise them.

    Raises:
        AuthoringError: errors are not collected, see :func:`past_errors`.
    """
    passed = _passed.get()
    if passed is None:
        raise AuthoringError(problems)
    passed.extend(problems)


def warn(problem: Diagnostic) -> None:
    """Collect a warning, see :func:`keeping_warnings`; outside of that, issue it as a Python warning."""
    warned = _warned.get()
    if warned is None:
        warnings.warn(str(problem), FutureWarning, stacklevel=2)
    else:
        warned.append(problem)


_default_runner: list[Runner] = []
_runner: ContextVar[Runner | None] = ContextVar("mlplat.dsl.runner", default=None)


def run_calls_with(runner: Runner) -> None:
    """Set the runner of calls outside of any pipeline, for the whole process."""
    _default_runner[:] = [runner]


@contextlib.contextmanager
def calls_run_by(runner: Runner) -> Iterator[None]:
    """Use a runner for calls in this context only: other threads and asyncio tasks keep theirs."""
    token = _runner.set(runner)
    try:
        yield
    finally:
        _runner.reset(token)


def runner() -> Runner | None:
    """Return the runner of calls outside of any pipeline; None if such calls are errors."""
    return _runner.get() or next(iter(_default_runner), None)


def caller() -> Source | None:
    """Return the place in the user's file that called into this package."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_OWN):
        frame = frame.f_back
    return Source(frame.f_code.co_filename, frame.f_lineno) if frame else None
