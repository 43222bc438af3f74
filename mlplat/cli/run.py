"""``mlplat run``, ``retry``, ``rerun``, ``attach``, ``stop`` and ``terminate``."""

from __future__ import annotations

import sys
from functools import partial

from mlplat.cli import output, places
from mlplat.cli.compile import options
from mlplat.cli.follow import conclude_run
from mlplat.cli.grammar import Args
from mlplat.runs import starting
from mlplat.runs.arguments import Arguments
from mlplat.runs.run import How


def run(args: Args) -> int:
    """Run a pipeline or a Workflow, and print the report."""
    place = places.place(args)
    start = starting.of_file(
        place,
        args.file,
        options(args, require_arguments=True),
        Arguments(args.parameter, args.parameter_file),
        output.warn,
        resume=args.resume,
        secrets=args.secrets,
    )
    return conclude_run(start, place, args, "submitted {0.name} to namespace {0.namespace}")


def retry(args: Args) -> int:
    """Continue a run from the tasks that failed."""
    place = places.place(args)
    arguments = Arguments(args.parameter, args.parameter_file)
    start = starting.of_failed(place, args.run, arguments, tasks=args.task, secrets=args.secrets)
    return conclude_run(start, place, args, "retrying {0.name} in namespace {0.namespace}")


def rerun(args: Args) -> int:
    """Run the manifest of a run again, under a new name; results may come from the cache."""
    place = places.place(args)
    start = starting.of_run(
        place,
        args.run,
        Arguments(args.parameter, args.parameter_file),
        name=args.name,
        namespace=args.namespace,
        no_cache=args.no_cache,
        secrets=args.secrets,
    )
    return conclude_run(start, place, args, "submitted {0.name} to namespace {0.namespace}")


def attach(args: Args) -> int:
    """Show a run until it ends, and print the report."""
    place = places.place(args)
    return conclude_run(partial(place.attach, args.run), place, args)


def stop(args: Args) -> int:
    """End a run; its exit handlers still run."""
    return _end(args, "Stop", "stopping")


def terminate(args: Args) -> int:
    """End a run at once; its exit handlers do not run."""
    return _end(args, "Terminate", "terminating")


def _end(args: Args, how: How, doing: str) -> int:
    places.place(args).end(args.run, how)
    again = places.as_typed(args, args.run, args.namespace)
    print(f"{doing} {args.run}; to follow it: mlplat attach {again}", file=sys.stderr)
    return 0
