"""Values too large for parameters: a constant, an output, an item of a long list."""

from mlplat import dsl


@dsl.component
def count(text: str) -> int:
    return len(text)


@dsl.component
def grow(times: int) -> list[str]:
    return ["x" * times, "y" * times, "z"]


@dsl.pipeline
def large_values(times: int = 40_000) -> None:
    count(text="constant " * 5_000)
    texts = grow(times=times)
    with dsl.ParallelFor(texts.output) as text:
        count(text=text)
