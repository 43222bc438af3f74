"""The ``mlplat`` command: parse, call, print."""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence

from mlplat.cli.output import drop_output, escaping
from mlplat.cli.parser import parser
from mlplat.errors import Diagnostic, EngineError, MlplatError

INTERRUPTED = 130
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_EXTRAS = {"sqlalchemy": "local", "alembic": "local", "rich": "local", "kubernetes": "argo", "hera": "argo"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line.

    Args:
        arguments: the words after ``mlplat``; those of this process when None.

    Returns:
        The exit code: 0; 1 for a run that failed; 2 for a mistake in what was given; 130 after Ctrl-C.
    """
    with escaping():
        return _run(arguments)


def _run(arguments: Sequence[str] | None) -> int:
    given = parser().parse_args(arguments)
    try:
        code: int = given.command(given)
        sys.stdout.flush()
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
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as error:
        if error.errno not in _FULL:
            raise
        hint = "make room on the disk, then run the command again"
        print(
            Diagnostic("MLP003", "", f"nothing more can be written: {error.strerror}", hint), file=sys.stderr
        )
        drop_output()
        return EngineError.exit_code
    return code
