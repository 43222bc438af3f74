"""Parameters as Argo's Go types have them: their values are strings, and their JSON has an order of its own."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlplat.argo import gotext

_HOLDERS = ("arguments", "inputs", "outputs")
_NESTED = (
    "templates",
    "dag",
    "tasks",
    "steps",
    "inline",
    "hooks",
    "templateDefaults",
    "workflowSpec",
    "spec",
)
_STRINGS = ("value", "default", "description")

_FIELDS: Mapping[str, tuple[str, ...]] = {
    "": ("name", "default", "value", "valueFrom", "globalName", "enum", "description"),
    "valueFrom": (
        *("path", "jsonPath", "jqFilter", "event", "parameter", "supplied", "configMapKeyRef"),
        *("default", "expression"),
    ),
    "configMapKeyRef": ("name", "key", "optional"),
}
"""Fields in the order in which ``json.Marshal`` writes those of ``Parameter`` and of what is in it."""


def with_strings(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a document or spec in which values of parameters are strings, as ``AnyString`` reads them.

    Args:
        tree: a document that is not malformed; fields that Argo does not know may have any value.
            Argo's full resource definitions refuse other values of it.
    """
    copied = copy.deepcopy(dict(tree))
    for parameter in _parameters(copied):
        source = parameter.get("valueFrom")
        for holder, keys in (
            (parameter, _STRINGS),
            (source if isinstance(source, dict) else {}, ("default",)),
        ):
            for key in keys:
                if key in holder:
                    holder[key] = gotext.any_string(holder[key])
        if isinstance(parameter.get("enum"), list):
            parameter["enum"] = [gotext.any_string(one) for one in parameter["enum"]]
    return copied


def _parameters(tree: Any) -> Iterator[dict[str, Any]]:
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            for key, value in node.items():
                if key in _HOLDERS and isinstance(value, dict):
                    listed = value.get("parameters")
                    yield from (
                        (one for one in listed if isinstance(one, dict)) if isinstance(listed, list) else ()
                    )
                elif key in _NESTED or (isinstance(value, dict) and "arguments" in value):
                    stack.append(value)
        elif isinstance(node, list):
            stack.extend(node)


def to_json(parameters: Sequence[Mapping[str, Any]]) -> str:
    """Write parameters as ``{{workflow.parameters}}`` and ``{{inputs.parameters}}`` have them."""
    return f"[{','.join(_object(one, '') for one in parameters)}]"


def _object(fields: Mapping[str, Any], kind: str) -> str:
    written = (
        f'"{key}":{_object(fields[key], key) if key in _FIELDS else gotext.to_json(fields[key])}'
        for key in _FIELDS[kind]
        if fields.get(key) is not None
    )
    return f"{{{','.join(written)}}}"
