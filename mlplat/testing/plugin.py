"""A pytest plugin that runs the components and pipelines that a test calls.

Load it in ``conftest.py``: ``pytest_plugins = ["mlplat.testing.plugin"]``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlplat.local.calls import run_calls_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def local_runs(tmp_path: Path) -> Iterator[Path]:
    """Run what a test calls on this machine, without a cache, and return the folder of the runs."""
    folder = tmp_path / "mlplat"
    with run_calls_in(folder):
        yield folder
