"""The programs that the README and the documentation show."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from mlplat import runtime

ROOT = Path(__file__).parents[2]


def programs(page: str) -> list[str]:
    text = (ROOT / page).read_text()
    return re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def first_program(page: str) -> str:
    return programs(page)[0]


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
    golden("readme.yaml", manifest.replace(runtime.packed(runtime.text()), "<packed runtime>"))


@pytest.mark.parametrize("page", ["docs/pipelines.md", "docs/migrating.md", "docs/reports.md"])
def test_programs_of_a_page_run_one_after_another(page: str, tmp_path: Path) -> None:
    program = "\n\n".join(programs(page))
    (tmp_path / "page.py").write_text(program)
    command = [sys.executable, "page.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in re.findall(r"^@dsl\.pipeline.*\ndef (\w+)", program, flags=re.MULTILINE):
        compile_it = [sys.executable, "-m", "mlplat", "compile", f"page.py:{name}"]
        done = subprocess.run(compile_it, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
