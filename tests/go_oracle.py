"""Programs of Go packages that answer questions, to compare with: a line of JSON for each."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest


def build(source: Path, folder: Path) -> Path:
    """Build a program, or skip the test where Go is missing.

    Args:
        source: folder of its module.
        folder: where the program is put.
    """
    if shutil.which("go") is None:
        pytest.skip("Go is not installed")
    program = folder / "oracle"
    done = subprocess.run(
        ["go", "build", "-mod=readonly", "-o", program, "."],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return program


def ask(program: Path, questions: Iterable[Mapping[str, Any]]) -> list[Any]:
    """Return a program's answers.

    Args:
        program: from :func:`build`.
        questions: what it is asked.
    """
    lines = "".join(f"{json.dumps(one)}\n" for one in questions)
    done = subprocess.run(
        [program], input=lines, capture_output=True, text=True, check=True, env={"TZ": "UTC"}
    )
    return [json.loads(line) for line in done.stdout.splitlines()]
