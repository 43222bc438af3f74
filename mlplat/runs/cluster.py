"""Runs on a cluster: follow one and record it meanwhile, and take others into the record."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlplat import k8s
from mlplat.argo.status import AnyNode, pod_name, unpacked
from mlplat.errors import ClusterError, MlplatError
from mlplat.runs.waiting import Event, explained

if TYPE_CHECKING:
    import os

    from mlplat.metadata import Run, Store

Workflow = Mapping[str, Any]

_TICK = 1.0
_TICKS_BETWEEN_WARNINGS = 3
_REST = 20
"""Recording is followed by at least this many times its own duration without it."""
_UNNOTICED_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where on which cluster, as ``kubectl`` takes it.

    Attributes:
        namespace: that of the context when None.
        context: of the kubeconfig; its current one when None.
        kubeconfig: path of the kubeconfig; the usual one when None.
    """

    namespace: str | None = None
    context: str | None = None
    kubeconfig: str | os.PathLike[str] | None = None

    def of(self, workflow: Workflow) -> Place:
        """Return the place of a Workflow of this cluster."""
        return Place(workflow["metadata"]["namespace"], self.context, self.kubeconfig)

    @property
    def options(self) -> dict[str, Any]:
        """The arguments that functions of :mod:`mlplat.k8s` take."""
        return {"namespace": self.namespace, "context": self.context, "kubeconfig": self.kubeconfig}


def follow(
    workflow: Workflow,
    place: Place,
    store: Store,
    *,
    observer: Callable[[AnyNode], None],
    notice: Callable[[str], None],
) -> dict[str, Any]:
    """Wait until a Workflow ends; tell what happens, and keep the record of it up to date.

    Args:
        workflow: the Workflow as the cluster has it.
        place: the cluster.
        store: the record.
        observer: called with each node that is new or has changed; one whose pod cannot start has
            :data:`mlplat.runs.waiting.WAITING`, and comes again when the reasons change. Calls never overlap.
        notice: called with sentences about the run as a whole.

    Returns:
        The Workflow as it ended.

    Raises:
        ClusterError: it was deleted, or the cluster refused or can't be reached.
        StoreError: the record can't be written.
    """
    here = place.of(workflow)
    watch = _Watch(workflow, here, store, observer, notice)
    store.record(workflow)
    with watch.running():
        finished = k8s.follow(
            workflow["metadata"]["name"], observer=watch.node, on_change=watch.changed, **here.options
        )
    store.record(finished)
    return finished


