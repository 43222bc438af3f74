"""Test suites for custom executors and caches.

Each suite is a class of pytest tests. Derive a class whose name starts with ``Test``, and override its fixture. The
suites need pytest, which mlplat does not install.
"""

from __future__ import annotations

from mlplat.testing.caches import CacheConformance
from mlplat.testing.executors import ExecutorConformance

__all__ = ["CacheConformance", "ExecutorConformance"]
