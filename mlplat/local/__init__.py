"""The local engine: runs an Argo Workflow with processes or containers of this machine, and records what Argo would."""

from mlplat.local.artifacts import ArtifactError
from mlplat.local.calls import Called, RunFailedError, init
from mlplat.local.images import ImageExecutor
from mlplat.local.logs import NEXT_ATTEMPT, Attempt, Lines, attempts, last_attempt
from mlplat.local.memoize import Cache
from mlplat.local.nodes import Node
from mlplat.local.process import Executor, ProcessExecutor
from mlplat.local.remote import KINDS as REMOTE_KINDS
from mlplat.local.remote import fetch
from mlplat.local.run import inspect, run, runs
from mlplat.local.runners import DockerRunner, SubprocessRunner
from mlplat.local.state import beside, is_running, load, mark_recorded, request, unrecorded

__all__ = [
    "NEXT_ATTEMPT",
    "REMOTE_KINDS",
    "ArtifactError",
    "Attempt",
    "Cache",
    "Called",
    "DockerRunner",
    "Executor",
    "ImageExecutor",
    "Lines",
    "Node",
    "ProcessExecutor",
    "RunFailedError",
    "SubprocessRunner",
    "attempts",
    "beside",
    "fetch",
    "init",
    "inspect",
    "is_running",
    "last_attempt",
    "load",
    "mark_recorded",
    "request",
    "run",
    "runs",
    "unrecorded",
]
