"""Argo artifact locations for the URIs of importers.

A location is an Argo artifact location; the bucket or container and the key come from the URI.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlplat.argo import stores, values
from mlplat.argo.values import literal

PLACES: Mapping[str, tuple[str, str]] = {
    "s3": ("bucket", "key"),
    "gcs": ("bucket", "key"),
    "oss": ("bucket", "key"),
    "azure": ("container", "blob"),
}
"""The fields of a location that a URI such as ``s3://bucket/key`` gives, by kind."""

WHOLE_BUCKET = "a whole bucket cannot be fetched; add the path of a file or folder to the URI"
"""Why a URI without a key is refused: Argo treats an artifact without a key as not supplied."""

HTTP = "http"
"""The kind whose locations have the whole URI, as ``url``."""

IMAGE = "image"
"""The kind of URIs that name images. Argo has no location for them; a pod of the image provides its files."""


@dataclass(frozen=True, eq=False)
class ImportSource:
    """A place from which Argo can fetch.

    Attributes:
        prefix: prefix of its URIs.
        kind: the field of an artifact that says where its bytes are: one of :data:`PLACES`, or :data:`HTTP`; or else
            :data:`IMAGE`.
        fields: fields of the location that don't come from the URI.
    """

    prefix: str
    kind: str
    fields: Mapping[str, Any] = field(default_factory=dict)

    def location(self, uri: str) -> dict[str, Any]:
        """Return the location of a URI.

        Args:
            uri: expression that gives it.

        Returns:
            The location fields of an artifact, with tags.

        Raises:
            KeyError: it is an image.
        """
        if self.kind == HTTP:
            return {HTTP: {**self.fields, "url": _tag(uri)}}
        scheme = self.prefix[: self.prefix.index("://") + 3]
        rest = f"sprig.trimPrefix({literal(scheme)}, {uri})"
        bucket = f"split({rest}, '/')[0]"
        key = f"sprig.trimPrefix('/', sprig.trimPrefix({bucket}, {rest}))"
        outer, inner = PLACES[self.kind]
        whole = values.refusal_expression(WHOLE_BUCKET)
        found = {outer: _tag(bucket), inner: _tag(f"({key} == '' ? {whole} : {key})")}
        return {self.kind: {**found, **self.fields}}


DEFAULTS = (
    ImportSource("s3://", "s3", {"endpoint": "s3.amazonaws.com", "useSDKCreds": True}),
    ImportSource("gs://", "gcs"),
    ImportSource("https://", HTTP),
    ImportSource("http://", HTTP),
    ImportSource("oci://", IMAGE),
)
"""Public clouds, with the permissions of the pod (IRSA, workload identity), the web, and images with a model."""


@dataclass(frozen=True, eq=False)
class RepositorySource(ImportSource):
    """The artifact repository itself, where the key is the whole location."""

    def location(self, uri: str) -> dict[str, Any]:
        """Return the location of a URI of ours."""
        return stores.location(_tag(f"sprig.trimPrefix({literal(self.prefix)}, {uri})"), self.kind)


def with_defaults(own: Iterable[ImportSource]) -> tuple[ImportSource, ...]:
    """Return sources and the defaults that they don't override, longest prefix first."""
    by_prefix = {one.prefix: one for one in (*DEFAULTS, *own)}
    return tuple(sorted(by_prefix.values(), key=lambda one: (-len(one.prefix), one.prefix)))


def of(uri: str, sources: Iterable[ImportSource]) -> ImportSource | None:
    """Return the source that a URI is fetched from; None for a path or an unsupported URI.

    Args:
        uri: such as ``s3://bucket/key``.
        sources: longest prefix first.
    """
    return next((one for one in sources if uri.startswith(one.prefix)), None)


def is_whole_bucket(uri: str, source: ImportSource) -> bool:
    """Return whether a URI names no more than a bucket."""
    return source.kind in PLACES and not uri.partition("://")[2].partition("/")[2]


def _tag(text: str) -> str:
    return f"{{{{={values.template_text_expression(text)}}}}}"
