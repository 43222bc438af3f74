"""Gives the parameters of a Workflow, as it is written already, other values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from mlplat import runtime
from mlplat.argo.values import inert_json
from mlplat.errors import ArgumentError, Diagnostic, nearest

_KINDS = (
    (bool, "true or false"),
    ((int, float), "a number"),
    (str, "a text"),
    (list, "a list"),
    (dict, "an object"),
)


def with_arguments(workflow: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a Workflow with other values of its parameters.

    The manifest of a compiled pipeline tells what it takes: where an expression makes JSON of the parameter, it is
    plain text; where the parameter is pasted as it is, it is JSON already, and of the kind of its present value.

    Args:
        workflow: the Workflow.
        values: texts, or values that have a JSON form, by name.

    Raises:
        ArgumentError: the Workflow has no such parameter, or it is of another kind; all at once.
    """
    spec = workflow.get("spec") or {}
    parameters = (spec.get("arguments") or {}).get("parameters") or ()
    if not parameters and not values:
        return dict(workflow)
    known = {parameter["name"]: parameter for parameter in parameters}
    problems: list[Diagnostic] = []
    bound: dict[str, str] = {}
    for name, value in values.items():
        text = value if isinstance(value, str) else json.dumps(value)
        if name not in known:
            hint = nearest(name, list(known)) or (
                f"it takes {', '.join(known)}" if known else "it takes none"
            )
            problems.append(Diagnostic("MLP401", "", f"the Workflow has no parameter '{name}'", hint))
            continue
        try:
            bound[name] = _bound(workflow, known[name], text)
        except ArgumentError as error:
            problems += error.diagnostics
    if problems:
        raise ArgumentError(problems)
    new = [
        {**parameter, "value": bound[parameter["name"]]} if parameter["name"] in bound else parameter
        for parameter in parameters
    ]
    return {**workflow, "spec": {**spec, "arguments": {**spec["arguments"], "parameters": new}}}


def _bound(workflow: Mapping[str, Any], parameter: Mapping[str, Any], text: str) -> str:
    spec = workflow["spec"]
    if runtime.VARIABLE not in (spec.get("podSpecPatch") or ""):
        return text
    name = parameter["name"]
    reference = f"workflow.parameters['{name}']"
    uses = [one for one in _texts(spec.get("templates", ())) if reference in one]
    if not uses or any(f"toJson({reference})" in one for one in uses):
        if "{{" in text:
            message = f"'{name}' was compiled as plain text, in which Argo would replace {{{{…}}}}"
            raise ArgumentError(Diagnostic("MLP411", "", message, "compile anew: mlplat run FILE -p …"))
        return text
    before = _json(str(parameter.get("value", "")))
    if isinstance(before, str):
        return inert_json(text)
    value = _json(text)
    wanted = _kind(before)
    if _kind(value) != wanted and not (value is not None and before is None):
        raise ArgumentError(
            Diagnostic(
                "MLP403",
                "",
                f"'{name}' takes {wanted}, and was given {text!r}",
                f"it was {parameter.get('value')}",
            )
        )
    return inert_json(value) if "{{" in text else text


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _kind(value: Any) -> str:
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "nothing")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
