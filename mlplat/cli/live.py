"""``mlplat attach``, ``mlplat stop``, ``mlplat terminate``: runs that go on, here or on a cluster."""

from __future__ import annotations

import argparse
import sys
from shlex import quote

from mlplat.cli import engines
from mlplat.cli.parser import home
from mlplat.cli.progress import following
from mlplat.cli.report import conclude


def attach(given: argparse.Namespace) -> int:
    """Show a run until it ends, and what came of it."""
    if given.engine == "argo":
        from mlplat import k8s

        return conclude(engines.follow(given, k8s.read(given.run, **engines.place(given))), given)
    from mlplat import metadata
    from mlplat.runs import machine

    workflow = machine.find(given.run, home())
    with following(workflow, given.run, quiet=given.output == "json") as shown:
        try:
            finished = machine.follow(given.run, home(), shown)
        except KeyboardInterrupt:
            shown.notice(f"the run continues; end it: mlplat stop {quote(given.run)}")
            raise
    with metadata.open_store(home() / "mlplat.db") as store:
        store.record(finished)
    return conclude(finished, given)


def stop(given: argparse.Namespace) -> int:
    """End a run; its exit handlers still run."""
    return _end(given, "Stop")


def terminate(given: argparse.Namespace) -> int:
    """End a run at once; its exit handlers do not run."""
    return _end(given, "Terminate")


def _end(given: argparse.Namespace, how: str) -> int:
    done = {"Stop": "stopping", "Terminate": "terminating"}[how]
    if given.engine == "argo":
        from mlplat import k8s

        (k8s.stop if how == "Stop" else k8s.terminate)(given.run, **engines.place(given))
        again = f"mlplat attach {engines.as_typed(given, given.run, given.namespace)}"
    else:
        from mlplat.runs import machine

        machine.end(given.run, home(), how)
        again = f"mlplat attach {quote(given.run)}"
    print(f"{done} {given.run}; to see it end: {again}", file=sys.stderr)
    return 0
