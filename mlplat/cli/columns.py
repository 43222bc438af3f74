"""``mlplat get runs`` with columns of choice."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mlplat.argo.status import shown, spelled
from mlplat.cli.grammar import Given
from mlplat.cli.tables import table
from mlplat.errors import ArgumentError, Diagnostic
from mlplat.runs import columns

if TYPE_CHECKING:
    from mlplat.metadata import Store


def chosen(given: Given) -> columns.Selection:
    """Return the selection that a command line asks for.

    Raises:
        ArgumentError: it lists something else than runs, or the selection is not valid.
    """
    if given.what != "runs" or given.name:
        message, hint = (
            "--columns, --filter and --sort are for lists of runs",
            "mlplat get runs --columns name,phase",
        )
        raise ArgumentError(Diagnostic("MLP418", "", message, hint))
    return columns.selection(given.columns or columns.USUAL, given.filter, given.sort)


def get(given: Given, store: Store, selection: columns.Selection) -> int:
    """List runs."""
    rows = columns.select(store, selection, given.limit)
    if given.output == "json":
        document = [{name: _plain(cell) for name, cell in row.items()} for row in rows]
        print(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        titles = [name if "." in name else name.upper() for name in selection.columns]
        print(table(titles, [[_shown(cell) for cell in row.values()] for row in rows]))
    return 0


def _plain(cell: columns.Cell) -> Any:
    if isinstance(cell, datetime):
        return cell.isoformat()
    return None if cell is None else spelled(cell)


def _shown(cell: columns.Cell) -> str:
    if isinstance(cell, datetime):
        return cell.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    return "" if cell is None else shown(cell)
