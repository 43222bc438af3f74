"""Runs on this machine: starts, follows, resumes, retries and ends them."""

from __future__ import annotations

import contextlib
import copy
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlplat import engine
from mlplat.argo import retry as parting
from mlplat.argo.status import FINISHED
from mlplat.engine.asking import Ask
from mlplat.errors import ArgumentError, Diagnostic, EngineError, suggestion
from mlplat.runs import again, state
from mlplat.runs.binding import with_arguments
from mlplat.runs.documents import joined, workflow_of
from mlplat.runs.run import Changed, Emit, Follow, How, Node, Run, Stopping

if TYPE_CHECKING:
    from mlplat.metadata import Store

Document = Mapping[str, Any]

_PAUSE = 0.25
_REST = 20
"""Reading a run is followed by at least this many times its own duration without it."""


class Started(Run):
    """A run that this process runs; it ends with the process.

    Args:
        workflow: the Workflow.
        follow: runs it.
        control: ends it.
        home: folder of its state.

    Attributes:
        control: ends the run; :func:`mlplat.engine.signals` connects it with signals.
    """

    def __init__(self, workflow: Document, follow: Follow, control: engine.Control, home: Path) -> None:
        self.control = control
        super().__init__(workflow, follow, control.end, home)

    def leave(self) -> None:
        """Terminate the run if it has not ended yet."""
        self.control.end("Terminate")
        super().leave()


