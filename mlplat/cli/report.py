"""Print the result of a run."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlplat.argo import durations
from mlplat.cli import output, places
from mlplat.cli.grammar import Args
from mlplat.runs import trees
from mlplat.runs.outcomes import RunArtifact, RunOutcome, outcome, without_absent
from mlplat.runs.programs import as_typed
from mlplat.runs.tasks import listed
from mlplat.runs.tree_lines import OutlineLine, fitting, outline, seconds

if TYPE_CHECKING:
    from mlplat.runs.cluster import Cluster
    from mlplat.runs.machine import Machine

INTERRUPTED = 130
_SHORTEST_TREE, _SHORTEST_LIST = 8, 4

Document = Mapping[str, Any]


def conclude(workflow: Document, place: Machine | Cluster, args: Args) -> int:
    """Print the report of a run, and return the exit code."""
    if args.output == "json":
        output.as_json(without_absent(workflow))
    else:
        size = shutil.get_terminal_size() if sys.stdout.isatty() else None
        print(report(workflow, place, args, size))
    if getattr(args, "report", False):
        from mlplat.cli import reports

        reports.write(workflow, place)
    if workflow["status"].get("message", "").startswith("Stopped with strategy"):
        return INTERRUPTED
    return 0 if workflow["status"]["phase"] == "Succeeded" else 1


def report(
    workflow: Document, place: Machine | Cluster, args: Args, size: os.terminal_size | None = None
) -> str:
    """Return the report of a run: tree, artifacts, failures with their last lines, and next commands.

    Args:
        workflow: the Workflow with its status.
        place: this machine or the cluster.
        args: the command line.
        size: size of the terminal. If it is too small, the tree and the list of artifacts are shortened; if that
            is not enough, the first line is repeated at the end.
    """
    status, name = workflow["status"], workflow["metadata"]["name"]
    found = outcome(workflow, place)
    message = f"  {status['message']}" if status.get("message") else ""
    first = f"{name}  {status['phase']}  {durations.short(seconds(status))}{message}"
    branch = trees.tree(status.get("nodes", {}), name, trees.program(workflow))
    tree = [OutlineLine(first), *outline(branch)]
    artifacts = [OutlineLine(line) for line in _artifacts(found)]
    rest = [*_failures(found), *(f"warning: {one}" for one in found.warnings), *_next(workflow, place, args)]
    outputs = list(_outputs(found))
    if size is None:
        return "\n".join([*(line.text for line in tree), *outputs, *(line.text for line in artifacts), *rest])
    run = places.as_typed(args, name, workflow["metadata"].get("namespace", ""))
    room = size.lines - 1 - output.height((*outputs, *rest), size.columns)
    shown = fitting(tree, max(room - len(artifacts), _SHORTEST_TREE), f"mlplat get tasks {run}")
    kept = fitting(artifacts, max(room - len(shown), _SHORTEST_LIST), f"mlplat get artifacts {run}")
    lines = [*shown, *outputs, *kept, *rest]
    return "\n".join([*lines, first] if output.height(lines, size.columns) >= size.lines else lines)


def _outputs(outcome: RunOutcome) -> Iterator[str]:
    if outcome.outputs:
        yield "outputs"
        yield from (f"  {name}  {_near(value)}" for name, value in outcome.outputs.items())


def _artifacts(outcome: RunOutcome) -> Iterator[str]:
    if outcome.artifacts:
        yield "artifacts"
        yield from (f"  {one.name}  {one.type}{_size(one)}  {_near(one.place)}" for one in outcome.artifacts)


def _size(artifact: RunArtifact) -> str:
    if artifact.size is None:
        return ""
    return "  1 byte" if artifact.size == 1 else f"  {artifact.size:,} bytes"


def _near(place: Path | str) -> str:
    """Write a path relative to the working directory, if that is shorter; other strings are unchanged."""
    if isinstance(place, Path) and place.is_relative_to(Path.cwd()):
        return str(place.relative_to(Path.cwd()))
    return str(place)


def _failures(outcome: RunOutcome) -> Iterator[str]:
    for one in outcome.failures:
        yield f"{one.task} failed: {one.message}"
        yield from (f"  | {line}" for line in one.last_lines)
        yield from (f"  hint: {hint}" for hint in one.hints)
    if outcome.more_failures:
        yield f"{len(outcome.more_failures)} more failed: {listed(outcome.more_failures)}"
    if outcome.not_run:
        yield f"not run because of it: {listed(outcome.not_run)}"


def _next(workflow: Document, place: Machine | Cluster, args: Args) -> Iterator[str]:
    name = workflow["metadata"]["name"]
    run = places.as_typed(args, name, workflow["metadata"].get("namespace", ""))
    if args.engine != "argo":
        yield f"logs {_near(place.home / 'logs' / name)}"
    yield f"next: mlplat get tasks {run}; mlplat logs {run}"
    if workflow["status"]["phase"] != "Succeeded":
        resumes = args.engine != "argo" and hasattr(args, "file")
        fixed = f"; after a fix: mlplat run {as_typed(args.file)} --resume {run}" if resumes else ""
        yield f"to continue: mlplat retry {run}{fixed}"
