"""Importers: existing data as artifacts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlplat.dsl import context, signatures, validation
from mlplat.dsl.channels import Channel, Comparable
from mlplat.dsl.component import BaseComponent
from mlplat.dsl.interface import Interface
from mlplat.dsl.interpolation import Interpolated, interpolated
from mlplat.dsl.task import PipelineTask
from mlplat.errors import AuthoringError, Diagnostic
from mlplat.ir.model import (
    ComponentInput,
    Constant,
    Importer,
    InputParameter,
    OutputArtifact,
    ParameterType,
)
from mlplat.runtime.artifacts import is_artifact_class

_URI, _ARTIFACT, _METADATA = "uri", "artifact", "metadata"


@validation.checked("MLP122")
def importer(
    artifact_uri: str | Comparable,
    artifact_class: type,
    reimport: bool = False,
    metadata: Mapping[Any, Any] | None = None,
    download_to_workspace: bool = False,
) -> PipelineTask:
    """Import existing data into the pipeline as an artifact.

    Args:
        artifact_uri: location of the data; may be a runtime value.
        artifact_class: the artifact's class, such as ``dsl.Dataset``.
        reimport: whether to import again in each run, instead of using the cache.
        metadata: JSON values by name; they may contain runtime values.
        download_to_workspace: whether the bytes are copied into the pipeline's workspace.

    Returns:
        A task with the one output ``artifact``.

    Raises:
        AuthoringError: the class is not an artifact class, or it is called outside of a pipeline.
    """
    tracing = context.tracing("dsl.importer")
    if not is_artifact_class(artifact_class):
        message = f"{artifact_class!r} is not an artifact class"
        raise AuthoringError(
            Diagnostic("MLP144", "dsl.importer", message, "use a class such as dsl.Dataset", context.caller())
        )
    uri = interpolated(artifact_uri, tracing)
    described = interpolated(dict(metadata or {}), tracing)
    arguments: dict[str, Any] = {_URI: uri}
    if isinstance(described, Interpolated):
        names: dict[int, str] = {}
        for channel in described.channels.values():
            name = names.setdefault(id(channel), f"{_METADATA}-{len(names) + 1}" if names else _METADATA)
            arguments[name] = channel
        described = described.with_names(lambda channel: names[id(channel)])
    kind = signatures.artifact_type(artifact_class)
    executor = Importer(
        Constant(uri) if isinstance(uri, str) else ComponentInput(_URI),
        kind,
        reimport,
        described,
        download_to_workspace,
    )
    inputs = {name: InputParameter(_type_of(value)) for name, value in arguments.items()}
    interface = Interface(inputs, output_artifacts={_ARTIFACT: OutputArtifact(kind)}, order=tuple(inputs))
    return BaseComponent("importer", interface, executor=executor)(**arguments)


def _type_of(value: Any) -> ParameterType:
    if isinstance(value, Channel) and isinstance(value.type, ParameterType):
        return value.type
    return ParameterType.STRING
