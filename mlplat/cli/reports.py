"""``mlplat report``, ``mlplat compare``: runs as pages, and side by side."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlplat.cli import output, places
from mlplat.cli.grammar import Given
from mlplat.cli.tables import table
from mlplat.errors import ArgumentError, Diagnostic
from mlplat.report import Report, RunComparison, comparison_page, page
from mlplat.report import compare as compared
from mlplat.runs import reports, state

_WIDEST = 44


def report(given: Given) -> int:
    """Write a run as one HTML file."""
    (found,) = _read([given.run], given, whole=True)
    if given.output == "-":
        output.document(page(found))
    else:
        _write(page(found), Path(given.output or f"{found.run.name}.html"))
    return 0


def write(workflow: Mapping[str, Any], given: Given) -> None:
    """Write a run that has ended as an HTML file in the working directory."""
    source: reports.FileSource = reports.MachineFiles(state.home())
    if given.engine == "argo":
        source = reports.ClusterFiles(workflow, places.cluster(given))
    found = reports.of_workflow(workflow, source)
    _write(page(found), Path(f"{found.run.name}.html"))


def compare(given: Given) -> int:
    """Print what differs between runs."""
    if len(given.runs) < 2:
        hint = f"mlplat compare {given.runs[0]} RUN; `mlplat get runs` lists them"
        raise ArgumentError(Diagnostic("MLP407", "", "expected the names of two or more runs, got one", hint))
    found = compared(map(reports.side_of, _read(given.runs, given, whole=False)))
    if given.html:
        _write(comparison_page(found), Path(given.html))
    elif given.output == "json":
        print(json.dumps(found.document(), indent=2, ensure_ascii=False))
    else:
        print("\n".join(_lines(found)))
    return 0


def _read(names: Sequence[str], given: Given, *, whole: bool) -> list[Report]:
    """Read runs; without logs and the content of artifacts unless they are wanted whole."""
    if given.engine == "argo":
        cluster = places.cluster(given)
        workflows = [cluster.explained(cluster.read(name)) for name in names]
        return [
            reports.of_workflow(one, reports.ClusterFiles(one, cluster) if whole else reports.NoFiles())
            for one in workflows
        ]
    machine = places.machine(given)
    with state.record_to_read(machine.home) as store:
        for name in names:
            machine.catch_up(store, name)
        return [reports.of_record(store, name, machine.home, whole=whole) for name in names]


def _write(text: str, file: Path) -> None:
    reports.write(text, file)
    print(f"wrote {file}", file=sys.stderr)


def _lines(found: RunComparison) -> Iterator[str]:
    titles = ["", "NAME", *found.runs]
    differing = [[row.group, row.name, *map(_cut, row.cells)] for row in found.rows if row.differs]
    same = [[row.group, row.name, _cut(row.cells[0])] for row in found.rows if not row.differs]
    yield "differences" if differing else "the runs do not differ"
    if differing:
        yield table(titles, differing)
    if same:
        yield "\nsame in all runs"
        yield table(["", "NAME", "VALUE"], same)


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[:_WIDEST]}…"
