"""Templates and Workflows of Argo as components: a dict, a hera object, or a reference to a template on the cluster."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

from mlplat.canonical import read_json
from mlplat.dsl import context, inlining, signatures
from mlplat.dsl.component import BaseComponent, sanitized
from mlplat.dsl.interface import Interface
from mlplat.errors import AuthoringError, Diagnostic
from mlplat.ir.argo_template import IMAGE, calls, to_command
from mlplat.ir.model import (
    ABSENT,
    Container,
    InputArtifact,
    InputParameter,
    OutputArtifact,
    OutputParameter,
    ParameterType,
)
from mlplat.runtime.artifacts import Artifact

_KINDS = (
    "container",
    "script",
    "resource",
    "http",
    "suspend",
    "steps",
    "dag",
    "containerSet",
    "data",
    "plugin",
)
_TYPES = {
    str: ParameterType.STRING,
    int: ParameterType.NUMBER_INTEGER,
    float: ParameterType.NUMBER_DOUBLE,
    bool: ParameterType.BOOLEAN,
    list: ParameterType.LIST,
    dict: ParameterType.STRUCT,
}
_FIELDS = {
    "set_retry": "retryStrategy",
    "set_timeout": "activeDeadlineSeconds",
    "set_env_variable": "container.env",
    "set_debug_pause": "container.env",
    "set_container_image": "container.image",
    **dict.fromkeys(
        ("set_cpu_request", "set_cpu_limit", "set_memory_request", "set_memory_limit"), "container.resources"
    ),
    **dict.fromkeys(("set_accelerator_type", "set_accelerator_count"), "container.resources"),
}
_INSTEAD = {
    "set_parallelism": "write synchronization (a mutex or a semaphore) into the template, or limit the loop around it: "
    "dsl.ParallelFor(items, parallelism=2)",
    "fuse_with": "only Python functions share a pod",
}
"""Hints for setters that an Argo template cannot have; :data:`_FIELDS` has those with a field of the template."""
_LOCATIONS = ("s3", "gcs", "azure", "oss", "hdfs", "http", "git", "raw", "artifactory", "plugin", "from")


class ArgoComponent(BaseComponent):
    """A template of Argo that a pipeline can call; made by :func:`argo_component`."""

    @property
    def has_container(self) -> bool:
        """Its container, if it has one, is set in the template."""
        return False

    def without_container(self, setter: str) -> tuple[str, str]:
        """Return the hint that names the field of the template to use instead of a setter."""
        hint = _INSTEAD.get(
            setter, f"set it in the template: {_FIELDS.get(setter, 'in the fields of its pod')}"
        )
        return "an Argo template has its own settings", hint


def argo_component(
    template: Any = None,
    *,
    name: str = "",
    types: Mapping[str, Any] | None = None,
    template_ref: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
    outputs: Mapping[str, Any] | None = None,
) -> ArgoComponent:
    """Make a component of a template of Argo, or of a whole Workflow.

    Its parameters and artifacts are the component's. A parameter reaches the template as plain text: a ``str`` as it
    is, anything else as JSON. An output parameter is parsed as its declared type. Artifacts are passed between tasks
    as usual; an artifact with a location of its own (``s3``, ``raw``, …) keeps it.

    Args:
        template: a template as a dict or a hera object: ``Container``, ``Script``, ``Resource``, ``HTTP``, …; or a
            Workflow, as a dict or a hera object: its arguments are the inputs, the output parameters of its entrypoint
            are the outputs.
        name: the component's name; the template's own by default.
        types: types of parameters (``int``, ``list``, …) and classes of artifacts by name; ``str`` and ``dsl.Artifact``
            by default.
        template_ref: instead of ``template``, a reference to one on the cluster: ``name`` of a WorkflowTemplate,
            ``template`` in it, and ``clusterScope``.
        inputs: with ``template_ref``, types of its input parameters by name.
        outputs: with ``template_ref``, types of its output parameters by name.

    Returns:
        The component.

    Raises:
        AuthoringError: it is not a template, or not a complete one; all errors at once.
    """
    if template_ref is not None:
        inputs, outputs = inputs or {}, outputs or {}
        written = _reference(template_ref, inputs, outputs)
        types = {**inputs, **outputs}
        name = name or str(template_ref.get("template", ""))
    else:
        written = _plain(template)
        if inlining.is_workflow(written):
            return _of_workflow(written, name, types or {})
        name = name or str(written.get("name", ""))
    return _component(written, name, types or {}, list(_problems(written)))


def _of_workflow(document: Mapping[str, Any], name: str, types: Mapping[str, Any]) -> ArgoComponent:
    metadata = document.get("metadata") or {}
    name = name or str(metadata.get("name") or metadata.get("generateName") or "workflow")
    problems = list(inlining.problems(document))
    if problems:
        return _component({}, name, {}, problems)
    entry, templates = inlining.inlined(document)
    return _component(entry, name, types, [], templates)


def _component(
    template: dict[str, Any],
    name: str,
    types: Mapping[str, Any],
    problems: list[tuple[str, str]],
    templates: Mapping[str, Any] | None = None,
) -> ArgoComponent:
    interface = _interface(template, types, problems)
    if problems:
        source = context.caller()
        raise AuthoringError(
            [
                Diagnostic("MLP150", name or "argo_component", message, hint, source)
                for message, hint in problems
            ]
        )
    template.pop("name", None)
    executor = Container(image=IMAGE, command=to_command(template, templates or {}))
    return ArgoComponent(sanitized(name or "argo"), interface, cache=False, executor=executor)


def _plain(template: Any) -> dict[str, Any]:
    """Return a template as a dict; convert a hera object without importing hera."""
    build = getattr(template, "_build_template", None)
    template = build() if build is not None else template
    if hasattr(template, "to_dict"):
        template = template.to_dict()
    if hasattr(template, "model_dump"):
        template = template.model_dump(mode="json", exclude_none=True, by_alias=True)
    return copy.deepcopy(dict(template)) if isinstance(template, Mapping) else {}


def _reference(
    reference: Mapping[str, Any], inputs: Mapping[str, Any], outputs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a steps template with one step, which calls a template on the cluster."""
    step: dict[str, Any] = {"name": "run", "templateRef": dict(reference)}
    if inputs:
        step["arguments"] = {
            "parameters": [{"name": one, "value": f"{{{{inputs.parameters.{one}}}}}"} for one in inputs]
        }
    written: dict[str, Any] = {"inputs": {"parameters": [{"name": one} for one in inputs]}, "steps": [[step]]}
    if outputs:
        written["outputs"] = {
            "parameters": [
                {"name": one, "valueFrom": {"parameter": f"{{{{steps.run.outputs.parameters.{one}}}}}"}}
                for one in outputs
            ]
        }
    return written


