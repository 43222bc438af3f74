"""What tags and expressions can name while a workflow runs.

See ``buildLocalScope``, ``processAggregateNodeOutputs`` and ``setGlobalParameters`` of Argo 4.0.7.
"""

from __future__ import annotations

import json
import posixpath
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from mlplat.argo import gojson, gotext
from mlplat.argo.expressions import ExpressionError, expand, identifiers, parse
from mlplat.argo.expressions.syntax import Node as Expression
from mlplat.argo.parameters import to_json as parameters_json
from mlplat.argo.templating import (
    ABSENT,
    LENIENT,
    Layer,
    Scope,
    TemplatingError,
    evaluate_in,
    replace,
    second_names,
)
from mlplat.engine.nodes import Node, hooked

ABSENT_ARGUMENT = "__argo__internal__absent-optional-argument"
"""Stands for an argument that refers to an output which a skipped task didn't make and that has no default."""

_TIME_FORMATS = "aAbBcCdDeFgGhHIjlmMnNpPrRsStTuUvVwWxXyYzZ"


class Globals(Layer):
    """The variables ``workflow.…``; ``workflow.duration`` is counted when it is asked for.

    Args:
        variables: values by name.
    """

    def __init__(self, variables: dict[str, Any]) -> None:
        super().__init__(variables)
        self._values = variables
        self._begun = time.monotonic()

    def set(self, name: str, value: str) -> None:
        """Give a variable a value."""
        self._values[name] = value
        self._tree = None

    def get(self, name: str) -> Any:
        """Return the value of a variable."""
        return self._duration() if name == "workflow.duration" else super().get(name)

    def tree(self, wanted: Expression) -> Mapping[str, Any]:
        """Return all variables, nested."""
        tree = super().tree(wanted)
        tree["workflow"]["duration"] = self._duration()
        return tree

    def _duration(self) -> str:
        return f"{time.monotonic() - self._begun:f}"


def global_variables(
    workflow: Mapping[str, Any], config_maps: Mapping[str, Mapping[str, str]], created: datetime
) -> dict[str, Any]:
    """Return the variables that hold for the whole workflow.

    Args:
        workflow: the Workflow.
        config_maps: data of ConfigMaps by name, for parameters that come from one.
        created: when the workflow was made.

    Returns:
        Values by dotted name.

    Raises:
        ValueError: a parameter has no value; the message is Argo's.
    """
    metadata, spec = workflow["metadata"], workflow["spec"]
    parameters = (spec.get("arguments") or {}).get("parameters") or []
    stamp = created.strftime("%Y-%m-%dT%H:%M:%SZ")
    variables: dict[str, Any] = {
        "workflow.name": metadata["name"],
        "workflow.namespace": metadata.get("namespace", "default"),
        "workflow.mainEntrypoint": spec.get("entrypoint", ""),
        "workflow.serviceAccountName": spec.get("serviceAccountName", ""),
        "workflow.uid": metadata.get("uid", ""),
        "workflow.creationTimestamp": stamp,
        "workflow.creationTimestamp.RFC3339": stamp,
        "workflow.status": "Running",
        "workflow.duration": "0.000000",
    }
    if spec.get("priority") is not None:
        variables["workflow.priority"] = str(spec["priority"])
    for letter in _TIME_FORMATS:
        variables[f"workflow.creationTimestamp.{letter}"] = created.astimezone(UTC).strftime(f"%{letter}")
    variables["workflow.creationTimestamp.s"] = str(int(created.timestamp()))
    variables["workflow.parameters"] = variables["workflow.parameters.json"] = parameters_json(parameters)
    for parameter in parameters:
        variables[f"workflow.parameters.{parameter['name']}"] = _global_parameter(parameter, config_maps)
    extra = spec.get("workflowMetadata") or {}
    for kind in ("labels", "annotations"):
        own = metadata.get(kind) or {}
        variables[f"workflow.{kind}"] = variables[f"workflow.{kind}.json"] = gotext.to_json(own)
        late = extra.get("labelsFrom") or {} if kind == "labels" else {}
        for key, value in {**own, **(extra.get(kind) or {})}.items():
            if key not in late:
                variables[f"workflow.{kind}.{key}"] = value
    return variables


