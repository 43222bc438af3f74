"""The results of nodes for the nodes after them: variables, artifacts, and the outputs of their templates.

See ``processNodeOutputs`` and ``processAggregateNodeOutputs`` of Argo 4.0.7.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from mlplat.argo import gojson, gotext
from mlplat.argo.expressions import ExpressionError
from mlplat.argo.status import Node, is_attempt, is_hook
from mlplat.argo.templating import TemplatingError
from mlplat.engine.scope import LocalScope, UnresolvedArtifactError


def node_variables(node: Mapping[str, Any], prefix: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the variables and artifacts of a node, for the nodes after it.

    Args:
        node: the node; for a node with retries, the last attempt.
        prefix: such as ``tasks.train``.

    Returns:
        Values by dotted name; artifacts by dotted name.
    """
    variables: dict[str, Any] = {f"{prefix}.id": node["id"], f"{prefix}.status": node["phase"]}
    for key in ("startedAt", "finishedAt"):
        if node.get(key):
            variables[f"{prefix}.{key}"] = node[key]
    outputs = node.get("outputs") or {}
    if outputs.get("result") is not None:
        variables[f"{prefix}.outputs.result"] = outputs["result"]
    if outputs.get("exitCode") is not None:
        variables[f"{prefix}.exitCode"] = outputs["exitCode"]
    parameters, artifacts = output_variables(outputs, prefix)
    return {**variables, **parameters}, artifacts


def output_variables(outputs: Mapping[str, Any], prefix: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the variables of outputs: parameters that have a value, and artifacts."""
    parameters = {
        f"{prefix}.outputs.parameters.{one['name']}": one["value"]
        for one in outputs.get("parameters") or ()
        if one.get("value") is not None
    }
    artifacts = {f"{prefix}.outputs.artifacts.{one['name']}": one for one in outputs.get("artifacts") or ()}
    return parameters, artifacts


def skipped_variables(template: Mapping[str, Any] | None, prefix: str) -> dict[str, Any]:
    """Return the variables of a skipped task: defaults of its outputs, None for those without one."""
    outputs = (template or {}).get("outputs") or {}
    return {
        f"{prefix}.outputs.parameters.{one['name']}": (one.get("valueFrom") or {}).get("default")
        for one in outputs.get("parameters") or ()
    }


def skipped_artifacts(template: Mapping[str, Any] | None, prefix: str) -> dict[str, Any]:
    """Return the artifacts of a skipped step: empty ones, which Argo has for steps, but not for DAG tasks."""
    outputs = (template or {}).get("outputs") or {}
    return {f"{prefix}.outputs.artifacts.{one['name']}": {} for one in outputs.get("artifacts") or ()}


def aggregate(children: Iterable[Node], prefix: str) -> dict[str, Any]:
    """Return the outputs of a loop's tasks as lists.

    Args:
        children: the loop's nodes in the order of its items.
        prefix: such as ``tasks.train``.

    Returns:
        ``….outputs.result``, ``….outputs.parameters`` and one list for each output parameter, all as JSON text; those
        of tasks that did not succeed are left out. Results are written as the tasks wrote them.

    Raises:
        GoJSONError: a result isn't JSON.
    """
    own = [one for one in children if not is_hook(one) and not is_attempt(one)]
    if not own:
        return {}
    every: list[dict[str, str]] = []
    lists: dict[str, list[str]] = {}
    results: list[str] = []
    for node in own:
        outputs = node.get("outputs")
        if not outputs or node["phase"] != "Succeeded":
            continue
        if outputs.get("parameters"):
            every.append({one["name"]: one.get("value", "") for one in outputs["parameters"]})
            for one in outputs["parameters"]:
                lists.setdefault(one["name"], []).append(one.get("value", ""))
        if outputs.get("result") is not None:
            gojson.check(outputs["result"])
            results.append(gojson.compact(outputs["result"]))
    variables = {
        f"{prefix}.outputs.result": f"[{','.join(results)}]",
        f"{prefix}.outputs.parameters": gotext.to_json(every),
    }
    for name, values in lists.items():
        variables[f"{prefix}.outputs.parameters.{name}"] = gotext.to_json(_decoded(values) or values)
    return variables


def _decoded(values: list[str]) -> list[Any] | None:
    decoded = []
    for value in values:
        try:
            item = json.loads(value, parse_int=float)
        except ValueError:
            return None
        if not isinstance(item, (list, dict)):
            return None
        decoded.append(item)
    return decoded


def template_outputs(template: Mapping[str, Any], scope: LocalScope) -> dict[str, Any] | None:
    """Return the outputs of a DAG or steps template.

    Args:
        template: the template.
        scope: variables of its outputs: all of its tasks.

    Returns:
        Outputs with values; None if the template has none.

    Raises:
        TemplatingError: an output has no value and no default.
    """
    declared = template.get("outputs") or {}
    if not (declared.get("parameters") or declared.get("artifacts")):
        return None
    outputs: dict[str, Any] = {}
    if declared.get("parameters"):
        outputs["parameters"] = [_output_parameter(one, scope) for one in declared["parameters"]]
    artifacts = []
    for one in declared.get("artifacts") or ():
        if not (one.get("from") or one.get("fromExpression")):
            continue
        try:
            artifacts.append(scope.artifact(one))
        except (LookupError, ExpressionError) as error:
            if not (one.get("optional") and isinstance(error, UnresolvedArtifactError)):
                raise TemplatingError(f"unable to resolve outputs from scope: {error}") from None
    if artifacts:
        outputs["artifacts"] = artifacts
    return outputs


def _output_parameter(declared: Mapping[str, Any], scope: LocalScope) -> dict[str, Any]:
    source = declared.get("valueFrom")
    if source is None:
        raise TemplatingError("output parameters must have a valueFrom specified")
    default = source.get("default")
    try:
        value = _output_value(source, scope)
    except (ExpressionError, LookupError) as error:
        if default is None:
            raise TemplatingError(str(error)) from None
        value = default
    if value is None:
        value = default
    if value is None:
        raise TemplatingError(
            f'output parameter "{declared["name"]}": "{source.get("parameter", "")}" is an absent optional '
            "(skipped/omitted node output with no default)"
        )
    kept = {key: item for key, item in declared.items() if key != "valueFrom"}
    return {**kept, "value": value if isinstance(value, str) else gotext.sprint(value)}


def _output_value(source: Mapping[str, Any], scope: LocalScope) -> Any:
    if source.get("expression"):
        value = scope.evaluate(source["expression"])
        if value is None:
            raise ExpressionError(f'failed to evaluate expression "{source["expression"]}"')
        return value
    reference = source.get("parameter")
    return scope.value(reference) if reference else ""
