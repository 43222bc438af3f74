"""Write traced groups and tasks as IR.

A group becomes a component with a graph. A task inside a group reads values from outside through inputs of each
group on the way, named ``pipelinechannel--…`` as KFP names them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from operator import attrgetter
from typing import Any

from mlplat.canonical import canonical_json
from mlplat.dsl.cel import cel
from mlplat.dsl.channels import Channel
from mlplat.dsl.dataflow import Dataflow, Ports
from mlplat.dsl.groups import Branch, Branches, ParallelFor
from mlplat.dsl.interface import Definition, Interface
from mlplat.dsl.interpolation import Interpolated, placeholders, replace_marks
from mlplat.dsl.nodes import GraphNode, Group
from mlplat.dsl.task import PipelineTask
from mlplat.errors import AuthoringError, Diagnostic, Source
from mlplat.ir.cycles import find_cycle
from mlplat.ir.model import (
    ArtifactSource,
    ArtifactType,
    Component,
    ComponentInput,
    Constant,
    Container,
    Executor,
    FinalStatus,
    Graph,
    InputArtifact,
    InputParameter,
    Iterator,
    OneOf,
    OutputArtifact,
    OutputParameter,
    ParameterSource,
    ParameterType,
    PipelineSpec,
    Task,
    TaskOutput,
)

_input_name = attrgetter("input_name")


def pipeline(
    name: str,
    interface: Interface,
    root: Group,
    outputs: Mapping[str, Channel],
    *,
    description: str,
    display_name: str,
    pipeline_root: str,
    config: Mapping[str, Any],
    source: Source | None = None,
) -> PipelineSpec:
    """Write a traced pipeline as IR.

    Args:
        name: the pipeline's name.
        interface: its parameters.
        root: the outermost group.
        outputs: what it returns.
        description: for people.
        display_name: for people.
        pipeline_root: where artifacts go.
        config: settings of its runs, as the IR has them.
        source: the line of its function.

    Returns:
        The pipeline.

    Raises:
        AuthoringError: a value is used where it is not available, or tasks depend on each other in a cycle.
    """
    built = _Builder(name, interface, root, outputs, source).build()
    return replace(
        built,
        description=description,
        display_name=display_name,
        default_pipeline_root=pipeline_root,
        config=config,
    )


class _Builder:
    def __init__(
        self,
        name: str,
        interface: Interface,
        root: Group,
        outputs: Mapping[str, Channel],
        source: Source | None,
    ) -> None:
        self.name = name
        self.interface = interface
        self.root = root
        self.source = source
        self.dataflow = Dataflow(root, outputs, source)
        self.components: dict[str, Component] = {}
        self.executors: dict[str, Executor] = {}
        self.labels: dict[Any, str] = {}
        self.problems: list[Diagnostic] = self.dataflow.problems

    def build(self) -> PipelineSpec:
        graph = self.graph(self.root)
        returned = {name: self.returned(channel) for name, channel in self.dataflow.returned.items()}
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
        )

    def returned(self, channel: Channel) -> TaskOutput:
        """Return the source of a pipeline's output: a member of its outermost group."""
        source = self.dataflow.reference(channel, self.root)
        if isinstance(source, TaskOutput):
            return source
        if channel.producer is None:
            message = f"it returns its own parameter '{channel.name}'"
            self.problems.append(
                Diagnostic("MLP118", self.name, message, "return a task's output", source=self.source)
            )
        return TaskOutput("", channel.name)

    def graph(self, group: Group) -> Graph:
        tasks: dict[str, Task] = {}
        for member in group.members:
            if isinstance(member, PipelineTask):
                tasks[member.name] = self.task(member, group)
            elif isinstance(member, Group):
                tasks[member.name] = self.group(member, group)
        self.refuse_cycles(tasks, group)
        return Graph(tasks)

    def refuse_cycles(self, tasks: Mapping[str, Task], group: Group) -> None:
        cycle = find_cycle({name: task.depends_on for name, task in tasks.items()})
        if cycle:
            sources = {
                member.name: member.source for member in group.members if isinstance(member, PipelineTask)
            }
            message = f"tasks depend on each other in a cycle: {' -> '.join(cycle)}"
            hint = "remove one of the inputs or .after(...) between them"
            self.problems.append(Diagnostic("MLP141", cycle[0], message, hint, sources.get(cycle[0])))

    def task(self, task: PipelineTask, group: Group) -> Task:
        parameters: dict[str, ParameterSource] = {}
        artifacts: dict[str, ArtifactSource] = {}
        for name, value in task.arguments.items():
            if isinstance(value, Interpolated):
                parameters[name] = Constant(value.with_names(_input_name))
            elif not isinstance(value, Channel):
                parameters[name] = Constant(value)
            elif isinstance(value.type, ArtifactType):
                artifacts[name] = self.dataflow.reference(value, group)
            else:
                parameters[name] = self.dataflow.reference(value, group)
        for channel in texts_channels(task):
            parameters[channel.input_name] = self.dataflow.reference(channel, group)
        settings = [self.dataflow.reference(channel, group) for channel in task.kubernetes_channels()]
        before = self.dependencies(
            (*parameters.values(), *artifacts.values(), *settings), task.after_these, group, task
        )
        if task.exit_of is not None:
            self.refuse_exit(task, before)
            before = (task.exit_of.name,)
        parameters.update(self.final_status(task, before))
        return Task(
            component=self.component(task, group),
            display_name=task.display_name or task.name,
            depends_on=before,
            parameters=parameters,
            artifacts=artifacts,
            cache=task.cache,
            cache_key=task.cache_key,
            when_all_completed=task.exit_of is not None or task.ignores_failures,
            retry=task.retry,
        )

    def refuse_exit(self, task: PipelineTask, before: tuple[str, ...]) -> None:
        """Report an exit task that waits for more than its dsl.ExitHandler."""
        for other in before:
            if task.exit_of is not None and other != task.exit_of.name:
                message = f"the exit task depends on '{other}', so it would not run when that fails"
                hint = "pass it only constants and pipeline parameters, and remove .after(...)"
                self.problems.append(Diagnostic("MLP119", task.name, message, hint, task.source))

    def final_status(self, task: PipelineTask, before: tuple[str, ...]) -> dict[str, FinalStatus]:
        """Return the final status of the task before this one, for inputs that take it."""
        asking = [
            name
            for name, declared in task.component.interface.input_parameters.items()
            if declared.type is ParameterType.TASK_FINAL_STATUS and name not in task.arguments
        ]
        if not asking:
            return {}
        runs_anyway = task.exit_of is not None or task.ignores_failures
        if len(before) == 1 and runs_anyway:
            return {name: FinalStatus(before[0]) for name in asking}
        message = f"'{asking[0]}' requires the final status of one task, but "
        if runs_anyway:
            message += f"this task depends on {len(before)} tasks"
        else:
            message += "this task runs only if the task before it succeeds"
        hint = (
            "make it the exit task of a dsl.ExitHandler, or call .ignore_upstream_failure() "
            "if it depends on one task"
        )
        self.problems.append(Diagnostic("MLP145", task.name, message, hint, task.source))
        return {}

    def dependencies(
        self,
        sources: tuple[object, ...],
        after: list[GraphNode],
        group: Group,
        user: PipelineTask | None,
    ) -> tuple[str, ...]:
        names = [source.task for source in sources if isinstance(source, TaskOutput)]
        for other in after:
            member = next((node for node in (other, *other.ancestors()) if node.parent is group), None)
            if member is not None:
                names.append(member.name)
            elif user is not None:
                self.refuse_wait(user, other)
        return tuple(sorted(dict.fromkeys(names)))

    def refuse_wait(self, user: PipelineTask, other: GraphNode) -> None:
        """Report a task that depends on a task of another branch or of another pipeline.

        A node in another group of the pipeline ends with that group, which the group of the task waits for.
        """
        around = {id(group) for group in user.ancestors()}
        shared = next((group for group in other.ancestors() if id(group) in around), None)
        if shared is None:
            message, hint = f"'{other.name}' is a task of another pipeline", "call it in this pipeline"
        elif isinstance(shared, Branches):
            message = (
                f"it depends on '{other.name}', which is in another branch of the same dsl.If: only one runs"
            )
            hint = "remove .after(...), or call the task after the branches"
        else:
            return
        self.problems.append(Diagnostic("MLP142", user.name, message, hint, user.source))

    def group(self, group: Group, parent: Group) -> Task:
        ports = self.dataflow.of(group)
        graph = self.graph(group)
        parameters: dict[str, InputParameter] = {}
        artifacts: dict[str, InputArtifact] = {}
        sources: dict[str, ParameterSource] = {}
        artifact_sources: dict[str, ArtifactSource] = {}
        for name, channel in ports.inputs.items():
            source = self.dataflow.reference(channel, parent)
            if isinstance(channel.type, ArtifactType):
                artifacts[name] = InputArtifact(channel.type, channel.is_list)
                artifact_sources[name] = source
            else:
                parameters[name] = InputParameter(channel.type)
                sources[name] = source
        iterator = None
        if isinstance(group, ParallelFor):
            item = group.item_type()
            if isinstance(item, ArtifactType):
                artifacts[group.item_input] = InputArtifact(item)
            else:
                parameters[group.item_input] = InputParameter(item)
            iterator = self.iterator(group, parent)
        component = f"comp-{self.free(group.name)}"
        self.components[component] = with_outputs(Component(parameters, artifacts, graph=graph), ports)
        waits = self.outside_waits(group)
        passed = (*sources.values(), *artifact_sources.values())
        before = self.dependencies(passed, [other for _, other in waits], parent, None)
        ignores_failures = all(task.ignores_failures for task, _ in waits)
        return Task(
            component=component,
            display_name=group.title or group.name,
            depends_on=before,
            parameters=sources,
            artifacts=artifact_sources,
            when_all_completed=bool(waits)
            and ignores_failures
            and not any(isinstance(one, TaskOutput) for one in passed),
            condition=cel(group.condition) if isinstance(group, Branch) else "",
            iterator=iterator,
        )

    def outside_waits(self, group: Group) -> list[tuple[PipelineTask, GraphNode]]:
        """Return the tasks inside a group that wait for nodes outside, and the nodes: the group waits for these."""
        waits: list[tuple[PipelineTask, GraphNode]] = []
        for member in group.members:
            if isinstance(member, PipelineTask):
                waits += [(member, other) for other in member.after_these]
            elif isinstance(member, Group):
                waits += self.outside_waits(member)
        return [(task, other) for task, other in waits if not any(at is group for at in other.ancestors())]

    def iterator(self, group: ParallelFor, parent: Group) -> Iterator:
        if not isinstance(group.items, Channel):
            return Iterator(Constant(group.items), group.item_input, False, group.parallelism)
        items = ComponentInput(self.dataflow.resolve(group.items, parent).input_name)
        return Iterator(items, group.item_input, group.is_over_artifacts, group.parallelism)

    def component(self, task: PipelineTask, group: Group) -> str:
        """Return the name of the component that a task calls; equal calls share one."""
        component = task.component
        if component.executor is None:
            key: Any = id(component)
            if key not in self.labels:
                self.labels[key] = self.adopt(component)
            return self.labels[key]
        executor = component.executor
        if isinstance(executor, Container):
            executor = self.container(task, executor, group)
        # A limit counts the pods of one task, so that task has a template to itself.
        limited = task.name if task.own.parallelism else ""
        key = (id(component), limited, *_distinct(executor))
        if key not in self.labels:
            label = self.free(component.name)
            self.labels[key] = f"comp-{label}"
            self.executors[f"exec-{label}"] = executor
            spec = component.interface
            self.components[f"comp-{label}"] = Component(
                spec.input_parameters,
                spec.input_artifacts,
                spec.output_parameters,
                spec.output_artifacts,
                executor=f"exec-{label}",
                passthroughs=component.passthroughs,
            )
        return self.labels[key]

    def container(self, task: PipelineTask, container: Container, group: Group) -> Container:
        """Return the container with the task's settings; runtime values are placeholders."""
        written = placeholders(task.marks, _input_name) if task.marks else {}
        resources = task.resources.requested()
        variables = {**dict(container.env), **task.env}
        kubernetes = {**container.kubernetes, **self.lowered(task.kubernetes, group)}
        return replace(
            container,
            image=replace_marks(task.image or container.image, written),
            env=tuple((name, replace_marks(text, written)) for name, text in variables.items()),
            resources=replace(
                container.resources,
                **{name: replace_marks(text, written) for name, text in resources.items()},
            )
            if resources
            else container.resources,
            kubernetes=kubernetes,
            own=task.own,
        )

    def lowered(self, settings: Any, group: Group) -> Any:
        """Return settings of a pod as the IR has them, with the sources of runtime values."""
        if isinstance(settings, Channel):
            source = self.dataflow.reference(settings, group)
            part = {"parameterExpressionSelector": source.selector} if source.selector else {}
            if isinstance(source, TaskOutput):
                output = {"producerTask": source.task, "outputParameterKey": source.output}
                return {"taskOutputParameter": output, **part}
            return {"componentInputParameter": source.name, **part}
        if isinstance(settings, Mapping):
            lowered = {name: self.lowered(value, group) for name, value in settings.items()}
            claim = lowered.get("pvcNameParameter", {})
            # The IR says where a claim's name comes from a second time, for older backends.
            return {**{name: claim[name] for name in claim if name != "runtimeValue"}, **lowered}
        return [self.lowered(value, group) for value in settings] if isinstance(settings, list) else settings

    def adopt(self, definition: Definition) -> str:
        """Add the components and executors of a nested pipeline, under unused names."""
        spec = definition.spec
        assert spec is not None
        label = self.free(definition.name)
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


