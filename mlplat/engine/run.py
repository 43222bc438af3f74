"""Runs a Workflow on this machine."""

from __future__ import annotations

import asyncio
import copy
import json
import os
import signal
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from mlplat.argo import gotext
from mlplat.argo.expressions import ExpressionError
from mlplat.argo.retry import retried
from mlplat.argo.templating import LENIENT, Scope, TemplatingError, evaluate_boolean_in, evaluate_in
from mlplat.argo.templating import replace as replace_tags
from mlplat.engine import progress, terminal
from mlplat.engine.artifacts import ArtifactStore
from mlplat.engine.checks import check
from mlplat.engine.documents import Documents, read
from mlplat.engine.engine import Call, Engine
from mlplat.engine.failures import TemplateFailedError
from mlplat.engine.hooks import exit_hook
from mlplat.engine.memoize import Cache, Memo
from mlplat.engine.nodes import Node, NodeTree, fulfilled, instant, now, pod_name, timestamp, unsuccessful
from mlplat.engine.pods import PodRunner
from mlplat.engine.process import Executor, ProcessExecutor
from mlplat.engine.scope import Globals, global_variables
from mlplat.engine.state import RunState, make_private
from mlplat.engine.suspend import Ask
from mlplat.engine.volumes import Volumes
from mlplat.engine.watchdog import Watchdog, noted_folders
from mlplat.errors import Diagnostic, EngineError, ManifestError

_PHASES = {
    "Pending": "Pending",
    "Running": "Running",
    "Succeeded": "Succeeded",
    "Skipped": "Succeeded",
    "Omitted": "Succeeded",
    "Failed": "Failed",
    "Error": "Error",
}


_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def _do_nothing() -> None:
    pass


def _nobody(node: Node) -> None:
    del node


def run(
    documents: Sequence[Mapping[str, Any]],
    *,
    home: Path,
    jobs: int | None = None,
    cache: Cache | None = None,
    observer: Callable[[Node], None] = _nobody,
    executor: Executor | None = None,
    resume: Mapping[str, Any] | None = None,
    ask: Ask | None = None,
) -> dict[str, Any]:
    """Run a Workflow to its end.

    Args:
        documents: the Workflow, its parameters bound, and any ConfigMaps, Secrets and WorkflowTemplates beside it.
        home: the folder for runs, logs and artifacts.
        jobs: tasks that may run at the same time; by default as many as there are processors.
        cache: remembers outputs of memoized templates between runs.
        observer: is told of each node that is new or changed; it must not change it.
        executor: what tasks run in; by default processes.
        resume: the Workflow of an earlier run, with its status: what succeeded in it isn't run again.
        ask: asks a person whether a suspended workflow may go on; by default at the terminal.

    Returns:
        The Workflow with the ``status`` that Argo would give it.

    Raises:
        ManifestError: the documents don't make a run.
        UnsupportedError: the Workflow asks for something that isn't done here; nothing has run.
        EngineError: a run of the same name is going on, or the disk refuses.
    """
    read_documents = read(documents)
    ask = ask or (terminal.ask if terminal.is_interactive() else None)
    executor = executor or ProcessExecutor()
    check(read_documents, interactive=ask is not None, images=executor.uses_images)
    state = RunState(Path(home).absolute() / "runs" / read_documents.workflow["metadata"]["name"])
    try:
        state.keep(documents)
        runner = _Run(
            read_documents,
            state,
            Path(home).absolute(),
            jobs=jobs or os.cpu_count() or 1,
            cache=cache,
            observer=observer,
            executor=executor,
            resume=resume,
            ask=ask,
        )
        with Watchdog(state.folder, executor.remover):
            return _drive(runner)
    except OSError as error:
        raise EngineError(
            Diagnostic(
                "MLP603",
                error.filename or str(home),
                f"the run can't continue: {error.strerror or error}",
                f"make room or give the rights that are missing, then: mlplat retry {state.folder.name}",
            )
        ) from error
    finally:
        state.close()


def inspect(documents: Sequence[Mapping[str, Any]]) -> list[Diagnostic]:
    """Look at a Workflow as :func:`run` does before anything runs.

    Args:
        documents: as for :func:`run`.

    Returns:
        Warnings.

    Raises:
        ManifestError: the documents don't make a run.
        UnsupportedError: the Workflow is wrongly built, or asks for something that isn't done here.
    """
    return check(read(documents), interactive=True)


