"""The local engine: runs an Argo Workflow with processes of this machine, and records what Argo would record."""

from mlplat.local.memoize import Cache
from mlplat.local.nodes import Node
from mlplat.local.process import Executor, ProcessExecutor
from mlplat.local.run import inspect, run, runs
from mlplat.local.state import beside, load

__all__ = ["Cache", "Executor", "Node", "ProcessExecutor", "beside", "inspect", "load", "run", "runs"]
