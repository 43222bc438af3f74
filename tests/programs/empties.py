"""What comes out of loops over nothing."""

from typing import List

from mlplat import dsl
from mlplat.dsl import Input, Model, Output


@dsl.component
def double(number: int) -> int:
    return 2 * number


@dsl.component
def total(numbers: List[int]) -> int:
    return sum(numbers)


@dsl.component
def depth(lists: list) -> str:
    return repr(lists)


@dsl.component
def train(size: int, model: Output[Model]) -> None:
    model.metadata["size"] = size


@dsl.component
def weigh(models: Input[List[Model]]) -> List[int]:
    return [model.metadata["size"] for model in models]


@dsl.component
def nothing() -> list:
    return []


@dsl.pipeline
def empties(more: list = []) -> None:
    with dsl.ParallelFor(nothing().output) as number:
        doubled = double(number=number)
        trained = train(size=number)
    total(numbers=dsl.Collected(doubled.output))
    weigh(models=dsl.Collected(trained.outputs["model"]))
    with dsl.ParallelFor([1, 2]):
        with dsl.ParallelFor(more) as number:
            inner = double(number=number)
        total(numbers=dsl.Collected(inner.output))
    depth(lists=dsl.Collected(inner.output))
