"""``Compiler().compile(pipeline, path)``, for KFP programs; the only module of the compiler that writes files."""

from __future__ import annotations

import json
import os
import shlex
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mlplat import ir, manifest
from mlplat.compiler import passes
from mlplat.compiler.program import Options
from mlplat.dsl.component import BaseComponent
from mlplat.dsl.single import spec_of
from mlplat.errors import ArgumentError, Diagnostic, ManifestError, Source, nearest
from mlplat.ir.model import ABSENT, Component, PipelineSpec
from mlplat.ir.types import TYPE_NAMES, fits

_RESOURCE = "pipelines.kubeflow.org/v2beta1"


@dataclass(frozen=True)
class KubernetesManifestOptions:
    """How a pipeline is written as KFP's own resources, ``Pipeline`` and ``PipelineVersion``.

    Attributes:
        pipeline_name: name of the pipeline; the compiled one's when None.
        pipeline_display_name: name to display.
        pipeline_version_name: name of the version; the pipeline's when None.
        pipeline_version_display_name: name to display.
        namespace: its namespace.
        include_pipeline_manifest: whether the ``Pipeline`` is written too.
    """

    pipeline_name: str | None = None
    pipeline_display_name: str | None = None
    pipeline_version_name: str | None = None
    pipeline_version_display_name: str | None = None
    namespace: str | None = None
    include_pipeline_manifest: bool = False


class Compiler:
    """Writes pipelines and components as files; KFP's class, with the additional argument ``to``."""

    def compile(
        self,
        pipeline_func: BaseComponent,
        package_path: str,
        pipeline_name: str | None = None,
        pipeline_display_name: str | None = None,
        pipeline_parameters: Mapping[str, Any] | None = None,
        type_check: bool = True,  # noqa: ARG002 - types are always checked
        kubernetes_manifest_options: KubernetesManifestOptions | None = None,
        kubernetes_manifest_format: bool = False,
        to: str = "ir",
    ) -> None:
        """Write a pipeline or component.

        Args:
            pipeline_func: the pipeline or component.
            package_path: the file: ``.yaml`` or ``.yml``, or ``.json`` for JSON.
            pipeline_name: its name instead of its own.
            pipeline_display_name: name to display.
            pipeline_parameters: defaults instead of its own.
            type_check: has no effect: types are always checked.
            kubernetes_manifest_options: names for KFP's own resources.
            kubernetes_manifest_format: whether to write KFP's own resources.
            to: ``ir``, or ``argo`` for the Argo Workflow.

        Raises:
            ArgumentError: a parameter is unknown or of the wrong type.
            CompileError: the pipeline cannot be compiled.
            ManifestError: the file has another extension, or cannot be written.
        """
        spec = spec_of(pipeline_func)
        spec = replace(
            spec,
            name=pipeline_name or spec.name,
            display_name=pipeline_display_name or spec.display_name,
            root=_with_defaults(spec.root, pipeline_parameters or {}),
        )
        header = ""
        if to == "argo":
            documents = passes.manifest(spec, Options(require_arguments=False))
        elif to == "ir":
            documents = ir.write(spec)
            header = describe(spec)
            if kubernetes_manifest_format or kubernetes_manifest_options:
                header = ""
                options = kubernetes_manifest_options or KubernetesManifestOptions()
                documents = _resources(spec, documents, options)
        else:
            message = f"unknown value '{to}' for to"
            raise ArgumentError(Diagnostic("MLP413", "", message, "use to='ir' or to='argo'"))
        _write_package(Path(package_path), header, documents)


def _with_defaults(root: Component, defaults: Mapping[str, Any]) -> Component:
    parameters = root.input_parameters
    problems = [
        Diagnostic("MLP401", "", f"the pipeline has no parameter '{name}'", nearest(name, list(parameters)))
        for name in defaults
        if name not in parameters
    ]
    problems += [
        Diagnostic("MLP403", name, f"expected {TYPE_NAMES[parameters[name].type]}, got {value!r}")
        for name, value in defaults.items()
        if name in parameters and not fits(value, parameters[name].type)
    ]
    if problems:
        raise ArgumentError(problems)
    changed = {
        name: replace(parameters[name], default=value, optional=True) for name, value in defaults.items()
    }
    return replace(root, input_parameters={**parameters, **changed})


