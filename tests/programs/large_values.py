"""Values too large for parameters: a constant, an output, an item of a long list, a field of one."""

from mlplat import dsl


@dsl.component
def count(text: str) -> int:
    return len(text)


@dsl.component
def grow(times: int) -> list[str]:
    return ["x" * times, "y" * times, "z"]


@dsl.component
def people(times: int) -> list[dict]:
    return [{"name": name, "about": name * times} for name in ("a", "bb")]


@dsl.pipeline
def large_values(times: int = 40_000) -> None:
    count(text="constant " * 5_000)
    texts = grow(times=times)
    with dsl.ParallelFor(texts.output) as text:
        count(text=text)
    with dsl.ParallelFor(people(times=times).output) as person:
        count(text=person.about)
        count(text=person.name)
