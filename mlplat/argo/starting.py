"""Creates a Workflow from a WorkflowTemplate or CronWorkflow, as Argo does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_TEMPLATES = ("WorkflowTemplate", "ClusterWorkflowTemplate")
_LABELS = {
    "WorkflowTemplate": "workflows.argoproj.io/workflow-template",
    "ClusterWorkflowTemplate": "workflows.argoproj.io/cluster-workflow-template",
    "CronWorkflow": "workflows.argoproj.io/cron-workflow",
}


def started(documents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the documents of a run.

    Args:
        documents: as they are deployed. Without a Workflow, the run is created from the only CronWorkflow
            or template, as with ``argo submit --from``; with several, nothing is changed.

    Returns:
        The documents, with the Workflow that is created.
    """
    kinds = [document.get("kind") for document in documents]
    if "Workflow" in kinds:
        return [dict(document) for document in documents]
    of = "CronWorkflow" if "CronWorkflow" in kinds else next((one for one in _TEMPLATES if one in kinds), "")
    if kinds.count(of) != 1:
        return [dict(document) for document in documents]
    return [_workflow(document) if document.get("kind") == of else dict(document) for document in documents]


def _workflow(document: Mapping[str, Any]) -> dict[str, Any]:
    kind, spec = document["kind"], document.get("spec") or {}
    own = document.get("metadata") or {}
    given: Mapping[str, Any] = own
    if kind == "CronWorkflow":
        given, spec = spec.get("workflowMetadata") or {}, spec.get("workflowSpec") or {}
    elif spec.get("workflowMetadata"):
        given = spec["workflowMetadata"]
    metadata: dict[str, Any] = {
        "generateName": f"{own.get('name', '')}-",
        "labels": {**(given.get("labels") or {}), _LABELS[kind]: own.get("name", "")},
    }
    if given.get("annotations"):
        metadata["annotations"] = dict(given["annotations"])
    if own.get("namespace"):
        metadata["namespace"] = own["namespace"]
    return {
        "apiVersion": document.get("apiVersion") or "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": metadata,
        "spec": dict(spec),
    }
