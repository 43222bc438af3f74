"""Waits for what other processes do."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

_SECONDS = 120


def until(condition: Callable[[], object]) -> None:
    """Return as soon as a condition holds; the test fails when it never does."""
    last = time.monotonic() + _SECONDS
    while not condition():
        if time.monotonic() > last:
            pytest.fail("what the test waits for did not happen")
        time.sleep(0.02)
