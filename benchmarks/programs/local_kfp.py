"""Runs a pipeline of COUNT trivial tasks with kfp.local (variables COUNT, SHAPE, INSTALL)."""

import os
import tempfile
import warnings

from kfp import dsl, local

warnings.simplefilter("ignore")
local.init(local.SubprocessRunner(use_venv=False), pipeline_root=tempfile.mkdtemp())


@dsl.component(base_image="python:3.11", install_kfp_package=os.environ["INSTALL"] == "yes")
def increment(x: int) -> int:
    return x + 1


@dsl.pipeline
def pipeline(x: int = 0):
    task = increment(x=x)
    for _ in range(int(os.environ["COUNT"]) - 1):
        task = increment(x=task.output if os.environ["SHAPE"] == "chain" else x)


pipeline()
