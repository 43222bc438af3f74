"""Reads IR documents into a :class:`~mlplat.ir.model.PipelineSpec`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from mlplat.canonical import read_json
from mlplat.errors import Diagnostic, ManifestError, Source
from mlplat.ir import bootstrap
from mlplat.ir.model import (
    ABSENT,
    OWN_PLATFORM,
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
    OwnSettings,
    ParameterSource,
    ParameterType,
    Passthrough,
    PipelineSpec,
    Resources,
    Retry,
    Task,
    TaskOutput,
)

T = TypeVar("T")
_Doc = Mapping[str, Any]


def is_ir(document: Mapping[str, Any]) -> bool:
    """Return whether a document is a pipeline in IR form."""
    return "pipelineInfo" in document and "root" in document


def read(documents: Sequence[Mapping[str, Any]], name: str = "") -> PipelineSpec:
    """Read a pipeline.

    Args:
        documents: the PipelineSpec and, if there is one, the ``platforms`` document.
        name: name of the file, for errors.

    Returns:
        The pipeline.

    Raises:
        ManifestError: a field is missing or has the wrong type; all errors at once.
    """
    spec = documents[0]
    _check(documents, name)
    platform, own = (_platform(documents[1:], one) for one in ("kubernetes", OWN_PLATFORM))
    info = spec["pipelineInfo"]
    settings, own_settings = (one.get("deploymentSpec", {}).get("executors", {}) for one in (platform, own))
    executors = spec.get("deploymentSpec", {}).get("executors", {})
    return PipelineSpec(
        name=info["name"],
        description=info.get("description", ""),
        display_name=info.get("displayName", ""),
        root=_component(spec["root"]),
        components=_each(_component, spec.get("components")),
        executors={
            label: _executor(document, settings.get(label, {}), own_settings.get(label, {}))
            for label, document in executors.items()
        },
        default_pipeline_root=spec.get("defaultPipelineRoot", ""),
        sdk_version=spec.get("sdkVersion", ""),
        config=platform.get("pipelineConfig", {}),
    )


def _platform(documents: Sequence[_Doc], platform: str) -> _Doc:
    """Return the part of the ``platforms`` document for one platform."""
    for document in documents:
        if "platforms" in document:
            found: _Doc = document["platforms"].get(platform, {})
            return found
    return {}


def _check(documents: Sequence[_Doc], name: str) -> None:
    import jsonschema

    from mlplat.ir.schema import schema_of

    formats = jsonschema.FormatChecker(formats=())
    formats.checks("JSON list", raises=(TypeError, ValueError))(
        lambda text: isinstance(read_json(text), list)
    )
    diagnostics = [
        Diagnostic(
            "MLP210",
            ".".join(map(str, problem.absolute_path)),
            problem.message,
            "compile the pipeline again with the SDK that wrote it",
            Source(name),
        )
        for document in documents
        for problem in jsonschema.Draft202012Validator(
            schema_of(document),
            format_checker=formats,
        ).iter_errors(document)
    ]
    if diagnostics:
        raise ManifestError(diagnostics)


def _each(read_one: Callable[[_Doc], T], documents: _Doc | None) -> dict[str, T]:
    return {name: read_one(document) for name, document in (documents or {}).items()}


def _component(document: _Doc) -> Component:
    inputs, outputs = document.get("inputDefinitions", {}), document.get("outputDefinitions", {})
    return Component(
        input_parameters=_each(_input_parameter, inputs.get("parameters")),
        input_artifacts=_each(_input_artifact, inputs.get("artifacts")),
        output_parameters=_each(
            lambda output: OutputParameter(
                ParameterType(output["parameterType"]), output.get("description", "")
            ),
            outputs.get("parameters"),
        ),
        output_artifacts=_each(
            lambda output: OutputArtifact(
                _artifact_type(output["artifactType"]),
                output.get("isArtifactList", False),
                output.get("description", ""),
            ),
            outputs.get("artifacts"),
        ),
        graph=_graph(document["dag"]) if "dag" in document else None,
        executor=document.get("executorLabel", ""),
        passthroughs=tuple(
            Passthrough(given["field"], given.get("applyToTask", False))
            for given in document.get("taskConfigPassthroughs", ())
        ),
    )


def _input_parameter(document: _Doc) -> InputParameter:
    kind = ParameterType(document["parameterType"])
    default = document.get("defaultValue", ABSENT)
    return InputParameter(
        kind,
        default if default is ABSENT else as_type(default, kind),
        document.get("isOptional", False),
        document.get("description", ""),
    )


def as_type(value: Any, kind: ParameterType) -> Any:
    """Restore the declared type of a value of an IR document, in which all numbers are doubles."""
    found = whole(value)
    is_number = isinstance(found, int) and not isinstance(found, bool)
    return float(found) if kind is ParameterType.NUMBER_DOUBLE and is_number else found


def whole(value: Any) -> Any:
    """Make 3.0 the int 3, also inside lists and dicts, as KFP's backend does when it passes values on."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    return [whole(item) for item in value] if isinstance(value, list) else value


def _artifact_type(document: _Doc) -> ArtifactType:
    return ArtifactType(
        document.get("schemaTitle", "system.Artifact"), document.get("schemaVersion", "0.0.1")
    )


def _input_artifact(document: _Doc) -> InputArtifact:
    return InputArtifact(
        _artifact_type(document["artifactType"]),
        document.get("isArtifactList", False),
        document.get("isOptional", False),
        document.get("description", ""),
    )


