"""Conditions as CEL, the language of the IR's ``triggerPolicy.condition``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mlplat.dsl.channels import Channel, Comparison, Condition, Joined, Negated
from mlplat.ir.model import ParameterType


def operands(condition: Condition) -> list[Channel]:
    """Return the runtime values that a condition compares."""
    match condition:
        case Comparison(_, left, right):
            return [side for side in (left, right) if isinstance(side, Channel)]
        case Joined(_, left, right):
            return [*operands(left), *operands(right)]
        case Negated(inner):
            return operands(inner)
    return []


def cel(condition: Condition) -> str:
    """Write a condition as CEL over the executor's input, as ``triggerPolicy.condition`` holds it.

    Args:
        condition: the condition.

    Returns:
        Text such as ``inputs.parameter_values['pipelinechannel--flip-Output'] == 'heads'``.
    """
    match condition:
        case Comparison(operator, left, right):
            as_float = {_kind(left), _kind(right)} == {int, float}
            return f"{_operand(left, as_float)} {operator} {_operand(right, as_float)}"
        case Joined(operator):
            sides = [
                f"({cel(side)})" if isinstance(side, Joined) and side.operator != operator else cel(side)
                for side in (condition.left, condition.right)
            ]
            return f" {operator} ".join(sides)
        case Negated(inner):
            return f"!({cel(inner)})"
    raise TypeError(f"not a condition: {condition!r}")


_NUMBERS: Mapping[object, type] = {ParameterType.NUMBER_INTEGER: int, ParameterType.NUMBER_DOUBLE: float}


def _kind(side: Any) -> type:
    if isinstance(side, Channel):
        return _NUMBERS.get(side.type, str)
    return type(side)


def _operand(side: Any, mixed: bool) -> str:
    if isinstance(side, Channel):
        text = f"inputs.parameter_values['{side.input_name}']"
        if side.type is ParameterType.NUMBER_INTEGER:
            return f"double(int({text}))" if mixed else f"int({text})"
        return text
    if isinstance(side, bool):
        return "true" if side else "false"
    if isinstance(side, int) and mixed:
        return f"double({side})"
    return _text(side) if isinstance(side, str) else json.dumps(side)


def _text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return (
        "'"
        + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" if ord(c) < 0x10000 else c for c in escaped)
        + "'"
    )
