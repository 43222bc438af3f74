"""A series of tasks that can share a pod, and a loop after it."""

# ruff: noqa: PTH123 - functions of components use what they find
from mlplat import dsl
from mlplat.dsl import Dataset, Input, Metrics, Output


@dsl.component(cache=False)
def make(n: int, data: Output[Dataset]) -> int:
    with open(data.path, "w") as file:
        file.write("x" * n)
    data.metadata["n"] = n
    return n


@dsl.component(cache=False)
def grow(by: int, data: Input[Dataset], out: Output[Dataset], metrics: Output[Metrics]) -> str:
    with open(data.path) as file, open(out.path, "w") as target:
        target.write(file.read() * by)
    metrics.log_metric("by", by)
    return "large" * 10_000 * by


@dsl.component(cache=False)
def size(text: str, data: Input[Dataset], more: int = 4) -> int:
    print("the size of", data.name)
    with open(data.path) as file:
        return len(file.read()) + len(text) + more


@dsl.component(cache=False)
def stumble(n: int) -> int:
    if n > 2:
        raise ValueError("stumbled")
    return n + 1


@dsl.pipeline
def chain(n: int = 3) -> int:
    made = make(n=n)
    grown = grow(by=made.outputs["Output"], data=made.outputs["data"])
    counted = size(text=grown.outputs["Output"], data=grown.outputs["out"])
    with dsl.ParallelFor([1, 2]) as more:
        size(text="", data=grown.outputs["out"], more=more).after(counted)
    return counted.output  # type: ignore[return-value]


@dsl.pipeline
def stumbling(n: int = 1) -> int:
    first = stumble(n=n)
    second = stumble(n=first.output)
    third = stumble(n=second.output).set_retry(1, "0s")
    return stumble(n=third.output).output  # type: ignore[return-value]
