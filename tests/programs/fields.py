"""Names that meet each other, and fields of items: each value still goes where it belongs."""

from typing import NamedTuple

from mlplat import dsl


@dsl.component
def task(n: int = 1) -> NamedTuple("Made", [("path", str), ("n", int)]):
    from collections import namedtuple

    return namedtuple("Made", ["path", "n"])(path="the path", n=n + 1)


@dsl.component
def condition_1(text: str) -> str:
    return text


@dsl.component
def pair(left: int, right: int) -> str:
    return f"{left}-{right}"


@dsl.pipeline
def fields(
    items: list = ["a", "b"],
    people: list = [{"name": "Ada", "type": {"is_list": "yes"}, "xs": [1, 2], "ys": [3]}],
) -> None:
    made = task()
    with dsl.ParallelFor([1, 2]):
        condition_1(text=made.outputs["path"])
    with dsl.ParallelFor(items) as outer, dsl.ParallelFor(items) as inner, dsl.If(outer != inner):
        condition_1(text=inner)
    with dsl.ParallelFor(people) as person:
        condition_1(text=person.type["is_list"])
        with dsl.ParallelFor(person.xs) as x, dsl.ParallelFor(person.ys) as y:
            pair(left=x, right=y)
        with dsl.If(person.name == "Ada"):
            condition_1(text=person.name)
    task(n=made.outputs["n"])
