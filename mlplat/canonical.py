"""Canonical JSON, for values that are compared or hashed."""

from __future__ import annotations

import json
from typing import Any


def canonical_json(value: Any) -> str:
    """Write a value as canonical JSON: keys sorted, no spaces, non-ASCII characters unescaped.

    Args:
        value: a JSON value.

    Returns:
        The text; equal values give equal text.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


DEEPEST = 100
"""Maximum number of nested lists and mappings in a document."""


def read_json(text: str) -> Any:
    """Read JSON from an untrusted source.

    Raises:
        ValueError: it is not JSON, or lists and mappings are nested deeper than :data:`DEEPEST`.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        value = None
    else:
        if text.count("[") + text.count("{") <= DEEPEST or height(value) <= DEEPEST:
            return value
    raise ValueError(f"more than {DEEPEST} nested lists and mappings")


def height(value: Any) -> int:
    """Return the depth of nested lists and mappings, 0 for a scalar."""
    level, found = [value], -1
    while level:
        level = [
            item
            for one in level
            if isinstance(one, (dict, list))
            for item in ((*one.values(), None) if isinstance(one, dict) else (*one, None))
        ]
        found += 1
    return found
