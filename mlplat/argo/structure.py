"""Checks the structure of a spec, which all readers rely on, and Argo's rules for it.

The rules are those of ``workflow/validate`` of Argo 4.0 that concern a single template.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mlplat.argo import schedules, schema, selectors
from mlplat.argo.depends import RESULTS, condition
from mlplat.argo.durations import DurationError, with_units
from mlplat.argo.leaves import leaf_rules
from mlplat.argo.names import (
    FIELD,
    GENERATED_SUFFIX,
    LONGEST_CRON_WORKFLOW,
    LONGEST_TEMPLATE,
    LONGEST_WORKFLOW,
    PASSED,
    RESOURCE,
    dns_label,
    generated,
)
from mlplat.argo.passing import argument_rules, input_rules, location_rules, output_rules
from mlplat.argo.references import unreadable
from mlplat.errors import Diagnostic, nearest
from mlplat.ir.argo_template import steps_of

KINDS = {
    "container": "Pod",
    "containerSet": "Pod",
    "script": "Pod",
    "resource": "Pod",
    "data": "Pod",
    "steps": "Steps",
    "dag": "DAG",
    "suspend": "Suspend",
    "http": "HTTP",
    "plugin": "Plugin",
}
"""Fields that say what a template does, and the type of its nodes."""

_FIELD = (FIELD, f"use letters, digits and - (not first), at most {LONGEST_TEMPLATE}")
_PASSED = (PASSED, "use letters, digits, - and _")
_NAMES = {"template": _FIELD, "task": _FIELD, "step": _FIELD, "parameter": _PASSED, "artifact": _PASSED}
_TAG = re.compile(r"{{.*?}}")
_OF_ITEMS = re.compile(r"([a-zA-Z0-9][-a-zA-Z0-9]*?)\.(AnySucceeded|AllFailed)\b")
LOOPS = ("withItems", "withParam", "withSequence")
"""Fields by which a task or step is a loop."""

_INTEGER = re.compile(r"[0-9]+")
_RESULT = re.compile(r"\.(\w+)")
_NOT_BESIDE_DEPENDS = {
    "dependencies": "write depends: a && b, not dependencies: [a, b]",
    "continueOn": "write it in the tasks that depend on this one: depends: a || a.Failed",
}

_Placed = tuple[str, Mapping[str, Any]]
"""A part of a spec, after its place."""


def kind_of(template: Mapping[str, Any]) -> str:
    """Return the kind of a template, of :data:`KINDS`; empty if it has none."""
    return next((kind for kind in KINDS if template.get(kind) is not None), "")


def broken_rules(spec: Mapping[str, Any], path: str = "spec") -> Iterator[Diagnostic]:
    """Check what Argo validates in a spec on its own: names, arguments, templates, calls and times.

    Args:
        spec: the spec of a Workflow or WorkflowTemplate, which is not malformed.
        path: its path in diagnostics.

    Yields:
        Diagnostics.
    """
    templates = _placed(spec.get("templates"), f"{path}.templates")
    yield from _passed(spec, ("arguments",), path)
    yield from argument_rules(spec.get("arguments"), f"{path}.arguments", may_lack_value=True)
    yield from _hooks(spec, path)
    yield from selectors.problems(
        (spec.get("podGC") or {}).get("labelSelector"), f"{path}.podGC.labelSelector"
    )
    for number, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        if not (claim.get("metadata") or {}).get("name"):
            place = f"{path}.volumeClaimTemplates[{number}].metadata.name"
            yield Diagnostic(
                "MLP525", place, "the name is missing", "use the name of the volume that templates mount"
            )
    for field in ("entrypoint", "onExit"):
        if "{{" in (spec.get(field) or ""):
            message = f"{spec[field]!r} is not a template name; Argo does not replace tags here"
            yield Diagnostic("MLP511", f"{path}.{field}", message, "write the name of the template")
    reference = spec.get("workflowTemplateRef")
    if reference is not None and not reference.get("name"):
        message, hint = "the name is missing", "write the name of the WorkflowTemplate"
        yield Diagnostic("MLP538", f"{path}.workflowTemplateRef.name", message, hint)
    if templates and reference:
        message = "a Workflow with workflowTemplateRef cannot have templates"
        yield Diagnostic("MLP538", f"{path}.templates", message, "move them to the WorkflowTemplate")
    yield from _names("template", templates)
    for place, template in templates:
        yield from _rules(template, spec.get("templateDefaults") or {}, place)


def wrong_sub_path(path: str) -> str:
    """Return why Kubernetes refuses a ``subPath``, or an empty string."""
    if path.startswith("/"):
        return "must be a relative path"
    return "must not contain '..'" if ".." in path.split("/") else ""


def _rules(template: Mapping[str, Any], defaults: Mapping[str, Any], path: str) -> Iterator[Diagnostic]:
    kind = kind_of(template)
    kinds = [kind for kind in KINDS if template.get(kind) is not None]
    if len(kinds) > 1:
        message = f"the template has {' and '.join(kinds)}; expected one of them"
        yield Diagnostic("MLP528", path, message, "split it into one template for each")
    yield from _passed(template, ("inputs", "outputs"), path)
    if kind:
        yield from input_rules(template, kind, path)
        yield from output_rules(template, kind, path)
        yield from leaf_rules(template, kind, defaults, path)
    yield from location_rules(template.get("archiveLocation") or {}, f"{path}.archiveLocation")
    yield from _times(template, path)
    for runs in ("container", "script"):
        mounts = (template.get(runs) or {}).get("volumeMounts")
        yield from _sub_paths(_placed(mounts, f"{path}.{runs}.volumeMounts"))
    dag = template.get("dag") or {}
    tasks = _placed(dag.get("tasks"), f"{path}.dag.tasks")
    if kind == "dag" and not tasks:
        yield Diagnostic("MLP538", f"{path}.dag.tasks", "the DAG has no tasks", "add a task")
    yield from _targets(dag, f"{path}.dag.target")
    groups = enumerate(steps_of(template))
    steps = [one for index, group in groups for one in _placed(group, f"{path}.steps[{index}]")]
    yield from _names("task", tasks)
    yield from _names("step", steps, may_have_tags=True)
    yield from _waiting(tasks)
    for place, call in (*tasks, *steps):
        yield from _passed(call, ("arguments",), place)
        yield from _call(call, place)
        if call.get("inline"):
            yield from _rules(call["inline"], defaults, f"{place}.inline")


def _call(call: Mapping[str, Any], path: str) -> Iterator[Diagnostic]:
    """Check a task or step."""
    yield from argument_rules(call.get("arguments"), f"{path}.arguments", may_lack_value=False)
    yield from _hooks(call, path)
    reference = call.get("templateRef")
    if reference is not None:
        for field in ("name", "template"):
            if not reference.get(field):
                hint = "templateRef needs the name of the WorkflowTemplate and its template"
                yield Diagnostic("MLP538", f"{path}.templateRef.{field}", f"the {field} is missing", hint)
        if call.get("template"):
            message, hint = "the call has both template and templateRef", "remove one"
            yield Diagnostic("MLP538", f"{path}.template", message, hint)
    loops = [one for one in LOOPS if call.get(one) not in (None, [], "")]
    if len(loops) > 1:
        message = f"{' and '.join(loops)} cannot be combined"
        yield Diagnostic("MLP538", f"{path}.{loops[1]}", message, "keep one of them")
    sequence = call.get("withSequence") or {}
    if sequence.get("count") is not None and sequence.get("end") is not None:
        message = "withSequence has both count and end"
        yield Diagnostic("MLP538", f"{path}.withSequence.end", message, "remove one")


def _hooks(owner: Mapping[str, Any], path: str) -> Iterator[Diagnostic]:
    for name, hook in (owner.get("hooks") or {}).items():
        if name != "exit" and not hook.get("expression"):
            message = f"the hook '{name}' has no expression"
            hint = "add an expression, such as steps.a.status == 'Running'; or rename the hook to exit"
            yield Diagnostic("MLP538", f"{path}.hooks.{name}", message, hint)


def _targets(dag: Mapping[str, Any], path: str) -> Iterator[Diagnostic]:
    names = [task["name"] for task in dag.get("tasks") or ()]
    for target in _TAG.sub("{{}}", dag.get("target") or "").split(" "):
        if target and "{{" not in target and target not in names:
            yield Diagnostic("MLP513", path, f"there is no task '{target}'", nearest(target, names))


def _sub_paths(mounts: Sequence[_Placed]) -> Iterator[Diagnostic]:
    for place, mount in mounts:
        if mount.get("subPath") and mount.get("subPathExpr"):
            message = "the mount has both subPath and subPathExpr"
            yield Diagnostic("MLP531", f"{place}.subPathExpr", message, "remove one")
        for key in ("subPath", "subPathExpr"):
            if wrong := wrong_sub_path(mount.get(key) or ""):
                hint = "use a path within the volume, such as models/a; for other paths, mount another volume"
                yield Diagnostic("MLP531", f"{place}.{key}", f"{mount[key]!r} {wrong}", hint)


def _times(template: Mapping[str, Any], path: str) -> Iterator[Diagnostic]:
    """Check the time limits of a template; the value of a tag is known only at run time."""
    timeout, limit = str(template.get("timeout") or ""), template.get("activeDeadlineSeconds")
    kind = kind_of(template)
    if limit is not None and kind in ("dag", "steps"):
        message = f"a {kind} template cannot have activeDeadlineSeconds"
        hint = "set it on the templates of its tasks, or on the Workflow"
        yield Diagnostic("MLP530", f"{path}.activeDeadlineSeconds", message, hint)
    if timeout and kind in ("dag", "steps", "suspend"):
        message = f"a {kind} template cannot have a timeout"
        hint = "set it on the templates of its tasks, or set activeDeadlineSeconds on the Workflow"
        yield Diagnostic("MLP530", f"{path}.timeout", message, hint)
    elif timeout and "{{" not in timeout:
        try:
            with_units(timeout)
        except DurationError as error:
            message = f"'{timeout}' is not a valid timeout: {error}"
            yield Diagnostic(
                "MLP530", f"{path}.timeout", message, "use a duration with a unit: 30s, 5m, 1h30m"
            )
    is_text = isinstance(limit, str) and "{{" not in limit
    if (is_text and not _INTEGER.fullmatch(str(limit))) or (isinstance(limit, int | float) and limit < 0):
        message, hint = f"{limit!r} is not a valid number of seconds", "use an integer, such as 60"
        yield Diagnostic("MLP530", f"{path}.activeDeadlineSeconds", message, hint)


def _waiting(tasks: Sequence[_Placed]) -> Iterator[Diagnostic]:
    depends = any(task.get("depends") for _, task in tasks)
    loops = {task["name"]: any(task.get(one) not in (None, [], "") for one in LOOPS) for _, task in tasks}
    for place, task in tasks:
        if (depends or task.get("dependencies")) and "0" <= task["name"][:1] <= "9":
            message = (
                f"'{task['name']}' starts with a digit, which Argo does not allow in a DAG with dependencies"
            )
            yield Diagnostic("MLP527", f"{place}.name", message, "start the name with a letter")
        for field, hint in _NOT_BESIDE_DEPENDS.items():
            if depends and task.get(field) not in (None, []):
                yield Diagnostic(
                    "MLP529", f"{place}.{field}", f"a DAG with depends cannot have {field}", hint
                )
        if task.get("depends"):
            yield from _depends(task, loops, f"{place}.depends")


def _depends(task: Mapping[str, Any], loops: Mapping[str, bool], path: str) -> Iterator[Diagnostic]:
    for name, result in _OF_ITEMS.findall(task["depends"]):
        if not loops.get(name, True):
            message = f"'{name}' is not a loop, so it has no {name}.{result}"
            hint = f"write {name}.{'Succeeded' if result == 'AnySucceeded' else 'Failed'}"
            yield Diagnostic("MLP529", path, message, hint)
    wrong = [one for one in _RESULT.findall(task["depends"]) if one not in RESULTS]
    for one in wrong:
        yield Diagnostic("MLP529", path, f"'{one}' is not a task result", nearest(one, RESULTS))
    if not wrong and (found := unreadable(condition(task, {}).expression.replace("-", "_"))):
        yield replace(found, path=path)


def _passed(owner: Mapping[str, Any], keys: Sequence[str], path: str) -> Iterator[Diagnostic]:
    for key in keys:
        for kind in ("parameters", "artifacts"):
            items = _placed((owner.get(key) or {}).get(kind), f"{path}.{key}.{kind}")
            yield from _names(kind[:-1], items, may_have_tags=key == "outputs")


def _names(kind: str, items: Sequence[_Placed], *, may_have_tags: bool = False) -> Iterator[Diagnostic]:
    """Check the names in a list; the value of a tag is known only at run time."""
    pattern, rule = _NAMES[kind]
    names: set[str] = set()
    for place, item in items:
        name = item["name"]
        if name in names:
            yield Diagnostic(
                "MLP526", f"{place}.name", f"the {kind} name '{name}' is used twice", "rename one"
            )
        elif not pattern.fullmatch(_TAG.sub("x", name) if may_have_tags else name):
            yield Diagnostic("MLP527", f"{place}.name", f"'{name}' is not a valid {kind} name", rule)
        names.add(name)


def _placed(items: Sequence[Mapping[str, Any]] | None, path: str) -> list[_Placed]:
    return [(f"{path}[{index}]", item) for index, item in enumerate(items or ())]


def malformed_document(document: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Find values of the wrong type in a Workflow, or in a document that accompanies one.

    All readers rely on the types of a document. Fields that Argo does not know do no harm.

    Yields:
        Diagnostics.
    """
    if document.get("kind") in schema.KINDS:
        yield from (one for one in schema.problems(document) if one.code != schema.UNKNOWN)
        return
    yield from schema.fields_problems("ObjectMeta", document.get("metadata") or {}, "metadata")
    if document.get("kind") not in ("ConfigMap", "Secret"):
        return
    metadata = document.get("metadata")
    if metadata is None or (isinstance(metadata, Mapping) and not metadata.get("name")):
        yield Diagnostic("MLP525", "metadata.name", "the name is missing", "add metadata.name")
    for key in ("data", "stringData"):
        yield from schema.fields_problems("{}string", document.get(key) or {}, key)


