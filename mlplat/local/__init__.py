"""KFP's ``local``: after ``init``, calling a pipeline or component runs it on this machine."""

from mlplat.local.calls import Called, RunFailedError, init
from mlplat.local.runners import DockerRunner, SubprocessRunner

__all__ = ["Called", "DockerRunner", "RunFailedError", "SubprocessRunner", "init"]
