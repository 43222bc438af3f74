"""Looks whether a spec is built as Argo's is, as far as those who read it rely on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlplat.errors import Diagnostic

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
_QUOTE = "put it into quotes: YAML reads words such as no, on and y as booleans, and digits as numbers"


def kind_of(template: Mapping[str, Any]) -> str:
    """Return which of :data:`KINDS` a template is, empty for none."""
    return next((kind for kind in KINDS if template.get(kind) is not None), "")


def problems(spec: Any, path: str = "spec") -> Iterator[Diagnostic]:
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
        if isinstance(holder.get("inline"), Mapping):
            yield from _template(holder["inline"], f"{path}.inline")


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
