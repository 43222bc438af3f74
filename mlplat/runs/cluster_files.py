"""Read what the tasks of a cluster left: logs in pods, logs and artifacts in the artifact repository."""

from __future__ import annotations

import base64
import binascii
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mlplat import engine, k8s
from mlplat.argo import stores
from mlplat.argo.status import AnyNode, fused
from mlplat.errors import ClusterError, Diagnostic
from mlplat.runs.cluster import Cluster, Workflow

GONE = "MLP814"
"""Code of the error that a pod does not exist any more."""

_LOG = "main-logs"


def log_of_pod(workflow: Workflow, node_id: str, place: Cluster) -> Iterator[str]:
    """Read what a task of a cluster printed, from its pod or, when that is gone, from where Argo archived it.

    Args:
        workflow: the Workflow with its nodes.
        node_id: a node of it.
        place: the cluster.

    Yields:
        Each line, without its end.

    Raises:
        ClusterError: there is no log, with the reason; or the cluster refused or can't be reached.
    """
    try:
        yield from k8s.logs(workflow, node_id, context=place.context, kubeconfig=place.kubeconfig)
    except ClusterError as error:
        artifact = _archive(workflow, node_id) if error.diagnostics[0].code == GONE else None
        if artifact is None:
            raise
        yield from _archived(workflow, artifact, place, error.diagnostics[0])


def _archive(workflow: Workflow, node_id: str) -> dict[str, Any] | None:
    """Return where Argo keeps the log of a node; None where that is not known.

    The pod itself reports its outputs. Only the key is taken from them: where the repository is, and which Secrets it
    takes, says the Workflow.
    """
    nodes = fused.expanded(workflow["status"].get("nodes") or {})
    node = nodes.get(fused.pod_of(node_id, nodes)) or {}
    artifacts = (node.get("outputs") or {}).get("artifacts") or ()
    key = next((stores.key_of(one) for one in artifacts if one.get("name") == _LOG), "")
    return _location(workflow, node, key) if key else None


def _location(workflow: Workflow, node: Mapping[str, Any], key: str) -> dict[str, Any] | None:
    """Return the place of a key in the artifact repository of a node; None where that is not known."""
    own = (one.get("archiveLocation") for one in templates_of(workflow, node))
    common = ((workflow.get("status") or {}).get("artifactRepositoryRef") or {}).get("artifactRepository")
    repository: Mapping[str, Any] = next(
        (one for one in (*own, common) if one and stores.has_location(one)), {}
    )
    kinds = (one for one in engine.REMOTE_KINDS if one in stores.KEYS and repository.get(one))
    return next(({kind: {**repository[kind], stores.KEYS[kind]: key}} for kind in kinds), None)


def templates_of(workflow: Workflow, node: AnyNode) -> Iterator[Mapping[str, Any]]:
    """Yield the templates of a Workflow that have the name of a node's."""
    stored = (workflow.get("status") or {}).get("storedWorkflowTemplateSpec") or {}
    for template in (*(workflow["spec"].get("templates") or ()), *(stored.get("templates") or ())):
        if template.get("name") == node.get("templateName"):
            yield template


def _archived(
    workflow: Workflow, artifact: Mapping[str, Any], place: Cluster, gone: Diagnostic
) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="mlplat-log-") as folder:
        file = Path(folder) / "log"
        try:
            _fetch(workflow, artifact, file, place)
        except engine.ArtifactError as error:
            message = f"{gone.message}; the archived log can't be read: {error}"
            raise ClusterError(Diagnostic(GONE, "", message, gone.hint)) from None
        with file.open(encoding="utf-8", errors="replace") as lines:
            yield from k8s.printed(line.rstrip("\n") for line in lines)


def fetch(workflow: Workflow, key: str, target: Path, place: Cluster) -> bool:
    """Fetch an artifact of a cluster.

    Args:
        workflow: the Workflow with its status, which says where the artifact repository is.
        key: key of the artifact.
        target: file to write.
        place: the cluster.

    Returns:
        Whether the artifact repository is known and one that can be reached from a machine.

    Raises:
        ClusterError: the artifact can't be fetched, or a Secret of the repository can't be read.
    """
    artifact = _location(workflow, {}, key)
    if artifact is None:
        return False
    try:
        _fetch(workflow, artifact, target, place)
    except engine.ArtifactError as error:
        raise ClusterError(Diagnostic("MLP817", key, f"the artifact can't be fetched: {error}")) from None
    return True


def _fetch(workflow: Workflow, artifact: Mapping[str, Any], target: Path, place: Cluster) -> None:
    names = {
        selector["name"]
        for location in artifact.values()
        for field_name, selector in location.items()
        if field_name.endswith("Secret") and selector.get("name")
    }
    secrets = {name: k8s.secret(name, **place.at(workflow).options) for name in sorted(names)}
    engine.fetch(artifact, target, {name: _decoded(data) for name, data in secrets.items()})


def _decoded(data: Mapping[str, str]) -> dict[str, str]:
    decoded = {}
    for key, text in data.items():
        try:
            decoded[key] = base64.b64decode(text).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
    return decoded
