"""The one error of the harness, and running programs so that a failure is told with its output."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


class HarnessError(Exception):
    """The cluster could not be built, started or stopped; the message says why and what to do."""


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
) -> str:
    """Runs a program to its end.

    Args:
        argv: the program and its arguments.
        cwd: working directory.
        env: variables on top of this process's environment.
        stdin: text for its standard input; without it, there is no input.

    Returns:
        Its standard output.

    Raises:
        HarnessError: it is not there or failed; the message holds the end of its output.
    """
    command = [str(word) for word in argv]
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            input="" if stdin is None else stdin,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise HarnessError(f"{command[0]} is not installed") from error
    if done.returncode:
        output = "\n".join((done.stdout + done.stderr).splitlines()[-30:])
        raise HarnessError(f"{' '.join(command)[:300]} failed with status {done.returncode}:\n{output}")
    return done.stdout
