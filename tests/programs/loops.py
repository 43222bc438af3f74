"""Loops over constants, parameters and outputs, one in another, fields of items."""

from mlplat import dsl


@dsl.component
def numbers(count: int) -> list[int]:
    return list(range(count))


@dsl.component
def add(left: int, right: int) -> int:
    return left + right


@dsl.component
def name(first: str, last: str) -> str:
    return f"{first} {last}"


@dsl.pipeline
def loops(people: list = [{"first": "Ada", "last": "L"}]) -> None:
    made = numbers(count=3)
    with dsl.ParallelFor(made.output) as left, dsl.ParallelFor([10, 20]) as right:
        add(left=left, right=right)
    with dsl.ParallelFor(people) as person:
        name(first=person.first, last=person.last)
