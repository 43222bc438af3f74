"""A component on its own, as a pipeline that only calls it."""

from __future__ import annotations

from mlplat.dsl import foreign
from mlplat.dsl.component import BaseComponent
from mlplat.ir.model import Component, ComponentInput, Graph, OneOf, PipelineSpec, Task, TaskOutput


def spec_of(component: BaseComponent) -> PipelineSpec:
    """Return a pipeline as it is; of any other component, a pipeline with its interface that calls it once.

    Args:
        component: a component or pipeline, of KFP's own SDK too.
    """
    if foreign.is_foreign(component):
        component = foreign.converted(component)
    if component.spec is not None:
        return component.spec
    assert component.executor is not None
    interface, name = component.interface, component.name
    inputs = interface.inputs
    task = Task(
        f"comp-{name}",
        name,
        parameters={given: ComponentInput(given) for given in interface.input_parameters},
        artifacts={given: ComponentInput(given) for given in inputs if given in interface.input_artifacts},
        cache=component.cache,
    )
    graph = Graph(
        {name: task},
        {output: TaskOutput(name, output) for output in interface.output_parameters},
        {output: OneOf((TaskOutput(name, output),)) for output in interface.output_artifacts},
    )
    own = Component(
        interface.input_parameters,
        interface.input_artifacts,
        interface.output_parameters,
        interface.output_artifacts,
    )
    return PipelineSpec(
        name=name,
        root=Component(
            own.input_parameters,
            own.input_artifacts,
            own.output_parameters,
            own.output_artifacts,
            graph,
        ),
        components={
            f"comp-{name}": Component(
                own.input_parameters,
                own.input_artifacts,
                own.output_parameters,
                own.output_artifacts,
                executor=f"exec-{name}",
                passthroughs=component.passthroughs,
            )
        },
        executors={f"exec-{name}": component.executor},
        description=component.description,
    )
