"""Reads a file of workflow defaults: what a namespace wants of every Workflow, in the fields of Argo's WorkflowSpec."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from mlplat.argo import schema
from mlplat.cli import settings
from mlplat.errors import Diagnostic, ManifestError, Source

_OF_THE_PIPELINE = ("entrypoint", "templates", "arguments", "workflowTemplateRef")


def read(place: str) -> dict[str, Any]:
    """Read a file of workflow defaults.

    Args:
        place: path of a YAML file with one mapping, as in ``workflowDefaults.spec`` of Argo's controller.

    Returns:
        The fields.

    Raises:
        ManifestError: the file can't be read, or a field is unknown, of another type, or the pipeline's to say.
    """
    fields = settings.read(place)
    if set(fields) == {"spec"}:
        fields = fields["spec"]
    problems = [
        Diagnostic("MLP374", name, "the pipeline says that, and not a default", "take it out", Source(place))
        for name in _OF_THE_PIPELINE
        if name in fields
    ]
    problems += [
        replace(one, code="MLP375", source=Source(place))
        for one in schema.fields_problems("WorkflowSpec", fields)
    ]
    if problems:
        raise ManifestError(problems)
    return fields
