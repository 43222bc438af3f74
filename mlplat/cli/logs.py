"""``mlplat logs``: what the tasks of runs print."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mlplat.argo.reasons import readable
from mlplat.argo.status import AnyNode, fused, is_cached, nodes_of
from mlplat.cli import output, places
from mlplat.cli.grammar import Given
from mlplat.errors import ArgumentError, ClusterError
from mlplat.runs.state import home, record_to_read
from mlplat.runs.tasks import Nodes, path, unknown, within

if TYPE_CHECKING:
    from mlplat.metadata import Task

_CACHED = "its results are from the cache"


class _Wrote(NamedTuple):
    """What an attempt wrote: the path of its node, the task that it is an attempt of, lines and parts of long lines."""

    path: str
    task: str
    pieces: Iterable[bytes]


def logs(given: Given) -> int:
    """Print the logs of a run's tasks, each line with the task's path when there are several."""
    if given.engine == "argo":
        return _followed_cluster(given) if given.follow else _of_cluster(given)
    machine = places.machine(given)
    with record_to_read(machine.home) as store:
        machine.catch_up(store, given.name)
        if given.follow:
            return _followed_machine(given)
        run = store.run(given.name)
        every = store.tasks(run, roles=None)
    places.check_is_of_machine(run)
    nodes = {task.id: {"name": task.name, "displayName": task.display_name} for task in every}
    tasks = [task for task in every if task.role != "group"]
    names = (task.display_name for task in tasks if task.role == "task" and task.attempts)
    chosen = _chosen(given, run.name, nodes, names)
    tasks = [task for task in tasks if task.id in chosen]
    folder = home() / "logs" / run.name
    wrote = [
        _Wrote(path(run.name, task.name), task.parent_id if task.role == "attempt" else task.id, pieces)
        for task in tasks
        for pieces in _written(folder, task)
    ]
    _print(wrote, given)
    if not wrote:
        told = [task for task in tasks if not task.attempts and (given.task or task.cached)]
        makers = _makers(run.name, [task.id for task in told if task.cached])
        for task in told:
            why = f"{_CACHED}{makers[task.id]}" if task.cached else task.message or task.phase.lower()
            _print_why_not(path(run.name, task.name), why)
    return 0


def _makers(run: str, tasks: Sequence[str]) -> dict[str, str]:
    """Return which run made the results of tasks that came from the cache, as part of a sentence; "" if unknown."""
    from mlplat import engine

    if not tasks:
        return {}
    nodes = nodes_of(engine.load(home() / "runs" / run) or {})
    makers: dict[str, str] = {}
    with record_to_read(home()) as store:
        cache = store.cache()
        for task in tasks:
            node = nodes.get(task) or {}
            maker = cache.maker((node.get("memoizationStatus") or {}).get("key", "")).rpartition("-")[0]
            known = f", made by the run {maker}; its log: mlplat logs {maker} {node.get('displayName')}"
            makers[task] = known if maker else ""
    return makers


def _chosen(given: Given, run: str, nodes: Nodes, names: Iterable[str]) -> Collection[str]:
    """Return the ids of the nodes whose logs are wanted; ``names`` are what could have been asked for."""
    chosen = within(run, given.task, nodes) if given.task else nodes.keys()
    if not chosen:
        raise ArgumentError(unknown(run, given.task or "", names))
    return chosen


def _written(folder: Path, task: Task) -> Iterator[Iterable[bytes]]:
    """Return what each attempt of a task wrote, which may share the log of its pod with others."""
    from mlplat import engine

    own = engine.attempts(folder / f"{task.id}.log")
    if own:
        yield from (attempt.pieces() for attempt in own)
        return
    for attempt in engine.attempts(folder / f"{task.boundary_id}.log"):
        part = fused.part_of(attempt.pieces(), task.display_name)
        if (first := next(part, None)) is not None:
            yield itertools.chain([first], part)


def _print(wrote: Sequence[_Wrote], given: Given) -> None:
    from mlplat import engine

    several = not given.task or len({one.task for one in wrote}) > 1
    log = output.Log(raw=given.raw)
    before = ""
    for one in wrote:
        source, prefix = (one.path, f"{one.path}: ") if several else (one.task, "")
        if source == before:
            log.write([f"{engine.NEXT_ATTEMPT}\n".encode()], prefix)
        log.write(one.pieces, prefix)
        before = source


def _print_why_not(task: str, message: str) -> None:
    print(f"{task} did not run: {readable(message)}", file=sys.stderr)


def _encoded(line: str) -> bytes:
    return f"{line}\n".encode(errors="replace")


def _of_cluster(given: Given) -> int:
    from mlplat.runs import logs as use

    place = places.cluster(given)
    workflow = place.read(given.name)
    nodes = nodes_of(workflow)
    task_of = {
        key: parent
        for parent, node in nodes.items()
        if node["type"] == "Retry"
        for key in node.get("children") or ()
    }
    pods = {key: node for key, node in nodes.items() if node["type"] == "Pod" and not is_cached(node)}
    names = (node["displayName"] for node in pods.values())
    chosen = _chosen(given, given.name, nodes if given.task else pods, names)
    ran = sorted(chosen & pods.keys(), key=lambda key: (str(pods[key].get("startedAt") or ""), key))
    failures: list[ClusterError] = []

    def lines(key: str) -> Iterator[bytes]:
        try:
            yield from map(_encoded, use.of_pod(workflow, key, place))
        except ClusterError as error:
            failures.append(error)
            print(error, file=sys.stderr)

    _print(
        [_Wrote(path(given.name, pods[key]["name"]), task_of.get(key, key), lines(key)) for key in ran],
        given,
    )
    for node in () if ran else (nodes[key] for key in sorted(chosen)):
        if node["type"] in ("Pod", "Skipped"):
            why = node.get("message") or node["phase"].lower()
            _print_why_not(path(given.name, node["name"]), _CACHED if is_cached(node) else why)
    return ClusterError.exit_code if failures and len(failures) == len(ran) else 0


def _followed_cluster(given: Given) -> int:
    from mlplat.runs import logs as use

    shown = _Shown(given)

    def problem(node: Mapping[str, Any], error: ClusterError) -> None:
        print(f"{path(given.name, node['name'])}: {error}", file=sys.stderr)

    workflow = use.follow_cluster(
        given.name, places.cluster(given), wanted=shown.wanted, emit=shown.line, problem=problem
    )
    return shown.concluded(workflow)


def _followed_machine(given: Given) -> int:
    from mlplat.runs import logs as use

    shown = _Shown(given)
    workflow = use.follow_machine(given.name, places.machine(given), wanted=shown.wanted, emit=shown.line)
    return shown.concluded(workflow)


class _Shown:
    """Prints lines as they come, each with the path of its task unless one task is asked for.

    Args:
        given: the command line.
    """

    def __init__(self, given: Given) -> None:
        self.run, self.task = given.name, given.task
        self.log = output.Log(raw=given.raw)
        self.paths: dict[str, str] = {}

    def wanted(self, nodes: Mapping[str, AnyNode], key: str) -> bool:
        """Return whether the log of a node's pod is wanted."""
        self.paths[key] = path(self.run, nodes[key]["name"])
        return not self.task or key in within(self.run, self.task, nodes)

    def line(self, key: str, step: str, line: str) -> None:
        """Print a line of a task."""
        source = ".".join(filter(None, (self.paths[key], step)))
        prefix = "" if self.task and source.rpartition(".")[2] == self.task else f"{source}: "
        self.log.write([_encoded(line)], prefix)

    def concluded(self, workflow: Mapping[str, Any]) -> int:
        """Return the exit code: 0, however the run ended.

        Raises:
            ArgumentError: the run has no such task.
        """
        nodes = nodes_of(workflow)
        if self.task and not within(self.run, self.task, nodes):
            raise ArgumentError(
                unknown(self.run, self.task, (node["displayName"] for node in nodes.values()))
            )
        return 0
