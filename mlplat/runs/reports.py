"""Runs as pages: runs of the record, of this machine or of a cluster, with logs and the content of artifacts."""

from __future__ import annotations

import hashlib
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlplat import report
from mlplat.argo.status import FAILED
from mlplat.canonical import canonical_json
from mlplat.errors import ArgumentError, Diagnostic
from mlplat.runs import cluster_files, cluster_updates, state
from mlplat.runs.cluster import Cluster, Workflow
from mlplat.runs.cluster_files import WorkflowRepository
from mlplat.runs.machine import Machine
from mlplat.runs.pages.assembly import assembled
from mlplat.runs.pages.sources import FileSource, MachineFiles, NoFiles

if TYPE_CHECKING:
    from mlplat.metadata import ArtifactRow, RunRow, Store, TaskRow

_MOST_LOGS_OF_CLUSTER = 50


@dataclass(slots=True)
class ClusterFiles:
    """Pods and the artifact repository of a run of a cluster.

    Attributes:
        repository: of the Workflow.
        requested: number of logs that were read of tasks that failed (True), and of others.
    """

    repository: WorkflowRepository
    requested: Counter[bool] = field(default_factory=Counter, init=False)

    def log(self, run: RunRow, task: TaskRow, attempts: Sequence[TaskRow]) -> str | None:  # noqa: ARG002
        """Return the end of a log; see :class:`FileSource`. Each is a request, so of many tasks only some are read."""
        failed = task.phase in FAILED
        if self.requested[failed] >= _MOST_LOGS_OF_CLUSTER:
            return None
        self.requested[failed] += 1
        last = attempts[-1] if attempts else task
        return "".join(f"{line}\n" for line in cluster_files.end_of_pod(self.repository, last.id))

    def content(self, artifact: ArtifactRow, size: int) -> bytes | None:
        """Return the start of an artifact; see :class:`FileSource`."""
        return self.repository.start(artifact.key, size) if artifact.key else None

    def place(self, artifact: ArtifactRow) -> str:
        """Return the key of an artifact, or its URI."""
        return artifact.key or artifact.uri


def read(place: Machine | Cluster, names: Sequence[str], *, whole: bool = True) -> list[report.Report]:
    """Read runs, from the record of this machine or from a cluster.

    Args:
        place: where they are.
        names: of the runs.
        whole: whether logs and the content of artifacts are read.

    Raises:
        MlplatError: a run does not exist, or the record or the cluster cannot be read.
    """
    if isinstance(place, Cluster):
        workflows = [place.explained(place.read(name)) for name in names]
        return [of_workflow(one, place if whole else None) for one in workflows]
    with state.record_to_read(place.home) as store:
        for name in names:
            place.catch_up(store, name)
        cluster_updates.update(store, Cluster(home=place.home), names)
        return [of_record(store, name, place.home, whole=whole) for name in names]


def of_record(store: Store, name: str, home: Path, *, whole: bool = True) -> report.Report:
    """Read a run of the record.

    Args:
        store: the record.
        name: name or uid of the run.
        home: folder of runs, logs and artifacts of this machine, for runs of this machine.
        whole: whether logs and the content of artifacts are read.

    Raises:
        StoreError: the run does not exist.
    """
    run = store.run(name)
    is_here = state.is_here(home, run)
    return assembled(store, run, MachineFiles(home) if is_here and whole else NoFiles(), is_here=is_here)


def of_workflow(workflow: Workflow, place: Machine | Cluster | None) -> report.Report:
    """Read a run from its Workflow alone.

    Args:
        workflow: the Workflow with its status.
        place: where it ran; None leaves logs and the content of artifacts out.
    """
    from mlplat import metadata

    with metadata.open_store("sqlite://") as store:
        return assembled(store, store.record(workflow), _files(workflow, place))


def _files(workflow: Workflow, place: Machine | Cluster | None) -> FileSource:
    if place is None:
        return NoFiles()
    if isinstance(place, Cluster):
        return ClusterFiles(WorkflowRepository(workflow, place))
    return MachineFiles(place.home)


def write(text: str, file: Path) -> None:
    """Write a page to a file.

    Raises:
        ArgumentError: it cannot be written.
    """
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        message, hint = f"{file} cannot be written: {error.strerror}", "choose a file that you may write to"
        if isinstance(error, FileNotFoundError):
            hint = f"create the folder: mkdir -p {shlex.quote(str(file.parent))}"
        raise ArgumentError(Diagnostic("MLP420", "", message, hint)) from None


def side_of(run_report: report.Report) -> report.Side:
    """Return what a run has to compare: its parameters, metrics and artifacts."""
    names = [metric.name for metric in run_report.metrics]
    metrics = {
        metric.name if names.count(metric.name) == 1 else f"{metric.task}: {metric.name}": metric.value
        for metric in run_report.metrics
    }
    artifacts = {f"{one.task}: {one.name}": one.digest or _unhashed(one) for one in run_report.artifacts}
    return report.Side(run_report.run, metrics, artifacts)


def _unhashed(artifact: report.ArtifactView) -> str:
    """Return what is known of the content of an artifact without a digest: its size, or what its task logged."""
    if artifact.size is not None:
        return f"no digest, {artifact.size} bytes"
    if not artifact.metadata:
        return "no digest"
    logged = canonical_json(artifact.metadata).encode("utf-8", "surrogatepass")
    return f"sha256:{hashlib.sha256(logged).hexdigest()}"
