"""Lines on standard error that say what is being done, and since when."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

_START = time.monotonic()


def say(text: str) -> None:
    """Prints one line with the seconds since the program started."""
    print(f"[{time.monotonic() - _START:7.1f} s] {text}", file=sys.stderr, flush=True)


@contextmanager
def step(text: str) -> Iterator[None]:
    """Prints what begins and, when it has succeeded, how long it took."""
    begin = time.monotonic()
    say(f"{text} ...")
    yield
    say(f"{text}: {time.monotonic() - begin:.1f} s")
