"""A pipeline in a pipeline, with an output; one function in many calls, settings that differ."""

from mlplat import dsl
from mlplat.dsl import Dataset, Input, Output


@dsl.component(packages_to_install=["joblib>=1"])
def write(text: str, data: Output[Dataset]) -> None:
    with open(data.path, "w") as file:
        file.write(text)


@dsl.component(base_image="python:3.11")
def read(data: Input[Dataset], times: int = 1) -> str:
    with open(data.path) as file:
        return file.read() * times


@dsl.pipeline
def inner(text: str, times: int = 2) -> str:
    return read(data=write(text=text).output, times=times).output


@dsl.pipeline(name="Nested Pipeline", description="Calls another one twice.", display_name="Nested")
def nested(text: str = "a") -> None:
    first = inner(text=text)
    second = inner(text=first.output, times=3)
    plain = write(text=second.output)
    write(text="large").set_cpu_limit("2").set_retry(3, backoff_duration="10s").after(plain)
    read(data=plain.output).set_caching_options(False).set_env_variable("MODE", "$(HOME) {{x}}")
