"""Follows the logs of the tasks of a run until the run ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlplat import engine, k8s
from mlplat.argo.status import FINISHED, AnyNode, fused, nodes_of
from mlplat.errors import ArgumentError, ClusterError
from mlplat.runs import records
from mlplat.runs.cluster import Cluster, Workflow
from mlplat.runs.cluster_files import GONE, log_of_pod, templates_of
from mlplat.runs.machine import Machine
from mlplat.runs.tasks import path, unknown, within
from mlplat.runtime.contract import STEP_MARK

_NOT_YET = "MLP815"
_READERS = 32
_PAUSE = 1.0
_BLOCK = 1 << 16

Emit = Callable[[str, str], None]
"""Called with the path of a task and a line; calls never overlap."""

Problem = Callable[[str, ClusterError], None]
"""Called with the path of a task whose log cannot be read, and why."""


def follow(place: Machine | Cluster, run: str, task: str, emit: Emit, problem: Problem) -> None:
    """Follow the logs of the tasks of a run until it ends.

    Args:
        place: this machine or the cluster.
        run: its name.
        task: name of a task, loop, branch or pipeline in it; the whole run if empty.
        emit: called with each line.
        problem: called for each log that cannot be read.

    Raises:
        ArgumentError: the run does not exist, or had no such task when it ended.
        ClusterError: it does not exist or was deleted, or the cluster refused or cannot be reached.
    """
    wanted = _Selection(run, task)
    if isinstance(place, Machine):
        workflow = _follow_machine(place, wanted, emit)
    else:
        workflow = _follow_cluster(place, wanted, emit, problem)
    nodes = nodes_of(workflow)
    if task and not within(run, task, nodes):
        raise ArgumentError(unknown(run, task, (node["displayName"] for node in nodes.values())))


@dataclass(frozen=True, slots=True)
class _Selection:
    """Which tasks of a run are followed."""

    run: str
    task: str

    def includes(self, key: str, nodes: Mapping[str, AnyNode]) -> bool:
        """Return whether the log of a node's pod is selected."""
        return not self.task or key in within(self.run, self.task, nodes)

    def path(self, node: AnyNode, step: str) -> str:
        """Return the path of a task: of a node, or of one of the tasks in its pod."""
        return ".".join(filter(None, (path(self.run, node["name"]), step)))


def _follow_cluster(place: Cluster, selection: _Selection, emit: Emit, problem: Problem) -> dict[str, Any]:
    followed = _Followed(place, selection, emit, problem)
    finished = k8s.follow(selection.run, on_change=followed.changed, **place.options)
    for reader in followed.readers.values():
        reader.join()
    return finished


@dataclass(slots=True)
class _Followed:
    """Follows the logs of pods, each in a thread, with a limit on how many at a time."""

    place: Cluster
    selection: _Selection
    emit: Emit
    problem: Problem
    workflow: Workflow = field(default_factory=dict)
    nodes: dict[str, AnyNode] = field(default_factory=dict)
    readers: dict[str, threading.Thread] = field(default_factory=dict)
    room: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(_READERS))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def changed(self, workflow: Workflow) -> None:
        """Start to read the logs of new pods."""
        self.workflow = workflow
        self.nodes = dict((workflow.get("status") or {}).get("nodes") or {})
        for key, node in self.nodes.items():
            has_pod = node.get("type") == "Pod" and not (node.get("memoizationStatus") or {}).get("hit")
            if (
                has_pod
                and key not in self.readers
                and _has_run(node)
                and self.selection.includes(key, self.nodes)
            ):
                self.readers[key] = threading.Thread(target=self._read, args=(key,), daemon=True)
                self.readers[key].start()

    def _read(self, key: str) -> None:
        with self.room:
            while True:
                node = self.nodes.get(key)
                if node is None:  # the run was retried, without this attempt
                    return
                ended = node.get("phase") in FINISHED
                try:
                    self._print(key, node)
                except ClusterError as error:
                    if error.diagnostics[0].code == _NOT_YET and not ended:
                        time.sleep(_PAUSE)
                        continue
                    with self.lock:
                        self.problem(self.selection.path(node, ""), error)
                return

    def _print(self, key: str, node: AnyNode) -> None:
        several = _runs_several(self.workflow, node)
        step = ""
        for line in _lines(self.workflow, key, self.place):
            if several and line.startswith(STEP_MARK):
                step = _step(line)
                continue
            with self.lock:
                self.emit(self.selection.path(node, step), line)


def _runs_several(workflow: Workflow, node: AnyNode) -> bool:
    """Return whether the pod of a node runs several tasks, whose names are in its log."""
    return any(
        parameter.get("name") == fused.OUTPUT
        for template in templates_of(workflow, node)
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
        if error.diagnostics[0].code != GONE:
            raise
        yield from log_of_pod(workflow, key, place)


def _follow_machine(machine: Machine, selection: _Selection, emit: Emit) -> dict[str, Any]:
    records.opened(machine, selection.run).close()
    tails: dict[str, _Tail] = {}
    workflow: dict[str, Any] = {}
    for state in machine.states(selection.run):
        workflow = state or workflow
        nodes = workflow["status"]["nodes"]
        files = {file.stem: file for file in (machine.home / "logs" / selection.run).glob("*.log")}
        for key, node in nodes.items():
            if key in files and selection.includes(key, nodes):
                tail = tails.setdefault(key, _Tail(files[key], _runs_several(workflow, node)))
                for step, line in tail.lines(rest=node.get("phase") in FINISHED):
                    emit(selection.path(node, step), line)
    return workflow


@dataclass(slots=True)
class _Tail:
    """Reads the lines that were appended to a file since the last call."""

    file: Path
    several: bool
    place: int = 0
    step: str = ""
    parts: engine.LineSplitter = field(default_factory=engine.LineSplitter)

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
