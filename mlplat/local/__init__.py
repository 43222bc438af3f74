"""The local engine: runs an Argo Workflow with processes of this machine, and records what Argo would record."""

from mlplat.local.calls import Called, DockerRunner, RunFailedError, SubprocessRunner, init
from mlplat.local.memoize import Cache
from mlplat.local.nodes import Node
from mlplat.local.process import Executor, ProcessExecutor
from mlplat.local.run import inspect, run, runs
from mlplat.local.state import beside, load

__all__ = [
    "Cache",
    "Called",
    "DockerRunner",
    "Executor",
    "Node",
    "ProcessExecutor",
    "RunFailedError",
    "SubprocessRunner",
    "beside",
    "init",
    "inspect",
    "load",
    "run",
    "runs",
]
