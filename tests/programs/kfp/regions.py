from typing import Dict, List, NamedTuple, Optional

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, InputPath, Metrics, Model, Output, OutputPath, PipelineTaskFinalStatus


@dsl.component
def flip(seed: int = 0) -> str:
    return "heads"


@dsl.component(base_image="python:3.12", packages_to_install=["pandas>=2", "numpy"], pip_index_urls=["https://pypi.example/simple"])
def make(
    n: int,
    ratio: float,
    flag: bool,
    table: Dict[str, int],
    data: Output[Dataset],
    score: OutputPath(float),
    names: List[str] = ["a"],
    note: Optional[str] = None,
) -> NamedTuple("Made", [("count", int), ("model", Model)]):
    """Makes things.

    Args:
        n: how many.
        ratio: of what.
    """
    ...


@dsl.component
def use(data: Input[Dataset], text: str = "t", more: Optional[Input[Artifact]] = None) -> int:
    return 1


@dsl.component
def use_path(data: InputPath("Dataset")) -> float:
    return 1.0


@dsl.component
def total(numbers: List[int]) -> int:
    return sum(numbers)


@dsl.component
def merge(datasets: Input[List[Dataset]], metrics: Output[Metrics]):
    ...


@dsl.component
def last(status: PipelineTaskFinalStatus, note: str):
    ...


@dsl.component
def say(text: str) -> str:
    return text


@dsl.component
def items() -> list:
    return [1]


@dsl.pipeline
def flat(n: int = 3, ratio: float = 0.5, flag: bool = True, table: dict = {"a": 1}, text: str = "x"):
    made = make(n=n, ratio=ratio, flag=flag, table=table)
    again = make(n=4, ratio=0.25, flag=False, table={}, names=["b", "c"], note=text)
    used = use(data=made.outputs["data"], text=f"{text}-{made.outputs['count']}", more=again.outputs["model"])
    use_path(data=again.outputs["data"]).after(used)
    use(data=again.outputs["data"])


@dsl.pipeline
def branches(seed: int = 1, limit: float = 0.5, text: str = "it"):
    flipped = flip(seed=seed)
    with dsl.If(flipped.output == "heads", name="heads"):
        say(text="heads")
    with dsl.Elif(seed > 3):
        say(text=text)
    with dsl.Else():
        with dsl.If(limit <= 1):
            say(text=f"{limit}")
    with dsl.Condition(text != "x"):
        say(text=flipped.output)


@dsl.pipeline
def chosen(seed: int = 1) -> str:
    flipped = flip(seed=seed)
    with dsl.If(flipped.output == "heads"):
        one = say(text="one")
    with dsl.Else():
        two = say(text="two")
    either = dsl.OneOf(one.output, two.output)
    say(text=either)
    return either


@dsl.pipeline
def loops(words: List[str] = ["a", "b"], rows: list = [{"a": 1}]):
    with dsl.ParallelFor([1, 2, 3], parallelism=2) as number:
        with dsl.ParallelFor(words) as word:
            say(text=f"{number}{word}")
    with dsl.ParallelFor(rows) as row:
        say(text=row.a)
    with dsl.ParallelFor(items().output, name="over-output") as item:
        say(text=item)
    with dsl.ParallelFor([{"x": "1", "y": "z"}]) as pair:
        say(text=pair.y)


@dsl.pipeline
def collected(limit: int = 2) -> int:
    with dsl.ParallelFor([1, 2, 3]) as number:
        made = make(n=number, ratio=0.5, flag=True, table={})
        with dsl.If(number >= limit):
            counted = use(data=made.outputs["data"])
    merge(datasets=dsl.Collected(made.outputs["data"]))
    summed = total(numbers=dsl.Collected(counted.output))
    return summed.output


@dsl.pipeline
def nested_loops() -> List[Dataset]:
    with dsl.ParallelFor([1, 2]) as outer:
        with dsl.ParallelFor(["a", "b"]) as inner:
            made = make(n=outer, ratio=0.5, flag=True, table={}, note=inner)
        merge(datasets=dsl.Collected(made.outputs["data"]))
    return dsl.Collected(made.outputs["data"])


@dsl.pipeline
def exits(note: str = "n"):
    with dsl.ExitHandler(last(note=note), name="handled"):
        first = say(text="a")
        say(text=first.output)


@dsl.component
def maybe(text: str = "default") -> str:
    return text


@dsl.pipeline
def ignoring():
    maybe(text=say(text="a").output).ignore_upstream_failure()


@dsl.pipeline
def inner(x: int, data: Optional[Input[Dataset]] = None) -> str:
    a = say(text=f"{x}")
    return a.output


@dsl.pipeline
def outer(x: int = 4):
    first = inner(x=x)
    say(text=first.output)
    with dsl.If(first.output == "4"):
        inner(x=5)


@dsl.pipeline
def between(seed: int = 1):
    first = flip(seed=seed)
    with dsl.If(first.output == "heads"):
        say(text="one")
    second = flip(seed=2)
    with dsl.Elif(second.output == "heads"):
        say(text=f"two {second.output}")
    with dsl.Else():
        say(text="three")
