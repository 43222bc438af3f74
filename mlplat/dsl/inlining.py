"""Turn a whole Argo Workflow into a template and those that it calls, so that a pipeline can contain it.

Fields that a Workflow sets for all of its templates are copied into each; its arguments become inputs, which are passed
down to the templates that read them.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from mlplat.ir.argo_template import calls

Json: TypeAlias = dict[str, Any]

KINDS = ("Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow")

_FOR_EACH_POD = (
    "affinity",
    "automountServiceAccountToken",
    "executor",
    "hostAliases",
    "nodeSelector",
    "priorityClassName",
    "schedulerName",
    "securityContext",
    "serviceAccountName",
    "tolerations",
)
"""Fields of a Workflow that are defaults of the same fields of its templates."""

_KNOWN = ("arguments", "entrypoint", "templates", "volumes", *_FOR_EACH_POD)
_PODS = ("container", "script", "containerSet", "resource", "data")
_EXPRESSIONS = ("expression", "fromExpression")
"""Fields that are expressions as a whole, without a tag."""

_TAG = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_PLAIN_GLOBAL = re.compile(r"(?<=\{\{)\s*workflow\.parameters\.([-\w]+)\s*(?=\}\})")
_EXPRESSION_GLOBAL = re.compile(
    r"""\bworkflow\.parameters(?:\.([A-Za-z_]\w*)|\[\\?(?:'([^'\]\\]*)\\?'|"([^"\]\\]*)\\?")\])"""
)
_ALL = re.compile(r"\bworkflow\.parameters\b(?![.\[])")
_OF_THE_WHOLE = re.compile(r"\bworkflow\.(labels|annotations|scheduledTime)\b")
_STEP = "run"
_DEFAULTS = ("value", "default")


def is_workflow(document: Mapping[str, Any]) -> bool:
    """Return whether a document is a Workflow, WorkflowTemplate or CronWorkflow."""
    return document.get("kind") in KINDS


def inlined(document: Mapping[str, Any]) -> tuple[Json, dict[str, Json]]:
    """Return a Workflow as a template that calls its entry point, and all of its templates.

    Args:
        document: one in which :func:`problems` finds nothing.

    Returns:
        Steps of one step, whose inputs are the Workflow's arguments and whose outputs are the entry point's parameters;
        and the other templates by name.
    """
    spec = _spec(document)
    templates = _settled_templates(spec)
    reads = _reads(templates)
    entry = _entry(spec, templates, reads)
    defaults = {name: _open_defaults(template) for name, template in templates.items()}
    found = {name: _handing_on(name, template, reads, defaults) for name, template in templates.items()}
    return entry, found


def _handing_on(
    name: str, template: Json, reads: Mapping[str, set[str]], defaults: Mapping[str, Mapping[str, str]]
) -> Json:
    """Make a template read inputs instead of the Workflow's parameters, and pass them to templates that it calls."""
    result: Json = _rewritten(template, _handed)
    inputs = result.pop("inputs", None) or {}
    own = [
        {
            key: value
            for key, value in one.items()
            if one["name"] not in defaults[name] or key not in _DEFAULTS
        }
        for one in inputs.get("parameters") or ()
    ]
    if parameters := [*own, *({"name": _handed(one)} for one in sorted(reads[name]))]:
        inputs["parameters"] = parameters
    if inputs:
        result["inputs"] = inputs
    for call in calls(result):
        called = call.get("template", "")
        for parameter, default in defaults.get(called, {}).items():
            if parameter not in _argument_names(call):
                _give(call, parameter, _rewritten(default, _handed))
        for one in sorted(reads.get(called, ())):
            _give(call, _handed(one), f"{{{{inputs.parameters.{_handed(one)}}}}}")
    del result["name"]
    return result


def _entry(spec: Json, templates: Mapping[str, Json], reads: Mapping[str, set[str]]) -> Json:
    name = spec["entrypoint"]
    entry = templates[name]
    inputs = {one["name"]: one for one in (spec.get("arguments") or {}).get("parameters") or ()}
    step: Json = {"name": _STEP, "template": name}
    defaults = _open_defaults(entry)
    for one in (entry.get("inputs") or {}).get("parameters") or ():
        own = one["name"]
        if own in inputs or not (own in defaults or "valueFrom" in one):
            inputs.setdefault(own, {key: one[key] for key in ("name", *_DEFAULTS) if key in one})
            _give(step, own, f"{{{{inputs.parameters.{own}}}}}")
        elif own in defaults:
            _give(step, own, _rewritten(defaults[own], str))
    for read in sorted(reads[name]):
        _give(step, _handed(read), f"{{{{inputs.parameters.{read}}}}}")
    template: Json = {"name": name, "inputs": {"parameters": list(inputs.values())}, "steps": [[step]]}
    given = [one["name"] for one in (entry.get("outputs") or {}).get("parameters") or ()]
    if given:
        source = "{{{{steps.{}.outputs.parameters.{}}}}}"
        template["outputs"] = {
            "parameters": [
                {"name": one, "valueFrom": {"parameter": source.format(_STEP, one)}} for one in given
            ]
        }
    return template


def _open_defaults(template: Mapping[str, Any]) -> dict[str, str]:
    """Return the defaults of a template's inputs that contain tags: callers pass them, as inputs cannot read others."""
    return {
        one["name"]: str(one[key])
        for one in (template.get("inputs") or {}).get("parameters") or ()
        for key in _DEFAULTS
        if "{{" in str(one.get(key, ""))
    }


