"""The programs that the README and the documentation show."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


def first_program(page: str) -> str:
    (program, *_) = re.findall(
        r"^```python\n(.*?)^```", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL
    )
    return str(program)


def compiled(program: str, folder: Path) -> str:
    source = folder / "pipeline.py"
    source.write_text(program)
    command = [sys.executable, "-m", "mlplat", "compile", str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("page", ["README.md", "docs/getting-started.md"])
def test_compiles_to_one_pod_per_call(page: str, tmp_path: Path) -> None:
    (workflow,) = yaml.safe_load_all(compiled(first_program(page), tmp_path))
    pods = [template["name"] for template in workflow["spec"]["templates"] if "dag" not in template]
    assert sorted(pods) == ["data-preprocessing", "model-training"]


def test_readme_program_compiles_to_what_was_reviewed(
    golden: Callable[[str, str], None], tmp_path: Path
) -> None:
    manifest = compiled(first_program("README.md"), tmp_path)
    runtime = r"(?P<head>^ +mlplat\.dev/runtime: )\|.*?(?=^  [a-z]|^    [a-z]+:)"
    golden("readme.yaml", re.sub(runtime, r"\g<head><its text>\n", manifest, flags=re.MULTILINE | re.DOTALL))
