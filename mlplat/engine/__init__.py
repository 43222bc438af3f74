"""The local engine: runs an Argo Workflow with processes or containers of this machine, and records what Argo would."""

from typing import TYPE_CHECKING, Any

from mlplat.argo.status import Node
from mlplat.engine.artifacts import ArtifactError, ArtifactMissingError
from mlplat.engine.control import Control, signals
from mlplat.engine.executor import Executor
from mlplat.engine.logs import NEXT_ATTEMPT, Attempt, LineSplitter, attempts, last_attempt
from mlplat.engine.memoize import Cache
from mlplat.engine.nodes import creation_timestamp
from mlplat.engine.process import ProcessExecutor
from mlplat.engine.remote import KINDS as REMOTE_KINDS
from mlplat.engine.remote import fetch, first_bytes, last_bytes
from mlplat.engine.run import inspect, run
from mlplat.engine.state import is_running, load, mark_recorded, other_documents, request, unrecorded

if TYPE_CHECKING:
    from mlplat.engine.images import ImageExecutor

__all__ = [
    "NEXT_ATTEMPT",
    "REMOTE_KINDS",
    "ArtifactError",
    "ArtifactMissingError",
    "Attempt",
    "Cache",
    "Control",
    "Executor",
    "ImageExecutor",
    "LineSplitter",
    "Node",
    "ProcessExecutor",
    "attempts",
    "creation_timestamp",
    "fetch",
    "first_bytes",
    "inspect",
    "is_running",
    "last_attempt",
    "last_bytes",
    "load",
    "mark_recorded",
    "other_documents",
    "request",
    "run",
    "signals",
    "unrecorded",
]


def __getattr__(name: str) -> Any:
    """Import the executor for containers when it is first asked for."""
    if name == "ImageExecutor":
        from mlplat.engine import images

        return images.ImageExecutor
    raise AttributeError(f"module 'mlplat.engine' has no attribute {name!r}")
