"""The cache of results in files, as of KFP's ``local.init``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlplat.runs.file_cache import FileCache
from mlplat.testing import CacheConformance

if TYPE_CHECKING:
    from pathlib import Path


class TestFileCache(CacheConformance):
    @pytest.fixture
    def cache(self, tmp_path: Path) -> FileCache:
        return FileCache(tmp_path / "cache")
