"""Show a run until it ends, and stop it when a person asks for it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlplat.cli import places
from mlplat.cli.grammar import Given
from mlplat.cli.places import Prompt
from mlplat.cli.progress import following
from mlplat.cli.report import conclude
from mlplat.runs.run import Changed, Notice, Run, Stopping

if TYPE_CHECKING:
    from mlplat.runs.cluster import Cluster
    from mlplat.runs.machine import Machine


def conclude_run(run: Run, place: Machine | Cluster, given: Given) -> int:
    """Show a run until it ends, print the report, and return the exit code."""
    return conclude(_followed(run, place, given), place, given)


def _followed(run: Run, place: Machine | Cluster, given: Given) -> Mapping[str, Any]:
    """Show a run until it ends, and return the Workflow.

    Raises:
        KeyboardInterrupt: the person leaves a run that continues.
    """
    from mlplat import engine
    from mlplat.engine import terminal
    from mlplat.runs.machine import Machine, Started

    with contextlib.ExitStack() as stack:
        if isinstance(run, Started):
            stack.enter_context(engine.signals(run.control))
        stack.enter_context(run)  # it goes on already: whatever fails from here on, it is left
        shown = stack.enter_context(following(run.workflow, run.name, quiet=given.output == "json"))
        if isinstance(place, Machine) and isinstance(place.ask, Prompt):
            place.ask.view = shown
        try:
            for event in run.events():
                match event:
                    case Changed(node):
                        shown(node)
                    case Notice(text):
                        shown.notice(text)
                    case Stopping(has_exit_handler):
                        terminal.tell_stopping(has_exit_handler)
        except KeyboardInterrupt:
            again = places.as_typed(given, run.name, run.namespace)
            follow = f"follow it: mlplat attach {again}; " if given.engine == "argo" else ""
            shown.notice(f"the run continues; {follow}end it: mlplat stop {again}")
            raise
    return run.result()
