"""Broken files give diagnostics: a short form of ``make fuzz``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.fuzz.driver import ROOT


def test_broken_files_give_diagnostics(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fuzz.worker", "lint", "unit", "0", "150", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one for one in told if isinstance(one, dict)] == []
    assert told == list(range(150))
