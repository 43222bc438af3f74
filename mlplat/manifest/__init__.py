"""YAML and JSON documents that mean the same to Python, to go-yaml and to ``kubectl``.

PyYAML and go-yaml disagree on what an unquoted scalar is: ``1e-5`` is a string to one and a number to the other,
``on`` a boolean to one and a string to the other. :func:`dump` therefore leaves a string unquoted only when every YAML
reader takes it for a string, and :func:`load` reads as Kubernetes does: YAML 1.1 booleans, floats with or without a
point, no timestamps, keys that are always strings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlplat.manifest.contents import LARGEST, Contents, Document, too_large
from mlplat.manifest.reading import load, read, value

__all__ = [
    "LARGEST",
    "Contents",
    "Document",
    "dump",
    "load",
    "read",
    "too_large",
    "value",
]


def dump(documents: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> str:
    """Write documents as YAML, see :func:`mlplat.manifest.writing.dump`."""
    from mlplat.manifest import writing  # imports PyYAML, which most runs do without

    return writing.dump(documents)
