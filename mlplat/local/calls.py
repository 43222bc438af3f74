"""``init(runner)``, as in KFP: after it, calling a pipeline or component compiles and runs it on this machine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlplat import engine
from mlplat.dsl.states import TaskState
from mlplat.engine import Executor, ProcessExecutor, terminal
from mlplat.errors import Diagnostic, EngineError
from mlplat.local.echo import Echo
from mlplat.local.runners import DockerRunner, SubprocessRunner, executor_of
from mlplat.runs.documents import with_name
from mlplat.runs.file_cache import FileCache
from mlplat.runs.machine import Machine, Started
from mlplat.runs.pages.notebook import notebook_page
from mlplat.runs.run import Changed, Stopping


class RunFailedError(EngineError):
    """A pipeline that was called has failed; ``workflow`` is its record."""

    default_code = "MLP604"

    def __init__(self, diagnostics: Sequence[Diagnostic], workflow: Mapping[str, Any]) -> None:
        self.workflow = workflow
        super().__init__(diagnostics)


@dataclass(frozen=True)
class Called:
    """The result of calling a pipeline or component.

    Attributes:
        name: the run's name.
        outputs: values and artifacts by name; an artifact is an object with ``path`` and ``metadata``.
        workflow: the run's record: the Workflow with its ``status``.
        state: ``TaskState.FINAL``, as KFP sets it on a task that has ended, whether it succeeded or not.
        home: folder of its logs and artifacts.
    """

    name: str
    outputs: Mapping[str, Any]
    workflow: Mapping[str, Any] = field(repr=False)
    state: TaskState = TaskState.FINAL
    home: Path | None = field(default=None, repr=False)

    @property
    def output(self) -> Any:
        """The only output.

        Raises:
            AttributeError: the call has no output, or more than one.
        """
        if len(self.outputs) != 1:
            names = ", ".join(self.outputs) or "none"
            raise AttributeError(f".output needs exactly one output; there are {len(self.outputs)}: {names}")
        return next(iter(self.outputs.values()))

    def _repr_html_(self) -> str | None:
        """Return the page of the run for a notebook; None where the extra ``local`` is not installed."""
        return notebook_page(self.workflow, self.home)


@dataclass(frozen=True)
class _Calls:
    """Runs pipelines and components."""

    machine: Machine
    raise_on_error: bool

    def __call__(self, component: Any, arguments: Mapping[str, Any]) -> Called:
        from mlplat import compiler
        from mlplat.dsl.single import spec_of

        options = compiler.Options(
            arguments={name: _argument(value) for name, value in arguments.items()},
            cache=self.machine.cache is not None,
        )
        documents = compiler.manifest(spec_of(component), options)
        run = self.machine.submit(with_name(documents, ""))
        self._show(run)
        workflow = run.result()
        if workflow["status"]["phase"] != "Succeeded" and self.raise_on_error:
            raise RunFailedError(self._reasons(workflow), workflow)
        return Called(run.name, run.outputs(), workflow, home=self.machine.home)

    def _show(self, run: Started) -> None:
        """Print what tasks print until the run has ended; Ctrl-C stops it."""
        with Echo(self.machine.home / "logs" / run.name, print) as echo, engine.signals(run.control), run:
            for event in run.events():
                match event:
                    case Changed(node):
                        echo(node)
                    case Stopping(has_exit_handler):
                        terminal.tell_stopping(has_exit_handler)

    def _reasons(self, workflow: Mapping[str, Any]) -> list[Diagnostic]:
        from mlplat.runs.outcomes import outcome

        found, run = outcome(workflow, self.machine), workflow["metadata"]["name"]
        log = f"its log is in {self.machine.home / 'logs' / run}"
        reasons = []
        for one in found.failures:
            last = one.last_lines[-1] if one.last_lines else ""
            hint = log if last in one.message else f"{log}; the last line: {last}"
            reasons.append(Diagnostic("MLP604", one.task, f"the task failed: {one.message}", hint))
        reasons += [Diagnostic("MLP604", task, "the task failed", log) for task in found.more_failures]
        return reasons or [Diagnostic("MLP604", run, f"the run {workflow['status']['phase'].lower()}")]


def _machine(root: Path, executor: Executor, cache: FileCache | None) -> Machine:
    ask = terminal.ask if terminal.is_interactive() else None
    return Machine(root, executor=executor, cache=cache, ask=ask)


def _argument(value: Any) -> Any:
    """Return the argument for a value: for an artifact, its location."""
    from mlplat.runtime.artifacts import Artifact

    if isinstance(value, Artifact):
        return str(Path(value.path).absolute()) if Path(value.path).exists() else value.uri
    return value


def init(
    runner: SubprocessRunner | DockerRunner,
    pipeline_root: str = "./local_outputs",
    workspace_root: str | None = None,  # noqa: ARG001 - a workspace is a folder of the run
    raise_on_error: bool = True,
    enable_caching: bool = False,
    cache_root: str | None = None,
) -> None:
    """Run every later call of a pipeline or component, outside of a pipeline, on this machine.

    What its tasks print is shown. ``mlplat get runs`` lists it when ``MLPLAT_HOME`` is the ``pipeline_root``; with
    ``MLPLAT_STORE``, it is recorded there.

    Args:
        runner: what tasks run in.
        pipeline_root: folder for runs, logs and artifacts.
        workspace_root: has no effect: a pipeline's workspace is a folder of its run.
        raise_on_error: whether a run that fails raises; else its outputs are None.
        enable_caching: whether to reuse results of earlier runs.
        cache_root: folder for cached results; ``.kfp_cache`` in ``pipeline_root`` when None.

    Raises:
        UnsupportedError: the runner is not supported.
        EngineError: the runner's program is not installed, or does not respond.
    """
    from mlplat.dsl import context

    executor = executor_of(runner)
    root = Path(pipeline_root).absolute()
    cache = FileCache(Path(cache_root).absolute() if cache_root else root / ".kfp_cache")
    machine = _machine(root, executor, cache if enable_caching else None)
    context.run_calls_with(_Calls(machine, raise_on_error))


@contextlib.contextmanager
def run_calls_in(folder: Path) -> Iterator[None]:
    """Run calls of a pipeline or component as processes, in this context and until the block ends.

    Args:
        folder: for runs, logs and artifacts.
    """
    from mlplat.dsl import context

    with context.calls_run_by(_Calls(_machine(folder, ProcessExecutor(), None), raise_on_error=True)):
        yield
