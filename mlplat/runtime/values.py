"""Values as JSON: inert on the way, and of the declared type at both ends."""

import json
import math
import re
from typing import Any

from mlplat.runtime.contract import TaskError

_TYPES = {
    "STRING": (str,),
    "NUMBER_INTEGER": (int,),
    "NUMBER_DOUBLE": (float, int),
    "BOOLEAN": (bool,),
    "LIST": (list, tuple),
    "STRUCT": (dict,),
}
_NOT_ASCII = re.compile("[^\x00-\x7e]")


def inert(value: Any) -> str:
    """Write a value as JSON text that holds no two braces in a row, no dollar sign, and only what can be seen."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return printable(text).replace("{" * 2, "\\u007b" * 2).replace("$", "\\u0024")


def printable(text: str) -> str:
    """Escape the characters of JSON text that have no look of their own, such as DEL.

    Argo quotes what it puts into a template as Go does (``strconv.Quote``), and what Go writes for DEL, or for such a
    character beyond U+FFFF, is not JSON.

    Args:
        text: JSON text.

    Returns:
        JSON text of the same value.
    """
    return text if text.isprintable() else _NOT_ASCII.sub(_escaped, text)


def _escaped(match: Any) -> str:
    character: str = match.group()
    return character if character.isprintable() else json.dumps(character)[1:-1]


def jsonable(value: Any) -> Any:
    """Turn arrays and their scalars into JSON values; NaN and infinities become strings, as in KFP."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, dict):
        return {
            key.tolist() if hasattr(key, "tolist") else key: jsonable(item) for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    return value


def display(value: Any) -> str:
    """Return a value as a message shows it."""
    text = repr(value)
    return text if len(text) <= 200 else text[:200] + "..."


def as_declared(name: str, value: Any, kind: str) -> Any:
    """Return an input as a value of its declared type."""
    if kind == "STRING" and not isinstance(value, str):
        return json.dumps(value)
    if kind == "NUMBER_DOUBLE" and value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    if kind == "NUMBER_INTEGER" and isinstance(value, float) and value.is_integer():
        return int(value)
    if not has_type(value, kind):
        raise TaskError("input '{}' is declared {}, but got {}".format(name, type_name(kind), display(value)))
    return float(value) if kind == "NUMBER_DOUBLE" else value


def has_type(value: Any, kind: str) -> bool:
    """Return whether a value is of a declared type."""
    if isinstance(value, bool) and kind in ("NUMBER_INTEGER", "NUMBER_DOUBLE"):
        return False
    return isinstance(value, _TYPES.get(kind, (object,)))


def type_name(kind: str) -> str:
    """Return the name of a declared type as Python has it."""
    return _TYPES[kind][0].__name__ if kind in _TYPES else kind
