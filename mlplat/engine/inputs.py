"""Fills a template with its arguments.

See ``ProcessArgs`` and ``SubstituteParams`` of Argo 4.0.7's ``workflow/common/util.go``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mlplat.argo.parameters import to_json as parameters_json
from mlplat.argo.stores import has_location
from mlplat.argo.templating import EVERYTHING, LENIENT, Scope, TemplatingError, replace
from mlplat.engine.scope import ABSENT_ARGUMENT


def fill(
    template: Mapping[str, Any],
    arguments: Mapping[str, Any],
    scope: Scope,
    config_maps: Mapping[str, Mapping[str, str]],
    path: Callable[[str], str] = str,
) -> dict[str, Any]:
    """Set the values of a template's inputs and replace its tags.

    Args:
        template: the template in the manifest.
        arguments: arguments of the caller.
        scope: global and local variables, such as ``workflow.name`` and ``pod.name``.
        config_maps: data of ConfigMaps by name.
        path: returns the executor's path for a path of the container.

    Returns:
        A new template.

    Raises:
        TemplatingError: an input has no value, or a tag cannot be replaced; the message is Argo's.
    """
    inputs = template.get("inputs") or {}
    filled: dict[str, Any] = {}
    if inputs.get("parameters"):
        given = {one["name"]: one for one in arguments.get("parameters") or ()}
        filled["parameters"] = [
            _parameter(one, given.get(one["name"]), scope, config_maps) for one in inputs["parameters"]
        ]
    if inputs.get("artifacts"):
        located = {one["name"]: one for one in arguments.get("artifacts") or ()}
        filled["artifacts"] = [_artifact(one, located.get(one["name"])) for one in inputs["artifacts"]]
    prepared = {**template, "inputs": filled} if filled else dict(template)
    return substitute(prepared, scope, path)


def _parameter(
    declared: Mapping[str, Any],
    argument: Mapping[str, Any] | None,
    scope: Scope,
    config_maps: Mapping[str, Mapping[str, str]],
) -> dict[str, Any]:
    parameter = dict(declared)
    if "value" not in parameter and "default" in parameter:
        parameter["value"] = parameter["default"]
    if argument is not None and argument.get("value") == ABSENT_ARGUMENT:
        if "value" not in parameter and "valueFrom" not in parameter:
            raise TemplatingError(
                f"inputs.parameters.{parameter['name']}: argument references an absent optional "
                "(skipped/omitted node output with no default)"
            )
    elif argument is not None:
        for key, other in (("value", "valueFrom"), ("valueFrom", "value")):
            if key in argument:
                parameter[key] = argument[key]
                parameter.pop(other, None)
                break
    reference = (parameter.get("valueFrom") or {}).get("configMapKeyRef")
    if reference:
        parameter["value"] = _config_map_value(parameter, reference, scope, config_maps)
    elif "value" not in parameter:
        raise TemplatingError(f"inputs.parameters.{parameter['name']} was not supplied")
    return parameter


def _config_map_value(
    parameter: Mapping[str, Any],
    reference: Mapping[str, Any],
    scope: Scope,
    config_maps: Mapping[str, Mapping[str, str]],
) -> str:
    name, key = (str(replace(reference[part], scope, EVERYTHING)) for part in ("name", "key"))
    data = config_maps.get(name)
    if data is not None and key in data:
        return data[key]
    default = parameter["valueFrom"].get("default")
    if default is not None:
        return str(default)
    why = (
        f"ConfigMap '{name}' does not have the key '{key}'"
        if data is not None
        else f"ConfigMap '{name}' does not exist"
    )
    raise TemplatingError(f"unable to retrieve inputs.parameters.{parameter['name']} from ConfigMap: {why}")


def _artifact(declared: Mapping[str, Any], argument: Mapping[str, Any] | None) -> dict[str, Any]:
    if not declared.get("optional") and not has_location(declared):
        if argument is None:
            raise TemplatingError(f"inputs.artifacts.{declared['name']} was not supplied")
        if not has_location(argument):
            raise TemplatingError(f"inputs.artifacts.{declared['name']} missing location information")
    if argument is None:
        return dict(declared)
    kept = {key: declared[key] for key in ("path", "mode", "recurseMode") if key in declared}
    passed = {
        key: value
        for key, value in argument.items()
        if key not in ("path", "mode", "recurseMode", "from", "fromExpression")
    }
    return {**passed, **kept}


def substitute(template: Mapping[str, Any], scope: Scope, path: Callable[[str], str] = str) -> dict[str, Any]:
    """Replace the tags of a template whose inputs have values: global and local ones first, then its inputs.

    Args:
        template: the template.
        scope: global and local variables.
        path: returns the executor's path for a path of the container.

    Returns:
        A new template.

    Raises:
        TemplatingError: an input has no value, or a tag cannot be replaced.
    """
    first = replace(template, scope, LENIENT)
    inputs, outputs = first.get("inputs") or {}, first.get("outputs") or {}
    parameters = inputs.get("parameters") or []
    own: dict[str, Any] = {}
    for one in parameters:
        if "value" in one:
            own[f"inputs.parameters.{one['name']}"] = one["value"]
        elif "valueFrom" not in one:
            raise TemplatingError(f"inputs.parameters.{one['name']} had no value")
    own["inputs.parameters"] = parameters_json(parameters)
    for kind, declared in (("inputs", inputs), ("outputs", outputs)):
        for one in declared.get("artifacts") or ():
            if one.get("path"):
                own[f"{kind}.artifacts.{one['name']}.path"] = path(one["path"])
    for one in outputs.get("parameters") or ():
        if (one.get("valueFrom") or {}).get("path"):
            own[f"outputs.parameters.{one['name']}.path"] = path(one["valueFrom"]["path"])
    result: dict[str, Any] = replace(first, scope.child(own), LENIENT)
    replace((result.get("inputs") or {}).get("artifacts") or [], scope.child(own), EVERYTHING)
    _check_container(result)
    return dict(result)


def _check_container(template: Mapping[str, Any]) -> None:
    """Refuse a container that Go could not read, such as a script whose source is a mapping."""
    container = template.get("container") or template.get("script") or {}
    names = {
        key: container[key] for key in ("image", "source", "workingDir") if container.get(key) is not None
    }
    for key in ("command", "args"):
        lines = container.get(key) or []
        names |= (
            {key: lines}
            if not isinstance(lines, list)
            else {f"{key}[{n}]": one for n, one in enumerate(lines)}
        )
    for key, value in names.items():
        if not isinstance(value, str):
            kind = {dict: "object", list: "array", bool: "bool"}.get(type(value), "number")
            raise TemplatingError(f"json: cannot unmarshal {kind} into Go struct field .{key} of type string")
