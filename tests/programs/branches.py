"""Branches: one alone, a chain of three, one inside a loop."""

from mlplat import dsl


@dsl.component
def flip(seed: int) -> str:
    return "heads" if seed % 2 else "it's tails"


@dsl.component
def note(text: str) -> str:
    return text


@dsl.pipeline
def branches(seed: int = 1, limit: float = 0.5, names: list[str] = ["a"]) -> None:
    coin = flip(seed=seed)
    with dsl.If((coin.output == "it's tails") & ~(limit > 0.25)):
        note(text="both")
    with dsl.If(coin.output == "heads"):
        note(text=coin.output)
    with dsl.Elif(seed > 3):
        note(text="large")
    with dsl.Else():
        note(text="neither")
    with dsl.ParallelFor(names, parallelism=2) as name, dsl.If(name != "{{workflow.name}}"):
        note(text=name)
