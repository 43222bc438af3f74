"""Which tasks' pods must be on one node: those that mount a claim which one node alone can mount.

The workspace's claim is one of them, where it is ``ReadWriteOnce``, and so is each claim that the pipeline makes so.
Kubernetes lets a pod wait for such a claim as long as another node has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from mlplat.compiler import executors, pods, workspace
from mlplat.ir.model import (
    ComponentInput,
    Constant,
    Container,
    Graph,
    ParameterSource,
    PipelineSpec,
    Task,
    TaskOutput,
)

K = TypeVar("K")
_ONE_NODE = ["ReadWriteOnce"]
_DOMAIN = "mlplat.dev"


def marks(spec: PipelineSpec) -> dict[str, frozenset[str]]:
    """Return the labels by which pods find those that they share a node with.

    Args:
        spec: the pipeline.

    Returns:
        By component, a label for each claim.
    """
    found: dict[str, set[str]] = {}
    config = spec.config.get("workspace")
    if config is not None and workspace.access_modes(config) == _ONE_NODE:
        for component in workspace.users(spec):
            found.setdefault(component, set()).add(f"{_DOMAIN}/workspace")
    inputs: dict[tuple[str, str], set[str]] = {}
    grew = True
    while grew:
        grew = False
        for around, graph in _graphs(spec):
            for task in graph.tasks.values():
                for name, source in task.parameters.items():
                    grew |= _add(
                        inputs, (task.component, name), _carried(source, around, graph, spec, inputs)
                    )
                for source in _settings(task, spec):
                    grew |= _add(found, task.component, _carried(source, around, graph, spec, inputs))
    return {component: frozenset(labels) for component, labels in found.items()}


def _graphs(spec: PipelineSpec) -> Iterator[tuple[str, Graph]]:
    for name, component in (("", spec.root), *spec.components.items()):
        if component.graph is not None:
            yield name, component.graph


def _add(known: dict[K, set[str]], key: K, labels: set[str]) -> bool:
    if labels <= known.get(key, set()):
        return False
    known.setdefault(key, set()).update(labels)
    return True


def _settings(task: Task, spec: PipelineSpec) -> Iterator[ParameterSource]:
    executor = spec.executors.get(spec.components[task.component].executor)
    if isinstance(executor, Container) and executor.kubernetes.get("pvcMount"):
        yield from pods.sources(executor)


def _carried(
    source: ParameterSource,
    around: str,
    graph: Graph,
    spec: PipelineSpec,
    inputs: Mapping[tuple[str, str], set[str]],
) -> set[str]:
    """Return the claims whose name a source gives."""
    match source:
        case ComponentInput(name):
            return inputs.get((around, name), set())
        case TaskOutput(key):
            task = graph.tasks[key]
            executor = spec.executors.get(spec.components[task.component].executor)
            is_claim = isinstance(executor, Container) and executor.image == executors.CREATE_CLAIM
            if is_claim and task.parameters.get("access_modes") == Constant(_ONE_NODE):
                return {f"{_DOMAIN}/claim-{key}"}
    return set()
