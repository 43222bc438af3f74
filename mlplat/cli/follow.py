"""Shows a run until it ends, and stops it on Ctrl-C."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from mlplat.cli import places
from mlplat.cli.grammar import Args
from mlplat.cli.places import Prompt
from mlplat.cli.progress import following
from mlplat.cli.report import conclude
from mlplat.runs.run import Changed, Notice, Run, Stopping

if TYPE_CHECKING:
    from mlplat.runs.cluster import Cluster
    from mlplat.runs.machine import Machine


def conclude_run(start: Callable[[], Run], place: Machine | Cluster, args: Args, said: str = "") -> int:
    """Start a run, show it until it ends, print the report, and return the exit code.

    Args:
        start: starts the run, or finds it.
        place: this machine or the cluster.
        args: the command line.
        said: line to print when a run of a cluster has started, with fields of
            :class:`~mlplat.runs.run.Run`.

    Raises:
        KeyboardInterrupt: Ctrl-C, for a run that continues.
    """
    from mlplat.runs.machine import Started

    run = start()
    try:
        if said and args.engine == "argo":
            print(said.format(run), file=sys.stderr)
        _show(run, place, args)
    except KeyboardInterrupt:
        if not isinstance(run, Started):
            again = places.as_typed(args, run.name, run.namespace)
            line = f"the run continues; follow it: mlplat attach {again}; end it: mlplat stop {again}"
            print(line, file=sys.stderr)
        raise
    return conclude(run.result(), place, args)


def _show(run: Run, place: Machine | Cluster, args: Args) -> None:
    """Show a run until it ends or an error occurs."""
    from mlplat import engine
    from mlplat.engine import terminal
    from mlplat.runs.machine import Machine, Started

    with contextlib.ExitStack() as stack:
        if isinstance(run, Started):
            stack.enter_context(engine.signals(run.control))
        stack.enter_context(run)
        shown = stack.enter_context(following(run.workflow, run.name, quiet=args.output == "json"))
        if isinstance(place, Machine) and isinstance(place.ask, Prompt):
            place.ask.view = shown
        for event in run.events():
            match event:
                case Changed(node):
                    shown(node)
                case Notice(text):
                    shown.notice(text)
                case Stopping(has_exit_handler):
                    terminal.tell_stopping(has_exit_handler)
