"""Times commands in turn, A B A B …, so that a machine whose speed drifts does not favour one of them."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Command:
    """A whole process.

    Attributes:
        words: program and arguments.
        env: variables beside those of this process.
    """

    words: Sequence[str]
    env: dict[str, str] = field(default_factory=dict)

    def __call__(self) -> float:
        """Run it, and return how long that took, in seconds.

        A checkout gets its bytecode in the first run, which does not count; what pip installs has it from the start.

        Raises:
            RuntimeError: it failed; the text holds what it printed.
        """
        env = {**os.environ, **self.env}
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        started = time.perf_counter()
        done = subprocess.run(self.words, env=env, capture_output=True, text=True, check=False)
        took = time.perf_counter() - started
        if done.returncode:
            raise RuntimeError(
                f"{' '.join(self.words)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
            )
        return took

    def processor_time(self) -> float:
        """Run it, and return the time that processors worked for it and its children, in seconds.

        On a machine that others use too, this changes less than the time on the clock.
        """
        before = _of_children()
        self()
        return _of_children() - before


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, least and most."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Sum values up."""
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True, slots=True)
class Pairing:
    """Two things that were measured in turn.

    Attributes:
        ours: seconds.
        peer: seconds.
        ratio: pair by pair, the peer's time divided by ours: above 1, ours is faster; or our time as a multiple of the
            peer's.
    """

    ours: Spread
    peer: Spread
    ratio: Spread


def in_turn(ours: Callable[[], float], peer: Callable[[], float], runs: int) -> Pairing:
    """Measure two things in turn, after one run of each that does not count."""
    ours()
    peer()
    times = [(ours(), peer()) for _ in range(runs)]
    return Pairing(
        Spread.of([own for own, _ in times]),
        Spread.of([other for _, other in times]),
        Spread.of([other / own for own, other in times]),
    )


def as_multiple(ours: Callable[[], float], peer: Callable[[], float], runs: int) -> Pairing:
    """Measure as :func:`in_turn` does; the ratio is our time as a multiple of the peer's."""
    pairing = in_turn(ours, peer, runs)
    ratio = pairing.ratio
    return replace(pairing, ratio=Spread(1 / ratio.median, 1 / ratio.most, 1 / ratio.least))


def peak_memory(command: Command) -> float:
    """Run a command in a child of its own, and return the most memory it held, in MiB."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        command()
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
        os.write(write, str(peak).encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read) as pipe:
        return int(pipe.read()) / 1024
