"""Tasks of a run, their parameters, and the values that they logged."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, select

from mlplat.argo.status import FAILED, Node, failures
from mlplat.metadata import records, schema
from mlplat.metadata.rows import MetricRow, ParameterRow, Role, RunRow, TaskRow
from mlplat.metadata.runs import uid_of

if TYPE_CHECKING:
    from collections.abc import Collection

_NEVER = datetime.max.replace(tzinfo=UTC)


def list_tasks(
    connection: Connection,
    run: RunRow | str,
    roles: Collection[Role] | None,
    phase: str | Collection[str] | None,
) -> tuple[TaskRow, ...]:
    """List the nodes of a run; see :meth:`mlplat.metadata.Store.tasks`."""
    table = schema.tasks
    query = select(table).where(table.c.run_uid == uid_of(connection, run))
    if roles is not None:
        query = query.where(table.c.role.in_(list(roles)))
    if phase is not None:
        query = query.where(table.c.phase.in_([phase] if isinstance(phase, str) else list(phase)))
    return tuple(sorted(map(records.task, connection.execute(query).mappings()), key=_order))


def list_failures(connection: Connection, run: RunRow | str) -> tuple[TaskRow, ...]:
    """List the tasks that explain why a run failed; see :meth:`mlplat.metadata.Store.failures`."""
    table = schema.tasks
    holds = table.c.role.in_(("group", "attempt")) | (table.c.type == "Retry")
    query = select(table).where(table.c.run_uid == uid_of(connection, run), table.c.phase.in_(FAILED) | holds)
    tasks = {row["id"]: records.task(row) for row in connection.execute(query).mappings()}
    found = failures({key: _node(task) for key, task in tasks.items()})
    explained = (
        replace(tasks[key], name=node["name"], display_name=node["displayName"], message=node["message"])
        for key, node in found.items()
    )
    return tuple(sorted(explained, key=_order))


def list_parameters(
    connection: Connection, run: RunRow | str, task_id: str | None
) -> tuple[ParameterRow, ...]:
    """List values that went in and came out; see :meth:`mlplat.metadata.Store.parameters`."""
    table = schema.parameters
    query = (
        select(*records.without_id(table))
        .where(table.c.run_uid == uid_of(connection, run))
        .order_by(table.c.id)
    )
    if task_id is not None:
        query = query.where(table.c.task_id == task_id)
    return tuple(ParameterRow(**row) for row in connection.execute(query).mappings())


def list_metrics(connection: Connection, run: RunRow | str) -> tuple[MetricRow, ...]:
    """List the values that tasks logged; see :meth:`mlplat.metadata.Store.metrics`."""
    table, tasks = schema.metrics, schema.tasks
    query = (
        select(*records.without_id(table))
        .join(tasks, (tasks.c.run_uid == table.c.run_uid) & (tasks.c.id == table.c.task_id))
        .where(table.c.run_uid == uid_of(connection, run))
        .order_by(tasks.c.finished_at, table.c.task_id, table.c.id)
    )
    return tuple(map(records.metric, connection.execute(query).mappings()))


def _order(task: TaskRow) -> tuple[Any, ...]:
    return (task.started_at is None, task.started_at or _NEVER, task.order)


def _node(task: TaskRow) -> Node:
    """Return what a node of the status says of how nodes belong together and why they failed."""
    return {
        "id": task.id,
        "name": task.name,
        "displayName": task.display_name,
        "type": task.type,
        "phase": task.phase,
        "message": task.message,
        "boundaryID": task.boundary_id,
    }
