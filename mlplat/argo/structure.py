"""Looks whether a spec is built as those who read it rely on, and whether it keeps Argo's rules.

The rules are those of ``workflow/validate`` of Argo 4.0 that a template keeps or breaks by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mlplat.argo import schema
from mlplat.argo.durations import DurationError, with_units
from mlplat.argo.expressions import RESULTS, condition
from mlplat.argo.names import (
    FIELD,
    GENERATED_SUFFIX,
    LONGEST_TEMPLATE,
    LONGEST_WORKFLOW,
    PASSED,
    RESOURCE,
    dns_label,
    generated,
)
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

_FIELD = (FIELD, f"letters, digits and -, which is not the first, at most {LONGEST_TEMPLATE}")
_PASSED = (PASSED, "letters, digits, - and _")
_NAMES = {"template": _FIELD, "task": _FIELD, "step": _FIELD, "parameter": _PASSED, "artifact": _PASSED}
_TAG = re.compile(r"{{.*?}}")
_INTEGER = re.compile(r"[0-9]+")
_RESULT = re.compile(r"\.(\w+)")
_NOT_BESIDE_DEPENDS = {
    "dependencies": "write depends: a && b, not dependencies: [a, b]",
    "continueOn": "let the tasks that follow say so: depends: a || a.Failed",
}

_Placed = tuple[str, Mapping[str, Any]]
"""A part of a spec, after its place."""


def kind_of(template: Mapping[str, Any]) -> str:
    """Return which of :data:`KINDS` a template is, empty for none."""
    return next((kind for kind in KINDS if template.get(kind) is not None), "")


def broken_rules(spec: Mapping[str, Any], path: str = "spec") -> Iterator[Diagnostic]:
    """Look for names, templates, conditions and times of tasks that Argo refuses.

    Args:
        spec: the spec of a Workflow or WorkflowTemplate, of which nothing is :func:`malformed`.
        path: what it is called in diagnostics.

    Yields:
        One diagnostic for each.
    """
    templates = _placed(spec.get("templates"), f"{path}.templates")
    yield from _passed(spec, ("arguments",), path)
    yield from _names("template", templates)
    for place, template in templates:
        yield from _rules(template, place)


def wrong_sub_path(path: str) -> str:
    """Return what Kubernetes has against a ``subPath``; empty when it takes it."""
    if path.startswith("/"):
        return "must be a relative path"
    return "must not contain '..'" if ".." in path.split("/") else ""


def _rules(template: Mapping[str, Any], path: str) -> Iterator[Diagnostic]:
    kinds = [kind for kind in KINDS if template.get(kind) is not None]
    if len(kinds) > 1:
        message = f"the template is {' and '.join(kinds)} at once"
        yield Diagnostic("MLP528", path, message, "make a template of each")
    yield from _passed(template, ("inputs", "outputs"), path)
    yield from _times(template, path)
    for kind in ("container", "script"):
        mounts = (template.get(kind) or {}).get("volumeMounts")
        yield from _sub_paths(_placed(mounts, f"{path}.{kind}.volumeMounts"))
    tasks = _placed((template.get("dag") or {}).get("tasks"), f"{path}.dag.tasks")
    groups = enumerate(steps_of(template))
    steps = [one for index, group in groups for one in _placed(group, f"{path}.steps[{index}]")]
    yield from _names("task", tasks)
    yield from _names("step", steps)
    yield from _waiting(tasks)
    for place, call in (*tasks, *steps):
        yield from _passed(call, ("arguments",), place)
        yield from _rules(call.get("inline") or {}, f"{place}.inline")


def _sub_paths(mounts: Sequence[_Placed]) -> Iterator[Diagnostic]:
    for place, mount in mounts:
        if mount.get("subPath") and mount.get("subPathExpr"):
            message = "a mount has a subPath or a subPathExpr, not both"
            yield Diagnostic("MLP531", f"{place}.subPathExpr", message, "leave one of them out")
        for key in ("subPath", "subPathExpr"):
            if wrong := wrong_sub_path(mount.get(key) or ""):
                hint = "give a path within the volume, such as models/a; for what lies outside, mount another volume"
                yield Diagnostic("MLP531", f"{place}.{key}", f"{mount[key]!r} {wrong}", hint)


def _times(template: Mapping[str, Any], path: str) -> Iterator[Diagnostic]:
    """Look at what limits the time of a template; what a tag stands for is known at run time."""
    timeout, limit = str(template.get("timeout") or ""), template.get("activeDeadlineSeconds")
    if timeout and kind_of(template) in ("dag", "steps"):
        message = f"a template that is {kind_of(template)} has no timeout"
        hint = "give it to the templates of its tasks, or activeDeadlineSeconds to the Workflow"
        yield Diagnostic("MLP530", f"{path}.timeout", message, hint)
    elif timeout and "{{" not in timeout:
        try:
            with_units(timeout)
        except DurationError as error:
            message = f"'{timeout}' is no time to wait: {error}"
            yield Diagnostic("MLP530", f"{path}.timeout", message, "write it with a unit: 30s, 5m, 1h30m")
    is_text = isinstance(limit, str) and "{{" not in limit
    if (is_text and not _INTEGER.fullmatch(str(limit))) or (isinstance(limit, int | float) and limit < 0):
        message, hint = f"{limit!r} is no number of seconds", "give a whole number, such as 60"
        yield Diagnostic("MLP530", f"{path}.activeDeadlineSeconds", message, hint)


def _waiting(tasks: Sequence[_Placed]) -> Iterator[Diagnostic]:
    depends = any(task.get("depends") for _, task in tasks)
    for place, task in tasks:
        if (depends or task.get("dependencies")) and "0" <= task["name"][:1] <= "9":
            message = f"'{task['name']}' starts with a digit, in a DAG where tasks wait for others"
            yield Diagnostic("MLP527", f"{place}.name", message, "let it start with a letter")
        for field, hint in _NOT_BESIDE_DEPENDS.items():
            if depends and task.get(field) not in (None, []):
                yield Diagnostic("MLP529", f"{place}.{field}", f"a DAG with depends has no {field}", hint)
        if task.get("depends"):
            yield from _depends(task, f"{place}.depends")


def _depends(task: Mapping[str, Any], path: str) -> Iterator[Diagnostic]:
    wrong = [one for one in _RESULT.findall(task["depends"]) if one not in RESULTS]
    for one in wrong:
        yield Diagnostic("MLP529", path, f"'{one}' is no result of a task", nearest(one, RESULTS))
    if not wrong and (found := unreadable(condition(task, {}).expression.replace("-", "_"))):
        yield replace(found, path=path)


def _passed(owner: Mapping[str, Any], keys: Sequence[str], path: str) -> Iterator[Diagnostic]:
    for key in keys:
        for kind in ("parameters", "artifacts"):
            yield from _names(kind[:-1], _placed((owner.get(key) or {}).get(kind), f"{path}.{key}.{kind}"))


def _names(kind: str, items: Sequence[_Placed]) -> Iterator[Diagnostic]:
    """Look at the names of a list; a tag is as good as a letter, for what it stands for is known at run time."""
    pattern, rule = _NAMES[kind]
    taken: set[str] = set()
    for place, item in items:
        name = item["name"]
        if name in taken:
            yield Diagnostic("MLP526", f"{place}.name", f"there is another {kind} '{name}'", "rename one")
        elif not pattern.fullmatch(_TAG.sub("x", name)):
            yield Diagnostic("MLP527", f"{place}.name", f"'{name}' is no name of a {kind}", rule)
        taken.add(name)


def _placed(items: Sequence[Mapping[str, Any]] | None, path: str) -> list[_Placed]:
    return [(f"{path}[{index}]", item) for index, item in enumerate(items or ())]


def malformed_document(document: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Look for parts of a document that are of the wrong type: a Workflow, or what is given beside one.

    Whatever reads a document relies on its types. A field that Argo does not know harms no reader.

    Yields:
        One diagnostic for each.
    """
    if document.get("kind") in schema.KINDS:
        yield from (one for one in schema.problems(document) if one.code != schema.UNKNOWN)
        return
    yield from schema.fields_problems("ObjectMeta", document.get("metadata") or {}, "metadata")
    if document.get("kind") not in ("ConfigMap", "Secret"):
        return
    metadata = document.get("metadata")
    if metadata is None or (isinstance(metadata, Mapping) and not metadata.get("name")):
        yield Diagnostic("MLP525", "metadata.name", "it has no name", "give it a name")
    for key in ("data", "stringData"):
        yield from schema.fields_problems("{}string", document.get(key) or {}, key)


