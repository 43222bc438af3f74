"""The search space with typed values.

A value of a parameter has two forms. Algorithms use numbers; a trial gets a string, written as Katib's services write
it: an integer in digits, a float in its shortest decimal form. Steps are counted in decimal arithmetic, so that a
range from 0.1 in steps of 0.1 contains 0.3, and not 0.30000000000000004.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from mlplat.argo.gonumbers import parse_float, parse_int
from mlplat.tuning.experiment import DISCRETE, DOUBLE, INT, LOG_NORMAL, LOG_UNIFORM, Parameter

Value: TypeAlias = int | float | str


@dataclass(frozen=True, slots=True)
class Integer:
    """A range of integers.

    Attributes:
        name: of the parameter.
        low: smallest value.
        high: limit; the largest value, if it is a number of steps away from :attr:`low`.
        step: distance between values.
        distribution: how values are spread.
    """

    name: str
    low: int
    high: int
    step: int
    distribution: str

    @property
    def count(self) -> int:
        """Number of values."""
        return (self.high - self.low) // self.step + 1

    def value(self, index: int) -> int:
        """Return the value at a position, from 0."""
        return self.low + index * self.step

    def contains(self, value: Value) -> bool:
        """Return whether a value is one of the range."""
        if not isinstance(value, int) or not self.low <= value <= self.high:
            return False
        return (value - self.low) % self.step == 0

    def text(self, value: Value) -> str:
        """Write a value for a trial."""
        return str(value)

    def parse(self, text: str) -> Value:
        """Read a value that :meth:`text` wrote.

        Raises:
            ValueError: it is not an integer.
        """
        return parse_int(text)


@dataclass(frozen=True, slots=True)
class Double:
    """A range of floating-point numbers.

    Attributes:
        name: of the parameter.
        low: smallest value.
        high: limit; the largest value, if there is no step or it is a number of steps away from :attr:`low`.
        step: distance between values; None for a continuous range.
        distribution: how values are spread.
    """

    name: str
    low: float
    high: float
    step: float | None
    distribution: str

    @property
    def count(self) -> int | None:
        """Number of values; None for a continuous range."""
        if self.low == self.high:
            return 1
        if self.step is None:
            return None
        return int((_exact(self.high) - _exact(self.low)) // _exact(self.step)) + 1

    def value(self, index: int) -> float:
        """Return the value at a position, from 0; of a continuous range, only the first has one."""
        if index == 0 or self.step is None:
            return self.low
        return float(_exact(self.low) + index * _exact(self.step))

    def contains(self, value: Value) -> bool:
        """Return whether a value is one of the range."""
        if isinstance(value, str) or not self.low <= value <= self.high:
            return False
        if self.step is None:
            return True
        return (_exact(float(value)) - _exact(self.low)) % _exact(self.step) == 0

    def text(self, value: Value) -> str:
        """Write a value for a trial."""
        return repr(float(value))

    def parse(self, text: str) -> Value:
        """Read a value that :meth:`text` wrote.

        Raises:
            ValueError: it is not a number.
        """
        return parse_float(text)


@dataclass(frozen=True, slots=True)
class Choice:
    """A list of strings.

    Attributes:
        name: of the parameter.
        values: in the order of the file.
        is_ordered: whether they are the numbers of a discrete parameter.
    """

    name: str
    values: tuple[str, ...]
    is_ordered: bool

    @property
    def count(self) -> int:
        """Number of values."""
        return len(self.values)

    def value(self, index: int) -> str:
        """Return the value at a position, from 0."""
        return self.values[index]

    def contains(self, value: Value) -> bool:
        """Return whether a value is one of the list."""
        return value in self.values

    def text(self, value: Value) -> str:
        """Write a value for a trial: as it is in the list, so that ``1.0`` stays ``1.0``."""
        return str(value)

    def parse(self, text: str) -> Value:
        """Read a value that :meth:`text` wrote."""
        return text


Dimension: TypeAlias = Integer | Double | Choice


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """The parameters of an experiment, in the order of the file.

    Attributes:
        dimensions: one for each parameter.
    """

    dimensions: tuple[Dimension, ...]

    @property
    def count(self) -> int | None:
        """Number of points; None if a dimension is continuous."""
        counts = [one.count for one in self.dimensions]
        return None if None in counts else math.prod(count for count in counts if count is not None)

    def assignments(self, values: Mapping[str, Value]) -> dict[str, str]:
        """Write a point for a trial."""
        return {one.name: one.text(values[one.name]) for one in self.dimensions}

    def parse(self, assignments: Mapping[str, str]) -> dict[str, Value]:
        """Read a point that :meth:`assignments` wrote.

        Raises:
            ValueError: a value has the wrong type.
        """
        return {one.name: one.parse(assignments[one.name]) for one in self.dimensions}

    def contains(self, values: Mapping[str, Value]) -> bool:
        """Return whether a point has exactly the parameters of this space, and their values."""
        return values.keys() == {one.name for one in self.dimensions} and all(
            one.contains(values[one.name]) for one in self.dimensions
        )


def search_space(parameters: Iterable[Parameter]) -> SearchSpace:
    """Return the search space of parameters without problems (:func:`mlplat.tuning.parameter_rules.problems`)."""
    return SearchSpace(tuple(_dimension(one) for one in parameters))


def finite(text: str) -> float:
    """Read a number.

    Raises:
        ValueError: it is not a number, or not a finite one.
    """
    number = parse_float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def is_numeric(parameter: Parameter) -> bool:
    """Return whether the values of a parameter are numbers; the strings of a categorical one are not."""
    if parameter.type == DISCRETE:
        return all(map(_is_number, parameter.space.list))
    return parameter.type in (INT, DOUBLE)


def is_logarithmic(distribution: str) -> bool:
    """Return whether a distribution needs positive values."""
    return distribution in (LOG_UNIFORM, LOG_NORMAL)


def _dimension(parameter: Parameter) -> Dimension:
    name, space = parameter.name, parameter.space
    if parameter.type == INT:
        step = parse_int(space.step) if space.step else 1
        return Integer(name, parse_int(space.min), parse_int(space.max), step, space.distribution)
    if parameter.type == DOUBLE:
        steps = finite(space.step) if space.step else None
        return Double(name, finite(space.min), finite(space.max), steps, space.distribution)
    return Choice(name, space.list, is_numeric(parameter))


def _is_number(text: str) -> bool:
    try:
        finite(text)
    except ValueError:
        return False
    return True


def _exact(number: float) -> Fraction:
    """Return the number that a person wrote: the shortest decimal that is read as this float."""
    return Fraction(repr(number))
