from typing import Optional

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Model, Output, OutputPath


@dsl.container_component
def plain():
    return dsl.ContainerSpec(image="alpine", command=["echo", "hello"])


@dsl.container_component
def everything(
    text: str,
    data: Input[Dataset],
    model: Output[Model],
    count: OutputPath(int),
    maybe: Optional[str] = None,
    number: int = 3,
):
    return dsl.ContainerSpec(
        image="alpine:3",
        command=["sh", "-c", f"echo {text}"],
        args=[
            data.path,
            data.uri,
            data.metadata["key"],
            model.path,
            model.uri,
            count,
            dsl.ConcatPlaceholder(["--n=", number]),
            dsl.IfPresentPlaceholder(input_name="maybe", then=["--maybe", maybe], else_=["--not"]),
            dsl.IfPresentPlaceholder(input_name="maybe", then="--flag"),
        ],
    )


@dsl.component(install_kfp_package=False)
def bare(a: int) -> int:
    return a


@dsl.component(target_image="registry.example/mine:1")
def built(a: int) -> int:
    return a


@dsl.component
def show(a: Input[Artifact]):
    ...


@dsl.component
def texts() -> str:
    return ""


@dsl.pipeline(pipeline_root="gs://bucket/root")
def containers(text: str = "t", uri: str = "gs://b/data"):
    plain()
    found = dsl.importer(artifact_uri=uri, artifact_class=Dataset, reimport=True, metadata={"a": 1, "b": "c"})
    everything(text=text, data=found.output)
    fixed = dsl.importer(artifact_uri="gs://b/model", artifact_class=Model)
    show(a=fixed.output)
    bare(a=1)
    built(a=2)
    dynamic = dsl.importer(artifact_uri=texts().output, artifact_class=Dataset, metadata={"by": text})
    show(a=dynamic.output)


class MyThing(Artifact):
    schema_title = "google.Thing"
    schema_version = "1.2.3"


@dsl.component
def custom(thing: Output[MyThing]):
    ...


@dsl.pipeline
def with_custom(cpu: str = "2", image: str = "python:3.12"):
    made = custom()
    show(a=made.outputs["thing"]).set_cpu_limit(cpu).set_container_image(image)


@dsl.component
def names(name: str, place: str):
    ...


@dsl.pipeline
def placeholders():
    names(name=dsl.PIPELINE_JOB_NAME_PLACEHOLDER, place=dsl.PIPELINE_ROOT_PLACEHOLDER)


@dsl.pipeline(
    pipeline_config=dsl.PipelineConfig(
        ttl_seconds_after_finished=60, active_deadline_seconds=3600, ttl_seconds_after_failure=30
    )
)
def configured():
    plain()
