"""A whole Workflow of Argo as one template and those that it calls, so that a pipeline can hold it.

What a Workflow says once for all of its templates is said by each of them here; its arguments become inputs, which are
handed down to the templates that read them.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

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
"""Fields of a Workflow that its templates have as well, and that hold where these say nothing."""

_KNOWN = ("arguments", "entrypoint", "templates", "volumes", *_FOR_EACH_POD)
_PODS = ("container", "script", "containerSet", "resource", "data")
_TAG = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_GLOBAL = re.compile(r"""\bworkflow\.parameters(?:\.([-\w]+)|\[\\?["']([-\w]+)\\?["']\])""")
_ALL = re.compile(r"\bworkflow\.parameters\b(?![.\[])")
_STEP = "run"


def is_workflow(document: Mapping[str, Any]) -> bool:
    """Tell whether a document is a whole Workflow, or a template or schedule of one."""
    return document.get("kind") in KINDS


def inlined(document: Mapping[str, Any]) -> tuple[Json, dict[str, Json]]:
    """Return a Workflow as a template that calls its entry point, and all of its templates.

    Args:
        document: one in which :func:`problems` finds nothing.

    Returns:
        Steps of one step, whose inputs are the Workflow's arguments and whose outputs are the entry point's parameters;
        and the templates by name, without it.
    """
    spec = _spec(document)
    templates = {one["name"]: _settled(one, spec) for one in copy.deepcopy(spec["templates"])}
    reads = _reads(templates)
    for name, template in templates.items():
        templates[name] = _reading_inputs(template)
        handed = [{"name": _handed(one)} for one in sorted(reads[name])]
        if handed:
            inputs = templates[name].setdefault("inputs", {})
            inputs["parameters"] = [*inputs.get("parameters", ()), *handed]
        for call in calls(templates[name]):
            for one in sorted(reads.get(call.get("template", ""), ())):
                _give(call, _handed(one), f"{{{{inputs.parameters.{_handed(one)}}}}}")
    for template in templates.values():
        template.pop("name")
    return _entry(spec, templates, reads), templates


def _entry(spec: Json, templates: Mapping[str, Json], reads: Mapping[str, set[str]]) -> Json:
    name = spec["entrypoint"]
    entry = templates[name]
    arguments = {one["name"]: one for one in (spec.get("arguments") or {}).get("parameters") or ()}
    own = [
        one
        for one in (entry.get("inputs") or {}).get("parameters") or ()
        if not one["name"].startswith(_handed(""))
    ]
    step: Json = {"name": _STEP, "template": name}
    inputs = dict(arguments)
    for one in own:
        inputs.setdefault(one["name"], {key: one[key] for key in ("name", "value", "default") if key in one})
        _give(step, one["name"], f"{{{{inputs.parameters.{one['name']}}}}}")
    for one in sorted(reads[name]):
        _give(step, _handed(one), f"{{{{inputs.parameters.{one}}}}}")
    written: Json = {"name": name, "inputs": {"parameters": list(inputs.values())}, "steps": [[step]]}
    given = [one["name"] for one in (entry.get("outputs") or {}).get("parameters") or ()]
    if given:
        source = "{{{{steps.{}.outputs.parameters.{}}}}}"
        written["outputs"] = {
            "parameters": [
                {"name": one, "valueFrom": {"parameter": source.format(_STEP, one)}} for one in given
            ]
        }
    return written


def problems(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Tell why a Workflow can't be part of another one: what is wrong, and what to do."""
    spec = _spec(document)
    templates = {one.get("name", ""): one for one in spec.get("templates") or ()}
    if spec.get("workflowTemplateRef"):
        yield (
            "it only names a template on the cluster",
            "give that template: template_ref=…, inputs=…, outputs=…",
        )
        return
    if spec.get("entrypoint") not in templates:
        yield f"its entrypoint {spec.get('entrypoint')!r} is none of its templates", "name one of them"
        return
    for field in sorted(set(spec) - set(_KNOWN)):
        yield f"spec.{field} says something of a whole Workflow", "leave it out, or say it of the pipeline"
    if (spec.get("arguments") or {}).get("artifacts"):
        yield (
            "it takes artifacts as arguments",
            "fetch them in a task of the pipeline, or give each a place of its own",
        )
    arguments = {one["name"] for one in (spec.get("arguments") or {}).get("parameters") or ()}
    for name, template in templates.items():
        text = "".join(_TAG.findall(str(template)))
        if _ALL.search(text):
            yield f"the template '{name}' reads all parameters of the Workflow", "name those that it reads"
        for unknown in sorted(_globals(template) - arguments):
            yield (
                f"the template '{name}' reads the parameter '{unknown}', which the Workflow has not",
                "declare it",
            )
        for call in calls(template):
            called = call.get("template", "")
            if call.get("onExit"):
                yield f"the template '{name}' has an onExit", "write it as hooks: {exit: {template: …}}"
            if call.get("inline"):
                yield f"the template '{name}' has others inside of it", "write each as a template with a name"
            elif called and called not in templates:
                yield (
                    f"the template '{name}' calls '{called}', which is not there",
                    "name a template of the Workflow",
                )


def calls(template: Mapping[str, Any]) -> Iterator[Json]:
    """Give the steps and tasks of a template, and their hooks: all that calls another template."""
    groups = [
        step.get("steps", ()) if isinstance(step, Mapping) else step for step in template.get("steps") or ()
    ]
    for call in (
        *(call for group in groups for call in group),
        *((template.get("dag") or {}).get("tasks") or ()),
    ):
        yield call
        yield from (call.get("hooks") or {}).values()


def renamed(template: Mapping[str, Any], names: Mapping[str, str]) -> Json:
    """Return a template that calls others by their new names, where they have one."""
    result = copy.deepcopy(dict(template))
    for call in calls(result):
        if call.get("template") in names:
            call["template"] = names[call["template"]]
    return result


def _spec(document: Mapping[str, Any]) -> Json:
    spec: Json = document.get("spec") or {}
    return spec.get("workflowSpec") or spec


def _settled(template: Json, spec: Mapping[str, Any]) -> Json:
    """Let a template say what the Workflow says for it."""
    if any(template.get(kind) for kind in _PODS):
        for field in _FOR_EACH_POD:
            if field in spec and field not in template:
                template[field] = copy.deepcopy(spec[field])
        if spec.get("volumes"):
            template["volumes"] = [*copy.deepcopy(spec["volumes"]), *template.get("volumes", ())]
    return template


def _globals(value: Any) -> set[str]:
    return {plain or quoted for tag in _TAG.findall(str(value)) for plain, quoted in _GLOBAL.findall(tag)}


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


def _reading_inputs(value: Any) -> Any:
    """Return a template that reads its inputs where it read the Workflow's parameters."""
    if isinstance(value, dict):
        return {key: _reading_inputs(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_reading_inputs(item) for item in value]
    return _TAG.sub(lambda tag: _GLOBAL.sub(_input, tag[0]), value) if isinstance(value, str) else value


def _input(match: re.Match[str]) -> str:
    name = match[1] or match[2]
    return f"inputs.parameters.{_handed(name)}" if match[1] else f"inputs.parameters['{_handed(name)}']"


def _give(call: Json, name: str, value: str) -> None:
    arguments = call.setdefault("arguments", {})
    given = [one for one in arguments.get("parameters") or () if one["name"] != name]
    arguments["parameters"] = [*given, {"name": name, "value": value}]
