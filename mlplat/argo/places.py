"""Paths in a document, as diagnostics show them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def place_of(item: Any, number: int, path: str) -> str:
    """Return the path of an item of a list: by its name where it has one, else by its position."""
    name = item.get("name") if isinstance(item, Mapping) else None
    return f"{path}.{name}" if isinstance(name, str) else f"{path}[{number}]"


def texts(tree: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield the path and the value of each string in a document."""
    if isinstance(tree, str):
        yield path, tree
    elif isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from texts(value, f"{path}.{key}" if path else str(key))
    elif isinstance(tree, list):
        for number, item in enumerate(tree):
            yield from texts(item, place_of(item, number, path))
