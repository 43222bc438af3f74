"""Pass: fuses functions that can share a pod into one task.

Each pod costs seconds. Functions of one graph that pass values to each other and need the same
pod run one after another in one container instead: each as a separate process, with its own retries. Values between
them stay in the pod, and values for other tasks are written as before.

The program chooses groups (:attr:`mlplat.ir.model.OwnSettings.fuse`); with ``fuse="auto"`` every series is fused too:
tasks that each depend only on the tasks before them, so that no task waits longer than before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from mlplat.argo.names import Unique
from mlplat.argo.status.fused import JOINED
from mlplat.compiler import pods
from mlplat.compiler.bands import levels
from mlplat.compiler.placeholders import holes_of
from mlplat.compiler.program import Program, Step
from mlplat.compiler.scope import REGION_PREFIX
from mlplat.errors import CompileError, Diagnostic
from mlplat.ir.cycles import waits_for
from mlplat.ir.model import (
    ArtifactSource,
    Component,
    Constant,
    Container,
    FinalStatus,
    Graph,
    OneOf,
    OwnSettings,
    ParameterSource,
    ParameterType,
    PipelineSpec,
    Task,
    TaskOutput,
)

_INTERFACE = ("input_parameters", "input_artifacts", "output_parameters", "output_artifacts")


def run(program: Program) -> Program:
    """Fuse the groups that the program chose, and with ``auto`` every series.

    Raises:
        CompileError: the tasks of a group cannot share a pod.
    """
    if program.options.fuse == "off":
        return program
    fusing = _Fusing(program)
    root = fusing.graph(program.spec.name, program.spec.root)
    components = {name: fusing.graph(name, component) for name, component in program.spec.components.items()}
    if fusing.problems:
        raise CompileError(fusing.problems)
    if not fusing.steps:
        return replace(program, warnings=(*program.warnings, *fusing.notes))
    spec = replace(
        program.spec,
        root=root,
        components={**components, **fusing.components},
        executors={**program.spec.executors, **fusing.executors},
    )
    return replace(program, spec=spec, steps=fusing.steps, warnings=(*program.warnings, *fusing.notes))


@dataclass(slots=True)
class _Fusing:
    program: Program
    components: dict[str, Component] = field(default_factory=dict)
    executors: dict[str, Container] = field(default_factory=dict)
    steps: dict[str, tuple[Step, ...]] = field(default_factory=dict)
    problems: list[Diagnostic] = field(default_factory=list)
    notes: list[Diagnostic] = field(default_factory=list)
    taken: Unique = field(default_factory=Unique)

    @property
    def spec(self) -> PipelineSpec:
        return self.program.spec

    def graph(self, name: str, component: Component) -> Component:
        """Return a component with its groups fused."""
        if component.graph is None or len(component.graph.tasks) < 2:
            return component
        tasks = component.graph.tasks
        watched = {
            source.task
            for task in tasks.values()
            for source in task.parameters.values()
            if isinstance(source, FinalStatus)
        }
        alone = dict.fromkeys(watched, "another task reads its final status")
        alone |= {
            key: why for key, task in tasks.items() if key not in alone and (why := self.why_alone(task))
        }
        groups = list(self.chosen(name, tasks, alone))
        if self.program.options.fuse == "auto":
            inside = {key for group in groups for key in group}
            groups += self.series(tasks, alone, inside)
            self.tell(name, groups, tasks, alone)
        return self.fused(component, groups) if groups else component

    def why_alone(self, task: Task) -> str:
        """Return why a task cannot share a pod, or an empty string."""
        component = self.spec.components[task.component]
        executor = self.spec.executors.get(component.executor)
        if component.graph is not None:
            return "it is a pipeline"
        if not isinstance(executor, Container) or executor.python is None:
            return "it is not a Python component"
        if task.iterator or task.condition:
            return "it is a loop or a branch"
        if task.when_all_completed:
            return "it runs even if tasks before it fail"
        if component.passthroughs or any(
            given.type in (ParameterType.TASK_FINAL_STATUS, ParameterType.TASK_CONFIG)
            for given in component.input_parameters.values()
        ):
            return "it reads its task config or the final status of a task"
        if any(
            isinstance(given, Constant) and any(holes_of(given.value)) for given in task.parameters.values()
        ):
            return "its arguments are strings with runtime values"
        if any(pods.sources(executor)):
            return "its pod settings have runtime values"
        if any(isinstance(source, TaskOutput) for source in _of_settings(task).values()):
            return "its pod settings come from another task"
        if "activeDeadlineSeconds" in executor.kubernetes:
            return "it has a timeout"
        if executor.own.parallelism:
            return "it has set_parallelism"
        return "it has its own cache key" if task.cache_key else ""

    def wants(self, task: Task) -> tuple[Any, ...]:
        """Return the pod settings of a task, which must be equal for tasks that share a pod."""
        executor = self.spec.executors[self.spec.components[task.component].executor]
        assert isinstance(executor, Container)
        python = executor.python
        assert python is not None
        return (
            executor.image or self.program.options.image,
            executor.env,
            executor.resources,
            repr(executor.kubernetes),
            python.packages,
            python.pip_options,
            python.use_venv,
            task.cache,
            _of_settings(task),
        )

    def chosen(
        self, name: str, tasks: Mapping[str, Task], alone: Mapping[str, str]
    ) -> Iterator[tuple[str, ...]]:
        """Yield the groups that the program names, each in the order of execution."""
        groups: dict[str, list[str]] = {}
        for key in _in_order(tasks):
            if label := self.label(tasks[key]):
                groups.setdefault(label, []).append(key)
        for label, group in groups.items():
            problem = self.problem(group, tasks, alone)
            if problem:
                hint = "remove one of them from the group, or give them the same settings"
                message = f"the tasks {', '.join(group)} cannot share a pod: {problem}"
                self.problems.append(Diagnostic("MLP380", f"{name}.{label}", message, hint))
            elif len(group) > 1:
                yield tuple(group)

    def label(self, task: Task) -> str:
        executor = self.spec.executors.get(self.spec.components[task.component].executor)
        return executor.own.fuse if isinstance(executor, Container) else ""

    def problem(self, group: list[str], tasks: Mapping[str, Task], alone: Mapping[str, str]) -> str:
        """Return why tasks cannot share a pod, or an empty string."""
        for key in group:
            if key in alone:
                return f"{key}: {alone[key]}"
            if self.wants(tasks[key]) != self.wants(tasks[group[0]]):
                return f"{key} and {group[0]} differ in image, resources, pod settings or caching"
            if between := _between(key, group, tasks):
                return f"{between} runs between {key} and other tasks of the group"
        return ""

    def series(
        self, tasks: Mapping[str, Task], alone: Mapping[str, str], inside: set[str]
    ) -> Iterator[tuple[str, ...]]:
        """Yield the longest sequences of tasks in which each depends only on tasks before it in the sequence."""
        # A fused pod gives its outputs only when its last task ends. So a run grows greedily, and is then cut from its
        # end until nobody outside waits for a task that it did not wait for before: fusing may never delay a task.
        after: dict[str, list[str]] = {key: [] for key in tasks}
        for key, task in tasks.items():
            for other in waits_for(task):
                after[other].append(key)
        free = dict.fromkeys(key for key in _in_order(tasks) if key not in alone and key not in inside)
        while free:
            start = next(iter(free))
            wanted, group = self.wants(tasks[start]), {start: None}
            while following := next(
                (
                    key
                    for key in after[next(reversed(group))]
                    if key in free
                    and all(other in group for other in waits_for(tasks[key]))
                    and self.wants(tasks[key]) == wanted
                ),
                "",
            ):
                group[following] = None
            while len(group) > 1 and _delays(group, after, tasks):
                group.popitem()
            for key in group:
                del free[key]
            if len(group) > 1:
                yield tuple(group)

    def tell(
        self,
        name: str,
        groups: Iterable[tuple[str, ...]],
        tasks: Mapping[str, Task],
        alone: Mapping[str, str],
    ) -> None:
        """Add notes on which tasks share a pod, and why others don't."""
        groups = list(groups)
        inside = {key for group in groups for key in group}
        for group in groups:
            message = f"{', '.join(group)} share a pod"
            self.notes.append(Diagnostic("MLP381", name, message, severity="note"))
        for key in tasks:
            if key not in inside:
                why = alone.get(key, "no task directly before or after it has the same pod settings")
                self.notes.append(
                    Diagnostic("MLP382", f"{name}.{key}", f"does not share a pod: {why}", severity="note")
                )

    def fused(self, component: Component, groups: list[tuple[str, ...]]) -> Component:
        """Return a component in which each group is one task."""
        graph = component.graph
        assert graph is not None
        names = Unique()
        for key in graph.tasks:
            names.take(key)
        called = {group: names.take(_name(group)) for group in groups}
        home = {key: name for group, name in called.items() for key in group}
        first = {group[0]: group for group in groups}
        tasks: dict[str, Task] = {}
        for key, task in graph.tasks.items():
            if key not in home:
                tasks[key] = _moved(task, home)
            elif key in first:
                tasks[home[key]] = self.made(first[key], graph, home)
        outputs = {name: _moved_output(source, home) for name, source in graph.output_parameters.items()}
        artifacts = {name: _moved_output(source, home) for name, source in graph.output_artifacts.items()}
        return replace(component, graph=Graph(tasks, outputs, artifacts))

    def made(self, group: tuple[str, ...], graph: Graph, home: Mapping[str, str]) -> Task:
        """Make a group's component and executor, and return the task that calls it."""
        label = self.taken.take(_name(group))
        inputs: dict[str, dict[str, Any]] = {part: {} for part in _INTERFACE}
        parameters: dict[str, ParameterSource] = {}
        artifacts: dict[str, ArtifactSource] = {}
        steps, members = [], frozenset(group)
        for key in group:
            task = graph.tasks[key]
            component = self.spec.components[task.component]
            container = self.spec.executors[component.executor]
            assert isinstance(container, Container)
            inside: dict[str, tuple[str, str]] = {}
            for name, source in (*task.parameters.items(), *task.artifacts.items()):
                if isinstance(source, TaskOutput) and source.task in members and not source.selector:
                    inside[name] = (source.task, source.output)
            for part, declared in inputs.items():
                for name, one in getattr(component, part).items():
                    if name not in inside or part.startswith("output"):
                        declared[f"{key}{JOINED}{name}"] = one
            settings = _of_settings(task)
            parameters |= settings
            parameters |= {
                f"{key}{JOINED}{name}": _moved_source(source, home)
                for name, source in task.parameters.items()
                if name not in inside and name not in settings
            }
            artifacts |= {
                f"{key}{JOINED}{name}": _moved_source(source, home)
                for name, source in task.artifacts.items()
                if name not in inside
            }
            steps.append(Step(key, component, container, task.retry, inside))
        first = steps[0].container
        self.components[f"comp-{label}"] = Component(
            inputs["input_parameters"],
            inputs["input_artifacts"],
            inputs["output_parameters"],
            inputs["output_artifacts"],
            executor=f"exec-{label}",
        )
        self.executors[f"exec-{label}"] = replace(first, own=OwnSettings())
        self.steps[f"exec-{label}"] = tuple(steps)
        before = [key for member in group for key in graph.tasks[member].depends_on if key not in members]
        depends_on = tuple(dict.fromkeys(home.get(key, key) for key in before))
        return Task(
            f"comp-{label}",
            display_name=label,
            depends_on=depends_on,
            parameters=parameters,
            artifacts=artifacts,
            cache=graph.tasks[group[0]].cache,
        )