def _problems(template: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    kinds = [kind for kind in _KINDS if template.get(kind) is not None]
    if len(kinds) != 1:
        found = f"it has {', '.join(kinds)}" if kinds else "it has none of the kinds of a template"
        yield (
            f"it is not an Argo template: {found}",
            f"pass a dict or a hera object with one of {', '.join(_KINDS)}",
        )
    for one in calls(template):
        if one.get("template"):
            message = f"it calls the template '{one['template']}', which is not part of it"
            yield message, "call it with templateRef, inline it, or make each a component"
    names = [
        one["name"]
        for kind in ("parameters", "artifacts")
        for one in (template.get("inputs") or {}).get(kind) or ()
    ]
    for twice in sorted({one for one in names if names.count(one) > 1}):
        yield f"two of its inputs are called '{twice}'", "rename one"


def _interface(
    template: Mapping[str, Any], types: Mapping[str, Any], problems: list[tuple[str, str]]
) -> Interface:
    parameters: dict[str, InputParameter] = {}
    artifacts: dict[str, InputArtifact] = {}
    for one in _declared(template, "inputs", "parameters"):
        default = one.get("value", one.get("default", ABSENT))
        kind = _parameter_type(one["name"], types, problems)
        if default is ABSENT:
            parameters[one["name"]] = InputParameter(kind)
        else:
            text = default if isinstance(default, str) else json.dumps(default)
            parameters[one["name"]] = InputParameter(
                kind, text if kind is ParameterType.STRING else _read(text), True
            )
    for one in _declared(template, "inputs", "artifacts"):
        if not any(place in one for place in _LOCATIONS):
            artifacts[one["name"]] = InputArtifact(
                _artifact_type(one["name"], types, problems), optional=bool(one.get("optional"))
            )
    given = {
        one["name"]: OutputParameter(_parameter_type(one["name"], types, problems))
        for one in _declared(template, "outputs", "parameters")
    }
    made = {
        one["name"]: OutputArtifact(_artifact_type(one["name"], types, problems))
        for one in _declared(template, "outputs", "artifacts")
        if not any(place in one for place in _LOCATIONS)
    }
    unknown = sorted(set(types) - {*parameters, *artifacts, *given, *made})
    problems += [(f"it has no input or output '{one}'", "it is named in types") for one in unknown]
    order = (*parameters, *artifacts, *given, *made)
    return Interface(parameters, artifacts, given, made, order)


def _declared(template: Mapping[str, Any], side: str, kind: str) -> list[Mapping[str, Any]]:
    return list((template.get(side) or {}).get(kind) or ())


def _read(text: str) -> Any:
    try:
        return read_json(text)
    except ValueError:
        return text


def _parameter_type(name: str, types: Mapping[str, Any], problems: list[tuple[str, str]]) -> ParameterType:
    given = types.get(name, str)
    if given in _TYPES:
        return _TYPES[given]
    problems.append((f"'{name}' cannot be {given!r}", "use str, int, float, bool, list or dict"))
    return ParameterType.STRING


def _artifact_type(name: str, types: Mapping[str, Any], problems: list[tuple[str, str]]) -> Any:
    given = types.get(name, Artifact)
    if hasattr(given, "schema_title"):
        return signatures.artifact_type(given)
    problems.append(
        (f"'{name}' is an artifact, so it cannot be {given!r}", "use a class such as dsl.Dataset")
    )
    return signatures.artifact_type(Artifact)
