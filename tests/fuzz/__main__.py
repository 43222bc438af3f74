"""``python -m tests.fuzz [--seed N] [--lint N] [--run N] [--jobs N]``: broken files through lint, compile and run."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.fuzz.driver import Fault, fuzz


def main() -> int:
    """Fuzz, and print what went wrong and the counts."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--seed", default="1", help="another one makes other files")
    parser.add_argument("--lint", type=int, default=10_000, help="number of files for lint and compile")
    parser.add_argument("--run", type=int, default=1_000, help="number of files for run")
    parser.add_argument("--jobs", type=int, default=2, help="number of processes")
    parser.add_argument("--keep", type=Path, help="folder for the files that went wrong")
    given = parser.parse_args()
    keep = given.keep or Path(tempfile.mkdtemp(prefix="mlplat-fuzz-"))
    keep.mkdir(parents=True, exist_ok=True)
    faults: list[Fault] = []
    for mode, count in (("lint", given.lint), ("run", given.run)):
        found = fuzz(mode, given.seed, count, given.jobs, keep)
        faults += found
        print(f"{mode}: {count} files, {len(found)} faults")
    for fault in faults:
        print(f"\n{fault.file}\n{fault.wrong}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
