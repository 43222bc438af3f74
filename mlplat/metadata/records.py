"""Rows of the tables as the dataclasses of :mod:`mlplat.metadata.rows`, and back."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mlplat.metadata import schema
from mlplat.metadata.identities import identity
from mlplat.metadata.rows import ArtifactRow, MetricRow, RunRow, TaskRow

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Column, RowMapping, Table

Row = dict[str, Any]

TASK_COLUMNS = tuple(column.name for column in schema.tasks.columns if not column.primary_key)
ARTIFACT_COLUMNS = tuple(
    column.name for column in schema.artifacts.columns if column.name not in {"id", "created_at"}
)
_RUN_COLUMNS = tuple(
    column.name for column in schema.runs.columns if column.name not in {"uid", "created_at", "revision"}
)


def without_id(table: Table) -> list[Column[Any]]:
    """Return the columns of a table, but for the numbers that the database gives its rows."""
    return [column for column in table.columns if column.name != "id"]


def run_row(run: RunRow) -> Row:
    """Return what may change in the row of a run."""
    row = asdict(run)
    row["experiment_id"] = identity(row["namespace"], row.pop("experiment"))
    return {name: row[name] for name in _RUN_COLUMNS}


def experiment_row(run: RunRow) -> Row:
    """Return the row of the experiment of a run."""
    return {
        "id": identity(run.namespace, run.experiment),
        "namespace": run.namespace,
        "name": run.experiment,
        "created_at": run.created_at,
    }


def task_row(task: TaskRow, fingerprint: str) -> Row:
    """Return the row of a task."""
    return {**asdict(task), "fingerprint": fingerprint}


def task(row: RowMapping) -> TaskRow:
    """Return the task of a row."""
    columns = {name: value for name, value in row.items() if name != "fingerprint"}
    return TaskRow(**{**columns, "children": tuple(columns["children"] or ())})


def artifact_row(artifact: ArtifactRow, created_at: datetime) -> Row:
    """Return the row of an artifact."""
    return {**asdict(artifact), "created_at": created_at}


def artifact(row: RowMapping) -> ArtifactRow:
    """Return the artifact of a row."""
    return ArtifactRow(**{name: value for name, value in row.items() if name != "created_at"})


def metric_row(metric: MetricRow) -> Row:
    """Return the row of a metric: as it was logged and, to be compared in queries, as a number where it is one."""
    number = _number(metric.value)
    return {
        **asdict(metric),
        "value": number if number is not None and math.isfinite(number) else None,
        "not_finite": "" if number is None or math.isfinite(number) else str(number),
        "exact": metric.value,
    }


def metric(row: RowMapping) -> MetricRow:
    """Return the metric of a row; rows of older versions have numbers only."""
    columns = dict(row)
    not_finite, exact = columns.pop("not_finite"), columns.pop("exact")
    number = float(not_finite) if not_finite else columns["value"]
    return MetricRow(**{**columns, "value": number if exact is None else exact})


def _number(value: float | str) -> float | None:
    if isinstance(value, str | bool):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
