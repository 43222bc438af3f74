"""JSON of one form, for what is compared or hashed."""

from __future__ import annotations

import json
from typing import Any


def canonical_json(value: Any) -> str:
    """Write a value as JSON of one form: keys sorted, no spaces, text as it is.

    Args:
        value: what JSON has.

    Returns:
        The text; equal values give equal text.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
