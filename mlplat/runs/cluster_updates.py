"""Bring runs of a cluster up to date that had not ended when they were recorded."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from threading import Thread
from typing import TYPE_CHECKING, Any

from mlplat import k8s
from mlplat.errors import ClusterError
from mlplat.runs.cluster import Cluster
from mlplat.runs.tasks import listed

if TYPE_CHECKING:
    from mlplat.metadata import RunRow, Store

_SECONDS = 5.0
"""How long a cluster is waited for; what has come until then is recorded."""
_MOST = 100
_UNFINISHED = ("Pending", "Running")

_LATE = f"the cluster did not answer within {_SECONDS:.0f} seconds"
_ELSEWHERE = (
    "the kubeconfig leads to another cluster; to update it: mlplat record RUN -n NAMESPACE --context NAME"
)
_DELETED = "the Workflow no longer exists"


def update(store: Store, cluster: Cluster, names: Collection[str] = ()) -> list[str]:
    """Record runs again that had not ended, as they are now on a cluster.

    What followed them was killed, or left them after Ctrl-C. The newest ones are read, with one list of Workflows for
    each namespace.

    Args:
        store: the record.
        cluster: the cluster of the kubeconfig; its namespace does not matter.
        names: names or uids of the only runs that matter; all if there are none.

    Returns:
        A line for each reason why runs could not be updated, such as a cluster that cannot be reached.
    """
    unfinished = store.runs(None if names else _MOST, engine="argo", phase=_UNFINISHED)
    behind = [run for run in unfinished if not names or run.name in names or run.uid in names]
    if not behind:
        return []
    reading = _Reading(cluster, behind)
    thread = Thread(target=reading.read, name="mlplat-update", daemon=True)
    thread.start()
    thread.join(_SECONDS)
    reasons = dict(reading.reasons)
    for workflow in list(reading.workflows):
        try:
            store.record(workflow)
        except ClusterError as error:  # its nodes cannot be read
            reasons[workflow["metadata"]["uid"]] = error.diagnostics[0].message
    return [
        f"could not update {listed([run.name for run in behind if reasons.get(run.uid) == reason])}: "
        f"{' '.join(reason.split())}"
        for reason in dict.fromkeys(reasons.values())
    ]


@dataclass(slots=True)
class _Reading:
    """Reads runs from a cluster, in a thread that is left behind when the cluster does not answer.

    Attributes:
        cluster: the cluster.
        behind: the runs.
        workflows: what was read.
        reasons: why the others were not, by uid.
    """

    cluster: Cluster
    behind: Sequence[RunRow]
    workflows: list[Mapping[str, Any]] = field(default_factory=list)
    reasons: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.reasons = {run.uid: _LATE for run in self.behind}

    def read(self) -> None:
        """Read the runs of the cluster that exist."""
        try:
            identity = self.cluster.identity()
        except ClusterError as error:
            self._explain(self.behind, error.diagnostics[0].message)
            return
        self._explain([run for run in self.behind if run.cluster != identity], _ELSEWHERE)
        own = [run for run in self.behind if run.cluster == identity]
        for namespace in dict.fromkeys(run.namespace for run in own):
            self._read(namespace, [run for run in own if run.namespace == namespace])

    def _read(self, namespace: str, runs: Sequence[RunRow]) -> None:
        place = replace(self.cluster, namespace=namespace)
        try:
            for workflow in k8s.with_uids([run.uid for run in runs], **place.options):
                self.workflows.append(workflow)
                self.reasons.pop(workflow["metadata"]["uid"])
        except ClusterError as error:
            reason = error.diagnostics[0].message
        else:
            reason = _DELETED
        self._explain([run for run in runs if run.uid in self.reasons], reason)

    def _explain(self, runs: Sequence[RunRow], reason: str) -> None:
        self.reasons.update({run.uid: reason for run in runs})