def _drive(runner: _Run) -> dict[str, Any]:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(runner.run(signals=threading.current_thread() is threading.main_thread()))
    result: list[dict[str, Any]] = []
    failure: list[BaseException] = []

    def target() -> None:
        try:
            result.append(asyncio.run(runner.run(signals=False)))
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread that waits
            failure.append(error)

    thread = threading.Thread(target=target, name="mlplat-local")
    thread.start()
    while thread.is_alive():
        try:
            thread.join()
        except KeyboardInterrupt:
            runner.interrupt()
    if failure:
        raise failure[0]
    return result[0]


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
    ) -> None:
        self.state = state
        self._observer = observer
        self._jobs = jobs
        self._executor = executor
        self._ask = ask
        group = "images/" if executor.uses_images else ""
        self._memo = Memo(cache, ArtifactStore(home / "artifacts"), group)
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._engine: Engine | None = None
        self._interrupts = 0
        self._failure: OSError | None = None
        self.workflow = self._prepare(documents, resume)
        self.status: dict[str, Any] = self.workflow["status"]
        self.tree = NodeTree(self.workflow["metadata"]["name"], self._changed)
        if resume is not None:
            self.tree.load(retried(self.tree.workflow, (resume.get("status") or {}).get("nodes") or {}).kept)
        self.status["nodes"] = self.tree.nodes
        self.documents = self._bound(documents, instant(self.workflow["metadata"]["creationTimestamp"]))
        self._locks = home / "locks"
        for private in ("artifacts", "cache", "locks", "logs", "volumes"):
            make_private(home / private)
        for folder in noted_folders(state.folder):
            executor.end_leftover(folder)
        logs = home / "logs" / self.tree.workflow
        logs.mkdir(exist_ok=True)
        self._pods = PodRunner(
            executor,
            ArtifactStore(home / "artifacts"),
            Volumes(state.folder / "volumes", home / "volumes"),
            state.folder,
            logs,
            home / "cache" / "environments",
        )

    def _prepare(self, documents: Documents, resume: Mapping[str, Any] | None) -> dict[str, Any]:
        workflow = copy.deepcopy(documents.workflow)
        metadata = workflow["metadata"]
        earlier = (resume or {}).get("metadata") or {}
        metadata.setdefault("namespace", "default")
        metadata.setdefault("uid", earlier.get("uid") or str(uuid.uuid4()))
        metadata.setdefault("creationTimestamp", earlier.get("creationTimestamp") or timestamp(now()))
        labels = dict(metadata.get("labels") or {})
        labels["workflows.argoproj.io/phase"] = "Running"
        labels["workflows.argoproj.io/completed"] = "false"
        metadata["labels"] = labels
        metadata["annotations"] = {
            **(metadata.get("annotations") or {}),
            "workflows.argoproj.io/pod-name-format": "v2",
        }
        workflow["status"] = {
            "phase": "Running",
            "startedAt": timestamp(now()),
            "finishedAt": None,
            "progress": "0/0",
        }
        return workflow

    def _bound(self, documents: Documents, created: datetime) -> Documents:
        """Give the spec its global variables, as Argo does before it looks at any template."""
        given = {
            **self.workflow,
            "metadata": {
                **self.workflow["metadata"],
                "labels": documents.workflow["metadata"].get("labels") or {},
            },
        }
        try:
            variables = global_variables(given, documents.config_maps, created)
        except ValueError as error:
            raise ManifestError(
                Diagnostic("MLP524", "spec.arguments.parameters", str(error), "give it with -p")
            ) from None
        spec = {key: value for key, value in self.workflow["spec"].items() if key != "templates"}
        runtime = ("workflow.status", "workflow.duration")
        early = {name: value for name, value in variables.items() if name not in runtime}
        try:
            replaced = replace_tags(spec, Scope(early), LENIENT)
        except TemplatingError as error:
            raise ManifestError(Diagnostic("MLP514", "spec", str(error), "close the tag with }}")) from None
        replaced = self._with_metadata(replaced, variables, early)
        bound = {
            **self.workflow,
            "spec": {**replaced, "templates": self.workflow["spec"].get("templates") or []},
        }
        self.globals = Globals(variables)
        return Documents(bound, documents.specs, documents.config_maps, documents.secrets)

    def _with_metadata(
        self, spec: dict[str, Any], variables: dict[str, Any], early: dict[str, Any]
    ) -> dict[str, Any]:
        """Give the Workflow the labels and annotations of ``workflowMetadata``, and the spec those among them.

        See ``updateWorkflowMetadata`` of Argo 4.0.7's ``operator.go``.
        """
        extra = spec.get("workflowMetadata")
        if not extra:
            return spec
        metadata = self.workflow["metadata"]
        labels = dict(extra.get("labels") or {})
        for name, source in (extra.get("labelsFrom") or {}).items():
            labels[name] = _label(name, source.get("expression", ""), Scope(early))
        added = {f"workflow.labels.{name}": value for name, value in labels.items()}
        for name, value in (extra.get("annotations") or {}).items():
            metadata["annotations"][name] = added[f"workflow.annotations.{name}"] = value
        metadata["labels"].update(labels)
        variables.update(added)
        bound: dict[str, Any] = replace_tags(spec, Scope(added), LENIENT)
        return bound

    def _changed(self, node: Node) -> None:
        try:
            self.state.node(node)
        except OSError as error:
            self._give_up(error)
        self._observer(node)
        if self._timer is None and self._loop is not None:
            self._timer = self._loop.call_later(self.state.due(), self._write)

    def _write(self) -> None:
        self._timer = None
        self.status["progress"] = progress.total(self.tree.nodes)
        try:
            self.state.write(lambda: self.workflow)
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """Stop the run because its state can't be written."""
        if self._failure is None:
            self._failure = error
            if self._engine is not None:
                self._engine.stop("Terminate")

    def interrupt(self) -> None:
        """Stop the run, from another thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop)

    def _stop(self) -> None:
        self._interrupts += 1
        self._end("Stop" if self._interrupts == 1 else "Terminate")

    def _requested(self) -> None:
        for how in self.state.requests():
            self._end(how)

    def _end(self, how: str) -> None:
        if self._engine is None:
            return
        if how == "Stop":
            last = ", then onExit runs" if self.documents.workflow["spec"].get("onExit") else ""
            terminal.tell(f"stopping: running tasks are ended{last}; press Ctrl-C again to end at once")
            self._engine.stop("Stop", grace=10.0)
        else:
            self._engine.stop("Terminate", grace=0.0)

    async def run(self, *, signals: bool) -> dict[str, Any]:
        self._loop = asyncio.get_running_loop()
        restore = self._handle_signals(self._loop) if signals else _do_nothing
        self._write()
        engine = self._engine = Engine(
            self.documents,
            tree=self.tree,
            pods=self._pods,
            executor=self._executor,
            variables=self.globals,
            memo=self._memo,
            jobs=self._jobs,
            locks=self._locks,
            ask=self._ask,
        )
        requests = self.state.listen()
        if requests is not None:
            self._loop.add_reader(requests, self._requested)
        for node in self.tree.nodes.values():
            if node["phase"] == "Succeeded":
                engine.publish(node)
        deadline = self._set_deadline(engine)
        try:
            phase, message = await self._execute_synchronized(engine)
            await self._pods.close()
        except BaseException:
            engine.abandon()
            raise
        finally:
            if deadline:
                deadline.cancel()
            if self._timer:
                self._timer.cancel()
            if requests is not None:
                self._loop.remove_reader(requests)
            restore()
        if self._failure is not None:
            raise self._failure
        self._finish(engine, phase, message)
        return self.workflow

    def _handle_signals(self, loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
        """Stop the run at a signal, and at once at the second; return what restores the handlers there were."""
        before = {number: signal.getsignal(number) for number in _SIGNALS}
        if before[signal.SIGHUP] is signal.SIG_IGN:  # nohup
            del before[signal.SIGHUP]
        for number in before:
            loop.add_signal_handler(number, self._stop)

        def restore() -> None:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, signal.SIG_DFL if handler is None else handler)

        return restore

    def _set_deadline(self, engine: Engine) -> asyncio.TimerHandle | None:
        limit = self.documents.workflow["spec"].get("activeDeadlineSeconds")
        if limit is None:
            return None
        return asyncio.get_running_loop().call_later(float(limit), engine.exceed_deadline)

    async def _execute_synchronized(self, engine: Engine) -> tuple[str, str]:
        spec = self.documents.workflow["spec"]
        call = Call(self.tree.workflow, {"template": spec["entrypoint"]}, engine.library.root, {})
        try:
            locks = engine.synchronized(spec, lambda lock: engine.waits(lock, call, "DAG"))
        except ValueError as error:
            return "Error", str(error)
        async with locks:
            return await self._execute(engine)

    async def _execute(self, engine: Engine) -> tuple[str, str]:
        spec = self.documents.workflow["spec"]
        arguments = spec.get("arguments") or {}
        root = engine.library.root
        self.globals.set("workflow.failures", "[]")
        early = asyncio.ensure_future(self._run_hooks(engine))
        try:
            node = await engine.execute(
                Call(self.tree.workflow, {"template": spec["entrypoint"]}, root, arguments, kind="steps")
            )
            await early
            phase = _PHASES[node["phase"]]
            self.globals.set("workflow.status", phase)
            self.globals.set("workflow.failures", gotext.to_json(self._failures()))
            await self._run_hooks(engine)
        except TemplateFailedError as error:
            return "Error", f"error in entry template execution: {error}"
        except ExpressionError as error:
            return "Error", str(error)
        finally:
            early.cancel()
        hook = exit_hook(spec, arguments)
        if hook is not None and engine.shutdown != "Terminate":
            try:
                after = await engine.execute(
                    Call(
                        f"{self.tree.workflow}.onExit",
                        {key: hook[key] for key in ("template", "templateRef") if hook.get(key)},
                        root,
                        hook.get("arguments") or {},
                        kind="steps",
                        on_exit=True,
                        flag={"hooked": True},
                    )
                )
            except TemplateFailedError as error:
                return "Error", f"error in exit template execution : {error}"
            if phase == "Succeeded" and unsuccessful(after):
                return _PHASES[after["phase"]], after.get("message", "")
        if unsuccessful(node) and engine.shutdown:
            return phase, f"Stopped with strategy '{engine.shutdown}'"
        return phase, "" if phase == "Succeeded" else node.get("message", "")

    async def _run_hooks(self, engine: Engine) -> None:
        """Run the workflow's hooks whose expressions hold now, and which have not run yet."""
        root = self.tree.id(self.tree.workflow)
        for name, hook in (self.documents.workflow["spec"].get("hooks") or {}).items():
            target = f"{self.tree.workflow}.hooks.{name}"
            if name == "exit" or self.tree.named(target) is not None:
                continue
            if not hook.get("expression"):
                raise ExpressionError(f"Expression required for hook {target}")
            if not evaluate_boolean_in(engine.scope, hook["expression"]):
                continue
            call = Call(
                target,
                {key: hook[key] for key in ("template", "templateRef") if hook.get(key)},
                engine.library.root,
                hook.get("arguments") or {},
                kind="steps",
                flag={"hooked": True},
            )
            running = asyncio.ensure_future(engine.execute(call))
            await asyncio.sleep(0)
            if root in self.tree.nodes:
                self.tree.connect(root, self.tree.id(target))
            await running

    def _failures(self) -> list[dict[str, Any]]:
        return [
            {
                "displayName": node["displayName"],
                "message": node.get("message", ""),
                "templateName": node.get("templateName", ""),
                "phase": node["phase"],
                "podName": pod_name(self.tree.workflow, node["name"], node.get("templateName", "")),
                "finishedAt": node["finishedAt"],
            }
            for node in self.tree.nodes.values()
            if unsuccessful(node)
        ]

    def _finish(self, engine: Engine, phase: str, message: str) -> None:
        for node in self.tree.nodes.values():
            if not fulfilled(node) and phase == "Error":
                self.tree.mark(node, "Error", "Workflow operation error")
        progress.update(self.tree.nodes)
        self.status.update(
            {"phase": phase, "finishedAt": timestamp(now()), "progress": progress.total(self.tree.nodes)}
        )
        if message:
            self.status["message"] = message
        if engine.outputs:
            self.status["outputs"] = engine.outputs
        labels = self.workflow["metadata"]["labels"]
        labels["workflows.argoproj.io/phase"] = phase
        labels["workflows.argoproj.io/completed"] = "true"
        self.status["conditions"] = [
            {"status": "True", "type": "Completed"},
            *({"status": "True", "type": "SpecWarning", "message": one} for one in engine.warnings),
        ]
        self.state.write(lambda: self.workflow, durable=True)


def _label(name: str, expression: str, scope: Scope) -> str:
    try:
        value = evaluate_in(scope, expression)
    except ExpressionError as error:
        why = str(error)
    else:
        if isinstance(value, str):
            return value
        why = f"it gives {gotext.sprint(value)}, which is not a string"
    path = f"spec.workflowMetadata.labelsFrom.{name}.expression"
    hint = "write an expression that gives a string; it sees workflow.*"
    raise ManifestError(Diagnostic("MLP534", path, f"the label has no value: {why}", hint))


def runs(home: Path) -> list[dict[str, Any]]:
    """Return the Workflows of all runs under a home, the newest first.

    Args:
        home: the folder for runs, logs and artifacts.

    Returns:
        Each Workflow with its status.
    """
    found = []
    for file in Path(home).glob("runs/*/workflow.json"):
        try:
            found.append(json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            continue
    return sorted(found, key=lambda one: str(one["metadata"].get("creationTimestamp", "")), reverse=True)
