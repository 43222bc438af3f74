"""Any image's command line with inputs and outputs in it, an importer, files that go with a function."""

import os
from typing import Optional

from mlplat import dsl
from mlplat.dsl import Artifact, Dataset, Input, Output, OutputPath

EMBEDDED = os.path.join(os.path.dirname(__file__), "embedded.txt")


@dsl.container_component
def say(text: str, said: OutputPath(str), times: int = 2):
    return dsl.ContainerSpec(
        image="python:3.11",
        command=["sh", "-ec", 'mkdir -p "$(dirname "$2")"; printf "%s" "$1" > "$2"', "say"],
        args=[f"{text} x{times}", said],
    )


@dsl.container_component
def choose(
    data: Output[Dataset],
    name: Optional[str] = None,
    loud: bool = False,
):
    return dsl.ContainerSpec(
        image="python:3.11",
        command=[
            "sh",
            "-ec",
            'out="$1"; shift; mkdir -p "$(dirname "$out")"; for a; do echo "$a"; done > "$out"',
            "choose",
        ],
        args=[
            data.path,
            dsl.IfPresentPlaceholder(input_name="name", then=["--name", name], else_=["--nobody"]),
            dsl.ConcatPlaceholder(["--loud=", loud, dsl.IfPresentPlaceholder("name", then="!", else_="?")]),
        ],
    )


@dsl.container_component
def count(data: Input[Dataset], lines: OutputPath(int)):
    return dsl.ContainerSpec(
        image="python:3.11",
        command=["sh", "-ec", 'mkdir -p "$(dirname "$2")"; wc -l < "$1" > "$2"'],
        args=["count", data.path, lines],
    )


@dsl.component
def read(data: Input[Dataset]) -> str:
    return open(data.path).read()


@dsl.component
def about(data: Input[Artifact]) -> str:
    return f"{type(data).__name__} {data.uri} {data.metadata}"


def helper(text: str) -> str:
    return f"<{text}>"


@dsl.component(additional_funcs=[helper], embedded_artifact_path=EMBEDDED)
def embedded(file: dsl.EmbeddedInput[Dataset]) -> str:
    return helper(open(file.path).read())


@dsl.pipeline
def containers(name: str = "it's {{workflow.name}} $(HOME) $$", place: str = "gs://bucket/data") -> None:
    said = say(text=name)
    chosen = choose(name=said.output, loud=True)
    nobody = choose()
    count(data=chosen.outputs["data"])
    count(data=nobody.outputs["data"])
    read(data=chosen.outputs["data"])
    found = dsl.importer(
        artifact_uri=place, artifact_class=Dataset, metadata={"by": name, "n": [1, f"{place}!"]}
    )
    about(data=found.output)
    about(data=dsl.importer(artifact_uri="s3://other/key", artifact_class=dsl.Model).output)
    embedded()
