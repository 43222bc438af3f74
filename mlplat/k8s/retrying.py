"""Retry a Workflow from its failed nodes, as ``argo retry`` does, without an Argo Server."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlplat.argo import retry as parting
from mlplat.argo.status import FINISHED, packed, pod_name
from mlplat.errors import ClusterError, Diagnostic
from mlplat.k8s.connection import connect
from mlplat.k8s.resources import CONFIG_MAPS, PODS
from mlplat.k8s.workflows import Json

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Mapping

_LARGEST_STATUS = 1024 * 1024
_COMPLETED = "workflows.argoproj.io/completed"
_DROPPED_LABELS = (_COMPLETED, "workflows.argoproj.io/workflow-archiving-status")
_VALUES = "-values"


def retry(
    workflow: Mapping[str, Any],
    *,
    also: Collection[str] = (),
    arguments: Mapping[str, Any] | None = None,
    namespace: str | None = None,
    context: str | None = None,
    kubeconfig: str | os.PathLike[str] | None = None,
) -> Json:
    """Retry a failed Workflow.

    The pods of what is to run again are deleted, then the Workflow gets a status in which those nodes are gone; the
    controller does the rest. Needs ``get`` and ``update`` of ``workflows``, and ``delete`` of ``pods``.

    Args:
        workflow: as :func:`mlplat.k8s.read` gave it. When it has changed since, the cluster refuses.
        also: ids of nodes that succeeded and run again.
        arguments: other ``spec.arguments``.
        namespace: of the Workflow; that of the context by default.
        context: context of the kubeconfig.
        kubeconfig: path of the kubeconfig.

    Returns:
        The Workflow as the cluster stored it.

    Raises:
        ClusterError: it is running, has changed in the meantime, or the cluster refused or cannot be reached.
    """
    client = connect(namespace, context, kubeconfig)
    name, phase = workflow["metadata"]["name"], workflow.get("status", {}).get("phase", "")
    if phase not in FINISHED:
        hint = f"wait until it ends, or stop it: mlplat stop {name} --engine argo -n {client.namespace}"
        raise ClusterError(Diagnostic("MLP816", "", f"{name} is running ({phase or 'not started'})", hint))
    parted = parting.retried(
        name, workflow["status"].get("nodes") or {}, also=also, other_arguments=arguments is not None
    )
    for node in parted.removed.values():
        if node["type"] == "Pod":
            client.delete(PODS, pod_name(workflow, node))
    return client.replace(reopened(workflow, parted, arguments))


def reopened(
    workflow: Mapping[str, Any], parted: parting.RetryPlan, arguments: Mapping[str, Any] | None
) -> Json:
    """Return a Workflow of the cluster with the status of one that runs.

    See ``createNewRetryWorkflow`` of Argo 4.0.7's ``workflow/util/util.go`` for the fields.

    Args:
        workflow: the Workflow with its status.
        parted: its nodes.
        arguments: other ``spec.arguments``; None leaves them.
    """
    metadata, spec, status = dict(workflow["metadata"]), dict(workflow["spec"]), dict(workflow["status"])
    metadata["labels"] = {
        key: value for key, value in (metadata.get("labels") or {}).items() if key not in _DROPPED_LABELS
    }
    spec.pop("shutdown", None)
    for key in ("phase", "message", "finishedAt", "persistentVolumeClaims", "compressedNodes"):
        status.pop(key, None)
    status["startedAt"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    status["conditions"] = [
        {"type": "Completed", "status": "False"},
        *(one for one in status.get("conditions") or () if one["type"] != "Completed"),
    ]
    results = status.get("taskResultsCompletionStatus")
    if results is not None:
        status["taskResultsCompletionStatus"] = {
            key: value for key, value in results.items() if key not in parted.removed
        }
    stored = status.get("storedWorkflowTemplateSpec")
    if stored is not None:
        stored = {key: value for key, value in stored.items() if key != "shutdown"}
    if arguments is not None:
        spec["arguments"] = arguments
        stored = stored and {**stored, "arguments": arguments}
    if stored is not None:
        status["storedWorkflowTemplateSpec"] = stored
    text = json.dumps(parted.kept, ensure_ascii=False).encode()
    if len(text) > _LARGEST_STATUS // 2:
        status.pop("nodes", None)
        status["compressedNodes"] = packed(parted.kept)
    else:
        status["nodes"] = parted.kept
    return {**workflow, "metadata": metadata, "spec": spec, "status": status}


def config_maps_of(
    workflow: Mapping[str, Any],
    *,
    namespace: str | None = None,
    context: str | None = None,
    kubeconfig: str | os.PathLike[str] | None = None,
) -> list[Json]:
    """Read the ConfigMaps that were submitted with a Workflow: those of its large values.

    Args:
        workflow: a Workflow of the cluster.
        namespace: of the Workflow; that of the context by default.
        context: context of the kubeconfig.
        kubeconfig: path of the kubeconfig.

    Returns:
        Each with its name and data only.

    Raises:
        ClusterError: one is gone, or the cluster refused or cannot be reached.
    """
    volumes = workflow.get("spec", {}).get("volumes") or ()
    names = [volume["configMap"]["name"] for volume in volumes if "configMap" in volume]
    own = [name for name in names if name.endswith(_VALUES)]
    if not own:
        return []
    client = connect(namespace, context, kubeconfig)
    read = [client.get(CONFIG_MAPS, name) for name in own]
    return [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": one["metadata"]["name"]},
            "data": one.get("data", {}),
        }
        for one in read
    ]
