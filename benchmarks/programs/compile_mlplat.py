"""Writes a pipeline of COUNT tasks as SHAPE, compiled by mlplat: COUNT SHAPE OUT."""

import sys

from mlplat import compiler, dsl, manifest

count, shape, out = int(sys.argv[1]), sys.argv[2], sys.argv[3]


@dsl.component
def increment(x: int) -> int:
    return x + 1


def chain(x: int = 0) -> None:
    task = increment(x=x)
    for _ in range(count - 1):
        task = increment(x=task.output)


def wide(x: int = 0) -> None:
    for _ in range(count):
        increment(x=x)


def fan_in(x: int = 0) -> None:
    before = [increment(x=x) for _ in range(count - 1)]
    increment(x=x).after(*before)


pipeline = dsl.pipeline({"chain": chain, "wide": wide, "fan-in": fan_in}[shape])
with open(out, "w") as file:
    file.write(manifest.dump(compiler.manifest(pipeline.spec)))
