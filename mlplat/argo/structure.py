"""Looks whether a spec is built as those who read it rely on, and whether it keeps Argo's rules.

The rules are those of ``workflow/validate`` of Argo 4.0 that a template keeps or breaks by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

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
from mlplat.argo.stores import LOCATIONS
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

_NAMED = ("parameters", "artifacts", "volumes", "env")
_MAPPINGS = (
    "arguments",
    "inputs",
    "outputs",
    "templateRef",
    "workflowTemplateRef",
    "podMetadata",
    "retryStrategy",
    "synchronization",
    "templateDefaults",
)
_OF_TEMPLATES = ("metadata", "resource", "suspend")
_VOLUMES = (
    "configMap",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "hostPath",
    "persistentVolumeClaim",
    "projected",
    "secret",
)
_OF_ITEMS = ("archive", "valueFrom", *LOCATIONS, *_VOLUMES)
_OF_SOURCES = ("configMapKeyRef", "fieldRef", "secretKeyRef")
_LOCK = ("mutex", "semaphore")
_LOCKS = ("mutexes", "semaphores")
_WORKFLOWS = ("Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow")
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
_QUOTE = "put it into quotes: YAML reads words such as no, on and y as booleans, and digits as numbers"

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
    """Look for parts of a document that are of the wrong kind: a Workflow, or what stands beside one.

    Yields:
        One diagnostic for each.
    """
    yield from _malformed_metadata(document)
    if document.get("kind") in _WORKFLOWS:
        path, spec = placed_spec(document)
        yield from malformed(spec, path)


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
    if document.get("kind") not in _WORKFLOWS:
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


def _malformed_metadata(document: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Look at the metadata of a document, and at the data of a ConfigMap or Secret; as :func:`malformed`."""
    yield from _mapped(document, ("metadata",), "")
    metadata = document.get("metadata")
    if isinstance(metadata, Mapping):
        yield from _plain(metadata, ("name", "generateName", "namespace"), "metadata")
        yield from _mapped(metadata, ("labels", "annotations"), "metadata.")
    if document.get("kind") not in ("ConfigMap", "Secret"):
        return
    if metadata is None or (isinstance(metadata, Mapping) and not metadata.get("name")):
        yield Diagnostic("MLP525", "metadata.name", "it has no name", "give it a name")
    yield from _mapped(document, ("data", "stringData"), "")
    for key in ("data", "stringData"):
        data = document.get(key)
        if isinstance(data, Mapping):
            yield from _plain(data, list(data), key)


def malformed(spec: Any, path: str = "spec") -> Iterator[Diagnostic]:
    """Look for parts of a spec that are of the wrong kind.

    Args:
        spec: the spec of a Workflow or WorkflowTemplate.
        path: what it is called in diagnostics.

    Yields:
        One diagnostic for each.
    """
    if not isinstance(spec, Mapping):
        yield _wrong(path, "a mapping", spec)
        return
    yield from _parts(spec, path)
    yield from _plain(spec, ("entrypoint", "onExit", "podSpecPatch"), path)
    yield from _numbers(spec, ("activeDeadlineSeconds", "parallelism"), path)
    templates = spec.get("templates")
    yield from _listed(templates, f"{path}.templates")
    for index, template in enumerate(_list(templates)):
        place = f"{path}.templates[{index}]"
        yield from _named(template, place)
        if isinstance(template, Mapping):
            yield from _template(template, place)


def _template(template: Mapping[str, Any], path: str) -> Iterator[Diagnostic]:
    yield from _parts(template, path)
    yield from _mapped(template, _OF_TEMPLATES, f"{path}.")
    yield from _numbers(template, ("parallelism",), path)
    yield from _plain(template, ("podSpecPatch",), path)
    for kind in ("container", "script"):
        if kind in template:
            if isinstance(template[kind], Mapping):
                yield from _parts(template[kind], f"{path}.{kind}")
                yield from _mounts(template[kind].get("volumeMounts"), f"{path}.{kind}.volumeMounts")
                yield from _texts(template[kind], ("command", "args"), f"{path}.{kind}")
            else:
                yield _wrong(f"{path}.{kind}", "a mapping", template[kind])
    dag = template.get("dag")
    if dag is not None and not isinstance(dag, Mapping):
        yield _wrong(f"{path}.dag", "a mapping", dag)
    elif dag is not None:
        yield from _listed(dag.get("tasks"), f"{path}.dag.tasks")
        for index, task in enumerate(_list(dag.get("tasks"))):
            yield from _call(task, f"{path}.dag.tasks[{index}]")
    yield from _listed(template.get("steps"), f"{path}.steps")
    for index, group in enumerate(_list(template.get("steps"))):
        members = group.get("steps", [group]) if isinstance(group, Mapping) else group
        if not isinstance(members, list):
            yield _wrong(f"{path}.steps[{index}]", "a list", members)
        for position, step in enumerate(_list(members)):
            yield from _call(step, f"{path}.steps[{index}][{position}]")


def _call(holder: Any, path: str) -> Iterator[Diagnostic]:
    yield from _named(holder, path)
    if isinstance(holder, Mapping):
        yield from _parts(holder, path)
        yield from _plain(holder, ("template", "depends", "onExit"), path)
        yield from _texts(holder, ("dependencies",), path)
        inline = holder.get("inline")
        if isinstance(inline, Mapping):
            yield from _template(inline, f"{path}.inline")
        elif inline is not None:
            yield _wrong(f"{path}.inline", "a mapping", inline)


