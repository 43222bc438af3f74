"""What differs between runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlplat.report import words
from mlplat.report.model import RunView, Scalar

MISSING = "-"
"""What stands for a value that a run does not have."""


_DIGEST = "sha256:"


@dataclass(frozen=True, slots=True)
class Side:
    """One of the runs to compare.

    Attributes:
        run: the run with its parameters.
        metrics: values by name; the same name in two tasks has the task in front.
        artifacts: digests, or places where those are unknown, by task and name.
    """

    run: RunView
    metrics: Mapping[str, Scalar] = field(default_factory=dict)
    artifacts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """A row of a comparison.

    Attributes:
        group: ``run``, ``source``, ``parameter``, ``metric`` or ``artifact``.
        name: what is compared.
        values: one for each run, as text; None if the run has no such thing.
        differs: whether they are not all the same.
    """

    group: str
    name: str
    values: tuple[str | None, ...]
    differs: bool

    @property
    def cells(self) -> tuple[str, ...]:
        """The values as people read them: digests cut, and :data:`MISSING` for those that there are not."""
        return tuple(MISSING if value is None else _readable(value) for value in self.values)


@dataclass(frozen=True, slots=True)
class RunComparison:
    """Runs side by side.

    Attributes:
        runs: names of the runs.
        rows: what differs, then what is the same; each part in the order run, source, parameters, metrics, artifacts.
    """

    runs: tuple[str, ...]
    rows: tuple[Difference, ...]

    def document(self) -> dict[str, Any]:
        """Return the comparison as plain data, for JSON."""
        rows = [
            {"group": row.group, "name": row.name, "differs": row.differs, "values": list(row.values)}
            for row in self.rows
        ]
        return {"runs": list(self.runs), "rows": rows}


def _readable(value: str) -> str:
    return value[: len(_DIGEST) + 12] if value.startswith(_DIGEST) else value


def compare(sides: Iterable[Side]) -> RunComparison:
    """Compare runs.

    Args:
        sides: at least one.
    """
    found = list(sides)
    rows = sorted(_rows(found), key=lambda row: not row.differs)
    return RunComparison(tuple(side.run.name for side in found), tuple(rows))


def _rows(sides: list[Side]) -> Iterator[Difference]:
    runs = [side.run for side in sides]
    yield _row("run", "pipeline", [run.pipeline for run in runs])
    yield _row("run", "phase", [run.phase for run in runs])
    yield _row("source", "manifest", [run.source or None for run in runs])
    parameters = [{one.name: words.value(one.value) for one in run.parameters} for run in runs]
    logged = [{name: words.metric(value) for name, value in side.metrics.items()} for side in sides]
    artifacts = [dict(side.artifacts) for side in sides]
    for group, texts in (("parameter", parameters), ("metric", logged), ("artifact", artifacts)):
        for name in dict.fromkeys(name for side in texts for name in side):
            yield _row(group, name, [side.get(name) for side in texts])


def _row(group: str, name: str, values: list[str | None]) -> Difference:
    return Difference(group, name, tuple(values), len(set(values)) > 1)
