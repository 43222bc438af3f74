"""Runs a Workflow on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any

from mlplat.argo.retry import retried
from mlplat.argo.status import Node
from mlplat.engine import progress
from mlplat.engine.artifacts import ArtifactStore
from mlplat.engine.asking import Ask
from mlplat.engine.checks import check
from mlplat.engine.control import Control
from mlplat.engine.documents import Documents, read
from mlplat.engine.engine import Engine
from mlplat.engine.execution import Execution
from mlplat.engine.executor import Executor
from mlplat.engine.memoize import Cache, Memo
from mlplat.engine.nodes import NodeTree, fulfilled, now, timestamp
from mlplat.engine.pods import PodRunner
from mlplat.engine.process import ProcessExecutor
from mlplat.engine.slots import Slots
from mlplat.engine.startup import bound, started
from mlplat.engine.state import RunState, make_private
from mlplat.engine.volumes import Volumes
from mlplat.engine.watchdog import Watchdog, noted_folders
from mlplat.engine.workflow import execute_workflow
from mlplat.errors import Diagnostic, EngineError

_LOOK_UP = 0.5
"""Seconds between two moments at which the waiting thread handles signals: the kernel may give one to another thread,
which leaves it to this one and does not wake it."""


def _ignore(node: Node) -> None:
    del node


def run(
    documents: Sequence[Mapping[str, Any]],
    *,
    home: Path,
    jobs: int | None = None,
    cache: Cache | None = None,
    observer: Callable[[Node], None] = _ignore,
    executor: Executor | None = None,
    resume: Mapping[str, Any] | None = None,
    ask: Ask | None = None,
    control: Control | None = None,
) -> dict[str, Any]:
    """Run a Workflow to its end.

    It runs in a thread of its own, which also calls ``observer`` and ``cache``. It installs no signal handler; to
    stop it when a signal comes, see :func:`~mlplat.engine.control.signals`.

    Args:
        documents: the Workflow, its parameters bound, and any ConfigMaps, Secrets and WorkflowTemplates.
        home: the folder for runs, logs and artifacts.
        jobs: number of tasks to run in parallel; by default the number of processors.
        cache: keeps outputs of memoized templates between runs.
        observer: is called with each node that is new or has changed; it must not change the node.
        executor: how tasks run; by default as processes.
        resume: the Workflow of an earlier run, with its status: nodes that succeeded do not run again.
        ask: asks a person whether a suspended workflow may continue; by default nobody is asked.
        control: ends the run from outside.

    Returns:
        The Workflow with the ``status`` that Argo would give it.

    Raises:
        ManifestError: the documents are not valid.
        UnsupportedError: the Workflow needs something that this engine does not support; nothing has run.
        EngineError: a run of the same name is running, or a file cannot be written.
        KeyboardInterrupt: it was raised in this thread; the run has been stopped.
    """
    read_documents = read(documents)
    executor = executor or ProcessExecutor()
    check(read_documents, interactive=ask is not None, images=executor.uses_images)
    state = RunState(Path(home).absolute() / "runs" / read_documents.workflow["metadata"]["name"])
    control = control or Control()
    try:
        state.keep(documents)
        run = _Run(
            read_documents,
            state,
            Path(home).absolute(),
            jobs=jobs or os.cpu_count() or 1,
            cache=cache,
            observer=observer,
            executor=executor,
            resume=resume,
            ask=ask,
            control=control,
        )
        with Watchdog(state.folder, executor.remover):
            return _drive(run, control)
    except OSError as error:
        raise EngineError(
            Diagnostic(
                "MLP603",
                error.filename or str(home),
                f"the run cannot continue: {error.strerror or error}",
                f"free space on the disk or fix the permissions, then: mlplat retry {state.folder.name}",
            )
        ) from error
    finally:
        state.close()


def inspect(documents: Sequence[Mapping[str, Any]]) -> list[Diagnostic]:
    """Check a Workflow as :func:`run` does before anything runs.

    Args:
        documents: as for :func:`run`.

    Returns:
        Warnings.

    Raises:
        ManifestError: the documents are not valid.
        UnsupportedError: the Workflow is not valid, or needs something that this engine does not support.
    """
    return check(read(documents), interactive=True)


def _drive(run: _Run, control: Control) -> dict[str, Any]:
    """Run in an event loop of a new thread.

    The current thread may have a loop already; and a KeyboardInterrupt is raised while it waits, not inside of a task.
    """
    ended: Future[dict[str, Any]] = Future()

    def target() -> None:
        try:
            ended.set_result(asyncio.run(run.run()))
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread that waits
            ended.set_exception(error)

    threading.Thread(target=contextvars.copy_context().run, args=(target,), name="mlplat-engine").start()
    interrupted: KeyboardInterrupt | None = None
    while not ended.done():
        # Not Thread.join: Python 3.11 takes the thread for ended when a KeyboardInterrupt is raised in it.
        try:
            wait([ended], _LOOK_UP)
        except KeyboardInterrupt as error:
            interrupted = error
            control.interrupt()
    if interrupted and not ended.exception():
        raise interrupted
    return ended.result()


class _Run:
    def __init__(
        self,
        documents: Documents,
        state: RunState,
        home: Path,
        *,
        jobs: int,
        cache: Cache | None,
        observer: Callable[[Node], None],
        executor: Executor,
        resume: Mapping[str, Any] | None,
        ask: Ask | None,
        control: Control,
    ) -> None:
        self.workflow = started(documents.workflow, resume)
        self._documents, self._variables = bound(documents, self.workflow)
        self._state = state
        self._home = home
        self._jobs = jobs
        self._cache = cache
        self._observer = observer
        self._executor = executor
        self._ask = ask
        self._control = control
        self._timer: asyncio.TimerHandle | None = None
        self._execution: Execution | None = None
        self._failure: OSError | None = None
        self._tree = NodeTree(self.workflow["metadata"]["name"], self._changed)
        if resume is not None:
            self._tree.load(
                retried(self._tree.workflow, (resume.get("status") or {}).get("nodes") or {}).kept
            )
        self.workflow["status"]["nodes"] = self._tree.nodes

    async def run(self) -> dict[str, Any]:
        """Run the workflow to its end, and return it."""
        store = ArtifactStore(self._home / "artifacts")
        pods = self._make_room(store)
        group = "images/" if self._executor.uses_images else ""
        execution = self._execution = Execution(
            self._documents,
            tree=self._tree,
            variables=self._variables,
            pods=pods,
            slots=Slots(self._jobs, int(self._documents.workflow["spec"].get("parallelism") or 0)),
            ask=self._ask,
        )
        engine = Engine(
            execution,
            executor=self._executor,
            memo=Memo(self._cache, store, group),
            locks=self._home / "locks",
        )
        self._write()
        for node in self._tree.nodes.values():
            if node["phase"] == "Succeeded":
                execution.publish(node)
        try:
            with self._control.delivered(self._end), self._requests():
                phase, message = await execute_workflow(execution, engine)
                await pods.close()
        except BaseException:
            execution.shutdown.abandon()
            raise
        finally:
            if self._timer:
                self._timer.cancel()
            await self._executor.close()
        if self._failure is not None:
            raise self._failure
        self._finish(execution, phase, message)
        return self.workflow

    def _make_room(self, store: ArtifactStore) -> PodRunner:
        """Create the folders of the run, and end processes that a killed engine left."""
        for private in ("artifacts", "cache", "locks", "logs", "volumes"):
            make_private(self._home / private)
        folder = self._state.folder
        for noted in noted_folders(folder):
            self._executor.end_leftover(noted)
        logs = self._home / "logs" / self._tree.workflow
        logs.mkdir(exist_ok=True)
        volumes = Volumes(folder / "volumes", self._home / "volumes")
        return PodRunner(self._executor, store, volumes, folder, logs, self._home / "cache")

    @contextlib.contextmanager
    def _requests(self) -> Any:
        """Handle requests of other processes during the run."""
        pipe = self._state.listen()
        if pipe is None:
            yield
            return
        loop = asyncio.get_running_loop()

        def take() -> None:
            for how in self._state.requests():
                self._end(how)

        loop.add_reader(pipe, take)
        try:
            yield
        finally:
            loop.remove_reader(pipe)

    def _end(self, how: str) -> None:
        assert self._execution is not None
        if how == "Stop":
            self._control.stops(bool(self._execution.spec.get("onExit")))
            self._execution.shutdown.stop("Stop")
        else:
            self._execution.shutdown.stop("Terminate", grace=0.0)

    def _changed(self, node: Node) -> None:
        try:
            self._state.node(node)
        except OSError as error:
            self._give_up(error)
        self._observer(node)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._state.due(), self._write)

    def _write(self) -> None:
        self._timer = None
        self.workflow["status"]["progress"] = progress.total(self._tree.nodes)
        try:
            self._state.write(lambda: self.workflow)
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """Stop the run because its state cannot be written."""
        if self._failure is None:
            self._failure = error
            if self._execution is not None:
                self._execution.shutdown.stop("Terminate")

    def _finish(self, execution: Execution, phase: str, message: str) -> None:
        nodes, status = self._tree.nodes, self.workflow["status"]
        for node in nodes.values():
            if not fulfilled(node) and phase == "Error":
                self._tree.mark(node, "Error", "Workflow operation error")
        progress.update(nodes)
        status.update({"phase": phase, "finishedAt": timestamp(now()), "progress": progress.total(nodes)})
        if message:
            status["message"] = message
        if execution.outputs:
            status["outputs"] = execution.outputs
        labels = self.workflow["metadata"]["labels"]
        labels["workflows.argoproj.io/phase"] = phase
        labels["workflows.argoproj.io/completed"] = "true"
        status["conditions"] = [
            {"status": "True", "type": "Completed"},
            *({"status": "True", "type": "SpecWarning", "message": one} for one in execution.warnings),
        ]
        self._state.write(lambda: self.workflow, durable=True)
