"""``python3 -m tests.e2e.harness``: builds, starts, stops and shows the test cluster."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from pathlib import Path

if not __package__:  # run as a folder
    sys.path[0] = str(Path(__file__).resolve().parents[3])

from tests.e2e.harness import unit
from tests.e2e.harness.cluster import Access, Cluster
from tests.e2e.harness.failure import HarnessError


def main() -> int:
    """Runs one command and returns the exit status: 0, or 1 when it failed or the cluster does not run."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.e2e.harness", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("build", help="make all that a start needs; minutes when nothing is cached")
    commands.add_parser("start", help="start it; returns when Workflows can be submitted")
    commands.add_parser("stop", help="stop it and remove all that it left")
    commands.add_parser("status", help="tell whether it runs, and where its logs are")
    commands.add_parser("env", help='print shell variables for it: eval "$(... env)"')
    shell = commands.add_parser("shell", help="run a shell or a command inside it")
    shell.add_argument("argv", nargs="*", help="the command; without one, a shell")
    arguments = parser.parse_args()
    try:
        return _run(arguments, Cluster())
    except HarnessError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _run(arguments: argparse.Namespace, cluster: Cluster) -> int:
    match arguments.command:
        case "build":
            cluster.build()
        case "start":
            cluster.start()
        case "stop":
            cluster.stop()
        case "status":
            return _status(cluster)
        case "env":
            _print_exports(cluster)
        case "shell":
            command = arguments.argv or [os.environ.get("SHELL", "/bin/bash")]
            environment = {**os.environ, **_variables(cluster)}
            argv = [*cluster.shell_command(), *command]
            os.execvpe(argv[0], argv, environment)
    return 0


def _status(cluster: Cluster) -> int:
    state = cluster.folders.state
    if unit.init_pid(cluster.folders) is None:
        print(f"cluster {cluster.folders.name}: stopped{', with leftovers' if state.exists() else ''}")
        return 1
    ended = cluster.ended()
    word = "running" if cluster.is_ready() else f"broken: {', '.join(ended)} ended" if ended else "starting"
    print(f"cluster {cluster.folders.name}: {word}; logs: {state / 'logs'}")
    return 0 if cluster.is_ready() else 1


def _variables(cluster: Cluster) -> dict[str, str]:
    access = Access.external() or cluster.access
    folder = str(access.kubectl.parent)
    return {**access.exports(), "PATH": f"{folder}:{os.environ.get('PATH', '')}"}


def _print_exports(cluster: Cluster) -> None:
    if Access.external() is None and not cluster.is_ready():
        raise HarnessError("the cluster does not run; run: python3 -m tests.e2e.harness start")
    for name, value in _variables(cluster).items():
        print(f"export {name}={shlex.quote(value)}")


if __name__ == "__main__":
    sys.exit(main())
