"""What the page on testing shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/testing.md"


def test_the_tests_of_the_page_pass(tmp_path: Path) -> None:
    files = re.findall(r'^```python title="([^"\n]+)"\n(.*?)^```', PAGE.read_text(), re.MULTILINE | re.DOTALL)
    for name, text in files:
        (tmp_path / name).write_text(text)

    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--basetemp",
        str(tmp_path / "runs"),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert [name for name, _ in files] == ["conftest.py", "test_components.py", "test_memory_cache.py"]
    assert done.returncode == 0, done.stdout + done.stderr
    assert not {".mlplat", "local_outputs"} & {path.name for path in tmp_path.iterdir()}
