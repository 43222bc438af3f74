"""``mlplat run``, ``retry``, ``rerun``, ``attach``, ``stop`` and ``terminate``."""

from __future__ import annotations

import sys
from functools import partial

from mlplat.cli import output, places
from mlplat.cli.compile import options
from mlplat.cli.follow import conclude_run
from mlplat.cli.grammar import Given
from mlplat.runs import starting
from mlplat.runs.arguments import Arguments
from mlplat.runs.run import How


def run(given: Given) -> int:
    """Run a pipeline or a Workflow, and print the report."""
    place = places.place(given)
    start = starting.of_file(
        place,
        given.file,
        options(given, require_arguments=True),
        Arguments(given.parameter, given.parameter_file),
        output.warn,
        resume=given.resume,
        secrets=given.secrets,
    )
    return conclude_run(start, place, given, "submitted {0.name} to namespace {0.namespace}")


def retry(given: Given) -> int:
    """Continue a run from the tasks that failed."""
    place = places.place(given)
    arguments = Arguments(given.parameter, given.parameter_file)
    start = starting.of_failed(place, given.run, arguments, tasks=given.task, secrets=given.secrets)
    return conclude_run(start, place, given, "retrying {0.name} in namespace {0.namespace}")


def rerun(given: Given) -> int:
    """Run the manifest of a run again, under a new name; cached results are taken as ever."""
    place = places.place(given)
    start = starting.of_run(
        place,
        given.run,
        Arguments(given.parameter, given.parameter_file),
        name=given.name,
        namespace=given.namespace,
        no_cache=given.no_cache,
        secrets=given.secrets,
    )
    return conclude_run(start, place, given, "submitted {0.name} to namespace {0.namespace}")


def attach(given: Given) -> int:
    """Show a run until it ends, and print the report."""
    place = places.place(given)
    return conclude_run(partial(place.attach, given.run), place, given)


def stop(given: Given) -> int:
    """End a run; its exit handlers still run."""
    return _end(given, "Stop", "stopping")


def terminate(given: Given) -> int:
    """End a run at once; its exit handlers do not run."""
    return _end(given, "Terminate", "terminating")


def _end(given: Given, how: How, doing: str) -> int:
    places.place(given).end(given.run, how)
    again = places.as_typed(given, given.run, given.namespace)
    print(f"{doing} {given.run}; to follow it: mlplat attach {again}", file=sys.stderr)
    return 0
