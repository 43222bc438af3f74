"""Looks whether a spec is built as those who read it rely on, and whether it keeps Argo's rules.

The rules are those of ``workflow/validate`` of Argo 4.0 that a template keeps or breaks by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mlplat.argo.expressions import RESULTS, condition
from mlplat.argo.names import FIELD, LONGEST_TEMPLATE, PASSED
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

_NAMED = ("parameters", "artifacts", "volumes", "env")
_MAPPINGS = (
    "arguments",
    "inputs",
    "outputs",
    "templateRef",
    "workflowTemplateRef",
    "podMetadata",
    "templateDefaults",
)
_FIELD = (FIELD, f"letters, digits and -, which is not the first, at most {LONGEST_TEMPLATE}")
_PASSED = (PASSED, "letters, digits, - and _")
_NAMES = {"template": _FIELD, "task": _FIELD, "step": _FIELD, "parameter": _PASSED, "artifact": _PASSED}
_TAG = re.compile(r"{{.*?}}")
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


def problems(spec: Any, path: str = "spec") -> Iterator[Diagnostic]:
    """Look for parts of a spec that are of the wrong kind and, where there are none, for :func:`broken_rules`.

    Args:
        spec: the spec of a Workflow or WorkflowTemplate.
        path: what it is called in diagnostics.

    Yields:
        One diagnostic for each.
    """
    yield from list(malformed(spec, path)) or broken_rules(spec, path)


def broken_rules(spec: Mapping[str, Any], path: str = "spec") -> Iterator[Diagnostic]:
    """Look for names, templates and conditions of tasks that Argo refuses.

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


def _rules(template: Mapping[str, Any], path: str) -> Iterator[Diagnostic]:
    kinds = [kind for kind in KINDS if template.get(kind) is not None]
    if len(kinds) > 1:
        message = f"the template is {' and '.join(kinds)} at once"
        yield Diagnostic("MLP528", path, message, "make a template of each")
    yield from _passed(template, ("inputs", "outputs"), path)
    tasks = _placed((template.get("dag") or {}).get("tasks"), f"{path}.dag.tasks")
    groups = enumerate(steps_of(template))
    steps = [one for index, group in groups for one in _placed(group, f"{path}.steps[{index}]")]
    yield from _names("task", tasks)
    yield from _names("step", steps)
    yield from _waiting(tasks)
    for place, call in (*tasks, *steps):
        yield from _passed(call, ("arguments",), place)
        yield from _rules(call.get("inline") or {}, f"{place}.inline")


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
    yield from _plain(spec, ("entrypoint", "onExit"), path)
    templates = spec.get("templates")
    yield from _listed(templates, f"{path}.templates")
    for index, template in enumerate(_list(templates)):
        place = f"{path}.templates[{index}]"
        yield from _named(template, place)
        if isinstance(template, Mapping):
            yield from _template(template, place)


def _template(template: Mapping[str, Any], path: str) -> Iterator[Diagnostic]:
    yield from _parts(template, path)
    for kind in ("container", "script"):
        if kind in template:
            if isinstance(template[kind], Mapping):
                yield from _parts(template[kind], f"{path}.{kind}")
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
    for key in _MAPPINGS:
        part = owner.get(key)
        if part is not None and not isinstance(part, Mapping):
            yield _wrong(f"{path}.{key}", "a mapping", part)
        elif part:
            yield from _parts(part, f"{path}.{key}")
    hooks = owner.get("hooks")
    if hooks is not None and not isinstance(hooks, Mapping):
        yield _wrong(f"{path}.hooks", "a mapping", hooks)
    for name, hook in (hooks if isinstance(hooks, Mapping) else {}).items():
        if isinstance(hook, Mapping):
            yield from _parts(hook, f"{path}.hooks.{name}")
            yield from _plain(hook, ("template",), f"{path}.hooks.{name}")
        else:
            yield _wrong(f"{path}.hooks.{name}", "a mapping", hook)


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


def _plain(owner: Mapping[str, Any], keys: Sequence[str], path: str) -> Iterator[Diagnostic]:
    for key in keys:
        if not isinstance(owner.get(key, ""), str | None):
            yield Diagnostic("MLP525", f"{path}.{key}", f"it must be text, not {owner[key]!r}", _QUOTE)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
