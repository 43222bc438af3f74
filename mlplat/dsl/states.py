"""Whether a task has run, under KFP's names."""

from __future__ import annotations

from enum import StrEnum


class TaskState(StrEnum):
    """Whether a task is still to run or has ended; equal to its name."""

    FUTURE = "FUTURE"
    FINAL = "FINAL"