def _global_parameter(parameter: Mapping[str, Any], config_maps: Mapping[str, Mapping[str, str]]) -> str:
    if "value" in parameter:
        return str(parameter["value"])
    source = parameter.get("valueFrom") or {}
    reference = source.get("configMapKeyRef")
    if not reference:
        raise ValueError(
            f"either value or valueFrom must be specified in order to set global parameter {parameter['name']}"
        )
    data = config_maps.get(reference["name"], {})
    if reference["key"] in data:
        return data[reference["key"]]
    if "default" in source:
        return str(source["default"])
    raise ValueError(
        f"failed to set global parameter {parameter['name']} from configmap with name {reference['name']} "
        f"and key {reference['key']}"
    )


class ArtifactMissingError(LookupError):
    """There is no artifact of a name; the message begins with Argo's "Unable to resolve"."""


class LocalScope:
    """What can be named inside one DAG or steps template: parameters, and artifacts beside them.

    Args:
        shared: the variables of the workflow.
        own: those of the template: its inputs, tasks and steps.
        artifacts: looks an artifact up by its dotted name.
    """

    def __init__(
        self, shared: Scope, own: Scope, artifacts: Callable[[str], Mapping[str, Any] | None]
    ) -> None:
        self._shared = shared
        self.own = own
        self.parameters = shared.child(*own.layers)
        self._artifact = artifacts

    def child(
        self, *layers: Layer | Mapping[str, Any], artifacts: Mapping[str, Any] | None = None
    ) -> LocalScope:
        """Return a scope with more variables."""
        found = artifacts or {}
        return LocalScope(
            self._shared,
            self.own.child(*layers),
            lambda name: found[name] if name in found else self._artifact(name),
        )

    def evaluate(self, expression: str) -> Any:
        """Evaluate ``valueFrom.expression`` or ``fromExpression``, which see nothing of the workflow.

        Args:
            expression: its text.

        Raises:
            ExpressionError: it can't be read or evaluated.
        """
        return evaluate_in(self.own.child(_ArtifactLayer(self._artifact)), expression)

    def mark_absent(self, arguments: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return arguments in which pure references to absent outputs are marked, so that defaults apply."""
        marked = dict(arguments or {})
        if marked.get("parameters"):
            marked["parameters"] = [
                {**one, "value": ABSENT_ARGUMENT} if self._is_absent(one.get("value")) else one
                for one in marked["parameters"]
            ]
        return marked

    def _is_absent(self, value: Any) -> bool:
        if not (isinstance(value, str) and value.startswith("{{") and value.endswith("}}")):
            return False
        name = value[2:-2].strip()
        return "{{" not in name and "}}" not in name and self.parameters.get(name, ABSENT) is None

    def artifact(self, reference: Mapping[str, Any]) -> dict[str, Any]:
        """Return the artifact that ``from`` or ``fromExpression`` means.

        Args:
            reference: an argument or output artifact with one of them, and perhaps ``subPath``.

        Returns:
            The artifact under the reference's name.

        Raises:
            ArtifactMissingError: there is no such artifact.
            LookupError: what is named is not an artifact, or has no key to append ``subPath`` to.
            ExpressionError: the expression can't be evaluated.
        """
        if reference.get("fromExpression"):
            found = self.evaluate(reference["fromExpression"])
            if not isinstance(found, Mapping):
                raise LookupError(f"fromExpression of {reference['name']!r} is not an artifact")
        else:
            name = _name_in(reference["from"])
            if name.startswith("="):
                _refuse_names(name[1:])
            found = self._artifact(name)
            if found is None:
                raise ArtifactMissingError(f'Unable to resolve: "{name}"')
        if reference.get("subPath"):
            found = _below(dict(found), str(replace(reference["subPath"], self.own, LENIENT)))
        return {**found, "name": reference["name"]}


def _name_in(tag: str) -> str:
    return tag.strip().removeprefix("{{").removesuffix("}}").strip()


def _refuse_names(expression: str) -> None:
    """Refuse an expression in ``from`` or ``valueFrom.parameter`` that names something.

    Argo gives it the variables by their dotted names, of which none is an identifier, and no functions; see
    ``ResolveVar`` in Argo 4.0.7's ``util/template/resolve_var.go``.
    """
    if identifiers(parse(expression)):
        raise ExpressionError(f"Unable to compile: {gotext.to_json(expression)}")


class _ArtifactLayer(Layer):
    """Artifacts as an expression names them: ``tasks.a.outputs.artifacts.b``."""

    def __init__(self, lookup: Callable[[str], Mapping[str, Any] | None]) -> None:
        super().__init__({})
        self._lookup = lookup

    def get(self, name: str) -> Any:
        """Return the artifact of a name."""
        found = self._lookup(name)
        return ABSENT if found is None else found

    def tree(self, wanted: Expression) -> Mapping[str, Any]:
        """Return the artifacts that an expression names, nested."""
        found = {name: self._lookup(name) for name in identifiers(wanted) if ".artifacts." in name}
        return expand({name: artifact for name, artifact in found.items() if artifact is not None})


def _below(artifact: dict[str, Any], path: str) -> dict[str, Any]:
    for kind, location in artifact.items():
        if isinstance(location, Mapping) and location.get("key"):
            return {**artifact, kind: {**location, "key": posixpath.join(location["key"], path)}}
    if artifact.get("optional"):
        return artifact
    raise LookupError(
        f"Unable to resolve: artifact {artifact.get('name')!r} has no key to append {path!r} to"
    )


def input_variables(template: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the variables ``inputs.…`` of a template whose arguments were set: parameters, and artifacts."""
    inputs = template.get("inputs") or {}
    parameters = {
        f"inputs.parameters.{one['name']}": one.get("value", "") for one in inputs.get("parameters") or ()
    }
    artifacts = {f"inputs.artifacts.{one['name']}": one for one in inputs.get("artifacts") or ()}
    return parameters, artifacts


def node_variables(node: Mapping[str, Any], prefix: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what can be named of a node by those after it: variables, and artifacts.

    Args:
        node: the node; of a node that retries, give the last try.
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
    """Return what can be named of a task that was skipped: its outputs' defaults, None for those without one."""
    outputs = (template or {}).get("outputs") or {}
    return {
        f"{prefix}.outputs.parameters.{one['name']}": (one.get("valueFrom") or {}).get("default")
        for one in outputs.get("parameters") or ()
    }


def skipped_artifacts(template: Mapping[str, Any] | None, prefix: str) -> dict[str, Any]:
    """Return the artifacts of a step that was skipped: empty ones, which Argo has for steps, but not for DAG tasks."""
    outputs = (template or {}).get("outputs") or {}
    return {f"{prefix}.outputs.artifacts.{one['name']}": {} for one in outputs.get("artifacts") or ()}


def found_artifact(scope: LocalScope, argument: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the artifact that an argument of a step or hook refers to.

    Args:
        scope: what it can name.
        argument: has ``from`` or ``fromExpression``.

    Returns:
        The artifact; None for an optional one that can't be found.

    Raises:
        TemplatingError: it can't be found.
    """
    try:
        return scope.artifact(argument)
    except (LookupError, ExpressionError, TemplatingError) as error:
        if argument.get("optional"):
            return None
        raise TemplatingError(f"unable to resolve references: {error}") from None


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
    own = [one for one in children if not hooked(one) and not (one.get("nodeFlag") or {}).get("retried")]
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


class TaskLayer(Layer):
    """The variables ``tasks.…`` that one task of a DAG can name: those of the tasks before it.

    Args:
        results: variables by task; each is asked for when it is named, and only then.
        visible: the tasks that can be named.
    """

    def __init__(
        self, results: Callable[[str], Mapping[str, Any]], visible: Callable[[], Iterable[str]]
    ) -> None:
        super().__init__({})
        self._results = results
        self._visible = visible

    def get(self, name: str) -> Any:
        """Return the value of ``tasks.<task>.…``."""
        if not name.startswith("tasks."):
            return ABSENT
        task = name.split(".", 2)[1]
        return self._results(task).get(name, ABSENT) if task in self._visible() else ABSENT

    def tree(self, wanted: Expression) -> Mapping[str, Any]:
        """Return the variables of the tasks that an expression names, nested."""
        named = second_names(wanted, "tasks")
        visible = self._visible()
        variables: dict[str, Any] = {}
        for task in visible if named is None else [one for one in named if one in visible]:
            variables.update(self._results(task))
        return expand(variables)


def template_outputs(template: Mapping[str, Any], scope: LocalScope) -> dict[str, Any] | None:
    """Return the outputs of a DAG or steps template.

    Args:
        template: the template.
        scope: what its outputs can name: all of its tasks.

    Returns:
        Outputs with values; None when the template declares none.

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
            if not (one.get("optional") and isinstance(error, ArtifactMissingError)):
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
    if not reference:
        return ""
    name = _name_in(reference)
    if name.startswith("="):
        _refuse_names(name[1:])
        return scope.evaluate(name[1:])
    value = scope.own.get(name, ABSENT)
    if value is ABSENT:
        raise LookupError(f'Unable to resolve: "{name}"')
    return value
