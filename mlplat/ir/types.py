"""Checks Python values against parameter types."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mlplat.ir.model import ParameterType

PYTHON_TYPES: Mapping[ParameterType, tuple[type, ...]] = {
    ParameterType.STRING: (str,),
    ParameterType.NUMBER_INTEGER: (int,),
    ParameterType.NUMBER_DOUBLE: (float, int),
    ParameterType.BOOLEAN: (bool,),
    ParameterType.LIST: (list, tuple),
    ParameterType.STRUCT: (dict,),
}
TYPE_NAMES: Mapping[ParameterType, str] = {
    ParameterType.STRING: "str",
    ParameterType.NUMBER_INTEGER: "int",
    ParameterType.NUMBER_DOUBLE: "float",
    ParameterType.BOOLEAN: "bool",
    ParameterType.LIST: "list",
    ParameterType.STRUCT: "dict",
    ParameterType.TASK_FINAL_STATUS: "PipelineTaskFinalStatus",
    ParameterType.TASK_CONFIG: "TaskConfig",
}


def fits(value: Any, kind: ParameterType) -> bool:
    """Return whether a Python value can be a parameter of a type; an int is a float, True is not a number."""
    if isinstance(value, bool):
        return kind is ParameterType.BOOLEAN
    return isinstance(value, PYTHON_TYPES.get(kind, (object,)))


def json_problem(value: Any) -> str:
    """Return why a value cannot be written as JSON, or an empty string."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        return "half of a surrogate pair is not a character"
    except (TypeError, ValueError, RecursionError) as error:
        return str(error)
    return ""
