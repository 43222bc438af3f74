"""``mlplat report``, ``mlplat compare``: runs as pages, and side by side."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlplat.cli import output, places
from mlplat.cli.grammar import Args
from mlplat.errors import ArgumentError, Diagnostic
from mlplat.report import RunComparison, comparison_page, page
from mlplat.report import compare as compared
from mlplat.runs import reports

if TYPE_CHECKING:
    from mlplat.runs.cluster import Cluster
    from mlplat.runs.machine import Machine

_WIDEST = 44


def report(args: Args) -> int:
    """Write a run as one HTML file."""
    (found,) = reports.read(places.place(args), [args.run])
    if args.output == "-":
        output.document(page(found))
    else:
        _write(page(found), Path(args.output or f"{found.run.name}.html"))
    return 0


def write(workflow: Mapping[str, Any], place: Machine | Cluster) -> None:
    """Write a run that has ended as an HTML file in the working directory."""
    _write(page(reports.of_workflow(workflow, place)), Path(f"{workflow['metadata']['name']}.html"))


def compare(args: Args) -> int:
    """Print what differs between runs."""
    if len(args.runs) < 2:
        hint = f"mlplat compare {args.runs[0]} RUN; `mlplat get runs` lists them"
        raise ArgumentError(Diagnostic("MLP407", "", "expected the names of two or more runs, got one", hint))
    runs = reports.read(places.place(args), args.runs, whole=False)
    found = compared(map(reports.side_of, runs))
    if args.html:
        _write(comparison_page(found), Path(args.html))
    elif args.output == "json":
        output.as_json(found.document())
    else:
        print("\n".join(_lines(found)))
    return 0


def _write(text: str, file: Path) -> None:
    reports.write(text, file)
    print(f"wrote {file}", file=sys.stderr)


def _lines(comparison: RunComparison) -> Iterator[str]:
    titles = ["", "NAME", *comparison.runs]
    differing = [[row.group, row.name, *map(_cut, row.cells)] for row in comparison.rows if row.differs]
    same = [[row.group, row.name, _cut(row.cells[0])] for row in comparison.rows if not row.differs]
    yield "differences" if differing else "the runs do not differ"
    if differing:
        yield output.table(titles, differing)
    if same:
        yield "\nsame in all runs"
        yield output.table(["", "NAME", "VALUE"], same)


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[:_WIDEST]}…"
