"""Pass: cuts graphs of more tasks than Argo's full CRDs allow in one DAG into nested graphs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from mlplat.argo.limits import MOST_TASKS
from mlplat.compiler import bands, pods
from mlplat.compiler.program import Program
from mlplat.compiler.scope import REGION_PREFIX
from mlplat.errors import Diagnostic
from mlplat.ir.cycles import waits_for
from mlplat.ir.model import (
    Component,
    ComponentInput,
    Container,
    FinalStatus,
    Graph,
    InputArtifact,
    InputParameter,
    OneOf,
    OutputArtifact,
    OutputParameter,
    ParameterSource,
    PipelineSpec,
    Task,
    TaskOutput,
)


def run(program: Program) -> Program:
    """Cut graphs that are too large; warn if that makes tasks wait for tasks that they don't depend on."""
    spec = program.spec
    most = _most(spec)
    diagnostics: list[Diagnostic] = []
    for name in ("", *spec.components):
        while True:
            component = spec.components[name] if name else spec.root
            size = len(component.graph.tasks) if component.graph else 0
            if size <= most:
                break
            smaller, warnings = _cut(name, component, spec, most)
            left = (smaller.components[name] if name else smaller.root).graph
            if left is None or len(left.tasks) >= size:
                break
            spec = smaller
            diagnostics += warnings
    return replace(program, spec=spec, warnings=(*program.warnings, *diagnostics))


def _most(spec: PipelineSpec) -> int:
    """Return the maximum number of tasks in a graph; with retries, :mod:`.ends` may add one more."""
    graphs = [one.graph for one in (spec.root, *spec.components.values()) if one.graph]
    return MOST_TASKS - any(task.retry for graph in graphs for task in graph.tasks.values())


def _cut(
    name: str, component: Component, spec: PipelineSpec, most: int
) -> tuple[PipelineSpec, list[Diagnostic]]:
    assert component.graph is not None
    tasks = component.graph.tasks
    apart = _apart(component.graph, spec)
    before = {
        key: [other for other in waits_for(task) if other not in apart]
        for key, task in tasks.items()
        if key not in apart
    }
    cut = [part for part in bands.cut(before, most) if len(part) > 1]
    warnings = []
    needless = bands.needless_waits(before, [*cut, *_singles(before, cut)])
    if needless:
        message = (
            f"{len(tasks):,} tasks are cut into {len(cut)} DAGs of at most {most}; {len(needless):,} tasks wait for "
            f"tasks that they don't depend on, up to {max(needless.values()):,} each"
        )
        hint = "group related tasks into nested pipelines"
        warnings.append(Diagnostic("MLP357", name or spec.name, message, hint, severity="warning"))
    return _Cutter(name, component, cut, spec).run(), warnings


