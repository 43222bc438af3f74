"""Pass: the documents of the manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mlplat import runtime
from mlplat.argo import limits, names
from mlplat.compiler.pods import WORKSPACE_VOLUME
from mlplat.compiler.program import Options, Program

API_VERSION = "argoproj.io/v1alpha1"
RUNTIME_ANNOTATION = "mlplat.dev/runtime"
_SOURCE_ANNOTATION = "mlplat.dev/"


def run(program: Program) -> Program:
    """Put templates, arguments, runtime and large values together."""
    options = program.options
    base = names.dns_label(
        options.name or program.spec.name, names.LONGEST_WORKFLOW - names.GENERATED_SUFFIX - 1
    )
    documents: list[dict[str, Any]] = []
    volumes: list[dict[str, Any]] = []
    if program.values:
        config_map = f"{base}-values"
        documents.append(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": _metadata(config_map, options),
                "data": dict(program.values),
            }
        )
        volumes.append({"name": "mlplat-values", "configMap": {"name": config_map}})
    documents.append(_workflow(program, base, volumes))
    return replace(
        program, documents=tuple(documents), warnings=(*program.warnings, *limits.check(documents))
    )


def _metadata(name: str, options: Options) -> dict[str, Any]:
    return {"name": name, **({"namespace": options.namespace} if options.namespace else {})}


def _workflow(program: Program, base: str, volumes: list[dict[str, Any]]) -> dict[str, Any]:
    options, spec = program.options, program.spec
    metadata = _metadata(base, options)
    if options.kind == "Workflow" and not options.name:
        metadata = {"generateName": f"{base}-", **{key: metadata[key] for key in metadata if key != "name"}}
    annotations = {"mlplat.dev/pipeline": spec.name}
    if spec.display_name:
        annotations["workflows.argoproj.io/title"] = spec.display_name
    if spec.description:
        annotations["workflows.argoproj.io/description"] = spec.description
    metadata["annotations"] = annotations
    workflow: dict[str, Any] = {"entrypoint": program.templates[0]["name"]}
    if options.service_account:
        workflow["serviceAccountName"] = options.service_account
    workflow |= _lifetime(spec.config)
    parameters = [
        {"name": name, **({} if argument.text is None else {"value": argument.text})}
        for name, argument in program.arguments.items()
        if not argument.large
    ]
    if parameters:
        workflow["arguments"] = {"parameters": parameters}
    files = {"runtime.py": (RUNTIME_ANNOTATION, runtime.text())}
    files.update(
        {
            file: (_SOURCE_ANNOTATION + file.removesuffix(".py"), text)
            for file, text in program.sources.items()
        }
    )
    workflow["podMetadata"] = {"annotations": dict(files.values())}
    workflow["volumes"] = [
        {
            "name": "mlplat-runtime",
            "downwardAPI": {
                "items": [
                    {"path": file, "fieldRef": {"fieldPath": f"metadata.annotations['{annotation}']"}}
                    for file, (annotation, _) in files.items()
                ]
            },
        },
        {"name": "mlplat-outputs", "emptyDir": {}},
        *volumes,
    ]
    if claim := spec.config.get("workspace"):
        workflow["volumeClaimTemplates"] = [_workspace(claim)]
    workflow["templates"] = list(program.templates)
    return {"apiVersion": API_VERSION, "kind": options.kind, "metadata": metadata, "spec": workflow}


_TTL = {
    "secondsAfterCompletion": "resourceTtlOnCompletion",
    "secondsAfterSuccess": "resourceTtlOnSuccess",
    "secondsAfterFailure": "resourceTtlOnFailure",
}


def _lifetime(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return how long a run may take, and how long it is kept when it has ended."""
    found: dict[str, Any] = {}
    ttl = {name: int(config[setting]) for name, setting in _TTL.items() if setting in config}
    if ttl:
        found["ttlStrategy"] = ttl
    if "activeDeadlineSeconds" in config:
        found["activeDeadlineSeconds"] = int(config["activeDeadlineSeconds"])
    return found


def _workspace(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the claim that each run makes for its workspace; the patch may say its modes and storage class."""
    patch = config.get("kubernetes", {}).get("pvcSpecPatch", {})
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": config["size"]}},
        **patch,
    }
    return {"metadata": {"name": WORKSPACE_VOLUME}, "spec": spec}