def problems(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield why a Workflow cannot be part of another one: message and hint."""
    spec = _spec(document)
    templates = {one.get("name", ""): one for one in spec.get("templates") or ()}
    if spec.get("workflowTemplateRef"):
        yield (
            "it only references a template on the cluster",
            "reference that template: template_ref=…, inputs=…, outputs=…",
        )
        return
    if spec.get("entrypoint") not in templates:
        yield f"its entrypoint {spec.get('entrypoint')!r} is not one of its templates", "name one of them"
        return
    for field in sorted(set(spec) - set(_KNOWN)):
        yield f"spec.{field} applies to a whole Workflow", "remove it, or set it for the pipeline"
    if (spec.get("arguments") or {}).get("artifacts"):
        yield (
            "it takes artifacts as arguments",
            "fetch them in a task of the pipeline, or give each a location",
        )
    arguments = {one["name"]: one for one in (spec.get("arguments") or {}).get("parameters") or ()}
    for name, argument in arguments.items():
        if "{{" in str(argument.get("value", "")):
            yield (
                f"the value of its argument '{name}' contains a template tag",
                "use a plain value, or pass it when you call it",
            )
    for name, template in _settled_templates(spec).items():
        text = "".join(_expressions(template))
        if _ALL.search(text):
            yield f"the template '{name}' reads workflow.parameters as a whole", "read single parameters"
        for whole in sorted(set(_OF_THE_WHOLE.findall(text))):
            yield f"the template '{name}' reads workflow.{whole}", "make it an argument"
        for unknown in sorted(_globals(template) - arguments.keys()):
            yield (
                f"the template '{name}' reads the parameter '{unknown}', which does not exist",
                "declare it",
            )
        for call in calls(template):
            called = call.get("template", "")
            if call.get("onExit"):
                yield f"the template '{name}' has onExit", "write it as hooks: {exit: {template: …}}"
            if call.get("inline"):
                yield f"the template '{name}' has inline templates", "make each a named template"
            elif called and called not in templates:
                yield (
                    f"the template '{name}' calls '{called}', which does not exist",
                    "name a template of the Workflow",
                )


def _spec(document: Mapping[str, Any]) -> Json:
    spec: Json = document.get("spec") or {}
    return spec.get("workflowSpec") or spec


def _settled_templates(spec: Mapping[str, Any]) -> dict[str, Json]:
    """Return copies of the templates with the fields that the Workflow sets for all."""
    found = {one.get("name", ""): copy.deepcopy(one) for one in spec["templates"]}
    for template in found.values():
        if any(template.get(kind) for kind in _PODS):
            for field in _FOR_EACH_POD:
                if field in spec and field not in template:
                    template[field] = copy.deepcopy(spec[field])
            if spec.get("volumes"):
                template["volumes"] = [*copy.deepcopy(spec["volumes"]), *template.get("volumes", ())]
    return found


def _expressions(value: Any, key: str = "") -> Iterator[str]:
    """Yield the tags and expressions in a template."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _expressions(item, name)
    elif isinstance(value, list):
        for item in value:
            yield from _expressions(item, key)
    elif isinstance(value, str):
        if key in _EXPRESSIONS:
            yield f"{{{{={value}}}}}"
        else:
            yield from _TAG.findall(value)


def _globals(template: Mapping[str, Any]) -> set[str]:
    found: set[str] = set()
    for tag in _expressions(template):
        pattern = _EXPRESSION_GLOBAL if tag.startswith("{{=") else _PLAIN_GLOBAL
        found.update(next(filter(None, match.groups()), "") for match in pattern.finditer(tag))
    return found


def _reads(templates: Mapping[str, Json]) -> dict[str, set[str]]:
    """Return the Workflow's parameters that each template reads, itself or through those that it calls."""
    reads = {name: _globals(template) for name, template in templates.items()}
    grew = True
    while grew:
        grew = False
        for name, template in templates.items():
            below = set[str]().union(*(reads.get(call.get("template", ""), ()) for call in calls(template)))
            grew = grew or not below <= reads[name]
            reads[name] |= below
    return reads


def _handed(name: str) -> str:
    return f"workflow--{name}"


def _rewritten(value: Any, name: Callable[[str], str], key: str = "") -> Any:
    """Return a value that reads inputs where it read the Workflow's parameters.

    Args:
        value: a template, or a part of one.
        name: returns the name of the input for a parameter.
        key: the field with the value.
    """
    if isinstance(value, dict):
        return {field: _rewritten(item, name, field) for field, item in value.items()}
    if isinstance(value, list):
        return [_rewritten(item, name, key) for item in value]
    if not isinstance(value, str):
        return value

    def in_expression(match: re.Match[str]) -> str:
        return f"inputs.parameters['{name(next(filter(None, match.groups()), ''))}']"

    def in_tag(match: re.Match[str]) -> str:
        tag = match[0]
        if tag.startswith("{{="):
            return _EXPRESSION_GLOBAL.sub(in_expression, tag)
        return _PLAIN_GLOBAL.sub(lambda found: f"inputs.parameters.{name(found[1])}", tag)

    if key in _EXPRESSIONS:
        return _EXPRESSION_GLOBAL.sub(in_expression, value)
    return _TAG.sub(in_tag, value)


def _argument_names(call: Mapping[str, Any]) -> set[str]:
    return {one["name"] for one in (call.get("arguments") or {}).get("parameters") or ()}


def _give(call: Json, name: str, value: str) -> None:
    arguments = call.setdefault("arguments", {})
    given = [one for one in arguments.get("parameters") or () if one["name"] != name]
    arguments["parameters"] = [*given, {"name": name, "value": value}]
