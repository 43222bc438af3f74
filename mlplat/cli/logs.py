"""``mlplat logs``: print the logs of tasks."""

from __future__ import annotations

import sys

from mlplat import engine
from mlplat.cli import output, places
from mlplat.cli.grammar import Args
from mlplat.errors import ClusterError
from mlplat.runs import log_following
from mlplat.runs import logs as use


def logs(args: Args) -> int:
    """Print the logs of a run's tasks, each line with the path of its task when there are several."""
    return _follow(args) if args.follow else _print(args)


def _print(args: Args) -> int:
    found = use.of_run(places.place(args), args.run, args.task or "")
    several = not args.task or len({one.task for one in found.logs}) > 1
    log, failures, before = output.LogPrinter(raw=args.raw), 0, ""
    for one in found.logs:
        source, prefix = (one.path, f"{one.path}: ") if several else (one.task, "")
        if source == before:
            log.write([f"{engine.NEXT_ATTEMPT}\n".encode()], prefix)
        before = source
        try:
            log.write(one.pieces, prefix)
        except ClusterError as error:
            failures += 1
            print(error, file=sys.stderr)
    for task in found.not_run:
        print(f"{task.path} did not run: {task.reason}", file=sys.stderr)
    return ClusterError.exit_code if failures and failures == len(found.logs) else 0


def _follow(args: Args) -> int:
    """Print lines as they are written; the exit code is 0 even if the run fails."""
    log = output.LogPrinter(raw=args.raw)

    def emit(path: str, line: str) -> None:
        prefix = "" if args.task and path.rpartition(".")[2] == args.task else f"{path}: "
        log.write([f"{line}\n".encode(errors="replace")], prefix)

    def problem(path: str, error: ClusterError) -> None:
        print(f"{path}: {error}", file=sys.stderr)

    log_following.follow(places.place(args), args.run, args.task or "", emit, problem)
    return 0
