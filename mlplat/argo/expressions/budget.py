"""Limits on the time and memory of an expression.

expr-lang counts the elements of the lists and maps that an expression makes, and refuses more than a million. Nothing
limits its loops, its strings, or what Sprig makes: there Argo's controller would stand still or run out of memory, and
these limits refuse instead.
"""

from __future__ import annotations

from typing import Any

from mlplat.argo import goregexp
from mlplat.argo.expressions.syntax import ExpressionError, ExpressionRefusedError

MOST_ELEMENTS = 1_000_000
"""Elements of all lists that an expression makes: ``DefaultMemoryBudget`` of expr-lang."""

LONGEST_STRING = 32 * 1024 * 1024
"""Bytes of a string that a function makes."""

_MOST_WORK = 5_000_000
_STEP = 4
LARGE = 4096
"""Length from which a string or list counts."""


class BudgetError(ExpressionRefusedError):
    """An expression needs more time or memory than Argo's controller has."""


class Meter:
    """The resources that one evaluation has used so far."""

    __slots__ = ("elements", "stack", "work")

    def __init__(self) -> None:
        self.elements = 0
        self.work = 0
        self.stack: list[Any] = []

    def grow(self, elements: int) -> None:
        """Count the elements of a new list, as expr-lang does.

        Raises:
            ExpressionError: there are too many; the message is expr-lang's.
        """
        self.elements += elements
        if self.elements >= MOST_ELEMENTS:
            raise ExpressionError("memory budget exceeded")

    def step(self) -> None:
        """Count one call of a predicate."""
        self.work = work = self.work + _STEP
        if work > _MOST_WORK:
            self.fail()

    def handle(self, value: Any) -> None:
        """Count a value that a function or operator reads or makes."""
        if isinstance(value, (str, list)) and len(value) > LARGE:
            self.work += len(value) >> 5 if isinstance(value, str) else len(value)
            if self.work > _MOST_WORK:
                self.fail()

    def fail(self) -> None:
        """Raise the error of an expression that takes too long."""
        raise BudgetError("the expression takes too long: it processes too many elements or characters")


def of_pattern(error: goregexp.RegexpError) -> ExpressionError:
    """Return the error of an expression whose regular expression cannot be read, or not be matched here."""
    kind = ExpressionRefusedError if isinstance(error, goregexp.MissingEngineError) else ExpressionError
    return kind(str(error))


def string_of(length: int) -> None:
    """Check the length of a string before it is made.

    Args:
        length: in bytes.

    Raises:
        BudgetError: it is too long.
    """
    if length > LONGEST_STRING:
        raise BudgetError(
            f"the expression would make a string of {length:,} bytes; at most {LONGEST_STRING:,} work"
        )


def list_of(length: int) -> None:
    """Check the length of a list before it is made.

    Raises:
        BudgetError: it is too long.
    """
    if length > MOST_ELEMENTS:
        raise BudgetError(
            f"the expression would make a list of {length:,} items; at most {MOST_ELEMENTS:,} work"
        )
