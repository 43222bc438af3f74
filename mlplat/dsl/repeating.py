"""Loops that rerun a component while a condition on its outputs holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NoReturn

from mlplat.dsl import build, channels, context
from mlplat.dsl.cel import cel, operands
from mlplat.dsl.channels import Channel, Comparable, Condition
from mlplat.dsl.component import BaseComponent, sanitized
from mlplat.dsl.interface import Interface
from mlplat.dsl.nodes import Group
from mlplat.dsl.task import PipelineTask
from mlplat.errors import AuthoringError, Diagnostic, nearest
from mlplat.ir.model import (
    ArtifactSource,
    Component,
    ComponentInput,
    Graph,
    InputArtifact,
    InputParameter,
    OneOf,
    OutputArtifact,
    OutputParameter,
    ParameterSource,
    ParameterType,
    PipelineSpec,
    Task,
    TaskOutput,
)

MOST_ITERATIONS = 200
"""Each iteration is a task of one DAG, and Argo's full CRDs allow this many."""


class DoWhile(BaseComponent):
    """A loop, called like any component: its inputs and outputs are those of its body.

    Attributes:
        spec: the loop as a pipeline: one task for each iteration, each skipped if the previous one was the last.
    """

    def __init__(
        self,
        body: BaseComponent,
        condition: Callable[[PipelineTask], Condition | Comparable],
        max_iterations: int,
        carry: Mapping[str, str] | None = None,
        name: str | None = None,
    ) -> None:
        if not callable(condition):
            _refuse(
                f"{condition!r} is not a condition",
                'pass a function, such as lambda step: step.output == "again"',
            )
        if carry is not None and not isinstance(carry, Mapping):
            _refuse(f"carry is {carry!r}", 'pass a dict: {"input": "output"}')
        if not isinstance(body, BaseComponent):
            _refuse(f"{body!r} is not a component", "pass a function with @dsl.component or @dsl.pipeline")
        if type(max_iterations) is not int or max_iterations < 1:
            _refuse(f"max_iterations is {max_iterations!r}", "use an integer of at least 1")
        if max_iterations > MOST_ITERATIONS:
            _refuse(
                f"max_iterations is {max_iterations}, but a loop has at most {MOST_ITERATIONS}",
                "nest loops: dsl.do_while(dsl.do_while(body, …, max_iterations=100), …, max_iterations=50)",
            )
        super().__init__(sanitized(name or f"{body.name}-loop"), _interface(body))
        iteration = _Iteration(body, condition, self.interface, dict(carry or {}))
        self.spec: PipelineSpec = _unrolled(self.name, self.interface, iteration, max_iterations)


def do_while(
    body: BaseComponent,
    condition: Callable[[PipelineTask], Condition | Comparable],
    *,
    max_iterations: int,
    carry: Mapping[str, str] | None = None,
    name: str | None = None,
) -> DoWhile:
    """Make a component that reruns another one while a condition on its outputs holds.

    The body runs once before the condition is evaluated. The loop ends when the condition does not hold, when the body
    fails, or after the last iteration that is allowed; its outputs are those of the last iteration.

    Args:
        body: a component or pipeline.
        condition: called once with the body's task; returns the condition for another iteration: a
            comparison of the task's ``outputs`` and ``inputs``, such as
            ``lambda train: train.outputs["accuracy"] < train.inputs["target"]``.
        max_iterations: maximum number of iterations; at most 200. A loop can be the body of another loop.
        carry: which input of the next iteration takes which output, as ``{"model": "better_model"}``. The other inputs
            are the same in each. Without ``carry``, no results come from the cache, because each iteration has the same
            inputs.
        name: name of the component; by default the body's with ``-loop``.

    Returns:
        The component: call it in a pipeline.

    Raises:
        AuthoringError: an input or output has another name or type, the condition reads anything but the body's task,
            or ``max_iterations`` is not positive.
    """
    return DoWhile(body, condition, max_iterations, carry, name)