def describe(spec: PipelineSpec) -> str:
    """Return the comment at the top of IR YAML: name, description, inputs and outputs.

    Args:
        spec: the pipeline.
    """
    lines = ["# PIPELINE DEFINITION", f"# Name: {spec.name}"]
    if spec.description:
        first, *more = spec.description.splitlines()
        lines += [f"# Description: {first}", *(f"#              {line}" for line in more)]
    root = spec.root
    inputs = {name: TYPE_NAMES[one.type] for name, one in root.input_parameters.items()}
    for name, one in root.input_parameters.items():
        if one.default is not ABSENT:
            inputs[name] += f" [Default: {one.default!r}]"
    inputs |= {name: one.type.schema_title for name, one in root.input_artifacts.items()}
    outputs = {name: TYPE_NAMES[one.type] for name, one in root.output_parameters.items()}
    outputs |= {name: one.type.schema_title for name, one in root.output_artifacts.items()}
    for title, declared in (("Inputs", inputs), ("Outputs", outputs)):
        if declared:
            texts = (f"#    {name}: {declared[name]}" for name in sorted(declared))
            lines += [f"# {title}:", *texts]
    return "".join(f"{' '.join(line.splitlines())}\n" for line in lines)


def _resources(
    spec: PipelineSpec, documents: list[dict[str, Any]], options: KubernetesManifestOptions
) -> list[dict[str, Any]]:
    name = options.pipeline_name or spec.name
    version = options.pipeline_version_name or name

    def resource(kind: str, name: str, display: str | None, **fields: Any) -> dict[str, Any]:
        metadata = {"name": name, **({"namespace": options.namespace} if options.namespace else {})}
        described = {"description": spec.description} if spec.description else {}
        shown = {**described, "displayName": display or name}
        return {"apiVersion": _RESOURCE, "kind": kind, "metadata": metadata, "spec": {**shown, **fields}}

    platform = {"platformSpec": documents[1]} if len(documents) > 1 else {}
    resources = [
        resource(
            "PipelineVersion",
            version,
            options.pipeline_version_display_name,
            pipelineName=name,
            pipelineSpec=documents[0],
            **platform,
        )
    ]
    if options.include_pipeline_manifest:
        resources.insert(0, resource("Pipeline", name, options.pipeline_display_name))
    return resources


def _write_package(file: Path, header: str, documents: list[dict[str, Any]]) -> None:
    """Write documents as YAML or JSON, by the extension of the file."""
    if file.suffix not in (".yaml", ".yml", ".json"):
        hint = "use a path that ends in .yaml, .yml or .json"
        raise ManifestError(Diagnostic("MLP209", "", "unknown file extension", hint, Source(str(file))))
    if file.suffix == ".json":
        whole: Any = documents[0] if len(documents) == 1 else documents
        text = json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
    else:
        text = header + manifest.dump(documents)
    write(file, text)


def write(file: Path, text: str) -> None:
    """Write a file atomically; a device or pipe is written to directly.

    Args:
        file: the path; links are followed.
        text: the content.

    Raises:
        ManifestError: the file cannot be written; its old content is unchanged.
    """
    if file.is_dir():
        hint = f"use a file in it: {file / 'pipeline.yaml'}"
        raise ManifestError(Diagnostic("MLP209", "", "the path is a folder", hint, Source(str(file))))
    try:
        if file.exists() and not file.is_file():
            file.write_text(text, encoding="utf-8")
        else:
            _replace(file.resolve(), text)
    except OSError as error:
        hint = "choose a path that you may write to, on a disk with free space"
        if isinstance(error, FileNotFoundError):
            hint = f"create the folder: mkdir -p {shlex.quote(str(file.parent))}"
        raise ManifestError(
            Diagnostic("MLP209", "", f"the file cannot be written: {error.strerror}", hint, Source(str(file)))
        ) from None


def _replace(file: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile("w", dir=file.parent, delete=False, encoding="utf-8") as part:
        written = Path(part.name)
        try:
            part.write(text)
            part.close()
            written.chmod(0o666 & ~_umask())
            written.replace(file)
        except OSError:
            written.unlink()
            raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
