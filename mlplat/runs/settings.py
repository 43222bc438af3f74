"""Reads YAML files of settings: import sources, workflow defaults, Secrets and ConfigMaps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlplat import manifest
from mlplat.argo import schema
from mlplat.argo.sources import PLACES, ImportSource
from mlplat.errors import Diagnostic, ManifestError, Source
from mlplat.runs.load import read_text, unreadable

_OF_THE_PIPELINE = ("entrypoint", "templates", "arguments", "workflowTemplateRef")

_KINDS = {
    "s3": "S3Artifact",
    "gcs": "GCSArtifact",
    "oss": "OSSArtifact",
    "azure": "AzureArtifact",
    "http": "HTTPArtifact",
}
"""Types in Argo's API of artifact locations, by field."""

_WITH_ENDPOINT = {
    "s3": "minio.example.com:9000",
    "oss": "oss-cn-hangzhou.aliyuncs.com",
    "azure": "https://ACCOUNT.blob.core.windows.net",
}


def import_sources(file: str) -> tuple[ImportSource, ...]:
    """Read a file that maps URI prefixes of importers to Argo artifact locations.

    Args:
        file: path of a YAML file with one mapping: a location of Argo, such as ``{s3: {endpoint: …}}``, by the prefix
            of the URIs that are fetched from it, such as ``s3://team-data/``. An empty path means no file.

    Raises:
        ManifestError: the file cannot be read, or prefixes or locations are wrong; all of them.
    """
    problems: list[Diagnostic] = []
    sources: list[ImportSource] = []
    for prefix, location in (_mapping(file) if file else {}).items():
        wrong = list(_source_problems(prefix, location, file))
        problems += wrong
        if not wrong:
            [(kind, fields)] = location.items()
            sources.append(ImportSource(prefix, kind, fields))
    if problems:
        raise ManifestError(problems)
    return tuple(sources)


def workflow_defaults(file: str) -> dict[str, Any]:
    """Read a file of defaults for fields of Argo's WorkflowSpec.

    Args:
        file: path of a YAML file with one mapping, as in ``workflowDefaults.spec`` of Argo's controller. An empty path
            means no file.

    Raises:
        ManifestError: the file cannot be read, or a field is unknown, of another type, or set by the pipeline.
    """
    fields = _mapping(file) if file else {}
    if set(fields) == {"spec"}:
        fields = fields["spec"]
    problems = [
        Diagnostic(
            "MLP374", name, "the pipeline sets it, so it cannot be a default", "remove it", Source(file)
        )
        for name in _OF_THE_PIPELINE
        if name in fields
    ]
    problems += [
        replace(one, code="MLP375", source=Source(file))
        for one in schema.fields_problems("WorkflowSpec", fields)
    ]
    if problems:
        raise ManifestError(problems)
    return fields


def secrets(file: str) -> list[dict[str, Any]]:
    """Read a file of Secrets and ConfigMaps.

    Args:
        file: path of a YAML file.

    Raises:
        ManifestError: the file cannot be read, holds something else, or has malformed documents.
    """
    from mlplat.argo.structure import malformed_documents

    documents = manifest.load(read_text(Path(file)), file)
    if any(one.get("kind") not in ("ConfigMap", "Secret") for one in documents):
        message, hint = "expected only Secrets and ConfigMaps", "put the Workflow into a file of its own"
        raise ManifestError(Diagnostic("MLP205", "", message, hint, Source(file)))
    if wrong := list(malformed_documents(documents)):
        raise ManifestError(wrong)
    return documents


def _mapping(file: str) -> dict[str, Any]:
    try:
        with Path(file).open("rb") as opened:
            text = opened.read(manifest.LARGEST + 1).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problem = replace(unreadable(error, file), code="MLP373")
        raise ManifestError(problem) from None
    return dict(manifest.load(text, file)[0])


def _source_problems(prefix: Any, location: Any, file: str) -> Iterator[Diagnostic]:
    if not isinstance(prefix, str) or "://" not in prefix:
        hint = "use a prefix such as s3://team-data/"
        yield Diagnostic("MLP378", str(prefix), "not a valid URI prefix", hint, Source(file))
    kind, fields = (
        next(iter(location.items())) if isinstance(location, dict) and len(location) == 1 else ("", None)
    )
    if kind not in _KINDS or not isinstance(fields, dict):
        message, hint = "expected one Argo artifact location", f"one of: {', '.join(_KINDS)}"
        yield Diagnostic("MLP378", str(prefix), message, hint, Source(file))
        return
    if kind in _WITH_ENDPOINT and not fields.get("endpoint"):
        hint = f"set it, for example to {_WITH_ENDPOINT[kind]}"
        yield Diagnostic("MLP378", f"{prefix} {kind}.endpoint", "it is missing", hint, Source(file))
    outer, inner = PLACES.get(kind, ("", "url"))
    if inner in fields:
        message, hint = "it is part of the URI already", "remove it"
        yield Diagnostic("MLP378", f"{prefix} {kind}.{inner}", message, hint, Source(file))
    said = {one: "" for one in (outer, inner) if one}
    for one in schema.fields_problems(_KINDS[kind], {**said, **fields}):
        yield replace(one, code="MLP378", path=f"{prefix} {kind}.{one.path}", source=Source(file))
