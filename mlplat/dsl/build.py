"""Traced regions and tasks to the IR.

A region becomes a component with a graph. What a task inside a region reads from outside comes in through inputs of
each region on the way, named ``pipelinechannel--…`` as KFP names them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mlplat.dsl.channels import Channel, Comparison, Condition, Joined, Negated
from mlplat.dsl.component import PythonComponent
from mlplat.dsl.groups import Elif, Else, Group, If, ParallelFor, Root, channel_input
from mlplat.dsl.signatures import Interface
from mlplat.dsl.task import PipelineTask
from mlplat.errors import AuthoringError, Diagnostic, Source
from mlplat.ir.circles import find_circle
from mlplat.ir.model import (
    ArtifactSource,
    ArtifactType,
    Component,
    ComponentInput,
    Constant,
    Container,
    Executor,
    Graph,
    InputArtifact,
    InputParameter,
    Iterator,
    OneOf,
    ParameterSource,
    ParameterType,
    PipelineSpec,
    Task,
    TaskOutput,
)


def pipeline(
    name: str,
    interface: Interface,
    root: Root,
    outputs: Mapping[str, Channel],
    *,
    description: str,
    display_name: str,
    pipeline_root: str,
) -> PipelineSpec:
    """Write a traced pipeline as IR.

    Args:
        name: the pipeline's name.
        interface: its parameters.
        root: the region that holds everything.
        outputs: what it returns.
        description: for people.
        display_name: for people.
        pipeline_root: where artifacts go.

    Returns:
        The pipeline.

    Raises:
        AuthoringError: a value is used where it can't be known, or tasks wait for each other in a circle.
    """
    return _Builder(name, interface, root).build(outputs, description, display_name, pipeline_root)


@dataclass
class _Region:
    """A region on its way to the IR."""

    inputs: dict[str, Channel] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)


class _Builder:
    def __init__(self, name: str, interface: Interface, root: Root) -> None:
        self.name = name
        self.interface = interface
        self.root = root
        self.regions: dict[int, _Region] = {}
        self.components: dict[str, Component] = {}
        self.executors: dict[str, Executor] = {}
        self.labels: dict[Any, str] = {}
        self.problems: list[Diagnostic] = []

    def build(
        self, outputs: Mapping[str, Channel], description: str, display_name: str, pipeline_root: str
    ) -> PipelineSpec:
        self.gather(self.root)
        graph = self.graph(self.root)
        returned = {name: self.returned(channel) for name, channel in outputs.items()}
        parameters, artifacts = self.interface.output_parameters, self.interface.output_artifacts
        if self.problems:
            raise AuthoringError(self.problems)
        graph = replace(
            graph,
            output_parameters={name: returned[name] for name in parameters},
            output_artifacts={name: OneOf((returned[name],)) for name in artifacts},
        )
        return PipelineSpec(
            name=self.name,
            root=Component(
                self.interface.input_parameters, self.interface.input_artifacts, parameters, artifacts, graph
            ),
            components=self.components,
            executors=self.executors,
            description=description,
            display_name=display_name,
            default_pipeline_root=pipeline_root,
        )

    def returned(self, channel: Channel) -> TaskOutput:
        """Return where a pipeline's output comes from: a task of its outermost region."""
        if channel.producer is not None:
            self.bring(channel, self.root, None, self.name)
        source = self.reference(channel, self.root)
        if isinstance(source, TaskOutput):
            return source
        if channel.producer is None:
            message = f"it returns its own parameter '{channel.name}'"
            self.problems.append(Diagnostic("MLP118", self.name, message, "return a task's output"))
        return TaskOutput("", channel.name)

    def gather(self, group: Group) -> None:
        """Find what each region needs from outside, before any of them is written."""
        self.regions.setdefault(id(group), _Region())
        for member in group.members:
            if isinstance(member, PipelineTask):
                for value in member.arguments.values():
                    if isinstance(value, Channel):
                        self.bring(value, group, member.source, member.name)
                continue
            for channel in _channels_of(member):
                self.regions.setdefault(id(member), _Region()).inputs.setdefault(
                    channel_input(channel), channel
                )
                self.bring(channel, group, None, member.name)
            self.gather(member)

    def bring(self, channel: Channel, group: Group, source: Source | None, user: str) -> None:
        """Let a channel into every region between where it is made and where it is used."""
        home = self.home(channel)
        at: Group | None = group
        way: list[Group] = []
        while at is not None and at is not home:
            way.append(at)
            at = at.parent
        if at is None:
            where = getattr(channel.producer, "name", "")
            message = f"it uses the output '{channel.name}' of '{where}', which is inside '{home.name}'"
            self.problems.append(
                Diagnostic(
                    "MLP140",
                    user,
                    f"{message} and may not run, or run often",
                    "use it inside the same region",
                    source,
                )
            )
            return
        for step in way:
            if isinstance(step, ParallelFor) and step is channel.producer:
                continue
            self.regions.setdefault(id(step), _Region()).inputs.setdefault(channel_input(channel), channel)

    def home(self, channel: Channel) -> Group:
        if channel.producer is None:
            return self.root
        return channel.producer if isinstance(channel.producer, ParallelFor) else channel.producer.group

    def reference(self, channel: Channel, group: Group) -> TaskOutput | ComponentInput:
        if isinstance(channel.producer, PipelineTask) and channel.producer.group is group:
            return TaskOutput(channel.producer.name, channel.name)
        if channel.producer is group:
            return ComponentInput(channel.name, _selector(channel))
        return ComponentInput(channel.name if isinstance(group, Root) else channel_input(channel))

    def graph(self, group: Group) -> Graph:
        tasks: dict[str, Task] = {}
        for member in group.members:
            if isinstance(member, PipelineTask):
                tasks[member.name] = self.task(member, group)
            else:
                tasks[member.name] = self.region(member, group)
        self.refuse_circles(tasks, group)
        return Graph(tasks)

    def refuse_circles(self, tasks: Mapping[str, Task], group: Group) -> None:
        circle = find_circle({name: task.depends_on for name, task in tasks.items()})
        if circle:
            sources = {
                member.name: member.source for member in group.members if isinstance(member, PipelineTask)
            }
            message = f"the tasks wait for each other in a circle: {' -> '.join(circle)}"
            hint = "take away one of the .after(...) or inputs between them"
            self.problems.append(Diagnostic("MLP141", circle[0], message, hint, sources.get(circle[0])))

    def task(self, task: PipelineTask, group: Group) -> Task:
        parameters: dict[str, ParameterSource] = {}
        artifacts: dict[str, ArtifactSource] = {}
        for name, value in task.arguments.items():
            if not isinstance(value, Channel):
                parameters[name] = Constant(value)
            elif isinstance(value.type, ArtifactType):
                artifacts[name] = self.reference(value, group)
            else:
                parameters[name] = self.reference(value, group)
        return Task(
            component=self.component(task),
            display_name=task.display_name or task.name,
            depends_on=self.dependencies(
                (*parameters.values(), *artifacts.values()), task.after_these, group, task
            ),
            parameters=parameters,
            artifacts=artifacts,
            cache=task.cache and not hasattr(task.component, "spec"),
            cache_key=task.cache_key,
            retry=task.retry,
        )

    def dependencies(
        self,
        sources: tuple[object, ...],
        after: list[PipelineTask | Group],
        group: Group,
        user: PipelineTask | None,
    ) -> tuple[str, ...]:
        names = [source.task for source in sources if isinstance(source, TaskOutput)]
        for other in after:
            at: PipelineTask | Group | None = other
            parent = other.group if isinstance(other, PipelineTask) else other.parent
            while at is not None and parent is not group:
                at, parent = parent, parent.parent if parent is not None else None
            if at is not None:
                names.append(at.name)
            elif user is not None and not self.is_around(other, group):
                message = (
                    f"'{other.name}' is in another branch of the pipeline, so nothing tells when it is over"
                )
                hint = "call .after(...) on the region's tasks of the same level"
                self.problems.append(Diagnostic("MLP142", user.name, message, hint, user.source))
        return tuple(sorted(dict.fromkeys(names)))

    def is_around(self, other: PipelineTask | Group, group: Group) -> bool:
        """Tell whether a task or region stands in a region around this one: then waiting is the region's business."""
        outer = other.group if isinstance(other, PipelineTask) else other.parent
        at: Group | None = group
        while at is not None:
            if at is outer:
                return True
            at = at.parent
        return False

    def region(self, group: Group, parent: Group) -> Task:
        region = self.regions[id(group)]
        graph = self.graph(group)
        parameters: dict[str, InputParameter] = {}
        artifacts: dict[str, InputArtifact] = {}
        sources: dict[str, ParameterSource] = {}
        artifact_sources: dict[str, ArtifactSource] = {}
        for name, channel in region.inputs.items():
            source = self.reference(channel, parent)
            if isinstance(channel.type, ArtifactType):
                artifacts[name] = InputArtifact(channel.type, channel.is_list)
                artifact_sources[name] = source
            else:
                parameters[name] = InputParameter(channel.type)
                sources[name] = source
        iterator = None
        if isinstance(group, ParallelFor):
            parameters[group.item_input] = InputParameter(group.item_type())
            iterator = self.iterator(group)
        component = f"comp-{self.free(group.name)}"
        self.components[component] = Component(parameters, artifacts, graph=graph)
        outside = self.outside_dependencies(group)
        return Task(
            component=component,
            display_name=group.title or group.name,
            depends_on=tuple(
                sorted(
                    {
                        *self.dependencies(
                            (*sources.values(), *artifact_sources.values()), outside, parent, None
                        ),
                    }
                )
            ),
            parameters=sources,
            artifacts=artifact_sources,
            condition=cel(group.condition) if isinstance(group, (If, Elif, Else)) else "",
            iterator=iterator,
        )

    def outside_dependencies(self, group: Group) -> list[PipelineTask | Group]:
        """What tasks inside a region wait for outside of it: the region waits for that."""
        found: list[PipelineTask | Group] = []
        for member in group.members:
            if isinstance(member, PipelineTask):
                found += [other for other in member.after_these if not self.is_inside(other, group)]
            else:
                found += [
                    other for other in self.outside_dependencies(member) if not self.is_inside(other, group)
                ]
        return found

    def is_inside(self, other: PipelineTask | Group, group: Group) -> bool:
        at = other.group if isinstance(other, PipelineTask) else other.parent
        while at is not None:
            if at is group:
                return True
            at = at.parent
        return False

    def iterator(self, group: ParallelFor) -> Iterator:
        if isinstance(group.items, Channel):
            return Iterator(
                ComponentInput(channel_input(group.items)), group.item_input, False, group.parallelism
            )
        return Iterator(Constant(group.items), group.item_input, False, group.parallelism)

    def component(self, task: PipelineTask) -> str:
        """Return the name of the component that a task calls; calls that differ in nothing share one."""
        called = task.component
        if isinstance(called, PythonComponent):
            container = Container(
                image=task.image or called.image,
                env=tuple(task.env.items()),
                resources=task.resources,
                python=called.function,
            )
            key: Any = (id(called), container.image, container.env, container.resources)
            if key not in self.labels:
                label = self.free(called.name)
                self.labels[key] = f"comp-{label}"
                self.executors[f"exec-{label}"] = container
                spec = called.interface
                self.components[f"comp-{label}"] = Component(
                    spec.input_parameters,
                    spec.input_artifacts,
                    spec.output_parameters,
                    spec.output_artifacts,
                    executor=f"exec-{label}",
                )
            return self.labels[key]
        key = id(called)
        if key not in self.labels:
            self.labels[key] = self.adopt(called)
        return self.labels[key]

    def adopt(self, called: Any) -> str:
        """Take a nested pipeline's components and executors in, under names that are free here."""
        spec: PipelineSpec = called.spec
        label = self.free(called.name)
        self.components[f"comp-{label}"] = spec.root
        renamed = {name: f"comp-{self.free(name.removeprefix('comp-'))}" for name in spec.components}
        executors = {name: f"exec-{renamed_for(name, spec, renamed)}" for name in spec.executors}
        for name, component in spec.components.items():
            self.components[renamed[name]] = _renamed(component, renamed, executors)
        self.components[f"comp-{label}"] = _renamed(spec.root, renamed, executors)
        for name, executor in spec.executors.items():
            self.executors[executors[name]] = executor
        return f"comp-{label}"

    def free(self, name: str) -> str:
        taken, count, candidate = set(self.components), 1, name
        while f"comp-{candidate}" in taken:
            count += 1
            candidate = f"{name}-{count}"
        self.components[f"comp-{candidate}"] = Component()
        return candidate


