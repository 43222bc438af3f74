"""Finds the tasks that use the pipeline's workspace."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlplat.compiler.placeholders import Hole, holes_of, parse
from mlplat.compiler.placeholders import holes as holes_in
from mlplat.errors import Diagnostic
from mlplat.ir.model import (
    Component,
    ComponentInput,
    Constant,
    Container,
    Importer,
    OneOf,
    ParameterSource,
    PipelineSpec,
    Task,
    TaskOutput,
)

_PATH = Hole(("workspace_path",))
_HINT = "add a workspace to the pipeline: pipeline_config=dsl.PipelineConfig(workspace=dsl.WorkspaceConfig(size='1Gi'))"


def users(spec: PipelineSpec) -> frozenset[str]:
    """Return the components that use paths in the workspace; empty if the pipeline has no workspace.

    KFP mounts the workspace in tasks that use its path, which may also come from inputs of pipelines and outputs of
    tasks.
    """
    if "workspace" not in spec.config:
        return frozenset()
    names = {name for name, component in spec.components.items() if _names_it(component, spec)}
    inputs: set[tuple[str, str]] = set()
    while True:
        before = len(names), len(inputs)
        for around, component in [("", spec.root), *spec.components.items()]:
            tasks: Mapping[str, Task] = component.graph.tasks if component.graph else {}
            for task in tasks.values():
                for name, source in (*task.parameters.items(), *task.artifacts.items()):
                    if _leads_there(source, around, tasks, names, inputs):
                        inputs.add((task.component, name))
                        names.add(task.component)
            if any(tasks[choice.task].component in names for choice in _output_sources(component)):
                names.add(around)
        if (len(names), len(inputs)) == before:
            return frozenset(names)


def problems(spec: PipelineSpec) -> Iterator[Diagnostic]:
    """Report components that need a workspace in a pipeline without one."""
    if "workspace" in spec.config:
        return
    for name, component in [(spec.name, spec.root), *spec.components.items()]:
        if _names_it(component, spec):
            does = "copies its data into" if _is_importer(component, spec) else "uses the path of"
            yield Diagnostic(
                "MLP324",
                name,
                f"the component {does} the workspace, but the pipeline has no workspace",
                _HINT,
            )
        for task, called in component.graph.tasks.items() if component.graph else ():
            for given, source in called.parameters.items():
                if isinstance(source, Constant) and _PATH in holes_of(source.value):
                    message = "the value is a path in the workspace, but the pipeline has no workspace"
                    yield Diagnostic("MLP324", f"{name}.tasks.{task}.inputs.{given}", message, _HINT)


def _output_sources(component: Component) -> Iterator[TaskOutput]:
    """Yield the sources of the outputs of a graph."""
    graph = component.graph
    if graph is not None:
        for source in (*graph.output_parameters.values(), *graph.output_artifacts.values()):
            yield from source.choices if isinstance(source, OneOf) else (source,)


def is_for_one_node(spec: PipelineSpec) -> bool:
    """Return whether the pods that use the workspace must be on one node: if its PVC can be mounted by only one."""
    config = spec.config.get("workspace")
    return config is not None and access_modes(config) == ["ReadWriteOnce"]


def access_modes(config: Mapping[str, Any]) -> list[str]:
    """Return the access modes of a workspace's PVC.

    Args:
        config: the workspace in the pipeline's settings.
    """
    patch = config.get("kubernetes", {}).get("pvcSpecPatch", {})
    return list(patch.get("accessModes") or ["ReadWriteOnce"])


def _names_it(component: Component, spec: PipelineSpec) -> bool:
    executor = spec.executors.get(component.executor)
    if isinstance(executor, Importer):
        return executor.download_to_workspace
    if not isinstance(executor, Container):
        return False
    own = () if executor.python else (*executor.command, *executor.args)
    return any(_PATH in holes_in(parse(text)) for text in (*own, *dict(executor.env).values()))


def _is_importer(component: Component, spec: PipelineSpec) -> bool:
    return isinstance(spec.executors.get(component.executor), Importer)


def _leads_there(
    source: ParameterSource,
    around: str,
    tasks: Mapping[str, Task],
    names: set[str],
    inputs: set[tuple[str, str]],
) -> bool:
    match source:
        case Constant(value):
            return _PATH in holes_of(value)
        case ComponentInput(name):
            return (around, name) in inputs
        case TaskOutput(task):
            return tasks[task].component in names
    return False
