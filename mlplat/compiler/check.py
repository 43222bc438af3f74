"""Pass: the IR holds together: what is referred to exists, types fit, nothing waits for itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlplat.compiler.program import Program
from mlplat.errors import CompileError, Diagnostic, nearest
from mlplat.ir.circles import find_circle
from mlplat.ir.model import (
    Component,
    ComponentInput,
    Constant,
    Container,
    FinalStatus,
    InputArtifact,
    InputParameter,
    OneOf,
    ParameterType,
    PipelineSpec,
    Task,
    TaskOutput,
)
from mlplat.ir.types import fits

_ELSEWHERE = "run it on a Kubeflow Pipelines backend, or write that step as a Python component"


def run(program: Program) -> Program:
    """Refuse a pipeline that can't run, with every reason.

    Raises:
        CompileError: what is wrong.
    """
    problems = list(_problems(program.spec))
    if problems:
        raise CompileError(problems)
    return program


def _problems(spec: PipelineSpec) -> Iterator[Diagnostic]:
    root = spec.root
    if root.graph is None:
        yield Diagnostic(
            "MLP301", "root", "the pipeline has no graph", "compile a pipeline, not a single component"
        )
        return
    yield from _graph(spec.name, root, spec)
    for name, component in spec.components.items():
        if component.graph is not None:
            yield from _graph(name, component, spec)
        elif component.executor not in spec.executors:
            message = f"the executor '{component.executor}' is not in deploymentSpec"
            yield Diagnostic("MLP302", name, message, nearest(component.executor, list(spec.executors)))
        else:
            yield from _executor(name, component, spec)
    if spec.platform:
        yield Diagnostic(
            "MLP320",
            "platforms",
            "settings of the Kubernetes platform document are not compiled",
            "take them out",
            severity="error",
        )


def _executor(name: str, component: Component, spec: PipelineSpec) -> Iterator[Diagnostic]:
    executor = spec.executors[component.executor]
    if not isinstance(executor, Container):
        yield Diagnostic("MLP321", name, "importers are not compiled", _ELSEWHERE)
    elif executor.python is None:
        yield Diagnostic(
            "MLP322", name, "containers with a command of their own are not compiled", _ELSEWHERE
        )
    for output, artifact in component.output_artifacts.items():
        if artifact.is_list:
            yield Diagnostic("MLP323", f"{name}.{output}", "lists of artifacts are not compiled", _ELSEWHERE)
    for given, declared in component.input_artifacts.items():
        if declared.is_list:
            yield Diagnostic("MLP323", f"{name}.{given}", "lists of artifacts are not compiled", _ELSEWHERE)


def _graph(path: str, component: Component, spec: PipelineSpec) -> Iterator[Diagnostic]:
    assert component.graph is not None
    tasks = component.graph.tasks
    for name, task in tasks.items():
        place = f"{path}.tasks.{name}"
        if task.component not in spec.components:
            message = f"it calls the component '{task.component}', which is not there"
            yield Diagnostic("MLP303", place, message, nearest(task.component, list(spec.components)))
            continue
        yield from _task(place, task, component, tasks, spec)
    outputs = component.graph.output_parameters.items()
    for output, source in outputs:
        if isinstance(source, OneOf):
            yield Diagnostic("MLP324", f"{path}.outputs.{output}", "OneOf is not compiled", _ELSEWHERE)
        else:
            yield from _task_output(f"{path}.outputs.{output}", source, tasks, spec)
    for output, choices in component.graph.output_artifacts.items():
        if len(choices.choices) != 1:
            yield Diagnostic("MLP324", f"{path}.outputs.{output}", "OneOf is not compiled", _ELSEWHERE)
    circle = find_circle({name: task.depends_on for name, task in tasks.items()})
    if circle:
        message = f"the tasks wait for each other in a circle: {' -> '.join(circle)}"
        yield Diagnostic("MLP304", f"{path}.tasks", message, "take one of the dependencies away")


def _task(
    place: str, task: Task, around: Component, tasks: Mapping[str, Task], spec: PipelineSpec
) -> Iterator[Diagnostic]:
    called = spec.components[task.component]
    for other in task.depends_on:
        if other not in tasks:
            yield Diagnostic(
                "MLP305",
                place,
                f"it waits for the task '{other}', which is not there",
                nearest(other, list(tasks)),
            )
    item = task.iterator.item_input if task.iterator else ""
    known: dict[str, InputParameter | InputArtifact] = {**called.input_parameters, **called.input_artifacts}
    given = {**task.parameters, **task.artifacts}
    for name in given:
        if name not in known:
            yield Diagnostic(
                "MLP132", place, f"the component has no input '{name}'", nearest(name, list(known))
            )
    for name, declared in known.items():
        if name not in given and name != item and not declared.optional:
            yield Diagnostic("MLP133", place, f"the input '{name}' is missing", f"give it: {name}=…")
    for name, source in given.items():
        path = f"{place}.inputs.{name}"
        if isinstance(source, TaskOutput):
            yield from _task_output(path, source, tasks, spec)
        elif isinstance(source, ComponentInput):
            inputs = {**around.input_parameters, **around.input_artifacts}
            if source.name not in inputs:
                message = f"it reads the input '{source.name}' of the component around it, which has none of that name"
                yield Diagnostic("MLP306", path, message, nearest(source.name, list(inputs)))
        elif isinstance(source, FinalStatus):
            yield Diagnostic("MLP325", path, "the final status of a task is not compiled", _ELSEWHERE)
        elif name in called.input_parameters:
            yield from _constant(path, source, called.input_parameters[name].type)
    if task.iterator and task.iterator.is_artifact:
        yield Diagnostic("MLP323", place, "loops over artifacts are not compiled", _ELSEWHERE)
    if task.when_all_completed:
        yield Diagnostic(
            "MLP326", place, "exit tasks and ignore_upstream_failure are not compiled", _ELSEWHERE
        )


def _task_output(
    path: str, source: TaskOutput, tasks: Mapping[str, Task], spec: PipelineSpec
) -> Iterator[Diagnostic]:
    if source.task not in tasks:
        message = f"it reads an output of the task '{source.task}', which is not there"
        yield Diagnostic("MLP305", path, message, nearest(source.task, list(tasks)))
        return
    producer = tasks[source.task]
    component = spec.components.get(producer.component)
    if component is None:
        return
    outputs = {**component.output_parameters, **component.output_artifacts}
    if source.output not in outputs:
        message = f"the task '{source.task}' has no output '{source.output}'"
        hint = nearest(source.output, list(outputs)) or "its component declares no outputs"
        yield Diagnostic("MLP120", path, message, hint)
    elif producer.iterator or producer.condition:
        message = (
            f"it reads '{source.output}' out of the region '{source.task}', which may not run, or run often"
        )
        yield Diagnostic("MLP140", path, message, "use the value inside the same region")


def _constant(path: str, source: Constant, kind: ParameterType) -> Iterator[Diagnostic]:
    value: Any = source.value
    if isinstance(value, str) and "{{$." in value:
        yield Diagnostic(
            "MLP327", path, "placeholders inside a constant are not compiled", "give the values one by one"
        )
    number = isinstance(value, float) and value.is_integer() and kind is ParameterType.NUMBER_INTEGER
    if value is not None and kind is not ParameterType.STRING and not number and not fits(value, kind):
        message = f"the constant {value!r} is not of the declared type {kind.value}"
        yield Diagnostic("MLP134", path, message, "give a value of the declared type")
