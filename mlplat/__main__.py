"""The process of the ``mlplat`` command: ``mlplat``, or ``python -m mlplat``."""

from __future__ import annotations

import gc
import sys


def main() -> int:
    """Run the command line of this process, and return its exit code.

    What a command makes first are modules, which stay. Looking for garbage among them, again and again while they are
    imported and once more when Python ends, took a tenth of the time of a short command.
    """
    gc.set_threshold(100_000, 50, 50)
    try:
        from mlplat import cli
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    code = cli.main()
    gc.freeze()
    return code


if __name__ == "__main__":
    sys.exit(main())
