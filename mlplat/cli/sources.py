"""Reads a file of import sources: where the data lies that importers name by URI."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from mlplat.argo import schema
from mlplat.argo.sources import PLACES, Source
from mlplat.cli import settings
from mlplat.errors import Diagnostic, ManifestError
from mlplat.errors import Source as Place

_KINDS = {
    "s3": "S3Artifact",
    "gcs": "GCSArtifact",
    "oss": "OSSArtifact",
    "azure": "AzureArtifact",
    "http": "HTTPArtifact",
}
"""The locations, by the field of an artifact, and what Argo's API calls them."""

_WITH_ENDPOINT = {
    "s3": "minio.example.com:9000",
    "oss": "oss-cn-hangzhou.aliyuncs.com",
    "azure": "https://ACCOUNT.blob.core.windows.net",
}


def read(place: str) -> tuple[Source, ...]:
    """Read a file of import sources.

    Args:
        place: path of a YAML file with one mapping: a location of Argo, such as ``{s3: {endpoint: …}}``, by the prefix
            of the URIs that are fetched from it, such as ``s3://team-data/``.

    Returns:
        The sources.

    Raises:
        ManifestError: the file can't be read, or a prefix or a location is wrong; all that is.
    """
    problems: list[Diagnostic] = []
    read: list[Source] = []
    for prefix, location in settings.read(place).items():
        found = list(_problems(prefix, location, place))
        problems += found
        if not found:
            [(kind, fields)] = location.items()
            read.append(Source(prefix, kind, fields))
    if problems:
        raise ManifestError(problems)
    return tuple(read)


def _problems(prefix: Any, location: Any, place: str) -> Iterator[Diagnostic]:
    if not isinstance(prefix, str) or "://" not in prefix:
        hint = "write the prefix of a URI, such as s3://team-data/"
        yield Diagnostic("MLP378", str(prefix), "it is not how a URI begins", hint, Place(place))
    kind, fields = (
        next(iter(location.items())) if isinstance(location, dict) and len(location) == 1 else ("", None)
    )
    if kind not in _KINDS or not isinstance(fields, dict):
        message, hint = "it must be one location of Argo", f"one of: {', '.join(_KINDS)}"
        yield Diagnostic("MLP378", str(prefix), message, hint, Place(place))
        return
    if kind in _WITH_ENDPOINT and not fields.get("endpoint"):
        hint = f"say where it is: endpoint: {_WITH_ENDPOINT[kind]}"
        yield Diagnostic("MLP378", f"{prefix} {kind}.endpoint", "it is missing", hint, Place(place))
    outer, inner = PLACES.get(kind, ("", "url"))
    if inner in fields:
        message, hint = "the URI says that", "take it out"
        yield Diagnostic("MLP378", f"{prefix} {kind}.{inner}", message, hint, Place(place))
    said = {one: "" for one in (outer, inner) if one}
    for one in schema.fields_problems(_KINDS[kind], {**said, **fields}):
        yield replace(one, code="MLP378", path=f"{prefix} {kind}.{one.path}", source=Place(place))
