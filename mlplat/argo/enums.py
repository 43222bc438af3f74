"""Checks that parameters of a Workflow have one of the values that their ``enum`` lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlplat.errors import Diagnostic, nearest


def outside(arguments: Mapping[str, Any], path: str) -> Iterator[Diagnostic]:
    """Look for values outside of their enum; see ``validateArgumentsValues`` in ``validate.go`` of Argo 4.0.7.

    Args:
        arguments: ``spec.arguments``, its values as strings.
        path: where they stand.

    Yields:
        What is wrong; a parameter without a value is not.
    """
    for parameter in arguments.get("parameters") or ():
        allowed = parameter.get("enum")
        if allowed is None:
            continue
        place = f"{path}.parameters.{parameter['name']}"
        if not allowed:
            yield Diagnostic("MLP533", place, "the enum is empty", "list at least one value, or remove enum")
        elif parameter.get("value") is not None and parameter["value"] not in allowed:
            value = str(parameter["value"])
            hint = nearest(value, allowed) or f"available: {', '.join(allowed)}"
            yield Diagnostic("MLP533", place, f"{value!r} is not one of the values of the enum", hint)
