"""Finds the inputs that can be a reference to a large value, and the inputs of a graph that its tasks read.

A value is large only at its source: a task's string, list or dict output may outgrow a parameter (it is then
*stored*, and fetched by key), and a constant or argument may be large already (it is then in the Workflow's
ConfigMap). All other values are small, and their templates stay simple.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Flag, auto

from mlplat.argo import values
from mlplat.compiler.conditions import inputs_of
from mlplat.compiler.placeholders import holes_of
from mlplat.compiler.program import Program
from mlplat.ir.model import (
    Component,
    ComponentInput,
    Constant,
    Container,
    Graph,
    Importer,
    OneOf,
    ParameterSource,
    ParameterType,
    PipelineSpec,
    PythonFunction,
    Task,
    TaskOutput,
)

_SETS_URI = re.compile(r"\buri\b\s*=(?!=)|\b(set_path|setattr)\b|\.path\s*=(?!=)")

GROWING = frozenset({ParameterType.STRING, ParameterType.LIST, ParameterType.STRUCT})
"""Types whose values have no bound."""


class Form(Flag):
    """The forms of an input other than a plain value: references to large values, or to parts of them."""

    PLAIN = 0
    STORED = auto()
    """The value is in the artifact store."""
    CONFIGURED = auto()
    """The value is in the Workflow's ConfigMap."""
    PART = auto()
    """An item of a large list, or a field of it."""
    COLLECTED = auto()
    """The value is the list of all iterations of a loop, and some items are in the artifact store."""

    IMPORTED = auto()
    """The artifact may be outside of the store."""

    STATUS = auto()
    """The value is the final status of a task; the reason of a failure is in the artifact store."""

    @property
    def is_large(self) -> bool:
        """Whether the value itself may be a reference."""
        return bool(self & (Form.STORED | Form.CONFIGURED))


@dataclass(slots=True)
class Flows:
    """The forms of every input, by component and input; inputs that are missing are plain."""

    forms: dict[tuple[str, str], Form] = field(default_factory=dict)

    def of(self, component: str, name: str) -> Form:
        """Return the forms of an input."""
        return self.forms.get((component, name), Form.PLAIN)

    def note(self, component: str, name: str, form: Form) -> bool:
        """Add forms to an input; return whether any is new."""
        before = self.of(component, name)
        if form:
            self.forms[component, name] = before | form
        return before | form != before


def analyse(program: Program) -> Flows:
    """Follow values from their sources to all inputs that they reach."""
    spec = program.spec
    flows = Flows(
        {("", name): Form.CONFIGURED for name, argument in program.arguments.items() if argument.large}
    )
    changed = True
    while changed:
        changed = False
        for around, component in [("", spec.root), *spec.components.items()]:
            for task in component.graph.tasks.values() if component.graph else ():
                changed |= _follow(around, component, task, spec, flows)
    return flows


def _follow(around: str, component: Component, task: Task, spec: PipelineSpec, flows: Flows) -> bool:
    changed = False
    for name, source in (*task.parameters.items(), *task.artifacts.items()):
        changed |= flows.note(task.component, name, form_of(source, around, component, spec, flows))
    if task.iterator is None:
        return changed
    items = task.iterator.items
    form = (
        form_of(items, around, component, spec, flows)
        if isinstance(items, Constant)
        else flows.of(task.component, items.name)
    )
    return flows.note(task.component, task.iterator.item_input, _of_item(form)) or changed


def _of_item(form: Form) -> Form:
    """Return the forms of a list's items."""
    part = form | Form.PART if form.is_large else form & Form.IMPORTED
    return part | Form.STORED | Form.COLLECTED if Form.COLLECTED in form else part


def form_of(
    source: ParameterSource, around: str, component: Component, spec: PipelineSpec, flows: Flows
) -> Form:
    """Return the forms of a value that a task of a graph reads.

    Args:
        source: source of the value.
        around: name of the enclosing component; empty for the pipeline.
        component: that component.
        spec: the pipeline.
        flows: the forms of inputs so far.

    Returns:
        The forms; those of an output depend on the task that writes it.
    """
    match source:
        case Constant():
            form = Form.CONFIGURED if is_large(source) else Form.PLAIN
        case ComponentInput(name):
            form = flows.of(around, name)
        case TaskOutput():
            assert component.graph is not None
            form = _of_output(source, component.graph, spec)
        case _:
            return Form.STATUS
    return form | Form.PART if form.is_large and source.selector else form