def with_outputs(component: Component, ports: Ports) -> Component:
    """Add the values that leave a group to the outputs of its component."""
    assert component.graph is not None
    parameters: dict[str, OutputParameter] = {}
    artifacts: dict[str, OutputArtifact] = {}
    passed: dict[str, TaskOutput | OneOf] = {}
    given_artifacts: dict[str, OneOf] = {}
    for name, (channel, source) in ports.outputs.items():
        if isinstance(channel.type, ArtifactType):
            artifacts[name] = OutputArtifact(channel.type, channel.is_list)
            given_artifacts[name] = source if isinstance(source, OneOf) else OneOf((source,))
        else:
            parameters[name] = OutputParameter(channel.type)
            passed[name] = source
    graph = replace(component.graph, output_parameters=passed, output_artifacts=given_artifacts)
    return replace(component, output_parameters=parameters, output_artifacts=artifacts, graph=graph)


def _distinct(executor: Executor) -> tuple[Any, ...]:
    """Return the parts in which calls of one component can differ."""
    if not isinstance(executor, Container):
        return ()
    settings = canonical_json(executor.kubernetes) if executor.kubernetes else ""
    return executor.image, executor.env, executor.resources, executor.own, settings


def texts_channels(task: PipelineTask) -> dict[Channel, None]:
    """Return the runtime values in the strings of a task's arguments and settings."""
    found: dict[Channel, None] = {}
    for value in task.arguments.values():
        if isinstance(value, Interpolated):
            found.update(dict.fromkeys(value.channels.values()))
    found.update(dict.fromkeys(task.marks.values()))
    return found


def renamed_for(executor: str, spec: PipelineSpec, renamed: Mapping[str, str]) -> str:
    """Return the new name of the component of an executor, without the prefix."""
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
