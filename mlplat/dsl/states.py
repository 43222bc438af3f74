"""The states of tasks, with KFP's names."""

from __future__ import annotations

from enum import StrEnum


class TaskState(StrEnum):
    """State of a task: still to run, or ended; equal to its name as a string."""

    FUTURE = "FUTURE"
    FINAL = "FINAL"
