"""Executes resource templates that create or delete a PersistentVolumeClaim: on this machine, it is a folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from typing import Any

from mlplat import manifest
from mlplat.argo.status import Node
from mlplat.engine.calls import Call, Execute
from mlplat.engine.containers import ContainerError
from mlplat.engine.execution import Execution
from mlplat.engine.handler import ON_A_CLUSTER, Inspection, refusal
from mlplat.engine.outputs import Outcome
from mlplat.engine.tasks import check_pod, in_slot
from mlplat.engine.templates import Context
from mlplat.engine.volumes import Volumes
from mlplat.errors import Diagnostic, ManifestError

KIND = "PersistentVolumeClaim"
ACTIONS = ("create", "delete")


def check_resource(
    inspection: Inspection, path: str, template: Mapping[str, Any], context: Context
) -> Iterator[Diagnostic]:
    """Refuse templates for anything but PVCs; a manifest from a parameter is checked when it runs."""
    del inspection, context
    yield from check_pod(path, template)
    resource = template["resource"]
    text = str(resource.get("manifest") or "")
    is_open = text.strip().startswith("{{") and text.strip().endswith("}}")
    if resource.get("action") not in ACTIONS or not (KIND in text or is_open):
        message = (
            "resource templates are not supported on this machine, except those that create or delete "
            "a PersistentVolumeClaim"
        )
        yield refusal(f"{path}.resource", message, ON_A_CLUSTER)


async def execute_resource(
    execution: Execution, execute: Execute, call: Call, context: Context, template: Mapping[str, Any]
) -> Node:
    """Create or delete a PVC; see :class:`~mlplat.engine.handler.Handler`."""
    del execute, context

    async def run(node: Node) -> Outcome:
        del node
        return _outcome(template, execution.pods.volumes)

    return await in_slot(execution, call, template, run)


def _outcome(template: Mapping[str, Any], volumes: Volumes) -> Outcome:
    """Execute a template; its outputs are those that don't need a cluster."""
    try:
        apply(template["resource"], volumes)
    except (ContainerError, OSError) as error:
        return Outcome("Failed", f"main: Error (exit code 64): {error}", {"exitCode": "64"})
    outputs: dict[str, Any] = {"exitCode": "0"}
    if declared := (template.get("outputs") or {}).get("parameters"):
        outputs["parameters"] = [dict(one) for one in declared]
    return Outcome("Succeeded", "", outputs)


def apply(resource: Mapping[str, Any], volumes: Volumes) -> None:
    """Create or delete a PVC.

    Args:
        resource: the ``resource`` of a template, filled.
        volumes: the PVCs of this machine.

    Raises:
        ContainerError: the manifest is not a PVC, or the PVC exists already or does not exist.
        OSError: the disk refuses.
    """
    try:
        document = manifest.value(str(resource.get("manifest") or ""))
    except ManifestError as error:
        raise ContainerError(f"the manifest: {error.diagnostics[0].message}") from None
    kind = document.get("kind") if isinstance(document, Mapping) else None
    if kind != KIND:
        raise ContainerError(
            f"a resource of kind {kind} needs a Kubernetes cluster: run it with --engine argo"
        )
    name = str((document.get("metadata") or {}).get("name") or "")
    folder = volumes.claim(name)
    if resource["action"] == "create":
        if folder.exists():
            raise ContainerError(f'persistentvolumeclaims "{name}" already exists')
        folder.mkdir(parents=True)
    elif not folder.exists():
        raise ContainerError(f'persistentvolumeclaims "{name}" not found')
    else:
        shutil.rmtree(folder)