@dataclass(slots=True)
class _Watch:
    """What is done once a second while a Workflow runs: warnings are read, and the record is written."""

    workflow: Workflow
    place: Place
    store: Store
    observer: Callable[[AnyNode], None]
    notice: Callable[[str], None]
    pending: dict[str, AnyNode] = field(default_factory=dict)
    shown: dict[str, AnyNode] = field(default_factory=dict)
    noticed: set[str] = field(default_factory=set)
    recorded: Workflow = field(default_factory=dict)
    failure: MlplatError | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    stopped: threading.Event = field(default_factory=threading.Event)
    begun: float = field(default_factory=time.monotonic)

    def node(self, node: AnyNode) -> None:
        """Take in a node that is new or has changed."""
        with self.lock:
            if node.get("phase") == "Pending":
                self.pending[node["id"]] = node
            else:
                self.pending.pop(node["id"], None)
            self._show(explained(node, (), self.place.namespace or ""))

    def changed(self, workflow: Workflow) -> None:
        """Take in the Workflow after a change."""
        self.workflow = workflow

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Work beside the block, in a thread of its own.

        Raises:
            MlplatError: the record can't be written.
        """
        thread = threading.Thread(target=self._run, name="mlplat-watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.stopped.set()
            thread.join()
            self._record()
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        ticks, next_record = 0, 0.0
        while not self.stopped.wait(_TICK):
            ticks += 1
            self._notice()
            if self.pending and ticks % _TICKS_BETWEEN_WARNINGS == 1:
                self._explain()
            begun = time.monotonic()
            if begun >= next_record and self._record():
                now = time.monotonic()
                next_record = now + _REST * (now - begun)

    def _record(self) -> bool:
        """Write the Workflow into the record if it has changed; tell whether it had."""
        workflow = self.workflow
        if workflow is self.recorded or self.failure is not None:
            return False
        try:
            self.store.record(workflow)
        except MlplatError as error:
            self.failure = error
        self.recorded = workflow
        return True

    def _explain(self) -> None:
        # The Workflow is watched, too: a cluster that is away for a while is that watch's to tell.
        with contextlib.suppress(ClusterError):
            warnings = k8s.pod_warnings(**self.place.options)
            with self.lock:
                for node in self.pending.values():
                    events = _of_pod(self.workflow, node, warnings)
                    self._show(explained(node, events, self.place.namespace or ""))

    def _show(self, node: AnyNode) -> None:
        if self.shown.get(node["id"]) != node:
            self.shown[node["id"]] = node
            self.observer(node)

    def _notice(self) -> None:
        sentence = unnoticed(self.workflow, time.monotonic() - self.begun)
        if sentence and sentence not in self.noticed:
            self.noticed.add(sentence)
            self.notice(sentence)


def unnoticed(workflow: Workflow, seconds: float) -> str:
    """Return why no task of a Workflow has started; empty when one has, or when it is too early to tell.

    Args:
        workflow: the Workflow.
        seconds: how long it has been there, at least.
    """
    status = workflow.get("status") or {}
    namespace = workflow["metadata"].get("namespace", "")
    if not status.get("phase") and seconds > _UNNOTICED_SECONDS:
        return (
            f"Argo has not taken up the run: check that its controller runs and watches namespace {namespace} "
            "(kubectl get pods -A -l app=workflow-controller)"
        )
    if status.get("phase") == "Pending" and status.get("message"):
        return f"pending: {status['message']}"
    return ""


def _of_pod(
    workflow: Workflow, node: AnyNode, warnings: Mapping[str, tuple[Event, ...]]
) -> tuple[Event, ...]:
    return warnings.get(pod_name(workflow, node), ())


def read(name: str, place: Place) -> dict[str, Any]:
    """Read a Workflow as it is now; nodes whose pods cannot start say why.

    Args:
        name: of the Workflow.
        place: the cluster.

    Raises:
        ClusterError: it does not exist, or the cluster refused or can't be reached.
    """
    workflow = k8s.read(name, **place.options)
    status = workflow.get("status") or {}
    nodes = status.get("nodes") or {}
    if not any(node.get("phase") == "Pending" for node in nodes.values()):
        return workflow
    here = place.of(workflow)
    warnings = k8s.pod_warnings(**here.options)
    told = {
        key: explained(node, _of_pod(workflow, node, warnings), here.namespace or "")
        for key, node in nodes.items()
    }
    return {**workflow, "status": {**status, "nodes": told}}


def warnings_of(workflow: Workflow, nodes: Collection[AnyNode], place: Place) -> dict[str, tuple[Event, ...]]:
    """Return Kubernetes' warnings about the pods of nodes, by their ids, as far as it still has them (an hour).

    Args:
        workflow: the Workflow.
        nodes: some of its nodes.
        place: the cluster.

    Raises:
        ClusterError: the cluster can't be reached.
    """
    warnings = k8s.pod_warnings(**place.of(workflow).options)
    return {node["id"]: found for node in nodes if (found := _of_pod(workflow, node, warnings))}


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of taking a Workflow into the record.

    Attributes:
        name: of the Workflow.
        run: as the record has it; None when it could not be read.
        error: why not.
    """

    name: str
    run: Run | None = None
    error: MlplatError | None = None


def record(
    store: Store, place: Place, *, names: Collection[str] = (), selector: str = ""
) -> Iterator[Recorded]:
    """Take Workflows into the record, whoever submitted them; doing it again changes nothing.

    Args:
        store: the record.
        place: the cluster.
        names: of the Workflows; without any, all of the namespace are taken.
        selector: of all, only those with these labels, such as ``team=blue``.

    Yields:
        What became of each: one that can't be read does not keep the others out.

    Raises:
        ClusterError: the Workflows can't be listed.
    """
    for name in names:
        try:
            yield Recorded(name, store.record(k8s.read(name, **place.options)))
        except ClusterError as error:
            yield Recorded(name, error=error)
    for workflow in () if names else k8s.newest(selector=selector, **place.options):
        name = workflow["metadata"]["name"]
        try:
            yield Recorded(name, store.record(workflow))
        except ClusterError as error:
            yield Recorded(name, error=error)


def readable(workflow: Workflow) -> Workflow:
    """Return a Workflow for a list of runs: without its nodes where they can't be read."""
    try:
        return unpacked(workflow)
    except ClusterError:
        hidden = ("nodes", "compressedNodes", "offloadNodeStatusVersion")
        status = {key: value for key, value in workflow["status"].items() if key not in hidden}
        return {**workflow, "status": status}
