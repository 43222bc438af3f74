"""``init(runner)``, as in KFP: after it, calling a pipeline or component compiles and runs it on this machine."""

from __future__ import annotations

import contextlib
import json
import random
import re
import string
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlplat import engine
from mlplat.argo.status import FAILED
from mlplat.dsl.states import TaskState
from mlplat.engine import Executor, ProcessExecutor, last_attempt, terminal
from mlplat.engine.state import make_private
from mlplat.errors import Diagnostic, EngineError
from mlplat.local.echo import Echo
from mlplat.local.runners import DockerRunner, SubprocessRunner, executor_of

_SUFFIX = string.ascii_lowercase + string.digits


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
        try:
            from mlplat.runs import reports
            from mlplat.runs.machine import Machine

            place = Machine(self.home) if self.home else None
            return reports.notebook_page(reports.of_workflow(self.workflow, place))
        except ModuleNotFoundError:
            return None


class FileCache:
    """The cache: one file for each result.

    Args:
        root: the folder of the files.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def load(self, cache_name: str, key: str, max_age: float | None) -> Mapping[str, Any] | None:
        """Return the outputs under a key; see :class:`mlplat.engine.Cache`."""
        file = self._root / cache_name / f"{key}.json"
        if not file.exists() or (max_age is not None and time.time() - file.stat().st_mtime > max_age):
            return None
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return found

    def save(self, cache_name: str, key: str, node_id: str, outputs: Mapping[str, Any]) -> None:
        """Save the outputs of a node; see :class:`mlplat.engine.Cache`."""
        file = self._root / cache_name / f"{key}.json"
        make_private(self._root)
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f"{key}.{node_id}.part")
        part.write_text(json.dumps(outputs), encoding="utf-8")
        part.replace(file)


@dataclass(frozen=True)
class _Runs:
    """Runs pipelines and components."""

    root: Path
    executor: Executor
    raise_on_error: bool
    cache: FileCache | None

    def __call__(self, component: Any, arguments: Mapping[str, Any]) -> Called:
        from mlplat import compiler
        from mlplat.dsl.single import spec_of

        spec = spec_of(component)
        suffix = "".join(random.choices(_SUFFIX, k=5))  # noqa: S311 - a name, no secret
        base = re.sub(r"[^a-z0-9]+", "-", spec.name)[:50].strip("-") or "run"
        options = compiler.Options(
            name=f"{base}-{suffix}",
            arguments={name: _argument(value) for name, value in arguments.items()},
            cache=self.cache is not None,
        )
        control = engine.Control(terminal.tell_stopping)
        with Echo(self.root / "logs" / options.name, print) as echo, engine.signals(control):
            workflow = engine.run(
                compiler.manifest(spec, options),
                home=self.root,
                executor=self.executor,
                cache=self.cache,
                observer=echo,
                ask=terminal.ask if terminal.is_interactive() else None,
                control=control,
            )
        if workflow["status"]["phase"] != "Succeeded" and self.raise_on_error:
            raise RunFailedError(self._reasons(workflow), workflow)
        return Called(options.name, self._outputs(workflow, spec), workflow, home=self.root)

    def _outputs(self, workflow: Mapping[str, Any], spec: Any) -> dict[str, Any]:
        nodes = workflow["status"].get("nodes", {})
        root: Mapping[str, Any] = next(
            (node for node in nodes.values() if node["name"] == workflow["metadata"]["name"]), {}
        )
        texts = {
            one["name"]: one.get("value", "null") for one in root.get("outputs", {}).get("parameters", ())
        }
        found: dict[str, Any] = {
            output: json.loads(texts.get(output, "null")) for output in spec.root.output_parameters
        }
        for name in spec.root.output_artifacts:
            value = json.loads(texts.get(name, "null"))
            found[name] = (
                [self._artifact(one) for one in value] if isinstance(value, list) else self._artifact(value)
            )
        return found

    def _artifact(self, value: Any) -> Any:
        from mlplat.runtime.artifacts import ARTIFACT_CLASSES, Artifact

        if value is None:
            return None
        made = ARTIFACT_CLASSES.get(value["type"]["schemaTitle"], Artifact)
        artifact = made(value["name"], value.get("uri"), value.get("metadata"))
        if value.get("key"):
            artifact.custom_path = str(self.root / "artifacts" / value["key"])
        return artifact

    def _reasons(self, workflow: Mapping[str, Any]) -> list[Diagnostic]:
        found = []
        name = workflow["metadata"]["name"]
        for node in workflow["status"]["nodes"].values():
            if node["phase"] in FAILED and node["type"] == "Pod":
                log = self.root / "logs" / name / f"{node['id']}.log"
                lines = last_attempt(log).splitlines()
                message = f"it failed: {node.get('message', '')}"
                hint = f"its log is {log}; the last line: {lines[-1]}" if lines else f"its log is {log}"
                found.append(Diagnostic("MLP604", node["displayName"], message, hint))
        return found or [Diagnostic("MLP604", name, f"the run {workflow['status']['phase'].lower()}")]


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

    What its tasks print is shown, and ``mlplat get runs`` lists it when ``MLPLAT_HOME`` is the ``pipeline_root``.

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
    context.run_calls_with(_Runs(root, executor, raise_on_error, cache if enable_caching else None))


@contextlib.contextmanager
def run_calls_in(folder: Path) -> Iterator[None]:
    """Run calls of a pipeline or component as processes, in this context and until the block ends.

    Args:
        folder: for runs, logs and artifacts.
    """
    from mlplat.dsl import context

    with context.calls_run_by(_Runs(folder, ProcessExecutor(), raise_on_error=True, cache=None)):
        yield
