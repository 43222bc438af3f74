"""Reads logs of pods, and logs and artifacts in the artifact repository of a cluster."""

from __future__ import annotations

import base64
import binascii
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlplat import engine, k8s
from mlplat.argo import stores
from mlplat.argo.status import AnyNode, fused
from mlplat.errors import ClusterError, Diagnostic
from mlplat.runs.cluster import Cluster, Workflow

GONE = "MLP814"
"""Code of the error for a deleted pod."""

_LOG = "main-logs"
_END_LINES, _END_BYTES = 2000, 1 << 18
_MOST_REFUSALS = 3
"""Maximum number of failed downloads, because each may take half a minute."""

_ENDPOINT = "MLPLAT_ARTIFACT_ENDPOINT"

Location = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WorkflowRepository:
    """The artifact repository of a Workflow.

    Its location and its Secrets come from the Workflow; only keys are read from
    the outputs that a pod reports.

    Attributes:
        workflow: the Workflow with its status.
        cluster: the cluster of the run and of the Secrets.
    """

    workflow: Workflow
    cluster: Cluster
    _secrets: dict[str, Mapping[str, str]] = field(default_factory=dict, init=False)
    _refusals: list[ClusterError] = field(default_factory=list, init=False)

    def location(self, key: str, node: AnyNode | None = None) -> Location | None:
        """Return the location of a key; None if the repository is unknown or cannot be reached from a machine.

        Args:
            key: of an artifact.
            node: the node that wrote it, whose template may name a repository of its own.
        """
        own = (one.get("archiveLocation") for one in templates_of(self.workflow, node or {}))
        common = ((self.workflow.get("status") or {}).get("artifactRepositoryRef") or {}).get(
            "artifactRepository"
        )
        found: Location = next((one for one in (*own, common) if one and stores.has_location(one)), {})
        kinds = (one for one in engine.REMOTE_KINDS if one in stores.KEYS and found.get(one))
        return next(({kind: {**_reachable(found[kind]), stores.KEYS[kind]: key}} for kind in kinds), None)

    def start(self, key: str, size: int) -> bytes | None:
        """Return the first bytes of an artifact, at most so many.

        Returns:
            The bytes; None if the artifact is a folder, or the repository is not known or cannot be reached from a
            machine.

        Raises:
            ClusterError: the artifact cannot be read, or a Secret of the repository cannot be read.
        """
        location = self.location(key)
        if location is None:
            return None
        if len(self._refusals) >= _MOST_REFUSALS:
            raise self._refusals[-1]
        try:
            return engine.first_bytes(location, self.secrets(location), size)
        except engine.ArtifactMissingError as error:
            raise ClusterError(
                Diagnostic("MLP817", key, f"the artifact cannot be fetched: {error}")
            ) from None
        except engine.ArtifactError as error:
            message, hint = f"the artifact cannot be fetched: {error}", _advice(location)
            self._refusals.append(ClusterError(Diagnostic("MLP817", key, message, hint)))
            raise self._refusals[-1] from None

    def secrets(self, location: Location) -> dict[str, Mapping[str, str]]:
        """Read the Secrets of a location, each once.

        Raises:
            ClusterError: one does not exist, or may not be read.
        """
        names = {
            selector["name"]
            for settings in location.values()
            for name, selector in settings.items()
            if name.endswith("Secret") and selector.get("name")
        }
        return {name: self._secret(name) for name in sorted(names)}

    def _secret(self, name: str) -> Mapping[str, str]:
        if name not in self._secrets:
            self._secrets[name] = _decoded(k8s.secret(name, **self.cluster.at(self.workflow).options))
        return self._secrets[name]


def _reachable(location: Location) -> Location:
    """Return a location with the endpoint that the user set for this machine, if any."""
    endpoint = os.environ.get(_ENDPOINT, "")
    if not endpoint or "endpoint" not in location:
        return location
    scheme, _, address = endpoint.rpartition("://")
    return {**location, "endpoint": address, "insecure": scheme != "https"}


