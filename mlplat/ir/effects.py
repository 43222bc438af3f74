"""Finds parts of an IR document that have no effect: unknown fields, unused executors and components."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlplat.errors import Diagnostic, nearest
from mlplat.ir.model import OWN_PLATFORM

_Doc = Mapping[str, Any]


def without_effect(documents: Sequence[_Doc]) -> list[tuple[int, Diagnostic]]:
    """Return warnings about parts of a pipeline that reading ignores.

    Args:
        documents: the PipelineSpec and, if there is one, the ``platforms`` document; both valid.

    Returns:
        Warnings, each with the number of its document, from 0.
    """
    from mlplat.ir.schema import PLATFORM_SPEC, schema_of

    spec = documents[0]
    components = [spec["root"], *spec.get("components", {}).values()]
    executors = spec.get("deploymentSpec", {}).get("executors", {})
    warnings = [(0, _warning(path, *rest)) for path, *rest in _unused(spec, components, executors)]
    for number, document in enumerate(documents):
        schema = schema_of(document)
        for path, name, known in _unread(document, schema, schema.get("$defs", {}), ""):
            warnings.append((number, _warning(path, f"unknown field '{name}'", nearest(name, known))))
        if schema is not PLATFORM_SPEC:
            continue
        for platform in ("kubernetes", OWN_PLATFORM):
            settings = document["platforms"].get(platform, {})
            for label in settings.get("deploymentSpec", {}).get("executors", {}):
                if label not in executors:
                    path = f"platforms.{platform}.deploymentSpec.executors.{label}"
                    hint = nearest(label, list(executors))
                    warnings.append((number, _warning(path, f"unknown executor '{label}'", hint)))
    return warnings


def _warning(path: str, message: str, hint: str) -> Diagnostic:
    return Diagnostic("MLP213", path, f"no effect: {message}", hint, severity="warning")


def _unused(
    spec: _Doc, components: Sequence[_Doc], executors: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    tasks = [task for one in components for task in one.get("dag", {}).get("tasks", {}).values()]
    called = {task["componentRef"]["name"] for task in tasks}
    used = {one.get("executorLabel") for one in components}
    for name in spec.get("components", {}):
        if name not in called:
            yield f"components.{name}", "no task uses the component", "remove it, or use it in a task"
    for label in executors:
        if label not in used:
            hint = "remove it, or set executorLabel of a component to it"
            yield f"deploymentSpec.executors.{label}", "no component uses the executor", hint


def _unread(value: Any, schema: _Doc, defs: _Doc, path: str) -> Iterator[tuple[str, str, list[str]]]:
    """Yield unknown fields: path, name, and known names."""
    if "$ref" in schema:
        schema = defs[schema["$ref"].rpartition("/")[2]]
    if isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            yield from _unread(item, schema["items"], defs, f"{path}[{number}]")
    if not isinstance(value, Mapping):
        return
    known, others = schema.get("properties"), schema.get("additionalProperties")
    for name, item in value.items():
        place = f"{path}.{name}".lstrip(".")
        if others:
            yield from _unread(item, others, defs, place)
        elif known and name in known:
            yield from _unread(item, known[name], defs, place)
        elif known:
            yield place, name, list(known)
