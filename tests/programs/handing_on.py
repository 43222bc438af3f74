"""Artifacts that are handed on, instead of written: the best of several models, as KFP's programs pick it."""

from typing import List

from mlplat import dsl
from mlplat.dsl import Input, Model, Output, OutputPath


@dsl.component
def train(text: str, model: Output[Model]) -> None:
    with open(model.path, "w") as file:
        file.write(text)
    model.metadata["text"] = text


@dsl.component
def train_folder(model: Output[Model]) -> None:
    import os

    os.makedirs(model.path)
    with open(os.path.join(model.path, "weights"), "w") as file:
        file.write("weights")


@dsl.component
def pick(models: Input[List[Model]], best: Output[Model]) -> None:
    chosen = max(models, key=lambda model: model.metadata["text"])
    best.uri = chosen.uri
    best.metadata.update(chosen.metadata, chosen=True)


@dsl.component
def again(model: Input[Model], best: Output[Model]) -> None:
    best.uri = model.uri


@dsl.component
def returned(model: Input[Model]) -> Model:
    return Model(uri=model.uri, metadata={"by": "returned"})


@dsl.component
def same(model: Input[Model]) -> Model:
    return model


@dsl.component
def assigned(model: Input[Model], best: Output[Model]) -> None:
    best.path = model.path


@dsl.component
def set_path(model: Input[Model], best: Output[Model]) -> None:
    best.set_path(model.path)


@dsl.component
def custom_path(model: Input[Model], best: Output[Model]) -> None:
    best.custom_path = model.path


@dsl.component
def copied(model: Input[Model], best: Output[Model]) -> None:
    import shutil

    shutil.copy(model.path, best.path)
    best.uri = model.uri


@dsl.component
def file_of(model: Input[Model], best: Output[Model]) -> None:
    best.uri = model.uri + "/weights"


@dsl.component
def elsewhere(model: Output[Model]) -> None:
    model.uri = "s3://bucket/model"


@dsl.component
def read(model: Input[Model]) -> str:
    return f"{open(model.path).read()} {model.metadata}"


@dsl.component
def read_all(models: Input[List[Model]]) -> List[str]:
    return [open(model.path).read() for model in models]


@dsl.component
def uri_of(model: Input[Model]) -> str:
    return model.uri


@dsl.container_component
def show(model: Input[Model], text: OutputPath(str)):
    command = 'mkdir -p "$(dirname "$1")"; cat "$0" > "$1"'
    return dsl.ContainerSpec(image="python:3.11", command=["sh", "-c", command], args=[model.path, text])


@dsl.container_component
def show_uri(model: Input[Model], text: OutputPath(str)):
    command = 'mkdir -p "$(dirname "$1")"; echo "$0" > "$1"'
    return dsl.ContainerSpec(image="python:3.11", command=["sh", "-c", command], args=[model.uri, text])


@dsl.pipeline
def in_one_pod(text: str) -> None:
    made = train(text=text)
    first = again(model=made.output).fuse_with(made)
    second = again(model=first.output).fuse_with(made)
    read(model=second.output).fuse_with(made)
    read(model=second.output).set_display_name("read-outside")


@dsl.pipeline
def handing_on(texts: List[str] = ["a", "b"], last: str = "b") -> None:
    with dsl.ParallelFor(texts) as text:
        made = train(text=text)
    best = pick(models=dsl.Collected(made.output))
    read(model=best.output).set_display_name("read-picked")
    twice = again(model=best.output)
    read(model=twice.output).set_display_name("read-twice")
    show(model=twice.output)
    for name, step in {"returned": returned, "same": same, "assigned": assigned, "copied": copied}.items():
        read(model=step(model=twice.output).output).set_display_name(f"read-{name}")
    for name, step in {"set": set_path, "custom": custom_path}.items():
        read(model=step(model=twice.output).output).set_display_name(f"read-{name}-path")
    with dsl.If(last == "b"):
        one = pick(models=dsl.Collected(made.output))
    with dsl.Else():
        other = again(model=best.output)
    read(model=dsl.OneOf(one.output, other.output)).set_display_name("read-chosen")
    with dsl.ParallelFor(dsl.Collected(made.output)) as model:
        each = again(model=model)
    read_all(models=dsl.Collected(each.output))
    read(model=file_of(model=train_folder().output).output).set_display_name("read-file")
    outside = elsewhere()
    uri_of(model=outside.output)
    show_uri(model=outside.output)
    in_one_pod(text=last)
