"""What a program gives to the functions of this package, held against their annotations."""

from __future__ import annotations

import collections.abc
import functools
import inspect
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
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    type: "a class, such as dsl.Dataset",
    Comparable: "a value of the run",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """What an argument must be, beyond its type: stands in an ``Annotated``.

    Attributes:
        wanted: words for it, such as ``an absolute path``.
        holds: tells it of a value of the type.
    """

    wanted: str
    holds: Callable[[Any], bool]


def checked(code: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Make a function refuse arguments that are not as it is annotated; what it is given by position only is its own.

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
    """Give the arguments that are not as a function is annotated: the name, the value, and what to give instead.

    Those that the function has not, or misses, are left to Python, which tells.
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
    """Tell whether a value is as an annotation says; a text in which a value of the run stands is such a value.

    Args:
        value: what was given.
        annotation: of the parameter; its ``str`` is known when the pipeline is written.
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
    if annotation is str:
        return is_string(value)
    if annotation in (int, float):
        return isinstance(value, (int, annotation)) and not isinstance(value, bool)
    if annotation is Comparable:
        return isinstance(value, str) or isinstance(channel_of(value), Channel)
    return annotation is Any or isinstance(value, annotation)


def is_string(value: Any) -> bool:
    """Tell whether a value is a text that is known when the pipeline is written."""
    return isinstance(value, str) and not context.holds_marks(value)


def is_boolean(value: Any) -> bool:
    """Tell whether a value is True or False, or 1 or 0, which KFP takes for them."""
    return isinstance(value, int) and value in (0, 1)


def is_runtime_value(value: Any) -> bool:
    """Tell whether a value is a parameter of the run."""
    plain = channel_of(value)
    return isinstance(plain, Channel) and isinstance(plain.type, ParameterType)


def expected(value: Any, annotation: Any) -> str:
    """Say what to give for a value that is not as an annotation says."""
    is_one_of_them = any(
        typing.get_origin(one) is collections.abc.Sequence and fits([value], one)
        for one in (annotation, *typing.get_args(annotation))
    )
    return f"give {_wanted(annotation)}" + (f": [{value!r}]" if is_one_of_them else "")


def _wanted(annotation: Any) -> str:
    origin, of = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return str(of[1].wanted)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_wanted(one) for one in of if one is not type(None))
    if origin is Literal:
        return f"one of {', '.join(of)}"
    if origin is collections.abc.Sequence:
        return f"a list, each item {_wanted(of[0])}"
    if origin is collections.abc.Mapping:
        return "a dict" if Any in of else f"a dict, each value {_wanted(of[1])}"
    if origin is collections.abc.Callable:
        return "a function"
    return _WORDS.get(annotation) or f"a {annotation.__name__}"


def display(value: Any) -> str:
    """Return a value as a message names it; a value of the run by its name."""
    plain = channel_of(value)
    if isinstance(plain, Channel):
        return f"'{plain.name}', a value of the run"
    text, tracing = repr(value), context.current()
    channels: dict[str, Channel] = tracing.values_in(text) if tracing is not None else {}
    for mark, channel in channels.items():
        text = text.replace(mark, f"{{{channel.name}}}")
    return f"{text}, in which a value of the run stands" if channels else text