def wrong_names(document: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Look at the name of a Workflow, or of what one is started from, or at what its name is made from.

    Args:
        document: one of which nothing is malformed.

    Yields:
        One diagnostic for a name that Kubernetes refuses.
    """
    metadata = document.get("metadata") or {}
    name, begin = metadata.get("name") or "", metadata.get("generateName") or ""
    fit = f"write {dns_label(name or begin)}{'' if name else '-'}"
    hint = f"{fit}; a name has lower-case letters, digits, '-' and '.', at most {LONGEST_WORKFLOW}"
    if document.get("kind") not in schema.KINDS:
        return
    if name and not (RESOURCE.fullmatch(name) and len(name) <= LONGEST_WORKFLOW):
        yield Diagnostic("MLP417", "metadata.name", f"{name!r} is no name that Kubernetes takes", hint)
    elif not name and begin and not RESOURCE.fullmatch(generated(begin, "x" * GENERATED_SUFFIX)):
        message = f"{begin!r} is no begin of a name that Kubernetes takes"
        yield Diagnostic("MLP417", "metadata.generateName", message, hint)


def malformed_documents(documents: Sequence[Mapping[str, Any]]) -> Iterator[Diagnostic]:
    """Look at the documents of a run; paths begin with the kind and name of what stands beside the Workflow."""
    for document in documents:
        kind, metadata = document.get("kind"), document.get("metadata")
        name = metadata.get("name") if isinstance(metadata, Mapping) else ""
        beside = f"{kind}/{name}." if name else f"{kind}."
        place = "" if kind in ("Workflow", "CronWorkflow") else beside
        yield from (replace(one, path=f"{place}{one.path}") for one in malformed_document(document))


def placed_spec(document: Mapping[str, Any]) -> tuple[str, Any]:
    """Return where the spec of the Workflow stands that a document is, or makes; and that spec."""
    spec = document.get("spec")
    if document.get("kind") == "CronWorkflow" and isinstance(spec, Mapping):
        return "spec.workflowSpec", spec.get("workflowSpec")
    return "spec", spec