def _parts(owner: Mapping[str, Any], path: str) -> Iterator[Diagnostic]:
    for key in _NAMED:
        yield from _listed(owner.get(key), f"{path}.{key}")
        for index, item in enumerate(_list(owner.get(key))):
            yield from _named(item, f"{path}.{key}[{index}]")
            if isinstance(item, Mapping):
                yield from _sources(item, f"{path}.{key}[{index}]")
    for key in _MAPPINGS:
        part = owner.get(key)
        if part is not None and not isinstance(part, Mapping):
            yield _wrong(f"{path}.{key}", "a mapping", part)
        elif part:
            yield from _parts(part, f"{path}.{key}")
    if isinstance(owner.get("synchronization"), Mapping):
        yield from _locks(owner["synchronization"], f"{path}.synchronization")
    hooks = owner.get("hooks")
    if hooks is not None and not isinstance(hooks, Mapping):
        yield _wrong(f"{path}.hooks", "a mapping", hooks)
    for name, hook in (hooks if isinstance(hooks, Mapping) else {}).items():
        if isinstance(hook, Mapping):
            yield from _parts(hook, f"{path}.hooks.{name}")
            yield from _plain(hook, ("template",), f"{path}.hooks.{name}")
        else:
            yield _wrong(f"{path}.hooks.{name}", "a mapping", hook)


def _sources(item: Mapping[str, Any], path: str) -> Iterator[Diagnostic]:
    yield from _mapped(item, _OF_ITEMS, f"{path}.")
    if isinstance(item.get("valueFrom"), Mapping):
        yield from _mapped(item["valueFrom"], _OF_SOURCES, f"{path}.valueFrom.")


def _locks(synchronization: Mapping[str, Any], path: str) -> Iterator[Diagnostic]:
    locks = [(f"{path}.{key}", synchronization[key]) for key in _LOCK if synchronization.get(key) is not None]
    for key in _LOCKS:
        yield from _listed(synchronization.get(key), f"{path}.{key}")
        locks += [
            (f"{path}.{key}[{index}]", lock) for index, lock in enumerate(_list(synchronization.get(key)))
        ]
    for place, lock in locks:
        if isinstance(lock, Mapping):
            yield from _mapped(lock, ("configMapKeyRef",), f"{place}.")
        else:
            yield _wrong(place, "a mapping", lock)


def _mounts(mounts: Any, path: str) -> Iterator[Diagnostic]:
    yield from _listed(mounts, path)
    for index, mount in enumerate(_list(mounts)):
        yield from _named(mount, f"{path}[{index}]")
        if isinstance(mount, Mapping) and not isinstance(mount.get("mountPath"), str):
            message, hint = "it does not say where it is mounted", "give it a mountPath, such as /data"
            yield Diagnostic("MLP525", f"{path}[{index}].mountPath", message, hint)
        if isinstance(mount, Mapping):
            yield from _plain(mount, ("subPath", "subPathExpr"), f"{path}[{index}]")


def _texts(owner: Mapping[str, Any], keys: Sequence[str], path: str) -> Iterator[Diagnostic]:
    for key in keys:
        yield from _listed(owner.get(key), f"{path}.{key}")
        for index, item in enumerate(_list(owner.get(key))):
            if not isinstance(item, str):
                message = f"{'a name' if key == 'dependencies' else 'an argument'} must be text, not {item!r}"
                yield Diagnostic("MLP525", f"{path}.{key}[{index}]", message, _QUOTE)


def _named(item: Any, path: str) -> Iterator[Diagnostic]:
    if not isinstance(item, Mapping):
        yield _wrong(path, "a mapping", item)
    elif not isinstance(item.get("name"), str):
        shown = "it has no name" if "name" not in item else f"its name must be text, not {item['name']!r}"
        yield Diagnostic("MLP525", f"{path}.name", shown, _QUOTE if "name" in item else "give it a name")


def _wrong(path: str, wanted: str, found: Any) -> Diagnostic:
    return Diagnostic(
        "MLP525",
        path,
        f"there must be {wanted}, not {type(found).__name__}",
        "write it as Argo's field reference has it",
    )


def _listed(value: Any, path: str) -> Iterator[Diagnostic]:
    if value is not None and not isinstance(value, list):
        yield _wrong(path, "a list", value)


def _mapped(owner: Mapping[str, Any], keys: Sequence[str], path: str) -> Iterator[Diagnostic]:
    for key in keys:
        if not isinstance(owner.get(key), Mapping | None):
            yield _wrong(f"{path}{key}", "a mapping", owner[key])


def _numbers(owner: Mapping[str, Any], keys: Sequence[str], path: str) -> Iterator[Diagnostic]:
    for key in keys:
        value = owner.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float | None):
            message = f"it must be a number, not {value!r}"
            yield Diagnostic("MLP525", f"{path}.{key}", message, "write digits, without quotes")


def _plain(owner: Mapping[str, Any], keys: Sequence[str], path: str) -> Iterator[Diagnostic]:
    for key in keys:
        if not isinstance(owner.get(key, ""), str | None):
            yield Diagnostic("MLP525", f"{path}.{key}", f"it must be text, not {owner[key]!r}", _QUOTE)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