def wrong_names(document: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Check the name or ``generateName`` of a Workflow, WorkflowTemplate or CronWorkflow.

    Args:
        document: a document that is not malformed.

    Yields:
        One diagnostic for a name that Kubernetes refuses.
    """
    metadata = document.get("metadata") or {}
    name, begin = metadata.get("name") or "", metadata.get("generateName") or ""
    fit = f"use {dns_label(name or begin)}{'' if name else '-'}"
    longest = LONGEST_CRON_WORKFLOW if document.get("kind") == "CronWorkflow" else LONGEST_WORKFLOW
    hint = f"{fit}; names have lower-case letters, digits, '-' and '.', at most {longest}"
    if document.get("kind") not in schema.KINDS:
        return
    if name and not (RESOURCE.fullmatch(name) and len(name) <= longest):
        yield Diagnostic("MLP417", "metadata.name", f"{name!r} is not a valid name", hint)
    elif not name and begin and not RESOURCE.fullmatch(generated(begin, "x" * GENERATED_SUFFIX)):
        message = f"{begin!r} is not a valid generateName"
        yield Diagnostic("MLP417", "metadata.generateName", message, hint)


def cron_rules(document: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Check the schedules and time zone of a CronWorkflow (``ValidateCronWorkflow``)."""
    spec = document["spec"]
    for number, schedule in enumerate(spec["schedules"]):
        if wrong := schedules.problem(schedule):
            message = f"{schedule!r} is not a valid schedule: {wrong}"
            yield Diagnostic("MLP371", f"spec.schedules[{number}]", message, schedules.HINT)
    if not spec["schedules"]:
        yield Diagnostic("MLP370", "spec.schedules", "a CronWorkflow needs a schedule", "such as '0 3 * * *'")
    zone = spec.get("timezone") or ""
    if zone and (wrong := schedules.timezone_problem(zone)):
        yield Diagnostic("MLP372", "spec.timezone", wrong, schedules.timezone_hint(zone))


def malformed_documents(documents: Sequence[Mapping[str, Any]]) -> Iterator[Diagnostic]:
    """Check the documents of a run; paths in other documents than the Workflow start with kind and name."""
    for document in documents:
        kind, metadata = document.get("kind"), document.get("metadata")
        name = metadata.get("name") if isinstance(metadata, Mapping) else ""
        beside = f"{kind}/{name}." if name else f"{kind}."
        place = "" if kind in ("Workflow", "CronWorkflow") else beside
        yield from (replace(one, path=f"{place}{one.path}") for one in malformed_document(document))


def placed_spec(document: Mapping[str, Any]) -> tuple[str, Any]:
    """Return the path and the value of the WorkflowSpec in a Workflow, WorkflowTemplate or CronWorkflow."""
    spec = document.get("spec")
    if document.get("kind") == "CronWorkflow" and isinstance(spec, Mapping):
        return "spec.workflowSpec", spec.get("workflowSpec")
    return "spec", spec
