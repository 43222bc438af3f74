"""Importers whose data lies elsewhere."""

from mlplat import dsl
from mlplat.dsl import Artifact, Dataset, Input, InputPath, Output, OutputPath


@dsl.component
def read(data: Input[Dataset]) -> str:
    return f"{open(data.path).read()}|{data.uri}|{data.metadata}"


@dsl.component
def describe(data: Input[Dataset]) -> str:
    return f"{type(data).__name__} {data.uri} {data.name} {data.metadata}"


@dsl.component
def read_all(data: Input[list[Dataset]]) -> list[str]:
    return [open(one.path).read() for one in data]


@dsl.container_component
def size(data: Input[Dataset], found: OutputPath(str)):
    return dsl.ContainerSpec(
        image="python:3.11",
        command=["sh", "-c", 'mkdir -p "$(dirname "$1")"; echo "$(wc -c < "$0") $2" > "$1"'],
        args=[data.path, found, data.uri],
    )


@dsl.container_component
def address(data: Input[Dataset]):
    return dsl.ContainerSpec(image="python:3.11", command=["echo"], args=[data.uri])


@dsl.component
def make(out: Output[Dataset]) -> None:
    with open(out.path, "w") as file:
        file.write("made")


@dsl.component
def names(data: Input[Artifact]) -> list[str]:
    import os

    return sorted(os.listdir(data.path)) if os.path.isdir(data.path) else [open(data.path).read()]


@dsl.component
def places(data: Input[Dataset], again: InputPath(Dataset)) -> list[str]:
    return [data.path, data.uri, again, open(data.path).read()]


@dsl.pipeline
def reading(where: str) -> None:
    found = dsl.importer(artifact_uri=where, artifact_class=Dataset, metadata={"by": where}).output
    read(data=found)
    size(data=found)


@dsl.pipeline
def describing(where: str) -> None:
    found = dsl.importer(artifact_uri=where, artifact_class=Dataset).output
    describe(data=found)
    address(data=found)


@dsl.pipeline
def looping(where: list[str]) -> None:
    with dsl.ParallelFor(where) as place:
        found = dsl.importer(artifact_uri=place, artifact_class=Dataset)
        read(data=found.output)
    read_all(data=dsl.Collected(found.output))


@dsl.pipeline(pipeline_config=dsl.PipelineConfig(workspace=dsl.WorkspaceConfig(size="1Mi")))
def downloading(where: str) -> None:
    found = dsl.importer(artifact_uri=where, artifact_class=Dataset, download_to_workspace=True).output
    places(data=found, again=found)
    size(data=found)


@dsl.pipeline
def registering(where: str) -> None:
    """Importers of every form that fetch nothing: a constant, one that counts as new in each run, one in a branch."""
    with dsl.If(where != ""):
        describe(data=dsl.importer(artifact_uri=f"{where}?if", artifact_class=Dataset, reimport=True).output)
    describe(data=dsl.importer(artifact_uri="gs://a/b", artifact_class=Dataset).output)
    metadata = {
        f"by {where}": [1, {"deep": where, "text": f"<{where}>"}, None, 2.5],
        "of": where,
        "plain": "{{a}} $",
    }
    new = dsl.importer(artifact_uri=where, artifact_class=Dataset, reimport=True, metadata=metadata)
    describe(data=new.output)


@dsl.pipeline(pipeline_config=dsl.PipelineConfig(workspace=dsl.WorkspaceConfig(size="1Mi")))
def importing(where: str = "https://a.b/rows.csv") -> None:
    describing(where=where)
    downloading(where=where)
    looping(where=[where, f"{where}?again"])
    reading(where=where)
    registering(where=where)