def _advice(location: Location) -> str:
    """Return the hint for a repository that only pods can reach."""
    (settings,) = location.values()
    host = str(settings.get("endpoint", "")).partition(":")[0]
    if "." in host and not host.endswith((".svc", ".svc.cluster.local")):
        return ""
    return (
        f"{host} is a name inside the cluster: forward a port with kubectl port-forward, "
        f"and set {_ENDPOINT}=http://127.0.0.1:PORT"
    )


def templates_of(workflow: Workflow, node: AnyNode) -> Iterator[Mapping[str, Any]]:
    """Return the templates of a Workflow that have the name of a node's."""
    stored = (workflow.get("status") or {}).get("storedWorkflowTemplateSpec") or {}
    for template in (*(workflow["spec"].get("templates") or ()), *(stored.get("templates") or ())):
        if template.get("name") == node.get("templateName"):
            yield template


def _decoded(data: Mapping[str, str]) -> dict[str, str]:
    decoded = {}
    for key, text in data.items():
        try:
            decoded[key] = base64.b64decode(text).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
    return decoded


def log_of_pod(workflow: Workflow, node_id: str, place: Cluster) -> Iterator[str]:
    """Read the log of a task of a cluster from its pod or, if that was deleted, from Argo's archive.

    Args:
        workflow: the Workflow with its nodes.
        node_id: a node of it.
        place: the cluster.

    Yields:
        Each line, without its end.

    Raises:
        ClusterError: there is no log, with the reason; or the cluster refused or cannot be reached.
    """
    try:
        yield from k8s.logs(workflow, node_id, context=place.context, kubeconfig=place.kubeconfig)
    except ClusterError as error:
        repository = WorkflowRepository(workflow, place)
        location = _archive(repository, node_id, error)
        with tempfile.TemporaryDirectory(prefix="mlplat-log-") as folder:
            file = Path(folder) / "log"
            with _archived(error):
                engine.fetch(location, file, repository.secrets(location))
            with file.open(encoding="utf-8", errors="replace") as lines:
                yield from k8s.printed(line.rstrip("\n") for line in lines)


def end_of_pod(repository: WorkflowRepository, node_id: str) -> list[str]:
    """Return the last lines of the log of a task of a cluster, in bounded memory.

    Args:
        repository: that of the Workflow.
        node_id: a node of it.

    Raises:
        ClusterError: as for :func:`log_of_pod`.
    """
    place = repository.cluster
    try:
        return list(
            k8s.logs(
                repository.workflow,
                node_id,
                last=_END_LINES,
                context=place.context,
                kubeconfig=place.kubeconfig,
            )
        )
    except ClusterError as error:
        location = _archive(repository, node_id, error)
        with _archived(error):
            end = engine.last_bytes(location, repository.secrets(location), _END_BYTES)
    return list(k8s.printed(end.decode("utf-8", "replace").splitlines()))


@contextmanager
def _archived(missing: ClusterError) -> Iterator[None]:
    """Read an archived log; if that fails, the error also says why the pod has none."""
    try:
        yield
    except engine.ArtifactError as error:
        why = missing.diagnostics[0]
        message = f"{why.message}; the archived log cannot be read: {error}"
        raise ClusterError(Diagnostic(GONE, "", message, why.hint)) from None


def _archive(repository: WorkflowRepository, node_id: str, refused: ClusterError) -> Location:
    """Return the location of the archived log of a node.

    Raises:
        ClusterError: it is unknown, or the pod was not deleted.
    """
    if refused.diagnostics[0].code != GONE:
        raise refused
    nodes = fused.expanded(repository.workflow["status"].get("nodes") or {})
    node = nodes.get(fused.pod_of(node_id, nodes)) or {}
    artifacts = (node.get("outputs") or {}).get("artifacts") or ()
    key = next((stores.key_of(one) for one in artifacts if one.get("name") == _LOG), "")
    location = repository.location(key, node) if key else None
    if location is None:
        raise refused
    return location
