"""What an expression can name: Argo's variables, grown from dotted names into nested mappings, and its functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlplat.argo.expressions import evaluator
from mlplat.argo.expressions.functions import ARGO
from mlplat.argo.expressions.sprig import SPRIG
from mlplat.argo.expressions.syntax import ExpressionError, parse

FUNCTIONS: Mapping[str, Any] = {**ARGO, "sprig": SPRIG}
"""The functions that Argo adds to every expression."""


def expand(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Turn dotted names into nested mappings.

    Args:
        variables: such as ``{"tasks.a.status": "Succeeded"}``.

    Returns:
        ``{"tasks": {"a": {"status": "Succeeded"}}}``. Where a name has both a value and names below it, the names below
        win, as in Argo.
    """
    tree: dict[str, Any] = {}
    for name in sorted(variables):
        *parents, leaf = name.split(".")
        place = tree
        for parent in parents:
            below = place.get(parent)
            if not isinstance(below, dict):
                below = place[parent] = {}
            place = below
        place[leaf] = variables[name]
    return tree


def environment(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that an expression can name.

    Args:
        variables: values by dotted name; None marks an output that a skipped task didn't make.

    Returns:
        The expanded variables and Argo's functions.
    """
    return {**expand(variables), **FUNCTIONS}


def evaluate(expression: str, names: Mapping[str, Any]) -> Any:
    """Evaluate an expression.

    Args:
        expression: its text, without ``{{=`` and ``}}``.
        names: from :func:`environment`.

    Returns:
        The value, in Go's sense: numbers that came from JSON are floats.

    Raises:
        ExpressionError: the text cannot be read, a name is unknown, or the value isn't defined.
    """
    return evaluator.evaluate(parse(expression), names)


def evaluate_boolean(expression: str, names: Mapping[str, Any]) -> bool:
    """Evaluate an expression that must be a boolean, such as a hook's or a retry strategy's.

    Args:
        expression: its text.
        names: from :func:`environment`.

    Returns:
        Its value.

    Raises:
        ExpressionError: it cannot be evaluated, or isn't a boolean.
    """
    value = evaluate(expression, names)
    if not isinstance(value, bool):
        raise ExpressionError("unable to cast expression result to bool")
    return value
