"""Read the logs of tasks: from pods, from Argo's archive, and as they are written."""

from __future__ import annotations

import base64
import binascii
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlplat import engine, k8s
from mlplat.argo import stores
from mlplat.argo.status import FINISHED, AnyNode, attempts, fused, nodes_of, parents
from mlplat.errors import ClusterError, Diagnostic
from mlplat.runs import waiting
from mlplat.runs.cluster import Cluster, Workflow
from mlplat.runs.machine import Machine
from mlplat.runtime.contract import STEP_MARK

_ARCHIVED = "main-logs"
_GONE, _NOT_YET = "MLP814", "MLP815"
_READERS = 32
_PAUSE = 1.0
_BLOCK = 1 << 16
_LAST_LINES = 20
_WIDEST = 2000


def of_pod(workflow: Workflow, node_id: str, place: Cluster) -> Iterator[str]:
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
        artifact = _archive(workflow, node_id) if error.diagnostics[0].code == _GONE else None
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
    key = next((stores.key_of(one) for one in artifacts if one.get("name") == _ARCHIVED), "")
    return _location(workflow, node, key) if key else None


def _location(workflow: Workflow, node: Mapping[str, Any], key: str) -> dict[str, Any] | None:
    """Return the place of a key in the artifact repository of a node; None where that is not known."""
    own = (one.get("archiveLocation") for one in _templates(workflow, node))
    common = ((workflow.get("status") or {}).get("artifactRepositoryRef") or {}).get("artifactRepository")
    repository: Mapping[str, Any] = next(
        (one for one in (*own, common) if one and stores.has_location(one)), {}
    )
    kinds = (one for one in engine.REMOTE_KINDS if one in stores.KEYS and repository.get(one))
    return next(({kind: {**repository[kind], stores.KEYS[kind]: key}} for kind in kinds), None)


def _templates(workflow: Workflow, node: AnyNode) -> Iterator[Mapping[str, Any]]:
    """Return the templates of a Workflow that have the name of a node's."""
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
            raise ClusterError(Diagnostic(_GONE, "", message, gone.hint)) from None
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


def last_lines(workflow: Workflow, node: AnyNode, place: Machine | Cluster) -> list[str]:
    """Return the last lines that a task printed, in its last attempt; of a cluster's task without a log, why.

    Args:
        workflow: the Workflow with its nodes.
        node: one of them.
        place: where it ran.
    """
    nodes = nodes_of(workflow)
    last = [node["id"], *attempts(nodes, parents(nodes)).get(node["id"], ())][-1]
    if isinstance(place, Machine):
        pod = fused.pod_of(last, nodes)
        text = engine.last_attempt(place.home / "logs" / workflow["metadata"]["name"] / f"{pod}.log")
        lines = (text if pod == last else fused.log_of(text, node["displayName"])).splitlines()
    else:
        lines = _of_pod_or_why_not(workflow, last, place)
    return [line if len(line) <= _WIDEST else f"{line[:_WIDEST]}…" for line in lines[-_LAST_LINES:]]


def _of_pod_or_why_not(workflow: Workflow, node_id: str, cluster: Cluster) -> list[str]:
    """Return the log of a task of a cluster, or why there is none with Kubernetes' warnings about its pod."""
    try:
        return list(of_pod(workflow, node_id, cluster))
    except ClusterError as error:
        failed = nodes_of(workflow)[node_id]
        known = str(failed.get("message") or "\0")
        why = [one.message for one in error.diagnostics if known not in one.message]
    try:
        warnings = cluster.warnings(workflow, [failed])
    except ClusterError:
        return why
    said = waiting.told((*why, known), warnings.get(node_id, ()))
    advice = waiting.hint((*why, *said, known), workflow["metadata"]["namespace"])
    return [*why, *said, *([f"hint: {advice}"] if advice else [])]


Emit = Callable[[str, str, str], None]
"""Called with the id of a node, the task in its pod (empty where that runs one), and a line."""


