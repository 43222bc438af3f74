"""Fit text on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mlplat.argo.status import FAILED
from mlplat.runs.outline import OutlineLine

_ACTIVE, _FAILED, _OTHER = range(3)


def fitting(lines: Sequence[OutlineLine], room: int, more: str = "") -> list[str]:
    """Choose the lines that are shown where there is no room for all.

    Args:
        lines: a title, and what is below it.
        room: how many fit.
        more: what to type to see all.

    Returns:
        The title, then what runs, what cannot start and what failed, with as much as fits of what is around these.
    """
    if len(lines) <= room:
        return [line.text for line in lines]
    ranks = {place: _rank(line) for place, line in enumerate(lines) if place}
    matter = [
        place for place in sorted(ranks, key=lambda place: (ranks[place], place)) if ranks[place] < _OTHER
    ]
    kept = {0, *matter[: room - 2]}
    for step in (1, -1):
        around = kept - {0} or kept
        while len(kept) < room - 1 and around:
            around = {place + step for place in around if 0 < place + step < len(lines)} - kept
            kept.update(sorted(around)[: room - 1 - len(kept)])
    hidden = len(lines) - len(kept)
    return [*(lines[place].text for place in sorted(kept)), f"… {hidden} more{more and ': '}{more}"]


def _rank(line: OutlineLine) -> int:
    if line.phase == "Running" or line.cannot_start:
        return _ACTIVE
    return _FAILED if line.phase in FAILED else _OTHER


def height(lines: Iterable[str], width: int) -> int:
    """Return how many rows lines take on a terminal, which breaks long ones."""
    from rich.cells import cell_len

    return sum(max(1, -(-cell_len(line) // width)) for line in lines)
