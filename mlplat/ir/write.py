"""Writes a :class:`~mlplat.ir.model.PipelineSpec` as IR documents that KFP's SDK and backend can read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

from mlplat.ir import bootstrap
from mlplat.ir.model import (
    ABSENT,
    OWN_PLATFORM,
    SCHEMA_VERSION,
    ArtifactSource,
    ArtifactType,
    Component,
    ComponentInput,
    Constant,
    Container,
    Executor,
    FinalStatus,
    Graph,
    Importer,
    InputArtifact,
    InputParameter,
    Iterator,
    OneOf,
    OutputArtifact,
    OutputParameter,
    ParameterSource,
    PipelineSpec,
    Resources,
    Retry,
    Task,
    TaskOutput,
)

T = TypeVar("T")
_Doc = dict[str, Any]
_DEFAULT_IMAGE = "python:3.11"
_QUANTITY = re.compile(r"([0-9]*\.?[0-9]+)([A-Za-z]*)\Z")
_MULTIPLES = {
    suffix: base**power
    for power, letter in enumerate("KMGTPE", 1)
    for suffix, base in ((letter, 1000), (f"{letter}i", 1024))
}


def write(spec: PipelineSpec) -> list[_Doc]:
    """Write a pipeline as IR documents.

    Args:
        spec: the pipeline.

    Returns:
        The PipelineSpec document and, if there is one, the ``platforms`` document. Keys are in the order in which KFP
        writes them: sorted.
    """
    document: _Doc = {
        "components": _each(_component, spec.components),
        "deploymentSpec": {"executors": _each(_executor, spec.executors)},
        "pipelineInfo": _present(description=spec.description, displayName=spec.display_name, name=spec.name),
        "root": _component(spec.root),
        "schemaVersion": SCHEMA_VERSION,
        "sdkVersion": spec.sdk_version or f"kfp-{bootstrap.KFP_VERSION}",
    }
    if spec.default_pipeline_root:
        document["defaultPipelineRoot"] = spec.default_pipeline_root
    ordered: _Doc = _sorted(document)
    platform = _platform(spec)
    return [ordered, _sorted(platform)] if platform else [ordered]


def _platform(spec: PipelineSpec) -> _Doc:
    """Return the ``platforms`` document; empty if the pipeline has no platform-specific settings."""
    containers = {
        label: executor for label, executor in spec.executors.items() if isinstance(executor, Container)
    }
    kubernetes = _settings({label: dict(container.kubernetes) for label, container in containers.items()})
    own = _settings({label: _present(**asdict(container.own)) for label, container in containers.items()})
    platforms = _present(
        **{"kubernetes": {**kubernetes, **_present(pipelineConfig=dict(spec.config))}, OWN_PLATFORM: own}
    )
    return {"platforms": platforms} if platforms else {}


def _settings(executors: Mapping[str, _Doc]) -> _Doc:
    given = {label: settings for label, settings in executors.items() if settings}
    return {"deploymentSpec": {"executors": given}} if given else {}


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return value


def _present(**fields: Any) -> _Doc:
    return {name: value for name, value in fields.items() if value not in ("", None, {}, [], False)}


def _each(write_one: Callable[[T], _Doc], values: Mapping[str, T]) -> _Doc:
    return {name: write_one(value) for name, value in values.items()}


def _component(component: Component) -> _Doc:
    return _present(
        executorLabel=component.executor,
        dag=_graph(component.graph) if component.graph else None,
        inputDefinitions=_present(
            parameters=_each(_input_parameter, component.input_parameters),
            artifacts=_each(_input_artifact, component.input_artifacts),
        ),
        outputDefinitions=_present(
            parameters=_each(_output_parameter, component.output_parameters),
            artifacts=_each(_output_artifact, component.output_artifacts),
        ),
        taskConfigPassthroughs=[
            {"field": given.field, **_present(applyToTask=given.apply_to_task)}
            for given in component.passthroughs
        ],
    )


def _input_parameter(parameter: InputParameter) -> _Doc:
    document = _present(isOptional=parameter.optional, description=parameter.description)
    document["parameterType"] = parameter.type.value
    if parameter.default is not ABSENT:
        document["defaultValue"] = parameter.default
    return document


def _artifact_type(kind: ArtifactType) -> _Doc:
    return {"schemaTitle": kind.schema_title, "schemaVersion": kind.schema_version}


def _input_artifact(artifact: InputArtifact) -> _Doc:
    flags = _present(
        isArtifactList=artifact.is_list, isOptional=artifact.optional, description=artifact.description
    )
    return {"artifactType": _artifact_type(artifact.type), **flags}


def _output_parameter(parameter: OutputParameter) -> _Doc:
    return {"parameterType": parameter.type.value, **_present(description=parameter.description)}


def _output_artifact(artifact: OutputArtifact) -> _Doc:
    flags = _present(isArtifactList=artifact.is_list, description=artifact.description)
    return {"artifactType": _artifact_type(artifact.type), **flags}


def _graph(graph: Graph) -> _Doc:
    outputs = _present(
        parameters=_each(_graph_parameter, graph.output_parameters),
        artifacts=_each(
            lambda output: {
                "artifactSelectors": [
                    {"producerSubtask": choice.task, "outputArtifactKey": choice.output}
                    for choice in output.choices
                ]
            },
            graph.output_artifacts,
        ),
    )
    return {"tasks": _each(_task, graph.tasks), **_present(outputs=outputs)}


def _graph_parameter(output: TaskOutput | OneOf) -> _Doc:
    if isinstance(output, TaskOutput):
        return {"valueFromParameter": {"producerSubtask": output.task, "outputParameterKey": output.output}}
    selectors = [
        {"producerSubtask": choice.task, "outputParameterKey": choice.output} for choice in output.choices
    ]
    return {"valueFromOneof": {"parameterSelectors": selectors}}


def _task(task: Task) -> _Doc:
    document = _present(
        taskInfo=_present(name=task.display_name),
        dependentTasks=list(task.depends_on),
        inputs=_present(
            parameters=_each(_parameter_source, task.parameters),
            artifacts=_each(_artifact_source, task.artifacts),
        ),
        triggerPolicy=_present(
            condition=task.condition,
            strategy="ALL_UPSTREAM_TASKS_COMPLETED" if task.when_all_completed else "",
        ),
        retryPolicy=_retry(task.retry) if task.retry else None,
    )
    document["componentRef"] = {"name": task.component}
    if task.cache or task.cache_key:
        document["cachingOptions"] = _present(enableCache=task.cache, cacheKey=task.cache_key)
    if task.iterator:
        document.update(_iterator(task.iterator))
    return document


def _parameter_source(source: ParameterSource) -> _Doc:
    document: _Doc
    match source:
        case Constant(value, selector):
            document = {"runtimeValue": {"constant": value}}
        case ComponentInput(name, selector):
            document = {"componentInputParameter": name}
        case TaskOutput(task, output, selector):
            document = {"taskOutputParameter": {"producerTask": task, "outputParameterKey": output}}
        case FinalStatus(task):
            document, selector = {"taskFinalStatus": {"producerTask": task}}, ""
    return {**document, **_present(parameterExpressionSelector=selector)}


def _artifact_source(source: ArtifactSource) -> _Doc:
    if isinstance(source, TaskOutput):
        return {"taskOutputArtifact": {"producerTask": source.task, "outputArtifactKey": source.output}}
    return {"componentInputArtifact": source.name}


def _iterator(iterator: Iterator) -> _Doc:
    policy = {"iteratorPolicy": {"parallelismLimit": iterator.parallelism}} if iterator.parallelism else {}
    items: _Doc
    if isinstance(iterator.items, Constant):
        items = {"raw": json.dumps(iterator.items.value)}
    elif iterator.is_artifact:
        items = {"inputArtifact": iterator.items.name}
    else:
        items = {"inputParameter": iterator.items.name}
    kind = "artifactIterator" if iterator.is_artifact else "parameterIterator"
    return {kind: {"itemInput": iterator.item_input, "items": items}, **policy}


def _retry(retry: Retry) -> _Doc:
    return {
        "maxRetryCount": retry.limit,
        "backoffDuration": f"{retry.backoff_duration:g}s",
        "backoffFactor": retry.backoff_factor,
        "backoffMaxDuration": f"{retry.backoff_max_duration:g}s",
    }


def _executor(executor: Executor) -> _Doc:
    if isinstance(executor, Importer):
        uri = executor.uri
        source = (
            {"runtimeParameter": uri.name} if isinstance(uri, ComponentInput) else {"constant": uri.value}
        )
        document = _present(
            reimport=executor.reimport,
            metadata=dict(executor.metadata),
            downloadToWorkspace=executor.download_to_workspace,
        )
        return {"importer": {"artifactUri": source, "typeSchema": _artifact_type(executor.type), **document}}
    command, args = executor.command, executor.args
    if executor.python and not command:
        command, args = bootstrap.to_command(executor.python)
    document = _present(
        command=list(command),
        args=list(args),
        env=[{"name": name, "value": value} for name, value in executor.env],
        resources=_resources(executor.resources),
    )
    return {"container": {"image": executor.image or _DEFAULT_IMAGE, **document}}


def _resources(resources: Resources) -> _Doc:
    kind, count = resources.accelerator_type, resources.accelerator_count
    accelerator = _present(
        type="" if "{{" in kind else kind,
        resourceType=kind,
        count="" if "{{" in count else count,
        resourceCount=count,
    )
    return _present(
        cpuRequest=_amount(resources.cpu_request, 1),
        resourceCpuRequest=resources.cpu_request,
        cpuLimit=_amount(resources.cpu_limit, 1),
        resourceCpuLimit=resources.cpu_limit,
        memoryRequest=_amount(resources.memory_request, 1e9),
        resourceMemoryRequest=resources.memory_request,
        memoryLimit=_amount(resources.memory_limit, 1e9),
        resourceMemoryLimit=resources.memory_limit,
        accelerator=accelerator,
    )


def _amount(quantity: str, unit: float) -> float | None:
    """Return cores or gigabytes for the older fields of the IR, which hold numbers; None for a placeholder."""
    match = _QUANTITY.match(quantity)
    if not match:
        return None
    number, suffix = float(match[1]), match[2]
    return number / 1000 if suffix == "m" else number * _MULTIPLES.get(suffix, 1) / unit
