"""Converts between manifests and objects of hera, a Python SDK for Argo Workflows.

hera (7.1) is imported only when a function of this module is called. Its models silently drop fields that
they do not know; this module reports them as errors.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlplat.argo.schema import KINDS
from mlplat.errors import Diagnostic, ManifestError

_SHOWN = 10
_OWN = ("workflows_service", "status")
"""Fields of hera's objects that are not part of a manifest, or not before it runs."""


def to_hera(manifest: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Any:
    """Return a compiled pipeline, or any Argo manifest, as a hera object.

    Args:
        manifest: one document of a kind in :data:`~mlplat.argo.schema.KINDS`, alone or as a list.

    Returns:
        A ``hera.workflows.Workflow``, ``WorkflowTemplate``, ``ClusterWorkflowTemplate`` or ``CronWorkflow``;
        :func:`from_hera` gives the same document back.

    Raises:
        ManifestError: there is more than one document, or hera has no such field.
        ModuleNotFoundError: hera is not installed.
    """
    from hera import workflows
    from pydantic import ValidationError

    document = _only(manifest)
    try:
        resource = getattr(workflows, document["kind"]).from_dict(dict(document))
    except ValidationError as error:
        raise ManifestError(
            [
                Diagnostic("MLP362", _path(one["loc"]), f"hera's models refuse it: {one['msg']}")
                for one in error.errors()
            ]
        ) from None
    lost = [path for path, _, _ in differences(document, from_hera(resource))]
    if lost:
        raise ManifestError(
            [
                Diagnostic(
                    "MLP361",
                    path,
                    "hera would drop or change this field",
                    "use the manifest: mlplat compile --to argo",
                )
                for path in lost[:_SHOWN]
            ]
        )
    return resource


def from_hera(workflow: Any) -> dict[str, Any]:
    """Return the manifest of a hera object.

    Args:
        workflow: a ``hera.workflows.Workflow`` or another of :data:`~mlplat.argo.schema.KINDS`, or a model of one.

    Returns:
        The document.
    """
    model = workflow.build() if hasattr(workflow, "build") else workflow
    document: dict[str, Any] = model.model_dump(mode="json", exclude_none=True, by_alias=True)
    return document


def is_hera(value: Any) -> bool:
    """Return whether an object is a hera Workflow or WorkflowTemplate, without importing hera."""
    kinds = [one for one in type(value).__mro__ if one.__module__.startswith("hera.workflows")]
    return any(one.__name__ in KINDS for one in kinds) and hasattr(value, "build")


def differences(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the paths at which two documents differ; a missing field and a null are the same."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            yield from differences(before.get(key), after.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from differences(one, other, f"{path}[{number}]")
    elif type(before) is not type(after) or before != after:
        yield path, before, after


def program(manifest: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> str:
    """Return a Python program that defines the Workflow with hera.

    Args:
        manifest: as for :func:`to_hera`.

    Returns:
        The program. Its variable ``workflow`` is the object; run as a script it prints the manifest.

    Raises:
        ManifestError: as for :func:`to_hera`.
        ModuleNotFoundError: hera is not installed.
    """
    made = to_hera(manifest)
    kind = type(made).__name__
    writer = _Writer()
    body = writer.call(kind, list(_settings(made)), 0)
    imports = [f"from hera.workflows import {kind}"]
    if writer.models:
        imports.append(_block("from hera.workflows.models import (", sorted(writer.models), ")", 0))
    return "\n".join(
        [
            *imports,
            "",
            f"workflow = {body}",
            "",
            'if __name__ == "__main__":',
            "    print(workflow.to_yaml())",
            "",
        ]
    )


def _only(manifest: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    documents = [manifest] if isinstance(manifest, Mapping) else list(manifest)
    if len(documents) == 1 and documents[0].get("kind") in KINDS:
        return documents[0]
    others = [
        f"{one.get('kind')}/{(one.get('metadata') or {}).get('name', '')}"
        for one in documents
        if one.get("kind") not in KINDS
    ]
    message = f"hera has no class for {', '.join(others)}" if others else "expected one Workflow"
    hint = (
        "values of more than 32 KiB need a ConfigMap: pass them when you run the pipeline, or use --to argo"
    )
    raise ManifestError(
        Diagnostic("MLP360", "", message, hint if others else "convert one Workflow at a time")
    )


def _settings(resource: Any) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a hera object that were set; defaults of the class are implied."""
    for field in dataclasses.fields(resource):
        value = getattr(resource, field.name)
        if value is not None and value != [] and field.name not in _OWN and field.default != value:
            yield field.name, value


class _Writer:
    """Writes values as Python, and notes which models they need."""

    def __init__(self) -> None:
        self.models: set[str] = set()

    def write(self, value: Any, depth: int) -> str:
        if hasattr(value, "model_fields_set"):
            return self.model(value, depth)
        if isinstance(value, Mapping):
            items = [f"{key!r}: {self.write(item, depth + 1)}" for key, item in value.items()]
            return _block("{", items, "}", depth)
        if isinstance(value, (list, tuple)):
            return _block("[", [self.write(item, depth + 1) for item in value], "]", depth)
        return repr(getattr(value, "value", value))

    def model(self, value: Any, depth: int) -> str:
        name = type(value).__name__
        self.models.add(name)
        given = [
            (key, getattr(value, key))
            for key in type(value).model_fields
            if key in value.model_fields_set and getattr(value, key) is not None
        ]
        return self.call(name, given, depth)

    def call(self, name: str, arguments: Sequence[tuple[str, Any]], depth: int) -> str:
        return _block(
            f"{name}(", [f"{key}={self.write(value, depth + 1)}" for key, value in arguments], ")", depth
        )


def _block(begin: str, items: Sequence[str], end: str, depth: int) -> str:
    one_line = f"{begin}{', '.join(items)}{end}"
    if not items or (len(one_line) + 4 * depth < 100 and "\n" not in one_line):
        return one_line
    indent = "    " * (depth + 1)
    lines = "".join(f"{indent}{item},\n" for item in items)
    return f"{begin}\n{lines}{'    ' * depth}{end}"


def _path(location: Sequence[Any]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
