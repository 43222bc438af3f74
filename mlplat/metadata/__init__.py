"""The record of runs: their tasks, parameters, artifacts and metrics.

:func:`open_store` opens it, and creates it if it does not exist; :func:`open_existing_store` never creates one.
:meth:`Store.record` records a Workflow with its status; queries return the dataclasses of
:mod:`mlplat.metadata.rows`. Nothing but the Workflow and its status is read.
"""

from __future__ import annotations

from mlplat.metadata.cache import RunCache
from mlplat.metadata.rows import (
    ArtifactRow,
    ArtifactUse,
    ExperimentRow,
    MetricRow,
    ParameterRow,
    RunRow,
    TaskRow,
)
from mlplat.metadata.store import Store, open_existing_store, open_store

__all__ = [
    "ArtifactRow",
    "ArtifactUse",
    "ExperimentRow",
    "MetricRow",
    "ParameterRow",
    "RunCache",
    "RunRow",
    "Store",
    "TaskRow",
    "open_existing_store",
    "open_store",
]
