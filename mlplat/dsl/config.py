"""Settings of a whole pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class KubernetesWorkspaceConfig:
    """How Kubernetes makes a workspace.

    Attributes:
        pvcSpecPatch: fields of the volume claim: ``accessModes``, ``storageClassName``.
    """

    pvcSpecPatch: Mapping[str, Any] | None = None  # noqa: N815 - KFP's name


@dataclass(frozen=True)
class WorkspaceConfig:
    """A folder that all tasks of a run share.

    Attributes:
        size: how much it holds, such as ``25Gi``.
        kubernetes: how Kubernetes makes it.
    """

    size: str
    kubernetes: KubernetesWorkspaceConfig | None = None


@dataclass(frozen=True)
class PipelineConfig:
    """Settings of a pipeline's runs.

    Attributes:
        workspace: a folder that the tasks share; tasks find it as ``dsl.WORKSPACE_PATH_PLACEHOLDER``.
        ttl_seconds_after_finished: how long a run that has ended is kept on the cluster.
        ttl_seconds_after_success: the same for one that succeeded.
        ttl_seconds_after_failure: the same for one that failed.
        active_deadline_seconds: how long a run may take.
    """

    workspace: WorkspaceConfig | None = None
    ttl_seconds_after_finished: int | None = None
    ttl_seconds_after_success: int | None = None
    ttl_seconds_after_failure: int | None = None
    active_deadline_seconds: int | None = None

    def document(self) -> dict[str, Any]:
        """Return the settings as the IR has them."""
        numbers = {
            "resourceTtlOnCompletion": self.ttl_seconds_after_finished,
            "resourceTtlOnSuccess": self.ttl_seconds_after_success,
            "resourceTtlOnFailure": self.ttl_seconds_after_failure,
            "activeDeadlineSeconds": self.active_deadline_seconds,
        }
        found: dict[str, Any] = {name: number for name, number in numbers.items() if number is not None}
        if self.workspace is not None:
            found["workspace"] = {"size": self.workspace.size}
            if self.workspace.kubernetes is not None and self.workspace.kubernetes.pvcSpecPatch:
                patch = {"pvcSpecPatch": dict(self.workspace.kubernetes.pvcSpecPatch)}
                found["workspace"]["kubernetes"] = patch
        return found