def _of_output(source: TaskOutput, graph: Graph, spec: PipelineSpec) -> Form:
    """Return the forms of a task's output: those of the task that writes it."""
    task = graph.tasks[source.task]
    producer = spec.components[task.component]
    if producer.graph is None:
        executor = spec.executors.get(producer.executor)
        if isinstance(executor, Importer):
            return Form.IMPORTED
        declared = producer.output_parameters.get(source.output)
        python = executor.python if isinstance(executor, Container) else None
        if declared is None and python is not None and sets_uris(python):
            return Form.IMPORTED
        is_python = python is not None
        return Form.STORED if is_python and declared and declared.type in GROWING else Form.PLAIN
    outputs = {**producer.graph.output_parameters, **producer.graph.output_artifacts}
    inner = outputs.get(source.output)
    choices = inner.choices if isinstance(inner, OneOf) else (inner,) if inner else ()
    form = Form.PLAIN
    for choice in choices:
        form |= _of_output(choice, producer.graph, spec)
    return Form.COLLECTED if form.is_large and task.iterator else form


def sets_uris(function: PythonFunction) -> bool:
    """Return whether a function may set the URI of an output instead of writing it."""
    return _SETS_URI.search(function.source) is not None


def is_large(constant: Constant) -> bool:
    """Return whether a constant is too large for a parameter."""
    return len(values.inert_json(constant.value).encode("utf-8", "surrogatepass")) > values.LARGEST_PARAMETER


def used_inputs(
    spec: PipelineSpec, settings: Callable[[Task], Iterable[ParameterSource]]
) -> Mapping[str, frozenset[str]]:
    """Return the inputs that each component reads: for a graph, those that its tasks read; for a container, all.

    Args:
        spec: the pipeline.
        settings: returns the values that pod settings of a task read from the enclosing graph.
    """
    used_by: dict[str, frozenset[str]] = {}

    def used(name: str) -> frozenset[str]:
        if name not in used_by:
            component = spec.components[name]
            if component.graph is None:
                used_by[name] = frozenset((*component.input_parameters, *component.input_artifacts))
            else:
                used_by[name] = frozenset(
                    source.name
                    for task in component.graph.tasks.values()
                    for source in (*_read(task, spec.components[task.component], used), *settings(task))
                    if isinstance(source, ComponentInput)
                )
        return used_by[name]

    for name in spec.components:
        used(name)
    return used_by


def _read(
    task: Task, component: Component, used: Callable[[str], frozenset[str]]
) -> Iterator[ParameterSource]:
    """Yield the inputs of a task that it reads: a container reads all of them."""
    if component.graph is None:
        yield from (*task.parameters.values(), *task.artifacts.values())
        return
    in_texts = {
        hole.path[2]
        for source in task.parameters.values()
        if isinstance(source, Constant)
        for hole in holes_of(source.value)
        if len(hole.path) > 2
    }
    for key, source in (*task.parameters.items(), *task.artifacts.items()):
        if key in in_texts or _reads(task, key, used(task.component)):
            yield source


def _reads(task: Task, key: str, used: frozenset[str]) -> bool:
    if key in used or key in inputs_of(task.condition):
        return True
    return (
        task.iterator is not None
        and isinstance(task.iterator.items, ComponentInput)
        and task.iterator.items.name == key
    )


def large_constants(spec: PipelineSpec) -> bool:
    """Return whether any constant of the pipeline is too large for a parameter."""
    graphs = [component.graph for component in (spec.root, *spec.components.values()) if component.graph]
    return any(
        isinstance(source, Constant) and is_large(source)
        for graph in graphs
        for task in graph.tasks.values()
        for source in (*task.parameters.values(), task.iterator.items if task.iterator else None)
    )
