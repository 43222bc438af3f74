"""Takes broken files one after another, within limits of time and memory, and writes what went wrong.

Run by :mod:`tests.fuzz` with ``MODE SEED FIRST LAST FOLDER``. Prints the number of each file that it begins, and JSON
for each that went wrong.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import resource
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

from mlplat import components
from mlplat.cli import main as mlplat
from mlplat.errors import MlplatError
from tests.fuzz import mutations

SECONDS = 5
"""CPU time for one file."""

SECONDS_OF_RUN = 120
"""Time on the clock for one file: the Workflow of a run has a deadline of two seconds."""

_RIGHT = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: right-}
spec: {entrypoint: main, templates: [{name: main, container: {image: none, command: ["true"]}}]}
"""

MEMORY = 500 * 2**20
"""Bytes of memory for this process."""


class TooSlowError(BaseException):
    """A file took too long; not an Exception, so that nothing catches it on the way."""


def main(mode: str, seed: str, first: int, last: int, folder: Path) -> None:
    """Take the files of some numbers."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    signal.signal(signal.SIGPROF, _too_slow)
    signal.signal(signal.SIGALRM, _too_slow)
    known = mutations.seeds()
    if mode == "run":
        known = [harmless(one) for one in known if one.kind == "manifest"]
    _warm(folder / f"{mode}-warm-{first}.yaml")
    for number in range(first, last):
        print(number, flush=True)
        rng = random.Random(f"{seed}/{mode}/{number}")
        file = folder / f"{mode}-{number}.yaml"
        kind, text = _file_of_run(rng, known) if mode == "run" else mutations.broken(rng, known)
        file.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
        if wrong := _try(mode, kind, file, text):
            print(json.dumps({"number": number, "file": str(file), "wrong": wrong}), flush=True)
        else:
            file.unlink()


def _warm(file: Path) -> None:
    """Import and make what the first file would be charged with."""
    file.write_text(_RIGHT)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        assert mlplat(["lint", str(file)]) == 0
        assert mlplat(["run", str(file)]) == 0
    file.unlink()


def _too_slow(signum: int, frame: FrameType | None) -> None:
    raise TooSlowError


def _try(mode: str, kind: str, file: Path, text: str) -> str:
    """Return what went wrong; empty when nothing did."""
    said = io.StringIO()
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    signal.alarm(SECONDS_OF_RUN)
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            _take(mode, kind, file, text)
    except TooSlowError:
        return f"too slow\n{traceback.format_exc()}"
    except BaseException:  # noqa: BLE001 - whatever comes out is a fault
        return traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.alarm(0)
    if "Traceback (most recent call last)" in said.getvalue():
        return said.getvalue()
    return ""


def _take(mode: str, kind: str, file: Path, text: str) -> None:
    if kind == "component":
        with contextlib.suppress(MlplatError):
            components.load_component_from_text(text)
        return
    if mode == "run":
        code = mlplat(["run", str(file), "--name", file.stem, "--jobs", "2"])
        assert code in (0, 1, 2), code
        return
    assert mlplat(["lint", str(file)]) in (0, 2)
    if kind == "ir":
        assert mlplat(["compile", str(file), "--output", os.devnull]) in (0, 2)


def harmless(seed: mutations.Seed) -> mutations.Seed:
    """Replace what the containers of a Workflow run, and let it end soon."""
    pending: list[Any] = list(seed.documents)
    while pending:
        tree = pending.pop()
        if isinstance(tree, dict):
            for kind in ("container", "script"):
                if isinstance(tree.get(kind), dict):
                    tree[kind] = {
                        **tree[kind],
                        "command": ["sh"],
                        "args": ["-c", "echo 1"],
                        "source": "echo 1",
                    }
                    tree[kind].pop("source" if kind == "container" else "args")
            if isinstance(tree.get("suspend"), dict):
                tree["suspend"] = {"duration": "0s"}
        pending += tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return seed


def _file_of_run(rng: random.Random, known: list[mutations.Seed]) -> tuple[str, str]:
    tree = mutations.broken_tree(rng, rng.choice(known), known)
    for document in tree:
        spec = document.get("spec") if isinstance(document, dict) else None
        if isinstance(spec, dict):
            spec["activeDeadlineSeconds"] = 2
    return "manifest", mutations.written(rng, tree)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), Path(sys.argv[5]))
