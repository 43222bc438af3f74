"""Resource templates for volume claims: here, a claim is a folder."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

from mlplat import manifest
from mlplat.engine.containers import ContainerError
from mlplat.engine.volumes import Volumes
from mlplat.errors import ManifestError

KIND = "PersistentVolumeClaim"
ACTIONS = ("create", "delete")


def can_be_known(resource: Mapping[str, Any]) -> bool:
    """Tell whether a resource template may be about a claim: some manifests only the run knows."""
    text = str(resource.get("manifest") or "")
    is_open = text.strip().startswith("{{") and text.strip().endswith("}}")
    return resource.get("action") in ACTIONS and (KIND in text or is_open)


def apply(resource: Mapping[str, Any], volumes: Volumes) -> None:
    """Make or remove a claim.

    Args:
        resource: the ``resource`` of a template, filled.
        volumes: has the claims.

    Raises:
        ContainerError: the manifest is none of a claim, or the claim is there already or not there.
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