@dataclass(frozen=True, slots=True)
class Machine:
    """This machine, as a place where Workflows run.

    Attributes:
        home: folder for runs, logs, artifacts and the record.
        jobs: number of tasks to run in parallel; the number of processors if None.
        executor: ``process``, ``podman`` or ``docker``, or an executor.
        executor_options: further options of ``podman create`` or ``docker create``.
        ask: asks a person whether a suspended Workflow may continue; None if nobody can be asked.
        cache: cache of results; that of the record if None.
    """

    home: Path = field(default_factory=state.home)
    jobs: int | None = None
    executor: str | engine.Executor = "process"
    executor_options: Sequence[str] = ()
    ask: Ask | None = None
    cache: engine.Cache | None = None

    def read(self, name: str) -> dict[str, Any]:
        """Return the Workflow of a run with its status.

        Raises:
            ArgumentError: it does not exist; the hint has the nearest name.
        """
        found = engine.load(self.home / "runs" / name) if state.is_file_name(name) else None
        if found is None:
            others = "to list runs: mlplat get runs; for a run on a cluster: --engine argo"
            known = [run for run in state.known_runs(self.home) if run != name]
            hint = suggestion(name, known) or others
            raise ArgumentError(Diagnostic("MLP409", "", f"run '{name}' not found on this machine", hint))
        return found

    def documents(self, workflow: Document) -> list[dict[str, Any]]:
        """Return the documents that a run was made from, without its Workflow."""
        return engine.other_documents(self.home / "runs" / workflow["metadata"]["name"])

    def submit(self, documents: Sequence[Document]) -> Started:
        """Start a run.

        Args:
            documents: its Workflow, with a name, and the documents it refers to.

        Raises:
            ArgumentError: a run of that name exists.
            EngineError: the executor does not respond, or the state cannot be stored.
        """
        return self._started(documents, None)

    def resume(self, documents: Sequence[Document], before: Document) -> Started:
        """Continue a run with other documents; nodes that succeeded do not run again.

        Args:
            documents: as for :meth:`submit`.
            before: the run.

        Raises:
            EngineError: the executor does not respond, or the state cannot be stored.
        """
        return self._started(documents, before)

    def retry(
        self, name: str, values: Mapping[str, Any], tasks: Sequence[str], secrets: Sequence[Document] = ()
    ) -> Started:
        """Continue a run from the tasks that failed.

        Args:
            name: of the run.
            values: other values of its parameters.
            tasks: tasks that run again although they succeeded.
            secrets: Secrets and ConfigMaps that replace those of the run.

        Raises:
            ArgumentError: the run does not exist or has succeeded, or it has no such task or parameter.
            EngineError: the executor does not respond, or the state cannot be stored.
        """
        before = self.read(name)
        also = again.chosen(before, tasks)
        again.check_may_retry(before, also)
        parted = parting.retried(
            name, before["status"].get("nodes", {}), also=also, other_arguments=bool(values)
        )
        kept = {**before, "status": {**before["status"], "nodes": parted.kept}}
        workflow = with_arguments(again.fresh(again.uncached(before, also)), values)
        return self._started(joined([*self.documents(before), workflow], secrets), kept)

    def attach(self, name: str) -> Run:
        """Follow a run that a process of this machine runs.

        Raises:
            ArgumentError: it does not exist.
        """
        workflow = self.read(name)

        def follow(emit: Emit, left: threading.Event) -> dict[str, Any]:
            seen: dict[str, Node] = {}
            last = workflow
            for found in self.states(name, left):
                last = found or last
                for key, node in last["status"]["nodes"].items() if found else ():
                    if seen.get(key) != node:
                        seen[key] = node
                        emit(Changed(node))
            with self._record([workflow]) as store:
                if store:
                    store.record(last)
            return last

        return Run(workflow, follow, lambda how: self.end(name, how), self.home)

    def states(self, name: str, left: threading.Event | None = None) -> Iterator[dict[str, Any] | None]:
        """Read a run that some process of this machine runs, until it ends.

        Args:
            name: of the run.
            left: stops the reading when set.

        Yields:
            The Workflow after each change, last the final one, or the one when its process was killed; and
            None several times a second while nothing changes.

        Raises:
            ArgumentError: it does not exist.
        """
        folder = self.home / "runs" / name
        pause = (left or threading.Event()).wait
        while True:
            before = _stamp(folder)
            start = time.monotonic()
            workflow = self.read(name)
            yield workflow
            if workflow["status"].get("phase") in FINISHED:
                return
            next_read = time.monotonic() + _REST * (time.monotonic() - start)
            if pause(_PAUSE):
                return
            while time.monotonic() < next_read or (_stamp(folder) == before and engine.is_running(folder)):
                yield None
                if pause(_PAUSE):
                    return

    def end(self, name: str, how: How) -> None:
        """Ask the process that runs a run to end it.

        Raises:
            ArgumentError: the run does not exist, or has ended already.
            EngineError: its process cannot be reached.
        """
        phase = self.read(name)["status"].get("phase", "")
        if phase in FINISHED:
            hint = f"see its tasks: mlplat get tasks {name}"
            raise ArgumentError(Diagnostic("MLP810", "", f"{name} has ended already ({phase})", hint))
        if not engine.request(self.home / "runs" / name, how):
            hint = "press Ctrl-C in the terminal where it runs"
            raise EngineError(Diagnostic("MLP606", name, "its process does not accept requests", hint))

    def clear_cache(self) -> int:
        """Delete all cached results, and return their number."""
        with state.record_to_read(self.home) as store:
            return store.cache().clear()

    def catch_up(self, store: Store, name: str | None = None) -> None:
        """Record runs whose end is not recorded.

        Those are runs without a cache, runs of programs, and runs that were killed or have not ended.

        Args:
            store: the record.
            name: name of the only run to record; all if None, or if this machine has no such run.
        """
        is_one = name is not None and (self.home / "runs" / name).is_dir()
        for run in engine.unrecorded(self.home):
            folder = self.home / "runs" / run
            known = None if is_one and run != name else engine.load(folder)
            if known is not None:
                store.record(known)
                if known["status"].get("phase") != "Running":
                    engine.mark_recorded(folder)

    def _started(self, documents: Sequence[Document], before: Document | None) -> Started:
        executor = self._executor()
        state.ensure_folder(self.home)
        given = workflow_of(documents)
        if before is None:
            self._check_is_new(given["metadata"]["name"])
        workflow = _with_identity(given, before)
        documents = [*(one for one in documents if one.get("kind") != "Workflow"), workflow]
        folder = self.home / "runs" / workflow["metadata"]["name"]
        control = engine.Control()

        def follow(emit: Emit, left: threading.Event) -> dict[str, Any]:
            del left  # the engine ends when it is told to, and only then
            control.stopping = lambda has_exit_handler: emit(Stopping(has_exit_handler))
            recorded = False
            with self._record(documents) as store:

                def observer(node: Node) -> None:
                    nonlocal recorded
                    if store and not recorded:
                        recorded = True
                        status = {"phase": "Running", "startedAt": node["startedAt"]}
                        store.record({**workflow, "status": status})
                    emit(Changed(_snapshot(node)))

                finished = engine.run(
                    documents,
                    home=self.home,
                    jobs=self.jobs,
                    executor=executor,
                    cache=self.cache or (store.cache() if store else None),
                    observer=observer,
                    resume=before,
                    ask=self.ask,
                    control=control,
                )
                if store:
                    store.record(finished)
                    engine.mark_recorded(folder)
            return finished

        return Started(workflow, follow, control, self.home)

    def _record(self, documents: Sequence[Document]) -> contextlib.AbstractContextManager[Store | None]:
        """Open the record for a run that writes to it: others read the database, or the run has a cache.

        Importing the database layer takes longer than the rest of a short run. So every other run stays in its folder
        until the record is read, see :meth:`catch_up`.
        """
        if state.is_shared() or (self.cache is None and any(map(_has_cache, documents))):
            return state.record(self.home)
        return contextlib.nullcontext()

    def _executor(self) -> engine.Executor:
        if self.executor == "process":
            return engine.ProcessExecutor()
        if isinstance(self.executor, str):
            return engine.ImageExecutor(self.executor, self.executor_options)
        return self.executor

    def _check_is_new(self, name: str) -> None:
        before = engine.load(self.home / "runs" / name)
        if before is None:
            return
        message = "a run of this name exists already"
        hint = f"choose another --name; or mlplat retry {name} to continue it, mlplat rerun {name} to run it again"
        if before["status"].get("phase") == "Running":
            message = "a run of this name is still running"
            hint = "choose another --name, or wait until it ends"
        raise ArgumentError(Diagnostic("MLP415", name, message, hint))


def _has_cache(document: Document) -> bool:
    spec = document.get("spec") or {}
    templates = (spec.get("templateDefaults"), *(spec.get("templates") or ()))
    return any("memoize" in template for template in templates if template)


def _with_identity(workflow: Document, before: Document | None) -> dict[str, Any]:
    """Set the identity of a Workflow as an API server would, so that the record knows it from its first node on."""
    earlier = (before or {}).get("metadata", {})
    now = engine.creation_timestamp(datetime.now(UTC))
    identity = {
        "uid": earlier.get("uid") or str(uuid.uuid4()),
        "creationTimestamp": earlier.get("creationTimestamp") or now,
    }
    return {**workflow, "metadata": {**workflow["metadata"], **identity}}


def _snapshot(node: Node) -> dict[str, Any]:
    """Return a copy of a node, because the engine continues to change it."""
    return {key: copy.copy(value) for key, value in node.items()}


def _stamp(folder: Path) -> tuple[int, ...]:
    """Return a value that changes with the state of a run on disk."""
    stamp: list[int] = []
    for name in ("workflow.json", "nodes.jsonl"):
        try:
            found = (folder / name).stat()
        except FileNotFoundError:
            stamp += (0, 0)
        else:
            stamp += (found.st_mtime_ns, found.st_size)
    return tuple(stamp)