def _of_settings(task: Task) -> dict[str, ParameterSource]:
    """Return the sources of a container's variables, image and resources, by the names in their placeholders."""
    return {name: source for name, source in task.parameters.items() if name.startswith(REGION_PREFIX)}


def _name(group: tuple[str, ...]) -> str:
    return f"{group[0]}-to-{group[-1]}"


def _in_order(tasks: Mapping[str, Task]) -> list[str]:
    """Return the tasks in topological order."""
    level_of = levels({key: waits_for(task) for key, task in tasks.items()})
    return sorted(tasks, key=level_of.__getitem__)


def _delays(group: Mapping[str, None], after: Mapping[str, list[str]], tasks: Mapping[str, Task]) -> bool:
    """Return whether fusing a group delays a task that reads from it."""
    *earlier, last = group
    readers = {other for key in earlier for other in after[key] if other not in group}
    return any(last not in _before(reader, last, tasks) for reader in readers)


def _before(key: str, target: str, tasks: Mapping[str, Task]) -> set[str]:
    """Return the direct and indirect dependencies of a task, up to a target."""
    found: set[str] = set()
    stack = [key]
    while stack and target not in found:
        new = [other for other in waits_for(tasks[stack.pop()]) if other not in found]
        found.update(new)
        stack += new
    return found