def _graph(document: _Doc) -> Graph:
    outputs = document.get("outputs", {})
    return Graph(
        tasks=_each(_task, document["tasks"]),
        output_parameters=_each(_graph_parameter, outputs.get("parameters")),
        output_artifacts=_each(
            lambda output: OneOf(
                tuple(
                    TaskOutput(choice["producerSubtask"], choice["outputArtifactKey"])
                    for choice in output["artifactSelectors"]
                )
            ),
            outputs.get("artifacts"),
        ),
    )


def _graph_parameter(document: _Doc) -> TaskOutput | OneOf:
    if "valueFromParameter" in document:
        choice = document["valueFromParameter"]
        return TaskOutput(choice["producerSubtask"], choice["outputParameterKey"])
    selectors = document.get("valueFromOneof", {}).get("parameterSelectors", [])
    return OneOf(
        tuple(TaskOutput(choice["producerSubtask"], choice["outputParameterKey"]) for choice in selectors)
    )


def _task(document: _Doc) -> Task:
    inputs, trigger = document.get("inputs", {}), document.get("triggerPolicy", {})
    caching = document.get("cachingOptions", {})
    return Task(
        component=document["componentRef"]["name"],
        display_name=document.get("taskInfo", {}).get("name", ""),
        depends_on=tuple(document.get("dependentTasks", ())),
        parameters=_each(_parameter_source, inputs.get("parameters")),
        artifacts=_each(_artifact_source, inputs.get("artifacts")),
        cache=caching.get("enableCache", False),
        cache_key=caching.get("cacheKey", ""),
        condition=trigger.get("condition", ""),
        when_all_completed=trigger.get("strategy") == "ALL_UPSTREAM_TASKS_COMPLETED",
        iterator=_iterator(document),
        retry=_retry(document["retryPolicy"]) if "retryPolicy" in document else None,
    )


def _parameter_source(document: _Doc) -> ParameterSource:
    selector = document.get("parameterExpressionSelector", "")
    if "taskOutputParameter" in document:
        output = document["taskOutputParameter"]
        return TaskOutput(output["producerTask"], output["outputParameterKey"], selector)
    if "componentInputParameter" in document:
        return ComponentInput(document["componentInputParameter"], selector)
    if "taskFinalStatus" in document:
        return FinalStatus(document["taskFinalStatus"]["producerTask"])
    return Constant(whole(document.get("runtimeValue", {}).get("constant")), selector)


def _artifact_source(document: _Doc) -> ArtifactSource:
    if "taskOutputArtifact" in document:
        output = document["taskOutputArtifact"]
        return TaskOutput(output["producerTask"], output["outputArtifactKey"])
    return ComponentInput(document["componentInputArtifact"])


def _iterator(document: _Doc) -> Iterator | None:
    parallelism = int(document.get("iteratorPolicy", {}).get("parallelismLimit", 0))
    if "parameterIterator" in document:
        iterator = document["parameterIterator"]
        items = iterator["items"]
        source = (
            Constant(read_json(items["raw"])) if "raw" in items else ComponentInput(items["inputParameter"])
        )
        return Iterator(source, iterator["itemInput"], False, parallelism)
    if "artifactIterator" in document:
        iterator = document["artifactIterator"]
        return Iterator(
            ComponentInput(iterator["items"]["inputArtifact"]), iterator["itemInput"], True, parallelism
        )
    return None


def _retry(document: _Doc) -> Retry:
    return Retry(
        int(document.get("maxRetryCount", 0)),
        _seconds(document.get("backoffDuration", "0s")),
        float(document.get("backoffFactor", 2.0)),
        _seconds(document.get("backoffMaxDuration", "3600s")),
    )


def _seconds(duration: str) -> float:
    return float(duration.removesuffix("s"))


def _executor(document: _Doc, kubernetes: _Doc, own: _Doc) -> Executor:
    if "importer" in document:
        importer = document["importer"]
        uri = importer["artifactUri"]
        source = (
            ComponentInput(uri["runtimeParameter"])
            if "runtimeParameter" in uri
            else Constant(uri.get("constant"))
        )
        return Importer(
            source,
            _artifact_type(importer["typeSchema"]),
            importer.get("reimport", False),
            importer.get("metadata", {}),
            importer.get("downloadToWorkspace", False),
        )
    container = document.get("container", {})
    command, args = tuple(container.get("command", ())), tuple(container.get("args", ()))
    python = bootstrap.from_command(command, args)
    return Container(
        image=container.get("image", ""),
        command=command,
        args=args,
        env=tuple((variable["name"], variable.get("value", "")) for variable in container.get("env", ())),
        resources=_resources(container.get("resources", {})),
        python=python,
        kubernetes=kubernetes,
        own=OwnSettings(own.get("fuse", ""), int(own.get("parallelism", 0))),
    )


def _resources(document: _Doc) -> Resources:
    accelerator = document.get("accelerator", {})
    return Resources(
        cpu_request=str(document.get("resourceCpuRequest") or _cpu(document.get("cpuRequest"))),
        cpu_limit=str(document.get("resourceCpuLimit") or _cpu(document.get("cpuLimit"))),
        memory_request=str(
            document.get("resourceMemoryRequest") or _gigabytes(document.get("memoryRequest"))
        ),
        memory_limit=str(document.get("resourceMemoryLimit") or _gigabytes(document.get("memoryLimit"))),
        accelerator_type=str(accelerator.get("resourceType") or accelerator.get("type") or ""),
        accelerator_count=str(accelerator.get("resourceCount") or accelerator.get("count") or ""),
    )


def _cpu(cores: float | None) -> str:
    return f"{cores:g}" if cores else ""


def _gigabytes(amount: float | None) -> str:
    return str(round(amount * 1e9)) if amount else ""
