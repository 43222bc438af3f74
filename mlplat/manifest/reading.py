"""Reads YAML and JSON documents from untrusted sources."""

from __future__ import annotations

import json
from typing import Any

from mlplat.canonical import DEEPEST, height
from mlplat.errors import Diagnostic, ManifestError, Source
from mlplat.manifest import scalars
from mlplat.manifest.contents import LARGEST, Contents, Document, given_twice, too_large


def load(text: str, name: str = "") -> list[Document]:
    """Read all documents of a YAML or JSON text, as :func:`read`, without its warnings."""
    return read(text, name).documents


def read(text: str, name: str = "") -> Contents:
    """Read all documents of a YAML or JSON text.

    Args:
        text: the text.
        name: its name in errors, usually the path of the file.

    Returns:
        The documents, empty ones left out. A repeated key has its last value, as for the API server.

    Raises:
        ManifestError: the text is not YAML, is too large or too deep, or a document is not a mapping.
    """
    text = text.removeprefix("\ufeff")
    if len(text) > LARGEST:
        raise ManifestError(too_large(name))
    contents = _read_json(text, name) or _read_yaml(text, name)
    for number, document in enumerate(contents.documents, 1):
        if not isinstance(document, dict):
            kind = type(document).__name__
            message = f"expected a mapping, got a {kind} in document {number}"
            raise ManifestError(Diagnostic("MLP202", "", message, source=Source(name)))
    if not contents.documents:
        hint = "write a pipeline, a Workflow or a component into it"
        raise ManifestError(Diagnostic("MLP203", "", "the file is empty", hint, Source(name)))
    return contents


def value(text: str) -> Any:
    """Read a YAML or JSON text of one value of any kind, such as a ``podSpecPatch``; None for an empty text.

    Raises:
        ManifestError: as for :func:`read`.
    """
    text = text.removeprefix("\ufeff")
    documents = (_read_json(text, "") or _read_yaml(text, "")).documents
    return documents[0] if documents else None


def _read_json(text: str, name: str) -> Contents | None:
    """Read a string as JSON; return None if it is not JSON, or if the YAML reader would report something."""
    if not text.lstrip().startswith("{"):
        return None
    twice: list[str] = []

    def mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            seen: set[str] = set()
            for key, _ in pairs:
                twice.extend([key] if key in seen else [])
                seen.add(key)
        return made

    try:
        document = json.loads(
            text,
            object_pairs_hook=mapping,
            parse_int=scalars.integer,
            parse_float=scalars.floating,
            parse_constant=_no_constant,
        )
    except (ValueError, RecursionError):
        return None
    if height(document) > DEEPEST:
        return None
    return Contents([document], [given_twice(key, Source(name)) for key in twice], [])


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is not valid JSON")


def _read_yaml(text: str, name: str) -> Contents:
    from mlplat.manifest.events import read_yaml  # imports PyYAML, which JSON does not need

    return read_yaml(text, name)
