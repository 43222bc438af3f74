"""Format rows as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mlplat.escaping import escaped_line


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write rows in columns, aligned by the cells that characters take on a terminal.

    Args:
        titles: of the columns.
        rows: texts, as many as titles.

    Returns:
        Lines, the titles first.
    """
    from rich.cells import cell_len, set_cell_size

    every = [list(titles), *([escaped_line(cell) for cell in row] for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*every, strict=True)]
    return "\n".join(
        "  ".join(set_cell_size(text, width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in every
    )
