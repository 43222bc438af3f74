"""Looks whether a spec is built as Argo's is, as far as the engine relies on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlplat.errors import Diagnostic

_NAMED = ("parameters", "artifacts", "volumes", "env")
_QUOTE = "put it into quotes: YAML reads words such as no, on and y as booleans, and digits as numbers"


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
    for index, template in enumerate(_list(spec.get("templates"))):
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
                yield from _texts(template[kind], f"{path}.{kind}")
            else:
                yield _wrong(f"{path}.{kind}", "a mapping", template[kind])
    dag = template.get("dag")
    if dag is not None and not isinstance(dag, Mapping):
        yield _wrong(f"{path}.dag", "a mapping", dag)
    elif dag is not None:
        for index, task in enumerate(_list(dag.get("tasks"))):
            yield from _call(task, f"{path}.dag.tasks[{index}]")
    for index, group in enumerate(_list(template.get("steps"))):
        members = group.get("steps", [group]) if isinstance(group, Mapping) else group
        for position, step in enumerate(_list(members)):
            yield from _call(step, f"{path}.steps[{index}][{position}]")


def _call(holder: Any, path: str) -> Iterator[Diagnostic]:
    yield from _named(holder, path)
    if isinstance(holder, Mapping):
        yield from _parts(holder, path)
        if isinstance(holder.get("inline"), Mapping):
            yield from _template(holder["inline"], f"{path}.inline")


def _parts(owner: Mapping[str, Any], path: str) -> Iterator[Diagnostic]:
    for key in _NAMED:
        for index, item in enumerate(_list(owner.get(key))):
            yield from _named(item, f"{path}.{key}[{index}]")
    for key in ("arguments", "inputs", "outputs"):
        part = owner.get(key)
        if part is not None and not isinstance(part, Mapping):
            yield _wrong(f"{path}.{key}", "a mapping", part)
        elif part:
            yield from _parts(part, f"{path}.{key}")


def _texts(container: Mapping[str, Any], path: str) -> Iterator[Diagnostic]:
    for key in ("command", "args"):
        for index, item in enumerate(_list(container.get(key))):
            if not isinstance(item, str):
                yield Diagnostic(
                    "MLP525", f"{path}.{key}[{index}]", f"an argument must be text, not {item!r}", _QUOTE
                )


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


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
