"""Paths of a container that reach it through a value of the run, and texts that look like such paths."""

from typing import Optional

from mlplat import dsl
from mlplat.dsl import Dataset, Input, Output, OutputPath


@dsl.component
def make(out: Output[Dataset]):
    with open(out.path, "w") as file:
        file.write("abc")


@dsl.container_component
def size(data: Input[Dataset], text: str, found: OutputPath(str), name: Optional[str] = None):
    return dsl.ContainerSpec(
        image="python:3.11",
        command=["sh", "-c", 'mkdir -p "$(dirname "$1")"; echo "$(wc -c < "$0") $2 $3" > "$1"'],
        args=[data.path, found, text, dsl.IfPresentPlaceholder("name", then=["given"], else_=["none"])],
    )


@dsl.component
def write(folder: str) -> str:
    import os

    path = os.path.join(folder, "x")
    with open(path, "w") as file:
        file.write("in the workspace")
    return path


@dsl.container_component
def show(path: str, folder: str, text: OutputPath(str)):
    return dsl.ContainerSpec(
        image="python:3.11",
        command=["sh", "-c", 'mkdir -p "$(dirname "$2")"; { cat "$0"; ls "$1" | grep x; } > "$2"'],
        args=[path, folder, text],
    )


@dsl.pipeline(pipeline_config=dsl.PipelineConfig(workspace=dsl.WorkspaceConfig(size="1Mi")))
def paths(name: Optional[str] = None) -> None:
    size(data=make().output, name=name, text="/mlplat/out/found")
    show(path=write(folder=dsl.WORKSPACE_PATH_PLACEHOLDER).output, folder=dsl.WORKSPACE_PATH_PLACEHOLDER)
