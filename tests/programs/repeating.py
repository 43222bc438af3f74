"""A loop that goes on while a condition holds: artifacts and parameters are carried, a pipeline is its body."""

from mlplat import dsl
from mlplat.dsl import Input, Model, Output


@dsl.component
def start(model: Output[Model]) -> None:
    with open(model.path, "w") as file:
        file.write("{{")


@dsl.component
def grow(model: Input[Model], larger: Output[Model], target: int) -> int:
    with open(model.path) as old, open(larger.path, "w") as new:
        text = old.read() + "x"
        new.write(text)
    return len(text)


@dsl.component
def add(number: int, seed: int = 1) -> int:
    return number + seed


@dsl.component
def show(model: Input[Model], number: int) -> str:
    with open(model.path) as file:
        return f"{file.read()} {number}"


@dsl.pipeline
def step(number: int = 0) -> int:
    return add(number=number).output


grow_to = dsl.do_while(
    grow,
    lambda body: body.outputs["Output"] < body.inputs["target"],
    max_iterations=5,
    carry={"model": "larger"},
)
count = dsl.do_while(step, lambda body: ~(body.output == 3), max_iterations=4, carry={"number": "Output"})


@dsl.pipeline
def repeating(target: int = 4) -> str:
    grown = grow_to(model=start().output, target=target)
    return show(model=grown.outputs["larger"], number=count().output).output
