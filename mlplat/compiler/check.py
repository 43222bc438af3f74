"""Pass: the IR holds together: what is referred to exists, types fit, nothing waits for itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mlplat.compiler.conditions import inputs_of
from mlplat.compiler.program import Program
from mlplat.errors import CompileError, Diagnostic, nearest
from mlplat.ir.circles import find_circle, waits_for
from mlplat.ir.model import (
    ABSENT,
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
from mlplat.ir.types import fits, json_problem

_NAME = re.compile(r"[A-Za-z0-9_-]+")
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
    yield from _interface(spec.name, root)
    if root.graph is None:
        yield Diagnostic(
            "MLP301", "root", "the pipeline has no graph", "compile a pipeline, not a single component"
        )
        return
    yield from _graph(spec.name, root, spec)
    yield from _components(spec)
    for name, component in spec.components.items():
        yield from _interface(name, component)
        if component.graph is not None:
            yield from _graph(name, component, spec)
        elif component.executor not in spec.executors:
            message = f"the executor '{component.executor}' is not in deploymentSpec"
            yield Diagnostic("MLP302", name, message, nearest(component.executor, list(spec.executors)))
        else:
            yield from _executor(name, component, spec)
    if spec.config or any(
        isinstance(executor, Container) and executor.kubernetes for executor in spec.executors.values()
    ):
        yield Diagnostic(
            "MLP320",
            "platforms",
            "settings of the Kubernetes platform document are not compiled",
            "take them out",
            severity="error",
        )


def _components(spec: PipelineSpec) -> Iterator[Diagnostic]:
    calls = {
        name: tuple(task.component for task in component.graph.tasks.values())
        for name, component in spec.components.items()
        if component.graph is not None
    }
    if circle := find_circle(calls):
        message = f"the components call each other in a circle: {' -> '.join(circle)}"
        yield Diagnostic(
            "MLP307", circle[0], message, "a pipeline can't call itself: loop with dsl.ParallelFor"
        )


def _interface(name: str, component: Component) -> Iterator[Diagnostic]:
    inputs = {**component.input_parameters, **component.input_artifacts}
    for given in (*inputs, *component.output_parameters, *component.output_artifacts):
        if not _NAME.fullmatch(given):
            message = "its name has other characters than letters, digits, - and _"
            yield Diagnostic("MLP308", f"{name}.{given}", message, "rename it")
    for given, declared in component.input_parameters.items():
        default = declared.default
        if default in (ABSENT, None) or (fits(default, declared.type) and not json_problem(default)):
            continue
        message = f"the default {default!r} is not of the declared type {declared.type.value}"
        yield Diagnostic("MLP134", f"{name}.{given}", message, "give a value of the declared type")


def _executor(name: str, component: Component, spec: PipelineSpec) -> Iterator[Diagnostic]:
    executor = spec.executors[component.executor]
    if not isinstance(executor, Container):
        yield Diagnostic("MLP321", name, "importers are not compiled", _ELSEWHERE)
    elif executor.python is None:
        yield Diagnostic(
            "MLP322", name, "containers with a command of their own are not compiled", _ELSEWHERE
        )
    else:
        resources = executor.resources
        texts = [
            executor.image,
            resources.accelerator_type,
            resources.accelerator_count,
            *dict(executor.env).values(),
        ]
        texts += [
            resources.cpu_request,
            resources.cpu_limit,
            resources.memory_request,
            resources.memory_limit,
        ]
        if any("{{$" in text for text in texts):
            message = "an image, resource or environment variable that only the run knows is not compiled"
            yield Diagnostic("MLP327", name, message, "give a constant")
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
        for choice in choices.choices:
            yield from _task_output(f"{path}.outputs.{output}", choice, tasks, spec)
    circle = find_circle({name: waits_for(task) for name, task in tasks.items()})
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
    yield from _sources(place, task, around, called, tasks, spec)
    for name in inputs_of(task.condition):
        if name not in task.parameters:
            message = f"its condition reads the input '{name}', which it is not given"
            yield Diagnostic("MLP306", f"{place}.condition", message, nearest(name, list(task.parameters)))
    if task.iterator:
        yield from _loop(place, task, called)
    if task.retry and called.graph is not None:
        message = "retries of a nested pipeline, branch or loop are not compiled"
        yield Diagnostic("MLP328", place, message, "set retries on the tasks inside")
    if task.when_all_completed:
        yield Diagnostic(
            "MLP326", place, "exit tasks and ignore_upstream_failure are not compiled", _ELSEWHERE
        )


def _sources(
    place: str,
    task: Task,
    around: Component,
    called: Component,
    tasks: Mapping[str, Task],
    spec: PipelineSpec,
) -> Iterator[Diagnostic]:
    for name, source in {**task.parameters, **task.artifacts}.items():
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


def _loop(place: str, task: Task, called: Component) -> Iterator[Diagnostic]:
    iterator = task.iterator
    assert iterator is not None
    if iterator.is_artifact:
        yield Diagnostic("MLP323", place, "loops over artifacts are not compiled", _ELSEWHERE)
        return
    if isinstance(iterator.items, ComponentInput) and iterator.items.name not in task.parameters:
        message = f"it loops over the input '{iterator.items.name}', which it is not given"
        yield Diagnostic("MLP306", place, message, nearest(iterator.items.name, list(task.parameters)))
    if isinstance(iterator.items, Constant) and (problem := json_problem(iterator.items.value)):
        yield Diagnostic("MLP134", place, f"an item has no JSON form: {problem}", "give another value")
    if iterator.item_input not in called.input_parameters:
        message = f"the loop gives its item to the input '{iterator.item_input}', which is not there"
        yield Diagnostic(
            "MLP132", place, message, nearest(iterator.item_input, list(called.input_parameters))
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
    elif problem := json_problem(value):
        yield Diagnostic("MLP134", path, f"the constant has no JSON form: {problem}", "give another value")
