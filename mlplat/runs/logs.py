"""Finds the logs of a run, and the reasons why tasks have no log."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlplat import engine
from mlplat.argo.reasons import readable
from mlplat.argo.status import AnyNode, attempts, fused, is_cached, nodes_of, parents
from mlplat.errors import ArgumentError, ClusterError, Diagnostic
from mlplat.runs import pending, records, state
from mlplat.runs.cluster import Cluster, Workflow
from mlplat.runs.cluster_files import WorkflowRepository, end_of_pod, log_of_pod
from mlplat.runs.machine import Machine
from mlplat.runs.tasks import Nodes, path, unknown, within

if TYPE_CHECKING:
    from mlplat.metadata import RunRow, TaskRow

_CACHED = "its results are from the cache"
_LAST_LINES = 20
_WIDEST = 2000


@dataclass(frozen=True, slots=True)
class Log:
    """The log of an attempt of a task.

    Attributes:
        path: of the attempt in the run.
        task: id of the task that it is an attempt of.
        pieces: lines, and parts of long lines. Reading those of a cluster raises :class:`ClusterError` if there is no
            log, with the reason.
    """

    path: str
    task: str
    pieces: Iterable[bytes]


@dataclass(frozen=True, slots=True)
class NotRun:
    """A task without a log.

    Attributes:
        path: of the task in the run.
        reason: the reason why it did not run.
    """

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Logs:
    """The logs of a run or of some of its tasks.

    Attributes:
        logs: in the order in which the attempts started.
        not_run: if there are no logs, the tasks that did not run.
    """

    logs: Sequence[Log]
    not_run: Sequence[NotRun] = ()


def of_run(place: Machine | Cluster, run: str, task: str = "") -> Logs:
    """Find the logs of a run.

    Args:
        place: this machine or the cluster.
        run: its name.
        task: name of a task, loop, branch or pipeline in it; the whole run if empty.

    Raises:
        ArgumentError: the run has no such task, or its logs are on another machine or a cluster.
        ClusterError: the run does not exist, or the cluster refused or cannot be reached.
        StoreError: the record does not have the run.
    """
    return _of_machine(place, run, task) if isinstance(place, Machine) else _of_cluster(place, run, task)


def _chosen(run: str, task: str, nodes: Nodes, names: Iterable[str]) -> Collection[str]:
    """Return the ids of the nodes whose logs are selected; ``names`` are the valid names."""
    chosen = within(run, task, nodes) if task else nodes.keys()
    if not chosen:
        raise ArgumentError(unknown(run, task, names))
    return chosen


def _of_machine(machine: Machine, name: str, task: str) -> Logs:
    with records.opened(machine, name) as store:
        run = store.run(name)
        every = store.tasks(run, roles=None)
    _check_is_here(machine.home, run)
    nodes = {one.id: {"name": one.name, "displayName": one.display_name} for one in every}
    names = (one.display_name for one in every if one.role == "task" and (one.attempts or one.cached))
    chosen = _chosen(run.name, task, nodes, names)
    tasks = [one for one in every if one.role != "group" and one.id in chosen]
    logs = [
        Log(path(run.name, one.name), one.parent_id if one.role == "attempt" else one.id, pieces)
        for one in tasks
        for pieces in _written(machine.home, run.name, one)
    ]
    silent = [one for one in tasks if not one.attempts and (task or one.cached)]
    return Logs(logs, () if logs else _not_run(machine.home, run.name, silent))


def _check_is_here(home: Path, run: RunRow) -> None:
    """Refuse a run of a cluster, or of another machine.

    Raises:
        ArgumentError: the hint has the right command.
    """
    if run.engine == "argo":
        hint = f"add --engine argo -n {run.namespace}"
        raise ArgumentError(Diagnostic("MLP409", "", f"{run.name} is a run on a cluster", hint))
    if not state.is_here(home, run):
        message = f"the logs of {run.name} are not in {home}"
        hint = "it ran on another machine, or with another MLPLAT_HOME: run the command there"
        raise ArgumentError(Diagnostic("MLP409", "", message, hint))


def _written(home: Path, run: str, task: TaskRow) -> Iterator[Iterable[bytes]]:
    """Yield what each attempt of a task wrote, which may share the log of its pod with others."""
    own, shared = (state.log_file(home, run, node) for node in (task.id, task.boundary_id))
    if own and (attempts := engine.attempts(own)):
        yield from (attempt.pieces() for attempt in attempts)
        return
    for attempt in engine.attempts(shared) if shared else ():
        part = fused.part_of(attempt.pieces(), task.display_name)
        if (first := next(part, None)) is not None:
            yield itertools.chain([first], part)


def _not_run(home: Path, run: str, tasks: Sequence[TaskRow]) -> list[NotRun]:
    makers = _makers(home, run, [task.id for task in tasks if task.cached])
    reasons = [
        f"{_CACHED}{makers[task.id]}" if task.cached else task.message or task.phase.lower() for task in tasks
    ]
    return [
        NotRun(path(run, task.name), readable(reason)) for task, reason in zip(tasks, reasons, strict=True)
    ]


def _makers(home: Path, run: str, tasks: Sequence[str]) -> dict[str, str]:
    """Return which run made the results of tasks that came from the cache, as part of a sentence; "" if unknown."""
    if not tasks:
        return {}
    nodes = nodes_of(engine.load(home / "runs" / run) or {})
    makers: dict[str, str] = {}
    with state.record_to_read(home) as store:
        cache = store.cache()
        for task in tasks:
            node = nodes.get(task) or {}
            maker = cache.maker((node.get("memoizationStatus") or {}).get("key", "")).rpartition("-")[0]
            known = f", made by the run {maker}; its log: mlplat logs {maker} {node.get('displayName')}"
            makers[task] = known if maker else ""
    return makers


def _of_cluster(cluster: Cluster, run: str, task: str) -> Logs:
    workflow = cluster.read(run)
    nodes = nodes_of(workflow)
    task_of = {
        key: parent
        for parent, node in nodes.items()
        if node["type"] == "Retry"
        for key in node.get("children") or ()
    }
    pods = {key: node for key, node in nodes.items() if node["type"] == "Pod" and not is_cached(node)}
    names = (node["displayName"] for node in pods.values())
    chosen = _chosen(run, task, nodes if task else pods, names)
    ran = sorted(chosen & pods.keys(), key=lambda key: (str(pods[key].get("startedAt") or ""), key))
    if ran:
        return Logs(
            [
                Log(path(run, pods[key]["name"]), task_of.get(key, key), _lines(workflow, key, cluster))
                for key in ran
            ]
        )
    silent = [nodes[key] for key in sorted(chosen) if nodes[key]["type"] in ("Pod", "Skipped")]
    return Logs((), [NotRun(path(run, node["name"]), readable(_why_not(node))) for node in silent])


def _lines(workflow: Workflow, node_id: str, cluster: Cluster) -> Iterator[bytes]:
    for line in log_of_pod(workflow, node_id, cluster):
        yield f"{line}\n".encode(errors="replace")


def _why_not(node: AnyNode) -> str:
    return _CACHED if is_cached(node) else str(node.get("message") or node["phase"].lower())


def last_lines(workflow: Workflow, node: AnyNode, place: Machine | Cluster) -> list[str]:
    """Return the last lines of the last attempt of a task, or the reason why it has no log on a cluster.

    Args:
        workflow: the Workflow with its nodes.
        node: one of them.
        place: this machine or the cluster.
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
    """Return the log of a task of a cluster, or the error with Kubernetes' warnings about its pod."""
    try:
        return end_of_pod(WorkflowRepository(workflow, cluster), node_id)
    except ClusterError as error:
        failed = nodes_of(workflow)[node_id]
        known = str(failed.get("message") or "\0")
        why = [one.message for one in error.diagnostics if known not in one.message]
    try:
        warnings = cluster.warnings(workflow, [failed])
    except ClusterError:
        return why
    said = pending.sentences((*why, known), warnings.get(node_id, ()))
    advice = pending.hint((*why, *said, known), workflow["metadata"]["namespace"])
    return [*why, *said, *([f"hint: {advice}"] if advice else [])]