@dataclass(slots=True)
class _Followed:
    """Follows the logs of pods, each in a thread, with a limit on how many at a time."""

    place: Cluster
    wanted: Callable[[Mapping[str, AnyNode], str], bool]
    emit: Emit
    problem: Callable[[AnyNode, ClusterError], None]
    workflow: Workflow = field(default_factory=dict)
    nodes: dict[str, AnyNode] = field(default_factory=dict)
    readers: dict[str, threading.Thread] = field(default_factory=dict)
    room: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(_READERS))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def changed(self, workflow: Workflow) -> None:
        """Start to read what has started."""
        self.workflow = workflow
        self.nodes = dict((workflow.get("status") or {}).get("nodes") or {})
        for key, node in self.nodes.items():
            has_pod = node.get("type") == "Pod" and not (node.get("memoizationStatus") or {}).get("hit")
            if has_pod and key not in self.readers and _has_run(node) and self.wanted(self.nodes, key):
                self.readers[key] = threading.Thread(target=self._read, args=(key,), daemon=True)
                self.readers[key].start()

    def _read(self, key: str) -> None:
        with self.room:
            while True:
                ended = self.nodes[key].get("phase") in FINISHED
                try:
                    self._print(key)
                except ClusterError as error:
                    if error.diagnostics[0].code == _NOT_YET and not ended:
                        time.sleep(_PAUSE)
                        continue
                    with self.lock:
                        self.problem(self.nodes[key], error)
                return

    def _print(self, key: str) -> None:
        several = _runs_several(self.workflow, self.nodes[key])
        step = ""
        for line in _lines(self.workflow, key, self.place):
            if several and line.startswith(STEP_MARK):
                step = _step(line)
                continue
            with self.lock:
                self.emit(key, step, line)


def _runs_several(workflow: Workflow, node: AnyNode) -> bool:
    """Return whether the pod of a node runs several tasks, whose names are in its log."""
    return any(
        parameter.get("name") == fused.OUTPUT
        for template in _templates(workflow, node)
        for parameter in (template.get("outputs") or {}).get("parameters") or ()
    )


def _step(line: str) -> str:
    return line[len(STEP_MARK) :].split(" (", maxsplit=1)[0].strip()


def _has_run(node: AnyNode) -> bool:
    return node.get("phase") == "Running" or node.get("phase") in FINISHED


def _lines(workflow: Workflow, key: str, place: Cluster) -> Iterator[str]:
    live = k8s.logs(workflow, key, follow=True, context=place.context, kubeconfig=place.kubeconfig)
    try:
        yield from live
    except ClusterError as error:
        if error.diagnostics[0].code != _GONE:
            raise
        yield from of_pod(workflow, key, place)


def follow_cluster(
    name: str,
    place: Cluster,
    *,
    wanted: Callable[[Mapping[str, AnyNode], str], bool],
    emit: Emit,
    problem: Callable[[AnyNode, ClusterError], None],
) -> dict[str, Any]:
    """Read what the tasks of a Workflow print, as they print it, until it ends.

    Args:
        name: of the Workflow.
        place: the cluster.
        wanted: tells, of the nodes by id and the id of one with a pod, whether its log is wanted.
        emit: called with each line; calls never overlap.
        problem: called with a node whose log can't be read, and why.

    Returns:
        The Workflow as it ended.

    Raises:
        ClusterError: it does not exist or was deleted, or the cluster refused or can't be reached.
    """
    followed = _Followed(place, wanted, emit, problem)
    finished = k8s.follow(name, on_change=followed.changed, **place.options)
    for reader in followed.readers.values():
        reader.join()
    return finished


def follow_machine(
    name: str, machine: Machine, *, wanted: Callable[[Mapping[str, AnyNode], str], bool], emit: Emit
) -> dict[str, Any]:
    """Read what the tasks of a run of this machine print, as they print it, until it ends.

    Args:
        name: of the run.
        machine: this machine.
        wanted: as for :func:`follow_cluster`.
        emit: as for :func:`follow_cluster`.

    Returns:
        The Workflow as it ended.

    Raises:
        ArgumentError: the run does not exist.
    """
    tails: dict[str, _Tail] = {}
    workflow: dict[str, Any] = {}
    for state in machine.states(name):
        workflow = state or workflow
        nodes = workflow["status"]["nodes"]
        files = {file.stem: file for file in (machine.home / "logs" / name).glob("*.log")}
        for key in nodes:
            if key in files and wanted(nodes, key):
                tail = tails.setdefault(key, _Tail(files[key], _runs_several(workflow, nodes[key])))
                is_over = nodes[key].get("phase") in FINISHED
                for step, line in tail.lines(rest=is_over):
                    emit(key, step, line)
    return workflow


@dataclass(slots=True)
class _Tail:
    """Reads the lines that were appended to a file since the last call."""

    file: Path
    several: bool
    place: int = 0
    step: str = ""
    parts: engine.Lines = field(default_factory=engine.Lines)

    def lines(self, *, rest: bool) -> Iterator[tuple[str, str]]:
        """Yield new lines, with the task of the pod that wrote them; one without an end only as the rest."""
        for line in self._new(rest=rest):
            if self.several and line.startswith(STEP_MARK):
                self.step = _step(line)
            else:
                yield self.step, line

    def _new(self, *, rest: bool) -> Iterator[str]:
        with self.file.open("rb") as file:
            file.seek(self.place)
            while part := file.read(_BLOCK):
                self.place += len(part)
                yield from self.parts.add(part)
        if rest:
            yield from self.parts.add(b"", final=True)
