"""Finds the place of a command line: this machine or a cluster."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mlplat.cli.grammar import Args
from mlplat.cli.progress import Quiet
from mlplat.errors import ArgumentError, Diagnostic

if TYPE_CHECKING:
    from mlplat.argo.status import Node
    from mlplat.runs.cluster import Cluster
    from mlplat.runs.machine import Machine


class Prompt:
    """Asks the person at the terminal about suspended Workflows; the live view is paused meanwhile."""

    def __init__(self) -> None:
        self.view = Quiet()

    async def __call__(self, node: Node) -> Mapping[str, str] | None:
        """Return the outputs of a suspended node, or None for no."""
        from mlplat.engine import terminal

        with self.view.paused():
            return await terminal.ask(node)


def place(args: Args) -> Machine | Cluster:
    """Return the place that a command line names.

    Raises:
        ArgumentError: options of the executor have no effect there, or are not valid.
    """
    executor = getattr(args, "executor", "process")
    options = getattr(args, "executor_options", "")
    if args.engine == "argo" and executor != "process":
        message = "--executor applies only to local runs"
        hint = "remove it: tasks of a cluster run in containers"
        raise ArgumentError(Diagnostic("MLP416", "", message, hint))
    if executor == "process" and options:
        message, hint = "--executor-options apply only to containers", "add --executor podman or docker"
        raise ArgumentError(Diagnostic("MLP416", "", message, hint))
    return cluster(args) if args.engine == "argo" else machine(args)


def machine(args: Args) -> Machine:
    """Return this machine, with the executor of a command line if it has one."""
    from mlplat.engine import terminal
    from mlplat.runs.machine import Machine

    if not hasattr(args, "executor"):
        return Machine()
    try:
        options = shlex.split(args.executor_options)
    except ValueError as error:
        message = f"--executor-options {args.executor_options}: {error}"
        hint = "close each quote, as in --executor-options '--env \"A=a b\"'"
        raise ArgumentError(Diagnostic("MLP416", "", message, hint)) from None
    ask = Prompt() if terminal.is_interactive() else None
    return Machine(jobs=args.jobs, executor=args.executor, executor_options=options, ask=ask)


def cluster(args: Args) -> Cluster:
    """Return the namespace of a cluster that a command line names."""
    from mlplat.runs.cluster import Cluster

    return Cluster(args.namespace or None, args.context, args.kubeconfig)


def as_typed(args: Args, run: str, namespace: str) -> str:
    """Return the name and the place of a run as shell arguments.

    Args:
        args: the command line.
        run: name of the run.
        namespace: where the run is on a cluster; empty for that of the context.
    """
    if args.engine != "argo":
        return shlex.quote(run)
    options = (("-n", namespace), ("--context", args.context), ("--kubeconfig", args.kubeconfig))
    words = [word for option, value in options if value for word in (option, str(value))]
    return shlex.join([run, "--engine", "argo", *words])
