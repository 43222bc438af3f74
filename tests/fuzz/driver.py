"""Starts workers, and collects what went wrong in them, also where they die of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
_READ_ONLY = """
mount --make-rprivate / && mount --bind "$0" "$0" && mount --bind "$1" "$1" && mount -o remount,bind,ro / || exit 9
cd "$2" && shift 2 && exec "$@"
"""
"""What broken Workflows ask for is done where nothing but two folders can be written."""

_BATCH = {"lint": 250, "run": 50}


class Fault(NamedTuple):
    """Something that went wrong.

    Attributes:
        file: what it was read from.
        wrong: a traceback, or how the worker died.
    """

    file: str
    wrong: str


def fuzz(mode: str, seed: str, count: int, jobs: int, folder: Path) -> list[Fault]:
    """Try broken files.

    Args:
        mode: ``lint`` or ``run``.
        seed: gives the files, with their numbers.
        count: of files.
        jobs: processes at the same time.
        folder: for the files that go wrong.
    """
    size = max(1, min(_BATCH[mode], -(-count // jobs)))
    batches = [(first, min(first + size, count)) for first in range(0, count, size)]
    with ThreadPoolExecutor(jobs) as pool:
        found = pool.map(lambda batch: _batch(mode, seed, batch[0], batch[1], folder), batches)
        return [fault for faults in found for fault in faults]


def _batch(mode: str, seed: str, first: int, last: int, folder: Path) -> list[Fault]:
    faults: list[Fault] = []
    while first < last:
        began, told, how = _worker(mode, seed, first, last, folder)
        faults += told
        if not how:
            return faults
        faults.append(Fault(str(folder / f"{mode}-{began}.yaml"), how))
        first = began + 1
    return faults


def _worker(mode: str, seed: str, first: int, last: int, folder: Path) -> tuple[int, list[Fault], str]:
    """Run one worker; return the last number that it began, the faults, and how it died if it did."""
    with tempfile.TemporaryDirectory(prefix="mlplat-fuzz-home-") as home:
        own = () if os.geteuid() == 0 else ("--map-root-user",)
        command = [
            "unshare",
            *own,
            "--mount",
            "--net",
            "sh",
            "-c",
            _READ_ONLY,
            home,
            str(folder.absolute()),
            str(ROOT),
        ]
        command += [sys.executable, "-m", "tests.fuzz.worker", mode, seed, str(first), str(last), str(folder)]
        environment = {**os.environ, "MLPLAT_HOME": f"{home}/mlplat", "HOME": home, "TMPDIR": home}
        environment["PYTHONPATH"] = str(ROOT)
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            env=environment,
            stdin=subprocess.DEVNULL,
            timeout=60 + 35 * (last - first),
        )
    lines = done.stdout.splitlines()
    faults = [Fault(one["file"], one["wrong"]) for one in map(json.loads, lines) if isinstance(one, dict)]
    began = max((one for one in map(json.loads, lines) if isinstance(one, int)), default=first)
    how = "" if done.returncode == 0 else f"the worker ended with {done.returncode}: {done.stderr[-2000:]}"
    return began, faults, how
