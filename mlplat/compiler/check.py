"""Pass: checks the IR: references exist, types match, and there are no cycles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from mlplat.argo.names import PASSED
from mlplat.compiler import argo_templates, pods, workspace
from mlplat.compiler.conditions import inputs_of
from mlplat.compiler.executors import STUBS
from mlplat.compiler.placeholders import Hole, has_holes, holes, holes_of, parse
from mlplat.compiler.program import Program
from mlplat.compiler.scope import REGION_PREFIX
from mlplat.compiler.strings import PLACES
from mlplat.errors import CompileError, Diagnostic, nearest
from mlplat.ir.cycles import find_cycle, waits_for
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
from mlplat.ir.types import TYPE_NAMES, fits, json_problem

_ELSEWHERE = "run it on a Kubeflow Pipelines backend, or rewrite the task as a Python component"


def run(program: Program) -> Program:
    """Check a pipeline, and report all errors at once.

    Raises:
        CompileError: the errors.
    """
    problems = list(_problems(program.spec))
    if any(problem.severity == "error" for problem in problems):
        raise CompileError(problems)
    return replace(program, warnings=(*program.warnings, *problems))


def _problems(spec: PipelineSpec) -> Iterator[Diagnostic]:
    root = spec.root
    yield from _interface(spec.name, root)
    if root.graph is None:
        yield Diagnostic(
            "MLP301", "root", "the pipeline has no tasks", "compile a pipeline, not a single component"
        )
        return
    yield from _graph(spec.name, root, spec)
    yield from _components(spec)
    yield from workspace.problems(spec)
    for name, component in spec.components.items():
        yield from _interface(name, component)
        if component.graph is not None:
            yield from _graph(name, component, spec)
        elif component.executor not in spec.executors:
            message = f"the executor '{component.executor}' is not in deploymentSpec"
            yield Diagnostic("MLP302", name, message, nearest(component.executor, list(spec.executors)))
        else:
            yield from _executor(name, component, spec)


def _components(spec: PipelineSpec) -> Iterator[Diagnostic]:
    calls = {
        name: tuple(task.component for task in component.graph.tasks.values())
        for name, component in spec.components.items()
        if component.graph is not None
    }
    if cycle := find_cycle(calls):
        message = f"components call each other in a cycle: {' -> '.join(cycle)}"
        yield Diagnostic(
            "MLP307", cycle[0], message, "a pipeline cannot call itself; use dsl.ParallelFor for a loop"
        )


def _interface(name: str, component: Component) -> Iterator[Diagnostic]:
    inputs = {**component.input_parameters, **component.input_artifacts}
    for given in (*inputs, *component.output_parameters, *component.output_artifacts):
        if not PASSED.fullmatch(given):
            message = f"'{given}' is not a valid name of an input or output"
            yield Diagnostic("MLP308", f"{name}.{given}", message, "use letters, digits, - and _")
    for given, declared in component.input_parameters.items():
        default = declared.default
        if default in (ABSENT, None) or (fits(default, declared.type) and not json_problem(default)):
            continue
        message = f"the default {default!r} is not of the declared type {TYPE_NAMES[declared.type]}"
        yield Diagnostic("MLP134", f"{name}.{given}", message, "use a value of the declared type")


def _executor(name: str, component: Component, spec: PipelineSpec) -> Iterator[Diagnostic]:
    executor = spec.executors[component.executor]
    for output, artifact in component.output_artifacts.items():
        if artifact.is_list:
            message = (
                "a component cannot return a list of artifacts, because their number is not known in advance"
            )
            hint = "return one artifact that is a folder, or loop and collect with dsl.Collected"
            yield Diagnostic("MLP323", f"{name}.{output}", message, hint)
    if isinstance(executor, Container) and argo_templates.is_one(executor):
        if problem := argo_templates.problem(executor):
            message = f"invalid Argo template: {problem}"
            yield Diagnostic("MLP150", name, message, "compile the pipeline again")
        return
    if isinstance(executor, Container):
        texts = (executor.image, *executor.command, *executor.args, *dict(executor.env).values())
        python = executor.python
        own = (executor.image, *dict(executor.env).values()) if python else texts
        for hole in dict.fromkeys(hole for text in own for hole in holes(parse(text))):
            yield from _hole(name, hole, {*component.input_parameters, *component.input_artifacts})
        if not executor.command and not python and executor.image not in STUBS and executor.args:
            yield Diagnostic(
                "MLP322",
                name,
                "the container has arguments but no command, so only its image defines what runs",
                "set the command too; without it, local runs need --executor podman or docker",
                severity="warning",
            )
        return
    uri = executor.uri
    if isinstance(uri, ComponentInput) and uri.name not in component.input_parameters:
        message = f"the URI is the input '{uri.name}', which does not exist"
        yield Diagnostic("MLP306", name, message, nearest(uri.name, list(component.input_parameters)))
    if problem := json_problem(dict(executor.metadata)):
        message = f"the metadata of the importer cannot be written as JSON: {problem}"
        yield Diagnostic("MLP134", name, message, "use JSON values")


def _hole(path: str, hole: Hole, inputs: set[str]) -> Iterator[Diagnostic]:
    match hole.path:
        case ("inputs", _, given, *_) if given not in inputs and not given.startswith(REGION_PREFIX):
            message = f"the placeholder {hole} refers to an input that does not exist"
            yield Diagnostic("MLP327", path, message, nearest(given, list(inputs)))
        case () | ("inputs" | "outputs", *_):
            return
        case (word, *_) if word not in PLACES:
            message = f"the placeholder {hole} is supported only by its own platform"
            yield Diagnostic("MLP327", path, message, nearest(word, list(PLACES)) or _ELSEWHERE)


def _graph(path: str, component: Component, spec: PipelineSpec) -> Iterator[Diagnostic]:
    assert component.graph is not None
    tasks = component.graph.tasks
    for name, task in tasks.items():
        place = f"{path}.tasks.{name}"
        if task.component not in spec.components:
            message = f"the component '{task.component}' does not exist"
            yield Diagnostic("MLP303", place, message, nearest(task.component, list(spec.components)))
            continue
        yield from _task(place, task, component, tasks, spec)
    given = {**component.graph.output_parameters, **component.graph.output_artifacts}
    for output, source in given.items():
        for choice in source.choices if isinstance(source, OneOf) else (source,):
            yield from _task_output(f"{path}.outputs.{output}", choice, tasks, spec, may_be_absent=True)
    cycle = find_cycle({name: waits_for(task) for name, task in tasks.items()})
    if cycle:
        message = f"tasks depend on each other in a cycle: {' -> '.join(cycle)}"
        yield Diagnostic("MLP304", f"{path}.tasks", message, "remove one of the dependencies")


def _task(
    place: str, task: Task, around: Component, tasks: Mapping[str, Task], spec: PipelineSpec
) -> Iterator[Diagnostic]:
    component = spec.components[task.component]
    for other in task.depends_on:
        if other not in tasks:
            yield Diagnostic(
                "MLP305",
                place,
                f"the task depends on '{other}', which does not exist",
                nearest(other, list(tasks)),
            )
    item = task.iterator.item_input if task.iterator else ""
    known: dict[str, InputParameter | InputArtifact] = {
        **component.input_parameters,
        **component.input_artifacts,
    }
    given = {**task.parameters, **task.artifacts}
    read = {hole.path[2] for hole in _task_holes(task, component, spec) if len(hole.path) > 2}
    for name in given:
        if name not in known and name not in read:
            message = f"the component has no input '{name}', so its value is not used"
            yield Diagnostic("MLP132", place, message, nearest(name, list(known)), severity="warning")
    for name, declared in known.items():
        if name not in given and name != item and not declared.optional:
            yield Diagnostic("MLP133", place, f"the input '{name}' is missing", f"pass {name}=…")
    yield from _sources(place, task, around, component, tasks, spec)
    yield from _settings(place, component, around, tasks, spec)
    for name in inputs_of(task.condition):
        if name not in task.parameters:
            message = f"the condition reads the input '{name}', which is not passed to the task"
            yield Diagnostic("MLP306", f"{place}.condition", message, nearest(name, list(task.parameters)))
    if task.iterator:
        yield from _loop(place, task, component)


def _task_holes(task: Task, component: Component, spec: PipelineSpec) -> Iterator[Hole]:
    """Yield the placeholders in a task's constants and in its container's settings: both may read further inputs."""
    for source in task.parameters.values():
        if isinstance(source, Constant):
            yield from holes_of(source.value)
    executor = spec.executors.get(component.executor)
    if isinstance(executor, Container):
        for text in (
            executor.image,
            *dict(executor.env).values(),
            *executor.command,
            *executor.args,
            *executor.resources.requested().values(),
        ):
            yield from holes(parse(text))


def _sources(
    place: str,
    task: Task,
    around: Component,
    component: Component,
    tasks: Mapping[str, Task],
    spec: PipelineSpec,
) -> Iterator[Diagnostic]:
    for name, source in {**task.parameters, **task.artifacts}.items():
        path = f"{place}.inputs.{name}"
        if isinstance(source, TaskOutput):
            yield from _task_output(path, source, tasks, spec, may_be_absent=bool(task.condition))
        elif isinstance(source, ComponentInput):
            inputs = {**around.input_parameters, **around.input_artifacts}
            if source.name not in inputs:
                message = f"the enclosing component has no input '{source.name}'"
                yield Diagnostic("MLP306", path, message, nearest(source.name, list(inputs)))
        elif isinstance(source, FinalStatus):
            if source.task not in tasks:
                message = f"it reads the final status of the task '{source.task}', which does not exist"
                yield Diagnostic("MLP305", path, message, nearest(source.task, list(tasks)))
        elif name in component.input_parameters:
            for hole in dict.fromkeys(holes_of(source.value)):
                yield from _hole(path, hole, {*task.parameters, *task.artifacts})
            yield from _constant(path, source, component.input_parameters[name].type)
        elif problem := json_problem(source.value):
            yield Diagnostic(
                "MLP134", path, f"the constant cannot be written as JSON: {problem}", "use a JSON value"
            )


def _settings(
    place: str, component: Component, around: Component, tasks: Mapping[str, Task], spec: PipelineSpec
) -> Iterator[Diagnostic]:
    """Check the references of pod settings to the enclosing graph."""
    executor = spec.executors.get(component.executor)
    if not isinstance(executor, Container) or not executor.kubernetes:
        return
    for source in dict.fromkeys(pods.sources(executor)):
        if isinstance(source, TaskOutput):
            yield from _task_output(f"{place}.settings", source, tasks, spec)
        elif isinstance(source, ComponentInput) and source.name not in around.input_parameters:
            message = (
                f"a pod setting reads the input '{source.name}', which the enclosing component does not have"
            )
            yield Diagnostic("MLP306", place, message, nearest(source.name, list(around.input_parameters)))


def _loop(place: str, task: Task, component: Component) -> Iterator[Diagnostic]:
    iterator = task.iterator
    assert iterator is not None
    given = task.artifacts if iterator.is_artifact else task.parameters
    inputs = component.input_artifacts if iterator.is_artifact else component.input_parameters
    if isinstance(iterator.items, ComponentInput) and iterator.items.name not in given:
        message = f"the loop reads the input '{iterator.items.name}', which is not passed to the task"
        yield Diagnostic("MLP306", place, message, nearest(iterator.items.name, list(given)))
    if isinstance(iterator.items, Constant) and (problem := json_problem(iterator.items.value)):
        yield Diagnostic("MLP134", place, f"an item cannot be written as JSON: {problem}", "use JSON values")
    if iterator.item_input not in inputs:
        message = f"the loop passes its item to the input '{iterator.item_input}', which does not exist"
        yield Diagnostic("MLP132", place, message, nearest(iterator.item_input, list(inputs)))


def _task_output(
    path: str,
    source: TaskOutput,
    tasks: Mapping[str, Task],
    spec: PipelineSpec,
    *,
    may_be_absent: bool = False,
) -> Iterator[Diagnostic]:
    if source.task not in tasks:
        message = f"it reads an output of the task '{source.task}', which does not exist"
        yield Diagnostic("MLP305", path, message, nearest(source.task, list(tasks)))
        return
    producer = tasks[source.task]
    component = spec.components.get(producer.component)
    if component is None:
        return
    outputs = {**component.output_parameters, **component.output_artifacts}
    if source.output not in outputs:
        message = f"the task '{source.task}' has no output '{source.output}'"
        hint = nearest(source.output, list(outputs)) or "the component has no outputs"
        yield Diagnostic("MLP120", path, message, hint)
    elif producer.condition and not may_be_absent:
        message = f"it reads '{source.output}' of '{source.task}' outside of its branch, which may not run"
        yield Diagnostic("MLP140", path, message, "use the value inside the branch")


def _constant(path: str, source: Constant, kind: ParameterType) -> Iterator[Diagnostic]:
    value: Any = source.value
    number = isinstance(value, float) and value.is_integer() and kind is ParameterType.NUMBER_INTEGER
    may_fit = value is None or kind is ParameterType.STRING or has_holes(value) or number
    if not may_fit and not fits(value, kind):
        message = f"the constant {value!r} is not of the declared type {TYPE_NAMES[kind]}"
        yield Diagnostic("MLP134", path, message, "use a value of the declared type")
    elif problem := json_problem(value):
        yield Diagnostic(
            "MLP134", path, f"the constant cannot be written as JSON: {problem}", "use a JSON value"
        )
