"""The ``mlplat`` command: parse, call, print."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Sequence

import click

from mlplat.cli import commands, grammar
from mlplat.cli.output import drop_output, escaping
from mlplat.errors import Diagnostic, EngineError, MlplatError

INTERRUPTED = 130
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_EXTRAS = {
    **dict.fromkeys(("alembic", "markdown_it", "rich", "sqlalchemy"), "local"),
    **dict.fromkeys(("hera", "kubernetes"), "argo"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line.

    Args:
        arguments: arguments after ``mlplat``; those of this process if None.

    Returns:
        The exit code: 0; 1 for a run that failed; 2 for a wrong command line or file; 130 after Ctrl-C.
    """
    if "_MLPLAT_COMPLETE" in os.environ:
        commands.mlplat.main(prog_name="mlplat")  # writes what a shell asks for, and exits
    with escaping():
        try:
            return _run(sys.argv[1:] if arguments is None else list(arguments))
        except KeyboardInterrupt:
            if arguments is None:  # this process ends now, which another Ctrl-C must not interrupt
                signal.signal(signal.SIGINT, signal.SIG_IGN)
            print("interrupted", file=sys.stderr)
            return INTERRUPTED


def _run(arguments: list[str]) -> int:
    try:
        with commands.mlplat.make_context("mlplat", arguments) as context:
            code: int = commands.mlplat.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=sys.stderr)
        return error.exit_code
    except click.UsageError as error:
        print(grammar.diagnostic(error), file=sys.stderr)
        return error.exit_code
    except MlplatError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        hint = f"pip install 'mlplat[{extra}]'"
        print(Diagnostic("MLP002", "", f"this command needs the package {error.name}", hint), file=sys.stderr)
        return MlplatError.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as error:
        if error.errno not in _FULL:
            raise
        hint = "free space on the disk, then run the command again"
        print(Diagnostic("MLP003", "", f"cannot write: {error.strerror}", hint), file=sys.stderr)
        drop_output()
        return EngineError.exit_code
    return code
