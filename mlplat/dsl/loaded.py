"""Components that are read from YAML or converted from IR."""

from __future__ import annotations

from dataclasses import replace

from mlplat.dsl.component import BaseComponent
from mlplat.dsl.interface import Interface
from mlplat.ir.model import Component, Container, Importer, PipelineSpec


class YamlComponent(BaseComponent):
    """A component that was read from YAML.

    Attributes:
        spec: its pipeline; None for a single container or importer.
        description: for people.
    """

    def __init__(
        self,
        name: str,
        component: Component,
        executor: Container | Importer | None,
        spec: PipelineSpec | None = None,
        description: str = "",
    ) -> None:
        inputs = (*component.input_parameters, *component.input_artifacts)
        interface = Interface(
            component.input_parameters,
            component.input_artifacts,
            component.output_parameters,
            component.output_artifacts,
            inputs,
        )
        super().__init__(name, interface, executor=executor, passthroughs=component.passthroughs)
        self.spec = spec
        self.description = description


def of_ir(spec: PipelineSpec) -> YamlComponent:
    """Return the component of a pipeline; KFP writes a single component as a pipeline that only calls it.

    Args:
        spec: the pipeline.
    """
    tasks = dict(spec.root.graph.tasks) if spec.root.graph else {}
    if len(tasks) == 1 and len(spec.components) == 1:
        (name, task), (component,) = next(iter(tasks.items())), spec.components.values()
        same = (spec.root.input_parameters.keys(), spec.root.input_artifacts.keys()) == (
            component.input_parameters.keys(),
            component.input_artifacts.keys(),
        )
        if name == spec.name and component.executor and same and task.iterator is None and not task.condition:
            executor = spec.executors[component.executor]
            own = replace(
                component,
                input_parameters=spec.root.input_parameters,
                input_artifacts=spec.root.input_artifacts,
            )
            return YamlComponent(spec.name, own, executor, description=spec.description)
    return YamlComponent(spec.name, spec.root, None, spec, spec.description)