def _singles(before: Mapping[str, object], cut: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    inside = {name for part in cut for name in part}
    return [(name,) for name in before if name not in inside]


def _apart(graph: Graph, spec: PipelineSpec) -> set[str]:
    """Return the tasks that stay outside of the parts: those that read a status, and those whose status is read."""
    labels: set[str] = set()
    for name, task in graph.tasks.items():
        status = [source.task for source in task.parameters.values() if isinstance(source, FinalStatus)]
        if task.when_all_completed:
            labels |= {name, *status, *task.depends_on}
        executor = spec.executors.get(spec.components[task.component].executor)
        if isinstance(executor, Container) and executor.kubernetes:
            read = [source for source in pods.sources(executor) if isinstance(source, TaskOutput)]
            labels |= {name, *(source.task for source in read)} if read else set()
            if any(isinstance(source, ComponentInput) for source in pods.sources(executor)):
                labels.add(name)
    return labels


class _Cutter:
    """Makes components of the parts of one graph."""

    def __init__(
        self, name: str, component: Component, cut: list[tuple[str, ...]], spec: PipelineSpec
    ) -> None:
        assert component.graph is not None
        self.name = name
        self.component = component
        self.graph = component.graph
        self.spec = spec
        self.labels = list(self._free_labels(len(cut)))
        self.cut = dict(zip(self.labels, cut, strict=True))
        self.home = {task: label for label, part in self.cut.items() for task in part}
        self.outputs: dict[str, dict[str, TaskOutput]] = {label: {} for label in self.labels}
        self.made = {
            self.input_of(source): self.type_of(source)
            for task in self.graph.tasks.values()
            for source in (*task.parameters.values(), *task.artifacts.values())
            if isinstance(source, TaskOutput)
        }

    def _free_labels(self, count: int) -> Iterator[str]:
        number = 0
        while count:
            number += 1
            label = f"part-{number}"
            if label not in self.graph.tasks and f"comp-{label}" not in self.spec.components:
                count -= 1
                yield label

    def run(self) -> PipelineSpec:
        around = {key: self.moved(task, "") for key, task in self.graph.tasks.items() if key not in self.home}
        inside = {
            label: {key: self.moved(self.graph.tasks[key], label) for key in part}
            for label, part in self.cut.items()
        }
        graph = replace(
            self.graph,
            output_parameters={
                name: self.outputs_outside(one) for name, one in self.graph.output_parameters.items()
            },
            output_artifacts={
                name: OneOf(tuple(self.outside(choice) for choice in one.choices))
                for name, one in self.graph.output_artifacts.items()
            },
        )
        calls = {label: self.call(label) for label in self.labels}
        components = {
            **self.spec.components,
            **{f"comp-{label}": self.part(label, tasks) for label, tasks in inside.items()},
        }
        whole = replace(self.component, graph=replace(graph, tasks={**calls, **around}))
        if not self.name:
            return replace(self.spec, root=whole, components=components)
        return replace(self.spec, components={**components, self.name: whole})

    def outputs_outside(self, source: TaskOutput | OneOf) -> TaskOutput | OneOf:
        if isinstance(source, OneOf):
            return OneOf(tuple(self.outside(choice) for choice in source.choices))
        return self.outside(source)

    def outside(self, source: TaskOutput) -> TaskOutput:
        """Return the source of a task's output outside of the parts; a part passes it on."""
        label = self.home.get(source.task)
        if label is None:
            return source
        name = f"{source.task}-{source.output}"
        self.outputs[label][name] = TaskOutput(source.task, source.output)
        return TaskOutput(label, name, source.selector)

    def source(self, source: ParameterSource, label: str) -> ParameterSource:
        """Return the source of a value for a task of a part."""
        if isinstance(source, TaskOutput) and self.home.get(source.task, "") != label:
            return ComponentInput(self.input_of(source), source.selector) if label else self.outside(source)
        return source

    def input_of(self, source: TaskOutput) -> str:
        return f"{REGION_PREFIX}{source.task}-{source.output}"

    def moved(self, task: Task, label: str) -> Task:
        """Return a task as it is in a part, or outside of them when the label is empty."""
        depends = (other for other in task.depends_on if label == "" or self.home.get(other) == label)
        names = dict.fromkeys(other if label else self.home.get(other, other) for other in depends)
        return replace(
            task,
            depends_on=tuple(names),
            parameters={name: self.source(one, label) for name, one in task.parameters.items()},
            artifacts={name: self.source(one, label) for name, one in task.artifacts.items()},  # type: ignore[misc]
        )

    def read(self, label: str) -> tuple[dict[str, ParameterSource], dict[str, ParameterSource]]:
        """Return the values that a part reads from outside: parameters and artifacts, by input."""
        parameters: dict[str, ParameterSource] = {}
        artifacts: dict[str, ParameterSource] = {}
        for key in self.cut[label]:
            task = self.graph.tasks[key]
            for sources, found in ((task.parameters, parameters), (task.artifacts, artifacts)):
                for source in sources.values():
                    if isinstance(source, ComponentInput):
                        found[source.name] = ComponentInput(source.name)
                    elif isinstance(source, TaskOutput) and self.home.get(source.task) != label:
                        found[self.input_of(source)] = self.outside(TaskOutput(source.task, source.output))
        return parameters, artifacts

    def call(self, label: str) -> Task:
        parameters, artifacts = self.read(label)
        before = {
            self.home.get(other, other)
            for key in self.cut[label]
            for other in waits_for(self.graph.tasks[key])
            if self.home.get(other) != label
        }
        return Task(
            component=f"comp-{label}",
            display_name=label,
            depends_on=tuple(sorted(before)),
            parameters=parameters,
            artifacts=artifacts,  # type: ignore[arg-type]
        )

    def part(self, label: str, tasks: Mapping[str, Task]) -> Component:
        parameters, artifacts = self.read(label)
        given = {name: self.type_of(source) for name, source in self.outputs[label].items()}
        own = self.outputs[label]
        of_parameters = {name: one for name, one in given.items() if isinstance(one, OutputParameter)}
        of_artifacts = {name: one for name, one in given.items() if isinstance(one, OutputArtifact)}
        return Component(
            {name: self.input_parameter(name, source) for name, source in parameters.items()},
            {name: self.input_artifact(name, source) for name, source in artifacts.items()},
            of_parameters,
            of_artifacts,
            Graph(
                tasks,
                {name: own[name] for name in of_parameters},
                {name: OneOf((own[name],)) for name in of_artifacts},
            ),
        )

    def type_of(self, source: TaskOutput) -> OutputParameter | OutputArtifact:
        called = self.spec.components[self.graph.tasks[source.task].component]
        outputs: dict[str, OutputParameter | OutputArtifact] = {
            **called.output_parameters,
            **called.output_artifacts,
        }
        return outputs[source.output]

    def input_parameter(self, name: str, source: ParameterSource) -> InputParameter:
        if isinstance(source, ComponentInput):
            return self.component.input_parameters[source.name]
        made = self.made[name]
        assert isinstance(made, OutputParameter)
        return InputParameter(made.type)

    def input_artifact(self, name: str, source: ParameterSource) -> InputArtifact:
        if isinstance(source, ComponentInput):
            return self.component.input_artifacts[source.name]
        made = self.made[name]
        assert isinstance(made, OutputArtifact)
        return InputArtifact(made.type, made.is_list)
