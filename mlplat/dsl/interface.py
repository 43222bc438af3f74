"""Definitions of components: inputs, outputs, and what they run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mlplat.ir.model import (
    Container,
    Executor,
    InputArtifact,
    InputParameter,
    OutputArtifact,
    OutputParameter,
    ParameterType,
    Passthrough,
    PipelineSpec,
)


@dataclass(frozen=True, slots=True)
class Interface:
    """The inputs and outputs of a component, in the order of its signature.

    Attributes:
        paths: artifacts that the function gets as a path, not as an object.
    """

    input_parameters: Mapping[str, InputParameter] = field(default_factory=dict)
    input_artifacts: Mapping[str, InputArtifact] = field(default_factory=dict)
    output_parameters: Mapping[str, OutputParameter] = field(default_factory=dict)
    output_artifacts: Mapping[str, OutputArtifact] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    input_items: Mapping[str, ParameterType] = field(default_factory=dict)
    output_items: Mapping[str, ParameterType] = field(default_factory=dict)
    paths: frozenset[str] = frozenset()

    @property
    def inputs(self) -> dict[str, InputParameter | InputArtifact]:
        """Parameters and artifacts that it takes."""
        return {**self.input_parameters, **self.input_artifacts}

    def required(self) -> list[str]:
        """Return the names of the inputs without a default."""
        inputs = self.inputs
        return [name for name in self.order if name in inputs and not inputs[name].optional]


class Definition:
    """The definition of a component.

    Attributes:
        name: lower case, words joined by ``-``.
        interface: its inputs and outputs.
        cache: whether calls may be cached, unless the task says otherwise.
        executor: what runs when it is called; None for a pipeline.
        passthroughs: settings of the task that are passed to its function.
        spec: the graph of a pipeline; None for a component with an executor.
        description: what it does, for people.
    """

    spec: PipelineSpec | None = None
    description: str = ""

    def __init__(
        self,
        name: str,
        interface: Interface,
        cache: bool = True,
        executor: Executor | None = None,
        passthroughs: tuple[Passthrough, ...] = (),
    ) -> None:
        self.name = name
        self.interface = interface
        self.cache = cache
        self.executor = executor
        self.passthroughs = passthroughs

    def __repr__(self) -> str:
        return f"<component {self.name}>"

    @property
    def has_container(self) -> bool:
        """Whether a call of it is one container, whose settings can be set."""
        return isinstance(self.executor, Container)

    def without_container(self, setter: str) -> tuple[str, str]:
        """Return why a setting of a container does not apply, and what to do instead.

        Args:
            setter: the method that was called.
        """
        if self.executor is None:
            return "a nested pipeline has no container", "call it on the tasks of that pipeline"
        return (
            "an importer has no container",
            f"remove {setter}: data is fetched in a pod that mlplat configures",
        )