def renamed_for(executor: str, spec: PipelineSpec, renamed: Mapping[str, str]) -> str:
    """Name of the component whose executor this is, under its new name and without the prefix."""
    owner = next(
        (name for name, component in spec.components.items() if component.executor == executor), executor
    )
    return renamed.get(owner, owner).removeprefix("comp-")


def _renamed(component: Component, components: Mapping[str, str], executors: Mapping[str, str]) -> Component:
    if component.graph is None:
        return replace(component, executor=executors[component.executor])
    tasks = {
        name: replace(task, component=components[task.component])
        for name, task in component.graph.tasks.items()
    }
    return replace(component, graph=replace(component.graph, tasks=tasks))


def _channels_of(group: Group) -> list[Channel]:
    if isinstance(group, (If, Elif, Else)):
        return list(_operands(group.condition))
    if isinstance(group, ParallelFor) and isinstance(group.items, Channel):
        return [group.items]
    return []


def _operands(condition: Condition) -> list[Channel]:
    match condition:
        case Comparison(_, left, right):
            return [side for side in (left, right) if isinstance(side, Channel)]
        case Joined(_, left, right):
            return [*_operands(left), *_operands(right)]
        case Negated(inner):
            return _operands(inner)
    return []


def _selector(channel: Channel) -> str:
    text = "string_value"
    for name in channel.selector:
        text = f'parseJson({text})["{name}"]'
    return text if channel.selector else ""


