"""Waits for a person, and does what they choose."""

from mlplat import dsl


@dsl.component
def train(rows: int) -> str:
    return f"trained on {rows} rows"


@dsl.component
def report() -> str:
    return "reported"


@dsl.pipeline
def deciding(rows: int = 3) -> None:
    decision = dsl.approval(f"{rows} rows: train?", choices=["no", "yes"])
    with dsl.If(decision.output == "yes"):
        train(rows=rows)
    looked = dsl.approval("look at it").after(decision)
    report().after(looked)
