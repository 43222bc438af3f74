"""A placeholder for a component or pipeline with errors, so that errors further down are reported too."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar, cast

from mlplat.dsl import context
from mlplat.dsl.component import BaseComponent, sanitized
from mlplat.dsl.interface import Interface
from mlplat.errors import AuthoringError

T = TypeVar("T", bound=BaseComponent)


class Broken(BaseComponent):
    """A component with errors; what uses it is skipped and reports no further error."""

    def __init__(self, function: Any) -> None:
        name = getattr(function, "__name__", "component")
        super().__init__(sanitized(name), Interface())
        if callable(function):
            functools.update_wrapper(self, function)

    @property
    def spec(self) -> NoReturn:  # type: ignore[override]
        """Raise: a broken component has no graph."""
        raise AuthoringError([])

    def __call__(self, *_: Any, **__: Any) -> NoReturn:
        """Abandon the pipeline that calls it."""
        raise AuthoringError([])


def unless_wrong(make: Callable[[], T], function: Any) -> T:
    """Make a component or pipeline; while errors are collected, return a :class:`Broken` one instead of raising.

    Args:
        make: makes it.
        function: the user's function.

    Raises:
        AuthoringError: it has errors, and they are not collected.
    """
    try:
        return make()
    except AuthoringError as error:
        context.keep(error.diagnostics)
        return cast(T, Broken(function))