class _Iteration:
    """The body in a pipeline of its own, whose inputs include what the condition reads of the previous iteration.

    Attributes:
        carry: maps inputs to outputs of the previous iteration.
        asked: the values that the condition reads, by the input that takes them.
        condition: condition of each iteration but the first: CEL over its inputs.
        spec: the pipeline.
        label: its label in the components of the loop.
    """

    def __init__(
        self,
        body: BaseComponent,
        condition: Callable[[PipelineTask], Condition | Comparable],
        interface: Interface,
        carry: Mapping[str, str],
    ) -> None:
        self.carry = carry
        root = Group()
        with context.tracing_into(root) as tracing:
            arguments = {
                name: Channel(name, given.type, item_type=interface.input_items.get(name))
                for name, given in interface.input_parameters.items()
            }
            for name, artifact in interface.input_artifacts.items():
                arguments[name] = Channel(name, artifact.type, None, artifact.is_list)
            task = body(**arguments)
            while any(f"{task.name}-{output}" in arguments for output in task.outputs):
                task.name += "-1"  # an input of the loop may be called like what the condition reads
            asked = channels.condition(condition(task))
        self._check_carry(interface)
        own = {id(channel) for channel in (*arguments.values(), *task.outputs.values())}
        for channel in operands(asked):
            if id(channel) not in own:
                _refuse(
                    f"the condition reads '{channel.name}', which is neither an input nor an output of the body",
                    "compare only the task's outputs and inputs; pass other values to the body as inputs",
                )
        if len(root.members) > 1:
            _refuse(
                "the condition calls a component", "compare outputs of the body; add outputs to it as needed"
            )
        if tracing.problems:
            raise AuthoringError(tracing.problems)
        self.asked = {channel.input_name: channel for channel in operands(asked)}
        self.condition = cel(asked)
        self.spec = build.pipeline(
            "iteration",
            interface,
            root,
            task.outputs,
            description="",
            display_name="",
            pipeline_root="",
            config={},
        )
        if not carry:
            self.spec = _without_cache(self.spec)
        taken = (
            f"comp-iteration{count}" for count in ("", *map(str, range(2, len(self.spec.components) + 3)))
        )
        self.label = next(label for label in taken if label not in self.spec.components)

    def _check_carry(self, interface: Interface) -> None:
        inputs: dict[str, InputParameter | InputArtifact] = {
            **interface.input_parameters,
            **interface.input_artifacts,
        }
        outputs: dict[str, OutputParameter | OutputArtifact] = {
            **interface.output_parameters,
            **interface.output_artifacts,
        }
        for name, output in self.carry.items():
            if name not in inputs:
                _refuse(
                    f"carry names the input '{name}', which the body does not have",
                    nearest(name, list(inputs)),
                )
            if output not in outputs:
                _refuse(
                    f"carry names the output '{output}', which the body does not have",
                    nearest(output, list(outputs)),
                )
            if not _fits(inputs[name], outputs[output]):
                _refuse(
                    f"the output '{output}' has a different type than the input '{name}'",
                    "carry an output of its type",
                )

    @property
    def component(self) -> Component:
        """The pipeline's own component, with the inputs that the condition reads."""
        asked = {
            name: InputParameter(_parameter(channel), optional=True) for name, channel in self.asked.items()
        }
        root = self.spec.root
        return replace(root, input_parameters={**root.input_parameters, **asked})

    def task(self, number: int) -> Task:
        """Return the task of one iteration, counted from 1."""
        root = self.spec.root
        parameters: dict[str, ParameterSource] = {
            name: self._source(name, number) for name in root.input_parameters
        }
        artifacts: dict[str, ArtifactSource] = {
            name: self._source(name, number) for name in root.input_artifacts
        }
        if number == 1:
            return Task(self.label, _name(1), parameters=parameters, artifacts=artifacts)
        before = _name(number - 1)
        for name, channel in self.asked.items():
            is_output = channel.producer is not None
            parameters[name] = (
                TaskOutput(before, channel.name) if is_output else self._source(channel.name, number - 1)
            )
        sources = (*parameters.values(), *artifacts.values())
        waits = {before, *(source.task for source in sources if isinstance(source, TaskOutput))}
        return Task(
            self.label,
            _name(number),
            depends_on=tuple(sorted(waits)),
            parameters=parameters,
            artifacts=artifacts,
            condition=self.condition,
        )

    def _source(self, name: str, number: int) -> ComponentInput | TaskOutput:
        if number > 1 and name in self.carry:
            return TaskOutput(_name(number - 1), self.carry[name])
        return ComponentInput(name)


def _without_cache(spec: PipelineSpec) -> PipelineSpec:
    def run_always(component: Component) -> Component:
        if component.graph is None:
            return component
        tasks = {name: replace(task, cache=False) for name, task in component.graph.tasks.items()}
        return replace(component, graph=replace(component.graph, tasks=tasks))

    components = {name: run_always(component) for name, component in spec.components.items()}
    return replace(spec, root=run_always(spec.root), components=components)


def _unrolled(name: str, interface: Interface, iteration: _Iteration, count: int) -> PipelineSpec:
    numbers = range(1, count + 1)

    def last(output: str) -> OneOf:
        return OneOf(tuple(TaskOutput(_name(number), output) for number in reversed(numbers)))

    graph = Graph(
        {_name(number): iteration.task(number) for number in numbers},
        {output: last(output) for output in interface.output_parameters},
        {output: last(output) for output in interface.output_artifacts},
    )
    return PipelineSpec(
        name,
        Component(
            interface.input_parameters,
            interface.input_artifacts,
            interface.output_parameters,
            interface.output_artifacts,
            graph,
        ),
        {iteration.label: iteration.component, **iteration.spec.components},
        iteration.spec.executors,
    )


def _name(number: int) -> str:
    return f"iteration-{number}"


def _interface(body: BaseComponent) -> Interface:
    """Return the loop's interface: the body's, without inputs that the engine fills."""
    given = body.interface
    own = {
        name: parameter
        for name, parameter in given.input_parameters.items()
        if parameter.type not in (ParameterType.TASK_CONFIG, ParameterType.TASK_FINAL_STATUS)
    }
    return replace(given, input_parameters=own)


def _fits(declared: InputParameter | InputArtifact, output: OutputParameter | OutputArtifact) -> bool:
    if isinstance(declared, InputArtifact) and isinstance(output, OutputArtifact):
        return declared.type == output.type and declared.is_list == output.is_list
    is_number = (declared.type, output.type) == (ParameterType.NUMBER_DOUBLE, ParameterType.NUMBER_INTEGER)
    return declared.type == output.type or is_number


def _parameter(channel: Channel) -> ParameterType:
    assert isinstance(channel.type, ParameterType)
    return channel.type


def _refuse(message: str, hint: str) -> NoReturn:
    raise AuthoringError(Diagnostic("MLP153", "dsl.do_while", message, hint, context.caller()))
