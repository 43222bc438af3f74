from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from mlplat import engine

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def run(home: Path) -> Run:
    """Runs a Workflow, and documents beside it."""

    def start(manifest: Mapping[str, Any], *beside: Mapping[str, Any], **options: Any) -> dict[str, Any]:
        return engine.run([manifest, *beside], **{"home": home, "jobs": 2, **options})

    return start
