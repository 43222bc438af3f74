"""Pass: imports the input artifacts of a pipeline from the URIs in the arguments of the run.

In KFP, an artifact cannot be an argument of a run. In mlplat, the argument is a URI, in a parameter with the artifact's
name, and an importer makes it an artifact.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mlplat.compiler.program import Program
from mlplat.ir.model import (
    ABSENT,
    Component,
    ComponentInput,
    Executor,
    Graph,
    Importer,
    InputArtifact,
    InputParameter,
    OutputArtifact,
    ParameterType,
    Task,
    TaskOutput,
)

_URI, _ARTIFACT = "uri", "artifact"


def run(program: Program) -> Program:
    """Replace the pipeline's input artifacts with importers; lists of artifacts stay."""
    spec = program.spec
    artifacts = {name: given for name, given in spec.root.input_artifacts.items() if not given.is_list}
    if not artifacts or spec.root.graph is None:
        return program
    tasks = {name: _fed(task, spec.root.graph, artifacts) for name, task in spec.root.graph.tasks.items()}
    components: dict[str, Component] = dict(spec.components)
    executors: dict[str, Executor] = dict(spec.executors)
    parameters = dict(spec.root.input_parameters)
    for name, given in artifacts.items():
        label = _task_name(name, spec.root.graph)
        tasks[label] = Task(f"comp-{label}", display_name=name, parameters={_URI: ComponentInput(name)})
        components[f"comp-{label}"] = Component(
            input_parameters={_URI: InputParameter(ParameterType.STRING, optional=given.optional)},
            output_artifacts={_ARTIFACT: OutputArtifact(given.type)},
            executor=f"exec-{label}",
        )
        executors[f"exec-{label}"] = Importer(ComponentInput(_URI), given.type)
        parameters[name] = InputParameter(
            ParameterType.STRING,
            ABSENT,
            given.optional,
            given.description or f"URI of a {given.type.schema_title}",
        )
    graph = replace(spec.root.graph, tasks=tasks)
    root = replace(
        spec.root,
        input_parameters=parameters,
        input_artifacts={
            name: given for name, given in spec.root.input_artifacts.items() if name not in artifacts
        },
        graph=graph,
    )
    return replace(program, spec=replace(spec, root=root, components=components, executors=executors))


def _task_name(artifact: str, graph: Graph) -> str:
    name = f"import-{artifact.replace('_', '-').lower()}"
    while name in graph.tasks:
        name += "-"
    return name


def _fed(task: Task, graph: Graph, imported: Mapping[str, InputArtifact]) -> Task:
    artifacts = {
        name: TaskOutput(_task_name(source.name, graph), _ARTIFACT)
        if isinstance(source, ComponentInput) and source.name in imported
        else source
        for name, source in task.artifacts.items()
    }
    return replace(task, artifacts=artifacts)
