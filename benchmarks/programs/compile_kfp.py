"""Writes a pipeline of COUNT tasks as SHAPE, compiled by kfp: COUNT SHAPE OUT."""

import sys
import warnings

from kfp import compiler, dsl

warnings.simplefilter("ignore")
count, shape, out = int(sys.argv[1]), sys.argv[2], sys.argv[3]


@dsl.component(base_image="python:3.11")
def increment(x: int) -> int:
    return x + 1


def chain(x: int = 0):
    task = increment(x=x)
    for _ in range(count - 1):
        task = increment(x=task.output)


def wide(x: int = 0):
    for _ in range(count):
        increment(x=x)


def fan_in(x: int = 0):
    before = [increment(x=x) for _ in range(count - 1)]
    increment(x=x).after(*before)


pipeline = dsl.pipeline({"chain": chain, "wide": wide, "fan-in": fan_in}[shape])
compiler.Compiler().compile(pipeline, out)
