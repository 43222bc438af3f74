"""Reads and replaces the values of the parameters of a compiled Workflow.

The manifest of a compiled pipeline tells the form of a parameter: if an expression converts it to JSON, it is plain
text; if it is used directly, it is JSON already.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any

from mlplat import runtime
from mlplat.argo.values import inert_json, is_plain, literal
from mlplat.canonical import read_json
from mlplat.compiler.emit import LARGE_ARGUMENTS
from mlplat.errors import ArgumentError, Diagnostic, nearest
from mlplat.ir.model import ABSENT, InputParameter, ParameterType

_KINDS = (
    (bool, "true or false"),
    ((int, float), "a number"),
    (str, "a string"),
    (list, "a list"),
    (dict, "an object"),
)


class _Form(Enum):
    """The form of a parameter's value."""

    UNKNOWN = "nothing reads it"
    PLAIN = "plain text"
    JSON = "JSON"


def with_arguments(workflow: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a Workflow with other values of its parameters.

    A JSON value must have the type of the current value.

    Args:
        workflow: the Workflow.
        values: strings or JSON values by name; None for no value.

    Raises:
        ArgumentError: the Workflow has no such parameter, or it has another type; all at once.
    """
    parameters = {parameter["name"]: parameter for parameter in parameters_of(workflow)}
    problems: list[Diagnostic] = []
    bound: dict[str, str] = {}
    for name, value in values.items():
        if name not in parameters:
            hint = nearest(name, list(parameters)) or "it has no parameters"
            problems.append(Diagnostic("MLP401", "", f"the Workflow has no parameter '{name}'", hint))
            continue
        try:
            bound[name] = _bound(workflow, parameters[name], value)
        except ArgumentError as error:
            problems += error.diagnostics
    if problems:
        raise ArgumentError(problems)
    return _replaced(workflow, bound)


def with_kept_arguments(
    workflow: Mapping[str, Any], before: Mapping[str, Any], values: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a Workflow with the parameter values of an earlier run, except for new ones.

    Args:
        workflow: the Workflow.
        before: the earlier run.
        values: other values, as for :func:`with_arguments`.

    Raises:
        ArgumentError: as :func:`with_arguments`.
    """
    parameters = {parameter["name"]: parameter for parameter in parameters_of(workflow)}
    kept = {
        parameter["name"]: parameter
        for parameter in parameters_of(before)
        if parameter["name"] in parameters
        and parameter["name"] not in values
        and parameter.get("value") is not None
    }
    as_written = {
        name: parameter["value"]
        for name, parameter in kept.items()
        if _takes(workflow, parameters[name]) == _takes(before, parameter)
    }
    bound = bound_values(before)
    read = {name: bound[name] for name in kept if name not in as_written}
    return with_arguments(_replaced(workflow, as_written), {**read, **values})


def bound_values(
    workflow: Mapping[str, Any],
    others: Sequence[Mapping[str, Any]] = (),
    declared: Mapping[str, InputParameter] | None = None,
) -> dict[str, Any]:
    """Return the parameters of a run by name, with the values that were passed.

    Args:
        workflow: the run.
        others: the documents that it was made from.
        declared: the pipeline's parameters, for the types of parameters that no template reads; strings by default.
    """
    known = declared or {}
    values = {
        parameter["name"]: _value(workflow, parameter, known.get(parameter["name"]))
        for parameter in parameters_of(workflow)
        if parameter.get("value") is not None
    }
    for document in others:
        annotations = (document.get("metadata") or {}).get("annotations") or {}
        for name, digest in json.loads(annotations.get(LARGE_ARGUMENTS, "{}")).items():
            values[name] = _json(document["data"][digest])
    return values


def _value(workflow: Mapping[str, Any], parameter: Mapping[str, Any], declared: InputParameter | None) -> Any:
    text = str(parameter["value"])
    if not _is_compiled(workflow):
        return text
    form, may_be_absent = _form(workflow, parameter["name"])
    if form is _Form.UNKNOWN and declared is not None:
        may_be_absent = declared.optional and declared.default in (None, ABSENT)
    if may_be_absent and not text:
        return None
    value = _json(text)
    if form is _Form.UNKNOWN and (declared is None or declared.type is ParameterType.STRING):
        return value if isinstance(value, str) and not is_plain(value) else text
    return text if form is _Form.PLAIN else value


def _takes(workflow: Mapping[str, Any], parameter: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return which strings can be the value of a parameter: their spelling and type."""
    form = _form(workflow, parameter["name"])
    return (*form, _kind(_json(str(parameter.get("value", "")))) if form[0] is _Form.JSON else "")


def spec_of(workflow: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the spec of a run; for a run of a WorkflowTemplate, the merged spec in its status."""
    stored = (workflow.get("status") or {}).get("storedWorkflowTemplateSpec")
    own: Mapping[str, Any] = workflow.get("spec") or {}
    return stored if stored and "workflowTemplateRef" in own else own


def _is_compiled(workflow: Mapping[str, Any]) -> bool:
    return runtime.VARIABLE in (spec_of(workflow).get("podSpecPatch") or "")


def _form(workflow: Mapping[str, Any], name: str) -> tuple[_Form, bool]:
    """Return how a parameter's value is written, and whether an empty string means no value."""
    if not _is_compiled(workflow):
        return _Form.UNKNOWN, False
    reference = f"workflow.parameters[{literal(name)}]"
    uses = [one for one in _texts(spec_of(workflow).get("templates", ())) if reference in one]
    may_be_absent = any(f"({reference} == '' ? " in one for one in uses)
    if not uses:
        return _Form.UNKNOWN, False
    if any(f"toJson({reference})" in one for one in uses):
        return _Form.PLAIN, may_be_absent
    read = (f"fromJSON({reference})", f"u007b', {reference})", f"u005c', {reference})")
    asked = f"({reference} startsWith {literal(chr(34))} ? "
    is_json = any(mark in one for one in uses for mark in (*read, asked))
    return _Form.JSON if is_json else _Form.PLAIN, may_be_absent


def parameters_of(workflow: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the parameters of a Workflow, including those of its WorkflowTemplate."""
    given = [
        *((spec_of(workflow).get("arguments") or {}).get("parameters") or ()),
        *(((workflow.get("spec") or {}).get("arguments") or {}).get("parameters") or ()),
    ]
    return list({parameter["name"]: parameter for parameter in given}.values())


def _replaced(workflow: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """Return a Workflow with other strings as values of its parameters."""
    if not texts:
        return dict(workflow)
    spec = workflow["spec"]
    parameters = [
        {**parameter, "value": texts[parameter["name"]]} if parameter["name"] in texts else parameter
        for parameter in parameters_of(workflow)
    ]
    arguments = {**(spec.get("arguments") or {}), "parameters": parameters}
    return {**workflow, "spec": {**spec, "arguments": arguments}}


def _bound(workflow: Mapping[str, Any], parameter: Mapping[str, Any], value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    if not _is_compiled(workflow):
        return text
    name = parameter["name"]
    form, may_be_absent = _form(workflow, name)
    if value is None and may_be_absent:
        return ""
    if form is not _Form.JSON:
        if "{{" in text:
            message = f"'{name}' is passed as plain text, in which Argo would replace {{{{…}}}}"
            raise ArgumentError(Diagnostic("MLP411", "", message, "compile it again: mlplat run FILE -p …"))
        return text
    before = _json(str(parameter.get("value", "")))
    if isinstance(before, str):
        return inert_json(text)
    found = _json(text)
    wanted = _kind(before)
    if _kind(found) != wanted and not (found is not None and before is None):
        raise ArgumentError(
            Diagnostic(
                "MLP403",
                "",
                f"parameter '{name}': expected {wanted}, got {text!r}",
                f"it was {parameter.get('value')}",
            )
        )
    return inert_json(found) if "{{" in text else text


def _json(text: str) -> Any:
    try:
        return read_json(text)
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
