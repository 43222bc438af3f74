"""Lists runs with chosen columns (facts, parameters, metrics), sorted and filtered by them."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mlplat.errors import ArgumentError, Diagnostic, available, nearest

if TYPE_CHECKING:
    from mlplat.metadata import RunRow, Store

Cell = float | int | bool | str | datetime | None

_USUAL = ("name", "pipeline", "phase", "started", "seconds")
_PARAMETER, _METRIC = "parameter.", "metric."
_DESCENDING = ":desc"
_CONDITION = re.compile(r"(.+?)\s*(<=|>=|!=|=|<|>)\s*(.*)", re.DOTALL)

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

_FACTS: dict[str, Callable[[RunRow], Cell]] = {
    "name": lambda run: run.name,
    "pipeline": lambda run: run.pipeline,
    "experiment": lambda run: run.experiment,
    "namespace": lambda run: run.namespace,
    "engine": lambda run: run.engine,
    "phase": lambda run: run.phase,
    "started": lambda run: run.started_at,
    "finished": lambda run: run.finished_at,
    "seconds": lambda run: (
        (run.finished_at - run.started_at).total_seconds() if run.started_at and run.finished_at else None
    ),
    "message": lambda run: run.message,
    "source": lambda run: run.manifest_digest,
}


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on runs.

    Attributes:
        column: name of a column.
        operator: ``=``, ``!=``, ``<``, ``<=``, ``>`` or ``>=``.
        value: value to compare with.
    """

    column: str
    operator: str
    value: str

    def holds(self, cell: Cell) -> bool:
        """Return whether a value matches: numbers as numbers, times as ISO 8601, everything else as strings."""
        if cell is None:
            return self.operator == "!="
        own: Any = _number(cell)
        other: Any = _number(self.value)
        if own is None or other is None:
            own, other = _string(cell), self.value
        return bool(_OPERATORS[self.operator](own, other))


@dataclass(frozen=True, slots=True)
class Selection:
    """The columns, filters and order of a list of runs.

    Attributes:
        columns: names of columns.
        conditions: conditions on runs.
        order: column to sort by; empty for the newest first.
        descending: whether the largest comes first. Runs without a value come last either way.
    """

    columns: tuple[str, ...]
    conditions: tuple[Filter, ...] = ()
    order: str = ""
    descending: bool = False


def selection(columns: str | None, conditions: Iterable[str], order: str) -> Selection:
    """Parse a selection.

    Args:
        columns: names, separated by commas: a fact such as ``phase``, ``parameter.NAME`` or ``metric.NAME``; None for
            the default ones.
        conditions: such as ``metric.accuracy>=0.9``.
        order: a column; ``:desc`` after it for the largest first.

    Raises:
        ArgumentError: no columns or unknown ones, or conditions without an operator; all of them.
    """
    names = _USUAL if columns is None else tuple(filter(None, (one.strip() for one in columns.split(","))))
    examples = [*_FACTS, f"{_PARAMETER}NAME", f"{_METRIC}NAME"]
    wrong: list[Diagnostic] = []
    if not names:
        wrong.append(Diagnostic("MLP421", "", "no columns selected", available(examples)))
    read: list[Filter] = []
    for one in conditions:
        match = _CONDITION.fullmatch(one.strip())
        if match is None:
            hint = "write COLUMN=VALUE, or another of != < <= > >="
            wrong.append(Diagnostic("MLP422", "", f"--filter '{one}' is not a condition", hint))
        else:
            read.append(Filter(match[1], match[2], match[3]))
    by = order.removesuffix(_DESCENDING)
    used = dict.fromkeys((*names, *(one.column for one in read), *([by] if by else [])))
    wrong += [
        Diagnostic("MLP421", "", f"unknown column '{name}'", nearest(name, examples))
        for name in used
        if not _is_known(name)
    ]
    if wrong:
        raise ArgumentError(wrong)
    return Selection(names, tuple(read), by, order.endswith(_DESCENDING))


def select(store: Store, chosen: Selection, limit: int | None) -> list[dict[str, Cell]]:
    """List runs.

    Args:
        store: the record.
        chosen: see :func:`selection`.
        limit: maximum number of runs; None for all.

    Returns:
        The values of the columns of each run, by name.
    """
    used = {*chosen.columns, chosen.order, *(one.column for one in chosen.conditions)}
    needs_metrics = any(name.startswith(_METRIC) for name in used)
    rows = []
    for run in store.runs(None):
        logged = {one.name: one.value for one in store.metrics(run)} if needs_metrics else {}
        cells = {name: _cell(name, run, logged) for name in used if name}
        if all(one.holds(cells[one.column]) for one in chosen.conditions):
            rows.append(cells)
    if chosen.order:
        rows = _sorted(rows, chosen.order, descending=chosen.descending)
    return [{name: row[name] for name in chosen.columns} for row in rows[:limit]]


def _sorted(rows: Sequence[dict[str, Cell]], column: str, *, descending: bool) -> list[dict[str, Cell]]:
    """Sort rows: numbers before strings, and rows without a value last."""
    known = [row for row in rows if row[column] is not None]
    known.sort(key=lambda row: _key(row[column]), reverse=descending)
    return [*known, *(row for row in rows if row[column] is None)]


def _key(cell: Cell) -> tuple[bool, float, str]:
    number = _number(cell)
    return (False, number, "") if number is not None else (True, 0.0, _string(cell))


def _is_known(name: str) -> bool:
    return name in _FACTS or any(
        name.startswith(prefix) and len(name) > len(prefix) for prefix in (_PARAMETER, _METRIC)
    )


def _cell(name: str, run: RunRow, logged: Mapping[str, Cell]) -> Cell:
    if name.startswith(_PARAMETER):
        return run.parameters.get(name.removeprefix(_PARAMETER))
    if name.startswith(_METRIC):
        return logged.get(name.removeprefix(_METRIC))
    return _FACTS[name](run)


def _number(value: Cell) -> float | None:
    """Return a number, also one that is written as a string; None for NaN, booleans and other values."""
    if isinstance(value, bool | datetime) or value is None:
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if found == found else None  # noqa: PLR0124 - NaN is not equal to itself, and has no order


def _string(cell: Cell) -> str:
    if isinstance(cell, datetime):
        return cell.isoformat()
    return json.dumps(cell) if isinstance(cell, bool) else str(cell)
