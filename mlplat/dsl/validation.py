"""Check the arguments of this package's functions against their annotations."""

from __future__ import annotations

import collections.abc
import functools
import inspect
import os
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, ParamSpec, TypeVar

from mlplat.dsl import context
from mlplat.dsl.channels import Channel, Comparable, channel_of
from mlplat.errors import AuthoringError, Diagnostic
from mlplat.ir.model import ParameterType

P = ParamSpec("P")
R = TypeVar("R")

_WORDS: Mapping[Any, str] = {
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "True or False",
    type: "a class, such as dsl.Dataset",
    Comparable: "a runtime value",
}


@dataclass(frozen=True, slots=True)
class Requirement:
    """A requirement beyond the type, for use in ``Annotated``.

    Attributes:
        description: such as ``an absolute path``.
        holds: returns whether a value of the type satisfies it.
    """

    description: str
    holds: Callable[[Any], bool]


def checked(code: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function reject arguments that don't match its annotations, positional-only ones aside.

    Args:
        code: of the diagnostics.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def refusing(*args: P.args, **kwargs: P.kwargs) -> R:
            path = f"dsl.{function.__name__}"
            problems = [
                Diagnostic(code, path, f"'{name}' is {display(value)}", hint, context.caller())
                for name, value, hint in mismatched(function, args, kwargs)
            ]
            if problems:
                raise AuthoringError(problems)
            return function(*args, **kwargs)

        return refusing

    return decorate


def mismatched(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Iterator[tuple[str, Any, str]]:
    """Yield the arguments that don't match a function's annotations: name, value and hint.

    Unknown and missing arguments are left to Python, which reports them.
    """
    try:
        bound = _signature(function).bind(*args, **kwargs)
    except TypeError:
        return
    annotations = _annotations(function)
    for name, value in bound.arguments.items():
        if bound.signature.parameters[name].kind is inspect.Parameter.POSITIONAL_ONLY:
            continue
        if not fits(value, annotations[name]):
            yield name, value, expected(value, annotations[name])


@functools.cache
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)


@functools.cache
def _annotations(function: Callable[..., Any]) -> dict[str, Any]:
    return typing.get_type_hints(function, include_extras=True)


def fits(value: Any, annotation: Any) -> bool:
    """Return whether a value matches an annotation; a string that contains a runtime value counts as one.

    Args:
        value: the argument.
        annotation: of the parameter; ``str`` means a string constant.
    """
    origin, of = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return fits(value, of[0]) and bool(of[1].holds(value))
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, one) for one in of)
    if origin is Literal:
        return isinstance(value, str) and value in of
    if origin is collections.abc.Sequence:
        return isinstance(value, (list, tuple)) and all(fits(one, of[0]) for one in value)
    if origin is collections.abc.Mapping:
        return isinstance(value, Mapping) and all(
            fits(key, of[0]) and fits(one, of[1]) for key, one in value.items()
        )
    if origin is collections.abc.Callable:
        return callable(value)
    if origin is os.PathLike:
        return isinstance(value, os.PathLike)
    if annotation is str:
        return is_string(value)
    if annotation in (int, float):
        return isinstance(value, (int, annotation)) and not isinstance(value, bool)
    if annotation is Comparable:
        return isinstance(value, str) or isinstance(channel_of(value), Channel)
    return annotation is Any or isinstance(value, annotation)


def is_string(value: Any) -> bool:
    """Return whether a value is a string without runtime values."""
    return isinstance(value, str) and not context.holds_marks(value)


def is_boolean(value: Any) -> bool:
    """Return whether a value is a boolean, or 1 or 0, which KFP accepts too."""
    return isinstance(value, int) and value in (0, 1)


def is_runtime_value(value: Any) -> bool:
    """Return whether a value is a runtime parameter."""
    plain = channel_of(value)
    return isinstance(plain, Channel) and isinstance(plain.type, ParameterType)


def expected(value: Any, annotation: Any) -> str:
    """Return a hint for a value that does not match an annotation."""
    is_one_of_them = any(
        typing.get_origin(one) is collections.abc.Sequence and fits([value], one)
        for one in (annotation, *typing.get_args(annotation))
    )
    return f"pass {_expected(annotation)}" + (f": [{value!r}]" if is_one_of_them else "")


def _expected(annotation: Any) -> str:
    origin, of = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return str(of[1].description)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_expected(one) for one in of if one is not type(None))
    if origin is Literal:
        return f"one of {', '.join(of)}"
    if origin is collections.abc.Sequence:
        return f"a list, each item {_expected(of[0])}"
    if origin is collections.abc.Mapping:
        return "a dict" if Any in of else f"a dict, each value {_expected(of[1])}"
    if origin is collections.abc.Callable:
        return "a function"
    if origin is os.PathLike:
        return "a Path"
    return _WORDS.get(annotation) or f"a {annotation.__name__}"


def display(value: Any) -> str:
    """Return a value for a message; a runtime value by its name."""
    plain = channel_of(value)
    if isinstance(plain, Channel):
        return f"'{plain.name}', a runtime value"
    text, tracing = repr(value), context.current()
    channels: dict[str, Channel] = tracing.values_in(text) if tracing is not None else {}
    for mark, channel in channels.items():
        text = text.replace(mark, f"{{{channel.name}}}")
    return f"{text}, which contains a runtime value" if channels else text
