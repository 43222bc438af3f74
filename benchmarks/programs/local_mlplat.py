"""A pipeline of COUNT trivial tasks (variables COUNT and SHAPE) for ``mlplat run``."""

import os

from mlplat import dsl


@dsl.component(cache=False)
def increment(x: int) -> int:
    return x + 1


@dsl.pipeline
def pipeline(x: int = 0) -> None:
    task = increment(x=x)
    for _ in range(int(os.environ["COUNT"]) - 1):
        task = increment(x=task.output if os.environ["SHAPE"] == "chain" else x)
