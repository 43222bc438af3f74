"""The content of a YAML or JSON file, and the warnings about it."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from mlplat.errors import Diagnostic, Source

Document: TypeAlias = dict[str, Any]

LARGEST = 32 * 1024 * 1024
"""Characters that a file may have; and that its values may have when aliases are written out."""


class Contents(NamedTuple):
    """The content of a string.

    Attributes:
        documents: those that are not empty.
        warnings: about repeated keys.
        booleans: warnings about values that are strings for mlplat and booleans for Argo, such as ``y``, which KFP's
            compiler writes.
    """

    documents: list[Any]
    warnings: list[Diagnostic]
    booleans: list[Diagnostic]


def too_large(name: str) -> Diagnostic:
    """Return the diagnostic for a file of more than :data:`LARGEST` characters."""
    message = f"the file is larger than {LARGEST // 1024**2} MiB"
    return Diagnostic("MLP216", "", message, "put large data into files that the tasks read", Source(name))


def given_twice(key: str, source: Source) -> Diagnostic:
    """Return the warning for a key that a mapping has more than once."""
    message = f"the key '{key}' is repeated; the last value is used, as by the API server"
    hint = "remove one: `kubectl kustomize` and `argo lint` reject repeated keys"
    return Diagnostic("MLP214", "", message, hint, source, severity="warning")
