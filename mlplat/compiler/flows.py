"""Which inputs can hold a reference to a large value, and which inputs of a region its tasks read at all.

A value becomes large only where it is made: a task's text, list or dict output may outgrow a parameter (it is then
*stored*, and fetched by key), and a constant or argument may be large already (it then stands in the Workflow's
ConfigMap). What a region or task gets from anything else is small, and its template needs none of the machinery.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mlplat.argo import values
from mlplat.compiler.program import Program
from mlplat.ir.model import (
    Component,
    ComponentInput,
    Constant,
    OutputParameter,
    ParameterSource,
    ParameterType,
    PipelineSpec,
    Task,
    TaskOutput,
)

GROWING = frozenset({ParameterType.STRING, ParameterType.LIST, ParameterType.STRUCT})
"""Types whose values have no bound."""


@dataclass(slots=True)
class Flows:
    """Inputs, as (component, input).

    Attributes:
        stored: may hold a reference to a value in the artifact store.
        large: may hold a reference of either kind.
    """

    stored: set[tuple[str, str]] = field(default_factory=set)
    large: set[tuple[str, str]] = field(default_factory=set)


def analyse(program: Program) -> Flows:
    """Follow values from where they are made to every input that they reach."""
    spec = program.spec
    root_large = {name for name, argument in program.arguments.items() if argument.large}
    flows = Flows(large={("", name) for name in root_large})
    changed = True
    while changed:
        before = len(flows.stored) + len(flows.large)
        for around, component in [("", spec.root), *spec.components.items()]:
            for task in component.graph.tasks.values() if component.graph else ():
                _follow(around, component, task, spec, flows)
        changed = len(flows.stored) + len(flows.large) > before
    return flows


def _follow(around: str, component: Component, task: Task, spec: PipelineSpec, flows: Flows) -> None:
    for name, source in task.parameters.items():
        stored, large = _of(source, around, component, spec, flows)
        _note(task.component, name, stored, large, flows)
    if task.iterator is None or task.iterator.is_artifact:
        return
    items = task.iterator.items
    if isinstance(items, Constant):
        large = is_large(items)
        _note(task.component, task.iterator.item_input, False, large, flows)
    else:
        key = (task.component, items.name)
        _note(task.component, task.iterator.item_input, key in flows.stored, key in flows.large, flows)


def _note(component: str, name: str, stored: bool, large: bool, flows: Flows) -> None:
    if stored:
        flows.stored.add((component, name))
    if stored or large:
        flows.large.add((component, name))


def _of(
    source: ParameterSource, around: str, component: Component, spec: PipelineSpec, flows: Flows
) -> tuple[bool, bool]:
    match source:
        case Constant():
            return False, is_large(source)
        case ComponentInput(name):
            return (around, name) in flows.stored, (around, name) in flows.large
        case TaskOutput(task, output):
            assert component.graph is not None
            producer = spec.components[component.graph.tasks[task].component]
            declared = producer.output_parameters.get(output, OutputParameter(ParameterType.STRING))
            return declared.type in GROWING, False
    return False, False


def is_large(constant: Constant) -> bool:
    """Tell whether a constant is too large for a parameter."""
    return len(values.inert_json(constant.value).encode("utf-8", "surrogatepass")) > values.LARGEST_PARAMETER


def used_inputs(spec: PipelineSpec) -> Mapping[str, frozenset[str]]:
    """Return, for each component, the inputs that it reads: a graph those that its tasks read, a container all."""
    found: dict[str, frozenset[str]] = {}

    def used(name: str) -> frozenset[str]:
        if name not in found:
            component = spec.components[name]
            if component.graph is None:
                found[name] = frozenset((*component.input_parameters, *component.input_artifacts))
            else:
                found[name] = frozenset(
                    source.name
                    for task in component.graph.tasks.values()
                    for key, source in (*task.parameters.items(), *task.artifacts.items())
                    if isinstance(source, ComponentInput) and _reads(task, key, used(task.component))
                )
        return found[name]

    for name in spec.components:
        used(name)
    return found


def _reads(task: Task, key: str, used: frozenset[str]) -> bool:
    if key in used or f"['{key}']" in task.condition:
        return True
    return (
        task.iterator is not None
        and isinstance(task.iterator.items, ComponentInput)
        and task.iterator.items.name == key
    )


def large_constants(spec: PipelineSpec) -> bool:
    """Tell whether any constant of the pipeline is too large for a parameter."""
    graphs = [component.graph for component in (spec.root, *spec.components.values()) if component.graph]
    return any(
        isinstance(source, Constant) and is_large(source)
        for graph in graphs
        for task in graph.tasks.values()
        for source in (*task.parameters.values(), task.iterator.items if task.iterator else None)
    )
