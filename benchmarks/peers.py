"""Environments of the peers, each of its own, from locked versions."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
ENVIRONMENTS = HERE.parent / ".venv-bench"


def python_of(peer: str) -> str:
    """Return the Python of a peer's environment, which is made first when it is not there.

    Args:
        peer: ``kfp`` or ``hera``.
    """
    folder = ENVIRONMENTS / peer
    python, complete = folder / "bin" / "python", folder / "complete"
    if not complete.exists():
        print(f"installing {peer} into {folder.relative_to(HERE.parent)}", file=sys.stderr, flush=True)
        venv.create(folder, with_pip=True, clear=True)
        requirements = HERE / "requirements" / f"{peer}.txt"
        install = [
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--require-hashes",
        ]
        subprocess.run([*install, "-r", str(requirements)], check=True)
        complete.touch()
    return str(python)
