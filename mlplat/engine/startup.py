"""Prepares a Workflow for its run: metadata, status, and global variables in its spec."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from mlplat.argo import gotext
from mlplat.argo.expressions import ExpressionError
from mlplat.argo.templating import LENIENT, Scope, TemplatingError, evaluate_in
from mlplat.argo.templating import replace as replace_tags
from mlplat.engine.documents import Documents
from mlplat.engine.nodes import creation_timestamp, now, timestamp
from mlplat.engine.variables import Globals, global_variables
from mlplat.errors import Diagnostic, ManifestError

_RUNTIME = ("workflow.status", "workflow.duration")
"""Variables whose values change while the workflow runs."""


def started(workflow: Mapping[str, Any], resume: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a copy of a Workflow with the metadata and the status that it has when its run starts.

    Args:
        workflow: the Workflow.
        resume: the Workflow of an earlier run that is resumed, which keeps its identity.
    """
    starting: dict[str, Any] = copy.deepcopy(dict(workflow))
    metadata = starting["metadata"]
    earlier = (resume or {}).get("metadata") or {}
    metadata.setdefault("namespace", "default")
    metadata.setdefault("uid", earlier.get("uid") or str(uuid.uuid4()))
    metadata.setdefault("creationTimestamp", earlier.get("creationTimestamp") or creation_timestamp(now()))
    metadata["labels"] = {
        **(metadata.get("labels") or {}),
        "workflows.argoproj.io/phase": "Running",
        "workflows.argoproj.io/completed": "false",
    }
    metadata["annotations"] = {
        **(metadata.get("annotations") or {}),
        "workflows.argoproj.io/pod-name-format": "v2",
    }
    starting["status"] = {
        "phase": "Running",
        "startedAt": timestamp(now()),
        "finishedAt": None,
        "progress": "0/0",
    }
    return starting


def bound(documents: Documents, workflow: dict[str, Any]) -> tuple[Documents, Globals]:
    """Fill the global variables into the spec, as Argo does before it processes templates.

    Args:
        documents: the documents.
        workflow: their Workflow as it starts; gets the labels and annotations of ``workflowMetadata``.

    Returns:
        The documents with the Workflow's spec filled, and the variables.

    Raises:
        ManifestError: a parameter or a label has no value, or a tag is broken.
    """
    # Variables see the labels that people gave, not those that the run adds.
    given = {"labels": documents.workflow["metadata"].get("labels") or {}}
    seen = {**workflow, "metadata": {**workflow["metadata"], **given}}
    created = datetime.fromisoformat(workflow["metadata"]["creationTimestamp"])
    try:
        variables = global_variables(seen, documents.config_maps, created)
    except ValueError as error:
        raise ManifestError(
            Diagnostic("MLP524", "spec.arguments.parameters", str(error), "pass it with -p")
        ) from None
    early = {name: value for name, value in variables.items() if name not in _RUNTIME}
    spec = {key: value for key, value in workflow["spec"].items() if key != "templates"}
    try:
        filled = replace_tags(spec, Scope(early), LENIENT)
    except TemplatingError as error:
        raise ManifestError(Diagnostic("MLP514", "spec", str(error), "close the tag with }}")) from None
    added = _add_metadata(workflow["metadata"], filled.get("workflowMetadata") or {}, Scope(early))
    if added:
        variables.update(added)
        filled = replace_tags(filled, Scope(added), LENIENT)
    filled["templates"] = workflow["spec"].get("templates") or []
    return replace(documents, workflow={**workflow, "spec": filled}), Globals(variables)


def _add_metadata(metadata: dict[str, Any], extra: Mapping[str, Any], scope: Scope) -> dict[str, str]:
    """Add the labels and annotations of ``workflowMetadata`` to a Workflow, and return their variables.

    See ``updateWorkflowMetadata`` of Argo 4.0.7's ``operator.go``.
    """
    labels = dict(extra.get("labels") or {})
    for name, source in (extra.get("labelsFrom") or {}).items():
        labels[name] = _label(name, source.get("expression", ""), scope)
    annotations = extra.get("annotations") or {}
    metadata["labels"].update(labels)
    metadata["annotations"].update(annotations)
    return {
        **{f"workflow.labels.{name}": value for name, value in labels.items()},
        **{f"workflow.annotations.{name}": value for name, value in annotations.items()},
    }


def _label(name: str, expression: str, scope: Scope) -> str:
    try:
        value = evaluate_in(scope, expression)
    except ExpressionError as error:
        why = str(error)
    else:
        if isinstance(value, str):
            return value
        why = f"expected a string, got {gotext.sprint(value)}"
    path = f"spec.workflowMetadata.labelsFrom.{name}.expression"
    hint = "write an expression that returns a string; it can use workflow.*"
    raise ManifestError(Diagnostic("MLP534", path, f"the label has no value: {why}", hint))
