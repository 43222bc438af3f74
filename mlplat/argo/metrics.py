"""What a task logged: the metrics in an artifact's metadata, as values of the types that they were logged with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

TYPES = frozenset({"system.Metrics", "system.ClassificationMetrics"})
"""Types of artifacts whose metadata is metrics."""

_SPELLED = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}

Scalar = float | int | bool | str


def scalars(metadata: Mapping[str, Any]) -> Iterator[tuple[str, Scalar]]:
    """Return the metrics of an artifact.

    Args:
        metadata: of an artifact of one of the :data:`TYPES`. JSON has no NaN and no infinities: they are spelled, as
            KFP spells them.

    Yields:
        Names and values; lists and objects, such as a confusion matrix, are left out.
    """
    for name, value in metadata.items():
        if isinstance(value, str):
            yield name, _SPELLED.get(value, value)
        elif isinstance(value, bool | int | float):
            yield name, value


def shown(value: Scalar) -> str:
    """Write a metric for people: numbers to six digits, strings as they are."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


def spelled(value: Scalar) -> Scalar:
    """Return a metric as JSON can hold it: NaN and infinities as strings."""
    if isinstance(value, float):
        return next((name for name, known in _SPELLED.items() if repr(known) == repr(value)), value)
    return value
