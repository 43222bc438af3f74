"""What comes out of branches and loops, texts with values in them, and tasks that run however others end."""

from typing import Dict, List, Optional

from mlplat import dsl
from mlplat.dsl import Input, Model, Output, PipelineTaskFinalStatus


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
    with open(model.path, "w") as file:
        file.write("m" * size)


@dsl.component
def weigh(models: Input[List[Model]]) -> List[int]:
    return [len(open(model.path).read()) * model.metadata["size"] for model in models]


@dsl.component
def weight(model: Input[Model]) -> int:
    return len(open(model.path).read())


@dsl.component
def say(text: str) -> str:
    return text


@dsl.component
def fill(table: Dict[str, list]) -> str:
    return repr(table)


@dsl.component
def stumble() -> str:
    raise ValueError("stumbled")


@dsl.component
def recover(text: Optional[str] = None) -> str:
    return text or "nothing came"


@dsl.component
def report(status: PipelineTaskFinalStatus, who: str) -> str:
    return f"{who}: {status.pipeline_task_name} {status.state} {status.error_message}"


@dsl.pipeline
def smallest(name: str) -> int:
    with dsl.If(name == "one"):
        first = double(number=1)
    with dsl.Elif(name == "two"):
        second = double(number=2)
    with dsl.Else():
        third = double(number=3)
    return dsl.OneOf(first.output, second.output, third.output)


@dsl.pipeline
def regions(least: int = 2, name: str = "Ada") -> List[Model]:
    with dsl.ParallelFor([1, 2, 3]) as number:
        with dsl.If(number >= least):
            doubled = double(number=number)
        trained = train(size=number)
        with dsl.ParallelFor(["a", "b"]) as letter:
            letters = say(text=f"{letter}{number}")
        depth(lists=dsl.Collected(letters.output))
    total(numbers=dsl.Collected(doubled.output))
    depth(lists=dsl.Collected(letters.output))
    weigh(models=dsl.Collected(trained.outputs["model"]))
    with dsl.ParallelFor(dsl.Collected(trained.outputs["model"])) as model:
        weight(model=model)
    chosen = smallest(name=name)
    fill(table={"k": [f"{name}'s {chosen.output}", name, 3], "least": [least]}).set_env_variable(
        "WHO", f"<{name}>"
    )
    with dsl.ExitHandler(report(who=f"dear {name}")):
        say(text="within")
        with dsl.ExitHandler(report(who="inner").set_display_name("Report of the inner one")):
            stumble()
    recover(text=stumble().output).ignore_upstream_failure()
    return dsl.Collected(trained.outputs["model"])
