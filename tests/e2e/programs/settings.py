"""Settings that are runtime values, an artifact that is handed on, and tasks that wait for other regions."""

from mlplat import dsl
from mlplat.dsl import Input, Model, Output, PipelineTaskFinalStatus


@dsl.component
def show(after: str = "") -> str:
    import os

    return os.environ["FOO"]


@dsl.component
def train(text: str, model: Output[Model]) -> None:
    from pathlib import Path

    Path(model.path).write_text(text)


@dsl.component
def pick(model: Input[Model], best: Output[Model]) -> None:
    best.uri = model.uri


@dsl.component
def read(model: Input[Model]) -> str:
    from pathlib import Path

    return Path(model.path).read_text()


@dsl.component
def told(status: dict) -> str:
    return f"{status['state']} {status['error'].get('message')}"


@dsl.pipeline
def tell(status: PipelineTaskFinalStatus) -> None:
    told(status=status)


@dsl.component
def fail(reason: str) -> None:
    if reason:
        raise ValueError(reason)


@dsl.pipeline
def settings(text: str, reason: str = "") -> None:
    with dsl.If(text != ""):
        shown = show().set_env_variable("FOO", text).set_memory_limit("256Mi")
    with dsl.ParallelFor([{"suffix": "!"}]) as item:
        show().set_env_variable("FOO", f"{text}{item.suffix}").after(shown)
    read(model=pick(model=train(text=text).output).output)
    with dsl.ExitHandler(tell()):
        fail(reason=reason)
