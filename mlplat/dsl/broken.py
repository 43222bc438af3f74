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
    """A component with errors; what uses it is skipped, without an error of its own."""

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
        """Leave out the pipeline that calls it."""
        raise AuthoringError([])


def unless_wrong(make: Callable[[], T], function: Any) -> T:
    """Make a component or pipeline; where a program is read past its errors, what is wrong is noted.

    Args:
        make: makes it.
        function: what it is made of.

    Raises:
        AuthoringError: it is wrong, and the program is not read past its errors.
    """
    try:
        return make()
    except AuthoringError as error:
        context.keep(error.diagnostics)
        return cast(T, Broken(function))
