"""Compiles tasks whose component is an Argo template of the user.

The template is unchanged, except for its links to other tasks: its input parameters get plain text, and its artifacts
have the keys of the pipeline's artifacts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlplat.argo import values
from mlplat.compiler import executors, interfaces
from mlplat.compiler.executors import Leaf, PassedMessage, Plain
from mlplat.compiler.interfaces import CallSite
from mlplat.compiler.placeholders import Hole
from mlplat.ir.argo_template import IMAGE, from_command
from mlplat.ir.model import Component, Container

_NAMED = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
_SIDE = {
    "type": "object",
    "properties": {kind: {"type": "array", "items": _NAMED} for kind in ("parameters", "artifacts")},
}
_SHAPE = {
    "prefixItems": [
        {"type": "object", "properties": {"inputs": _SIDE, "outputs": _SIDE}},
        {"type": "object", "additionalProperties": {"type": "object"}},
    ]
}
"""JSON schema of the parts of templates that this module reads."""


def is_one(executor: object) -> bool:
    """Return whether an executor is a template of Argo."""
    return isinstance(executor, Container) and executor.image == IMAGE


def leaf(component: Component, container: Container, call: CallSite) -> Leaf:
    """Write the template of such a task.

    Args:
        component: its interface.
        container: the container that represents the template.
        call: how the task calls it.
    """
    written, others = from_command(container.command)
    own = _Own(written)
    template = {key: value for key, value in own.template.items() if key not in ("name", "inputs", "outputs")}
    result: dict[str, Any] = {}
    if inputs := _inputs(own, component, call):
        result["inputs"] = inputs
    if outputs := _outputs(own, component, call):
        result["outputs"] = outputs
    if call.retry:
        result["retryStrategy"] = executors.retry_strategy(call.retry)
    takes = Plain if template.get("suspend") is None else PassedMessage
    needs = {name: takes(Hole(("inputs", "parameters", name))) for name in component.input_parameters}
    return Leaf(
        answerable({**result, **template}),
        needs,
        others={name: Leaf(answerable(other)) for name, other in others.items()},
    )


def answerable(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return a template whose suspended node can be answered in Argo's UI.

    The node's panel sends every input parameter back as an output parameter, and the Argo Server refuses one that the
    node does not expect to be supplied (``updateSuspendedNode`` of Argo 4.0.7's ``workflow/util/util.go``).

    Args:
        template: any template; only suspend templates are changed.
    """
    if template.get("suspend") is None:
        return dict(template)
    outputs = template.get("outputs") or {}
    expected = list(outputs.get("parameters") or ())
    names = {one["name"] for one in expected}
    inputs = (template.get("inputs") or {}).get("parameters") or ()
    unchanged = [
        {"name": one["name"], "valueFrom": {"supplied": {}, "default": interfaces.tag(one["name"])}}
        for one in inputs
        if one["name"] not in names
    ]
    if not unchanged:
        return dict(template)
    return {**template, "outputs": {**outputs, "parameters": [*expected, *unchanged]}}


def problem(container: Container) -> str:
    """Return the error of a container that represents an Argo template, or an empty string."""
    import jsonschema

    try:
        written = list(from_command(container.command))
    except ValueError:
        return "it is not JSON"
    return next(
        (str(one.message) for one in jsonschema.Draft202012Validator(_SHAPE).iter_errors(written)), ""
    )


@dataclass(frozen=True, slots=True)
class _Own:
    template: Mapping[str, Any]

    def declared(self, side: str, kind: str) -> list[dict[str, Any]]:
        return [dict(one) for one in (self.template.get(side) or {}).get(kind) or ()]


def _inputs(own: _Own, component: Component, call: CallSite) -> dict[str, Any]:
    linked = interfaces.interface(component, call, has_path=bool(component.output_artifacts))
    given = {one["name"]: one for one in linked.get("inputs", {}).get("artifacts", ())}
    parameters = [
        {key: value for key, value in one.items() if key not in ("value", "default", "valueFrom")}
        if one["name"] in component.input_parameters
        else one
        for one in own.declared("inputs", "parameters")
    ]
    others = [
        one
        for one in linked.get("inputs", {}).get("parameters", ())
        if one["name"] not in component.input_parameters
    ]
    artifacts = [{**given.get(one["name"], {}), **one} for one in own.declared("inputs", "artifacts")]
    return interfaces.nonempty(parameters=[*parameters, *others], artifacts=artifacts)


def _outputs(own: _Own, component: Component, call: CallSite) -> dict[str, Any]:
    parameters = [_with_default(one) for one in own.declared("outputs", "parameters")]
    described = [
        {"name": name, "value": interfaces.artifact_text(name, artifact, call)}
        for name, artifact in component.output_artifacts.items()
    ]
    made = component.output_artifacts
    keys = {name: interfaces.key_of(name, artifact, call) for name, artifact in made.items()}
    artifacts = [
        {**one, **interfaces.stored(call, one["name"], one.get("path", ""), keys[one["name"]])}
        if one["name"] in keys
        else one
        for one in own.declared("outputs", "artifacts")
    ]
    return interfaces.nonempty(parameters=[*parameters, *described], artifacts=artifacts)


def _with_default(parameter: dict[str, Any]) -> dict[str, Any]:
    """Set a default of an output, for skipped tasks."""
    source = parameter.get("valueFrom")
    if not source or "default" in source or "supplied" in source:
        return parameter
    return {**parameter, "valueFrom": {**source, "default": values.ABSENT}}
