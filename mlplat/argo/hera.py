"""Between manifests and hera: Argo's Python SDK, of which people have Workflows and templates.

hera (7.1) is imported when a function of this module is called, and by nothing else here. Its models drop fields that
they do not know without a word; here that is an error which names the fields.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args, get_origin

from mlplat.argo.references import place_of
from mlplat.errors import Diagnostic, ManifestError, nearest

KINDS = ("Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow")
_SHOWN = 10
_ANY_TEXT = {
    ("Parameter", "value"),
    ("Parameter", "default"),
    ("Parameter", "enum"),
    ("ValueFrom", "default"),
}
_OWN = ("workflows_service", "status")
"""Fields of hera's objects that are no part of a manifest, or not of one that is to run."""


def to_hera(manifest: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> Any:
    """Return a compiled pipeline, or any Argo manifest, as an object of hera.

    Args:
        manifest: one document of a kind in :data:`KINDS`, alone or as a list.

    Returns:
        A ``hera.workflows.Workflow``, ``WorkflowTemplate``, ``ClusterWorkflowTemplate`` or ``CronWorkflow``;
        :func:`from_hera` gives the same document back.

    Raises:
        ManifestError: there is another document, or hera has no place for a field.
        ModuleNotFoundError: hera is not installed.
    """
    from hera import workflows
    from pydantic import ValidationError

    document = _only(manifest)
    try:
        made = getattr(workflows, document["kind"]).from_dict(dict(document))
    except ValidationError as error:
        raise ManifestError(
            [
                Diagnostic("MLP362", _path(one["loc"]), f"hera's models refuse it: {one['msg']}")
                for one in error.errors()
            ]
        ) from None
    lost = [path for path, _, _ in differences(document, from_hera(made))]
    if lost:
        raise ManifestError(
            [
                Diagnostic(
                    "MLP361",
                    path,
                    "hera has no place for this field, and would drop or change it",
                    "use the manifest as it is: mlplat compile --to argo",
                )
                for path in lost[:_SHOWN]
            ]
        )
    return made


def from_hera(workflow: Any) -> dict[str, Any]:
    """Return what an object of hera stands for as a plain document.

    Args:
        workflow: a ``hera.workflows.Workflow`` or another of :data:`KINDS`, or a model of one.

    Returns:
        The document.
    """
    model = workflow.build() if hasattr(workflow, "build") else workflow
    document: dict[str, Any] = model.model_dump(mode="json", exclude_none=True, by_alias=True)
    return document


def unknown_fields(kind: str, fields: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Tell which fields of a thing hera's models of Argo's API do not know, or know of another type.

    Args:
        kind: what it is, as Argo's API calls it: ``WorkflowSpec``, ``S3Artifact``.
        fields: some of its fields.

    Returns:
        For each its path, what is wrong, and a hint or an empty text.

    Raises:
        ModuleNotFoundError: hera is not installed.
    """
    from hera.workflows import models

    return list(_field_problems(fields, getattr(models, kind)))


def document_problems(document: Mapping[str, Any]) -> list[Diagnostic]:
    """Tell which fields of a document hera's models of Argo's API do not know, or know of another type.

    Args:
        document: of a kind in :data:`KINDS`; another has no problems.

    Raises:
        ModuleNotFoundError: hera is not installed.
    """
    if document.get("kind") not in KINDS:
        return []
    return [
        Diagnostic("MLP519", path, message, hint)
        for path, message, hint in unknown_fields(document["kind"], document)
    ]


def _field_problems(fields: Mapping[str, Any], model: Any) -> Iterator[tuple[str, str, str]]:
    """Give the place of each wrong field, what is wrong, and what to do."""
    from pydantic import ValidationError

    for path, name, known in _unknown(fields, model, ""):
        yield path, f"Argo knows no field '{name}' here", nearest(name, known)
    try:
        model.model_validate(fields)
    except ValidationError as error:
        for one in error.errors():
            is_scalar = isinstance(one["input"], (int, float))
            if is_scalar and one["type"] == "string_type" and _is_any_text(model, one["loc"]):
                continue
            hint = "put it into quotes" if is_scalar else ""
            yield _path(one["loc"]), f"the value is of another type than Argo's: {one['msg']}", hint


def _is_any_text(model: Any, location: Sequence[Any]) -> bool:
    """Tell whether Argo takes a number or truth value, too, where hera's models want a text."""
    kind, field = model, ("", "")
    for part in location:
        owner, by_name = _model_in(kind)
        if owner is None or isinstance(part, int):
            continue
        if by_name:
            kind = owner
            continue
        names = {one.alias or name: one.annotation for name, one in owner.model_fields.items()}
        kind, field = names.get(part), (owner.__name__, part)
    return field in _ANY_TEXT or "Quantity" in str(kind)


def _unknown(value: Any, kind: Any, path: str) -> Iterator[tuple[str, str, list[str]]]:
    """Give the fields in a value that its type has not: the place, the name, and the names that there are."""
    if isinstance(value, list):
        for number, item in enumerate(value):
            yield from _unknown(item, kind, place_of(item, number, path))
        return
    model, by_name = _model_in(kind)
    if model is None or not isinstance(value, Mapping):
        return
    if by_name:
        for name, item in value.items():
            yield from _unknown(item, model, f"{path}.{name}")
        return
    known = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    for name, item in value.items() if known else ():
        place = f"{path}.{name}".lstrip(".")
        if name in known:
            yield from _unknown(item, known[name], place)
        else:
            yield place, name, list(known)


def _model_in(kind: Any) -> tuple[Any, bool]:
    """Return the model in the type of a field, None where there is none, and whether mappings have it by name."""
    from pydantic import BaseModel, RootModel

    if isinstance(kind, type) and issubclass(kind, RootModel):
        return _model_in(kind.model_fields["root"].annotation)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind, False
    for inner in get_args(kind):
        model, by_name = _model_in(inner)
        if model is not None:
            return model, by_name or get_origin(kind) is dict
    return None, False


def is_hera(value: Any) -> bool:
    """Whether something is a Workflow of hera, or a template of Workflows; asks without importing hera."""
    kinds = [one for one in type(value).__mro__ if one.__module__.startswith("hera.workflows")]
    return any(one.__name__ in KINDS for one in kinds) and hasattr(value, "build")


def differences(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Give the paths at which two documents differ; a missing field and a null are the same."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            yield from differences(before.get(key), after.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from differences(one, other, f"{path}[{number}]")
    elif type(before) is not type(after) or before != after:
        yield path, before, after


def program(manifest: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> str:
    """Write a Python program that makes a Workflow with hera.

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
    message = f"hera has no class for {', '.join(others)}" if others else "one Workflow is needed"
    hint = "values of more than 32 KiB make a ConfigMap: give them when it runs, or use --to argo"
    raise ManifestError(Diagnostic("MLP360", "", message, hint if others else "give one"))


def _settings(made: Any) -> Iterator[tuple[str, Any]]:
    """Give the fields of an object of hera that were set; defaults of the class write themselves."""
    for field in dataclasses.fields(made):
        value = getattr(made, field.name)
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

    def call(self, name: str, given: Sequence[tuple[str, Any]], depth: int) -> str:
        return _block(
            f"{name}(", [f"{key}={self.write(value, depth + 1)}" for key, value in given], ")", depth
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
