"""Runs on a cluster: submits, follows, records, retries and ends them."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlplat import k8s
from mlplat.argo.status import AnyNode, pod_name, unpacked
from mlplat.errors import ClusterError, MlplatError
from mlplat.runs import again, state
from mlplat.runs.binding import with_arguments
from mlplat.runs.pending import PodEvent, explained
from mlplat.runs.run import Changed, Emit, Follow, How, Node, Notice, Run

if TYPE_CHECKING:
    from mlplat.metadata import RunRow as Row
    from mlplat.metadata import Store

Workflow = Mapping[str, Any]

_TICK = 1.0
_TICKS_BETWEEN_WARNINGS = 3
_REST = 20
"""Recording is followed by at least this many times its own duration without it."""
_UNNOTICED_SECONDS = 15.0


class Followed(Run):
    """A run on a cluster that this process follows; it does not end with this process.

    Args:
        workflow: the Workflow.
        follow: follows it.
        cancel: requests its end.
        requests: aborts the requests of the follower.
    """

    def __init__(
        self, workflow: Workflow, follow: Follow, cancel: Callable[[How], None], requests: k8s.Cancellation
    ) -> None:
        self._requests = requests
        super().__init__(workflow, follow, cancel)

    def leave(self) -> None:
        """Stop following; the run continues, and the record has its last known state."""
        self._requests.cancel()
        super().leave()


@dataclass(frozen=True, slots=True)
class Cluster:
    """A namespace of a cluster, as ``kubectl`` names it, as a place where Workflows run.

    Attributes:
        namespace: the namespace; that of the context if None.
        context: context of the kubeconfig; the current one if None.
        kubeconfig: path of the kubeconfig; the default one if None.
        home: folder of this machine with the record.
    """

    namespace: str | None = None
    context: str | None = None
    kubeconfig: str | os.PathLike[str] | None = None
    home: Path = field(default_factory=state.home)

    @property
    def options(self) -> dict[str, Any]:
        """The arguments for functions of :mod:`mlplat.k8s`."""
        return {"namespace": self.namespace, "context": self.context, "kubeconfig": self.kubeconfig}

    def identity(self) -> str:
        """Return the identity of the cluster in the record: ``MLPLAT_CLUSTER``, or the UID of ``kube-system``.

        Raises:
            ClusterError: the cluster cannot be reached.
        """
        return os.environ.get("MLPLAT_CLUSTER") or k8s.identity(**self.options)

    def at(self, workflow: Workflow) -> Cluster:
        """Return the same cluster with the namespace of a Workflow."""
        return Cluster(workflow["metadata"]["namespace"], self.context, self.kubeconfig, self.home)

    def read(self, name: str) -> dict[str, Any]:
        """Return the current Workflow of a run.

        Raises:
            ClusterError: it does not exist, or the cluster refused or cannot be reached.
        """
        return k8s.read(name, **self.options)

    def explained(self, workflow: Workflow) -> Workflow:
        """Return a Workflow with the reasons why pods cannot start.

        Raises:
            ClusterError: the cluster cannot be reached.
        """
        status = workflow.get("status") or {}
        nodes = status.get("nodes") or {}
        if not any(node.get("phase") == "Pending" for node in nodes.values()):
            return workflow
        here = self.at(workflow)
        warnings = k8s.pod_warnings(**here.options)
        told = {
            key: explained(node, _of_pod(workflow, node, warnings), here.namespace or "")
            for key, node in nodes.items()
        }
        return {**workflow, "status": {**status, "nodes": told}}

    def warnings(self, workflow: Workflow, nodes: Collection[Node]) -> dict[str, tuple[PodEvent, ...]]:
        """Return Kubernetes' warnings about the pods of nodes, by node; Kubernetes keeps them for an hour.

        Args:
            workflow: the Workflow.
            nodes: some of its nodes.

        Raises:
            ClusterError: the cluster cannot be reached.
        """
        warnings = k8s.pod_warnings(**self.at(workflow).options)
        return {node["id"]: found for node in nodes if (found := _of_pod(workflow, node, warnings))}

    def documents(self, workflow: Workflow) -> list[dict[str, Any]]:
        """Return the documents that a run was made from, without its Workflow.

        Raises:
            ClusterError: the cluster refused or cannot be reached.
        """
        return k8s.config_maps_of(workflow, **self.options)

    def submit(self, documents: Sequence[Workflow]) -> Run:
        """Submit a Workflow, and follow it.

        Args:
            documents: the Workflow, named, and the ConfigMaps that it refers to.

        Raises:
            ClusterError: there are other documents, or the cluster refused or cannot be reached.
            StoreError: the record cannot be opened; nothing was submitted.
        """
        k8s.workflow_and_config_maps(documents)
        return self._followed(lambda: k8s.submit(documents, **self.options))

    def retry(
        self, name: str, values: Mapping[str, Any], tasks: Sequence[str], secrets: Sequence[Workflow] = ()
    ) -> Run:
        """Continue a run from the tasks that failed, and follow it.

        Args:
            name: of the run.
            values: other values of its parameters.
            tasks: tasks that run again although they succeeded.
            secrets: ignored, because a cluster has its own.

        Raises:
            ArgumentError: the run has succeeded, or it has no such task or parameter.
            ClusterError: it does not exist, or the cluster refused or cannot be reached.
            StoreError: the record cannot be opened; nothing was retried.
        """
        assert not secrets
        before = self.read(name)
        also = again.chosen(before, tasks)
        again.check_may_retry(before, also)
        changed = with_arguments(before, values) if values else None
        return self._followed(
            lambda: k8s.retry(
                again.uncached(before, also),
                also=also,
                arguments=changed and changed["spec"]["arguments"],
                **self.options,
            )
        )

    def attach(self, name: str) -> Run:
        """Follow a run, whoever submitted it.

        Raises:
            ClusterError: it does not exist, or the cluster refused or cannot be reached.
            StoreError: the record cannot be opened.
        """
        return self._followed(lambda: self.read(name))

    def end(self, name: str, how: How) -> None:
        """Request the end of a run.

        Raises:
            ArgumentError: it has ended already.
            ClusterError: it does not exist, or the cluster refused or cannot be reached.
        """
        (k8s.stop if how == "Stop" else k8s.terminate)(name, **self.options)

    def clear_cache(self, controller_namespace: str) -> int:
        """Delete all caches of the namespace, and return their number.

        Args:
            controller_namespace: namespace of Argo's controller, which keeps the caches.

        Raises:
            ClusterError: the cluster refused or cannot be reached.
        """
        return k8s.delete_caches(controller_namespace=controller_namespace, **self.options)

    def record(self, store: Store, *, names: Collection[str] = (), selector: str = "") -> Iterator[Recorded]:
        """Record Workflows, whoever submitted them; doing it again changes nothing.

        Args:
            store: the record.
            names: of the Workflows; without any, all of the namespace are recorded.
            selector: labels of the Workflows to record, such as ``team=blue``.

        Yields:
            The outcome for each; if one cannot be read, the others are still recorded.

        Raises:
            ClusterError: the Workflows cannot be listed.
        """
        for name in names:
            try:
                yield Recorded(name, store.record(self.read(name)))
            except ClusterError as error:
                yield Recorded(name, error=error)
        for workflow in () if names else k8s.newest(selector=selector, **self.options):
            name = workflow["metadata"]["name"]
            try:
                yield Recorded(name, store.record(workflow))
            except ClusterError as error:
                yield Recorded(name, error=error)

    def _followed(self, start: Callable[[], Workflow]) -> Run:
        """Start a run, or find one, and follow it; the record is opened first, because it may refuse."""
        store = state.record(self.home, self.identity())
        try:
            workflow = start()
        except BaseException:
            store.close()
            raise
        here = self.at(workflow)
        name = workflow["metadata"]["name"]
        requests = k8s.Cancellation()

        def follow(emit: Emit, left: threading.Event) -> dict[str, Any]:
            with store:
                return _Following(workflow, here, store, emit, left, requests).to_the_end()

        return Followed(workflow, follow, lambda how: here.end(name, how), requests)


@dataclass(frozen=True, slots=True)
class Recorded:
    """The outcome of recording a Workflow.

    Attributes:
        name: of the Workflow.
        run: the recorded run; None if it could not be read.
        error: the error.
    """

    name: str
    run: Row | None = None
    error: MlplatError | None = None


@dataclass(slots=True)
class _Following:
    """Follows a Workflow: one thread watches it, another one records it and reports why pods do not start.

    The watching thread may wait for a server that does not answer, so nobody waits for it when the run is left.
    """

    workflow: Workflow
    cluster: Cluster
    store: Store
    emit: Emit
    left: threading.Event
    requests: k8s.Cancellation
    pending: dict[str, Node] = field(default_factory=dict)
    printed: dict[str, Node] = field(default_factory=dict)
    noticed: set[str] = field(default_factory=set)
    recorded: Workflow = field(default_factory=dict)
    errors: list[BaseException] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    start: float = field(default_factory=time.monotonic)

    def to_the_end(self) -> dict[str, Any]:
        """Return the final Workflow, or the last known one if the run was left.

        Raises:
            ClusterError: it was deleted, or the cluster refused or cannot be reached.
            StoreError: the record cannot be written.
        """
        self._record()
        threading.Thread(target=self._watch, name="mlplat-watch", daemon=True).start()
        ticks, next_record = 0, 0.0
        while not self.left.wait(_TICK):
            ticks += 1
            self._notice()
            if self.pending and ticks % _TICKS_BETWEEN_WARNINGS == 1:
                self._explain()
            start = time.monotonic()
            if start >= next_record and self._record():
                now = time.monotonic()
                next_record = now + _REST * (now - start)
        self._record()
        if self.errors:
            raise self.errors[0]
        return dict(self.workflow)

    def _watch(self) -> None:
        try:
            k8s.follow(
                self.workflow["metadata"]["name"],
                on_change=self._changed,
                cancellation=self.requests,
                **self.cluster.options,
            )
        except k8s.CancelledError:
            pass
        except Exception as error:  # noqa: BLE001 - it is raised again in the thread that records
            self.errors.append(error)
        finally:
            self.left.set()

    def _changed(self, workflow: Workflow) -> None:
        before = (self.workflow.get("status") or {}).get("nodes") or {}
        nodes: Mapping[str, Node] = (workflow.get("status") or {}).get("nodes") or {}
        self.workflow = workflow  # before its events, so that whoever leaves at one finds it in the record
        with self.lock:
            self.pending = {key: node for key, node in nodes.items() if node.get("phase") == "Pending"}
            for key, node in nodes.items():
                if key not in self.printed or before.get(key) != node:
                    self._show(explained(node, (), self.cluster.namespace or ""))

    def _record(self) -> bool:
        """Record the Workflow if it has changed, and return whether it had; do nothing after an error."""
        workflow = self.workflow
        if workflow is self.recorded or self.errors:
            return False
        try:
            self.store.record(workflow)
        except MlplatError as error:
            self.errors.append(error)
        self.recorded = workflow
        return True

    def _explain(self) -> None:
        # The Workflow is watched, too: the watch reports a cluster that cannot be reached.
        with contextlib.suppress(ClusterError):
            warnings = k8s.pod_warnings(cancellation=self.requests, **self.cluster.options)
            with self.lock:
                for node in self.pending.values():
                    events = _of_pod(self.workflow, node, warnings)
                    self._show(explained(node, events, self.cluster.namespace or ""))

    def _show(self, node: AnyNode) -> None:
        if self.printed.get(node["id"]) != node:
            self.printed[node["id"]] = node
            self.emit(Changed(node))

    def _notice(self) -> None:
        sentence = unnoticed(self.workflow, time.monotonic() - self.start)
        if sentence and sentence not in self.noticed:
            self.noticed.add(sentence)
            self.emit(Notice(sentence))


def unnoticed(workflow: Workflow, seconds: float) -> str:
    """Return why no task of a Workflow has started; empty if one has, or if it is too early to tell.

    Args:
        workflow: the Workflow.
        seconds: minimum age of the Workflow.
    """
    status = workflow.get("status") or {}
    namespace = workflow["metadata"].get("namespace", "")
    if not status.get("phase") and seconds > _UNNOTICED_SECONDS:
        return (
            f"Argo has not started the run: check that its controller runs and watches namespace {namespace} "
            "(kubectl get pods -A -l app=workflow-controller)"
        )
    if status.get("phase") == "Pending" and status.get("message"):
        return f"pending: {status['message']}"
    return ""


def _of_pod(
    workflow: Workflow, node: AnyNode, warnings: Mapping[str, tuple[PodEvent, ...]]
) -> tuple[PodEvent, ...]:
    return warnings.get(pod_name(workflow, node), ())


def readable(workflow: Workflow) -> Workflow:
    """Return a Workflow for a list of runs, without its nodes if they cannot be read."""
    try:
        return unpacked(workflow)
    except ClusterError:
        hidden = ("nodes", "compressedNodes", "offloadNodeStatusVersion")
        status = {key: value for key, value in workflow["status"].items() if key not in hidden}
        return {**workflow, "status": status}