def cel(condition: Condition) -> str:
    """Write a condition as CEL over the executor's input, as ``triggerPolicy.condition`` holds it.

    Args:
        condition: the condition.

    Returns:
        Text such as ``inputs.parameter_values['pipelinechannel--flip-Output'] == 'heads'``.
    """
    match condition:
        case Comparison(operator, left, right):
            as_float = {_kind(left), _kind(right)} == {int, float}
            return f"{_operand(left, as_float)} {operator} {_operand(right, as_float)}"
        case Joined(operator):
            sides = [
                f"({cel(side)})" if isinstance(side, Joined) and side.operator != operator else cel(side)
                for side in (condition.left, condition.right)
            ]
            return f" {operator} ".join(sides)
        case Negated(inner):
            return f"!({cel(inner)})"
    raise TypeError(f"not a condition: {condition!r}")


_NUMBERS: Mapping[object, type] = {ParameterType.NUMBER_INTEGER: int, ParameterType.NUMBER_DOUBLE: float}


def _kind(side: Any) -> type:
    if isinstance(side, Channel):
        return _NUMBERS.get(side.type, str)
    return type(side)


def _operand(side: Any, mixed: bool) -> str:
    if isinstance(side, Channel):
        text = f"inputs.parameter_values['{channel_input(side)}']"
        if side.type is ParameterType.NUMBER_INTEGER:
            return f"double(int({text}))" if mixed else f"int({text})"
        return text
    if isinstance(side, bool):
        return "true" if side else "false"
    if isinstance(side, int) and mixed:
        return f"double({side})"
    return _text(side) if isinstance(side, str) else json.dumps(side)


def _text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return (
        "'"
        + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" if ord(c) < 0x10000 else c for c in escaped)
        + "'"
    )