def _between(key: str, group: list[str], tasks: Mapping[str, Task]) -> str:
    """Return a task outside of a group that a member depends on, and that depends on a member itself."""
    stack, seen = [(other, "") for other in waits_for(tasks[key])], set()
    while stack:
        name, outside = stack.pop()
        if (name, outside) in seen:
            continue
        seen.add((name, outside))
        if name in group:
            if outside:
                return outside
            continue
        stack += [(other, name) for other in waits_for(tasks[name])]
    return ""


def _moved_source(source: Any, home: Mapping[str, str]) -> Any:
    if isinstance(source, TaskOutput) and source.task in home:
        return replace(source, task=home[source.task], output=f"{source.task}{JOINED}{source.output}")
    return source


def _moved_output(source: TaskOutput | OneOf, home: Mapping[str, str]) -> Any:
    if isinstance(source, OneOf):
        return OneOf(tuple(_moved_source(one, home) for one in source.choices))
    return _moved_source(source, home)


def _moved(task: Task, home: Mapping[str, str]) -> Task:
    return replace(
        task,
        depends_on=tuple(dict.fromkeys(home.get(key, key) for key in task.depends_on)),
        parameters={name: _moved_source(source, home) for name, source in task.parameters.items()},
        artifacts={name: _moved_source(source, home) for name, source in task.artifacts.items()},
    )
