"""Checks the parameters of a search space."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from mlplat.argo.gonumbers import parse_int
from mlplat.errors import Diagnostic, available, nearest
from mlplat.tuning.experiment import (
    DISTRIBUTIONS,
    DOUBLE,
    INT,
    PARAMETER_TYPES,
    UNIFORM,
    FeasibleSpace,
    Parameter,
)
from mlplat.tuning.space import finite, is_logarithmic


def problems(parameters: Sequence[Parameter], path: str) -> Iterator[Diagnostic]:
    """Yield what is wrong with parameters.

    Args:
        parameters: with defaults.
        path: place of the list.
    """
    seen = Counter[str]()
    for number, parameter in enumerate(parameters):
        place = f"{path}[{number}]"
        if not parameter.name:
            yield Diagnostic("MLP904", f"{place}.name", "must be specified", "give the parameter a name")
        elif seen[parameter.name]:
            message = f"parameter name {parameter.name} cannot be duplicated in spec.parameters"
            yield Diagnostic("MLP910", f"{place}.name", message, "rename one of them")
        seen[parameter.name] += 1
        yield from _parameter(parameter, place)


def _parameter(parameter: Parameter, path: str) -> Iterator[Diagnostic]:
    space, place = parameter.space, f"{path}.feasibleSpace"
    if space.distribution not in ("", *DISTRIBUTIONS):
        message = f"distribution: {space.distribution} is not supported"
        hint = nearest(space.distribution, DISTRIBUTIONS)
        yield Diagnostic("MLP905", f"{place}.distribution", message, hint)
    if parameter.type not in PARAMETER_TYPES:
        message = (
            f"parameterType: {parameter.type} is not supported" if parameter.type else "must be specified"
        )
        hint = nearest(parameter.type, PARAMETER_TYPES) if parameter.type else available(PARAMETER_TYPES)
        code = "MLP905" if parameter.type else "MLP904"
        yield Diagnostic(code, f"{path}.parameterType", message, hint)
    elif parameter.type in (INT, DOUBLE):
        yield from _range(parameter.type, space, place)
    else:
        yield from _list(parameter.type, space, place)


def _list(type_: str, space: FeasibleSpace, path: str) -> Iterator[Diagnostic]:
    if space.min or space.max or space.step:
        message = f"feasibleSpace .max, .min and .step is not supported for parameterType: {type_}"
        yield Diagnostic("MLP911", path, message, "write the values in feasibleSpace.list")
    if not space.list:
        message = f"feasibleSpace.list must be specified for parameterType: {type_}"
        yield Diagnostic("MLP911", f"{path}.list", message, 'for example list: ["adam", "sgd"]')
    for value in (value for value, count in Counter(space.list).items() if count > 1):
        message = f"'{value}' is repeated in the list"
        yield Diagnostic("MLP914", f"{path}.list", message, "list each value once")
    if space.distribution in DISTRIBUTIONS and space.distribution != UNIFORM:
        message = f"distribution: {space.distribution} has no effect for parameterType: {type_}"
        hint = "remove it; the values of a list are equally likely"
        yield Diagnostic("MLP915", f"{path}.distribution", message, hint, severity="warning")


def _range(type_: str, space: FeasibleSpace, path: str) -> Iterator[Diagnostic]:
    if space.list:
        message = f"feasibleSpace.list is not supported for parameterType: {type_}"
        hint = "write min and max; or use parameterType: discrete, or categorical"
        yield Diagnostic("MLP911", f"{path}.list", message, hint)
    missing = [name for name in ("min", "max") if not getattr(space, name)]
    if missing:
        message = f"feasibleSpace.max and feasibleSpace.min must be specified for parameterType: {type_}"
        yield Diagnostic("MLP911", f"{path}.{missing[0]}", message, 'for example min: "1" and max: "10"')
    read: Callable[[str], float] = parse_int if type_ == INT else finite
    numbers: dict[str, float] = {}
    for name in ("min", "max", "step"):
        if text := getattr(space, name):
            try:
                numbers[name] = read(text)
            except ValueError:
                expected = "an integer" if type_ == INT else "a finite number"
                hint = f"expected {expected} for parameterType: {type_}"
                yield Diagnostic("MLP912", f"{path}.{name}", f"'{text}' is not {expected}", hint)
    yield from _numbers(space, numbers, path)


def _numbers(space: FeasibleSpace, numbers: dict[str, float], path: str) -> Iterator[Diagnostic]:
    low, high, step = (numbers.get(name) for name in ("min", "max", "step"))
    if low is not None and high is not None and low > high:
        message = f"min '{space.min}' is greater than max '{space.max}'"
        yield Diagnostic("MLP912", f"{path}.min", message, "swap them")
    if step is not None and step <= 0:
        message = f"step '{space.step}' must be greater than 0"
        yield Diagnostic("MLP912", f"{path}.step", message, "remove it for a range without steps")
    if is_logarithmic(space.distribution) and low is not None and low <= 0:
        message = f"min '{space.min}' must be greater than 0 for distribution: {space.distribution}"
        hint = "only positive numbers have a logarithm; raise min, or use distribution: uniform"
        yield Diagnostic("MLP913", f"{path}.min", message, hint)
