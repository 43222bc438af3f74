"""Artifacts in every form: optional, only a path, returned, with metrics; packages and retries."""

from typing import NamedTuple, Optional

from mlplat import dsl
from mlplat.dsl import (
    Artifact,
    ClassificationMetrics,
    Dataset,
    Input,
    InputPath,
    Metrics,
    Model,
    Output,
    OutputPath,
)


@dsl.component(packages_to_install=["joblib>=1"], pip_index_urls=["https://example.test/simple"])
def make(rows: int, data: Output[Dataset], count: OutputPath(int), raw: OutputPath("Dataset")) -> None:
    for path, text in ((data.path, "1\n" * rows), (count, str(rows)), (raw, "raw")):
        with open(path, "w") as file:
            file.write(text)


@dsl.component
def train(
    data: Input[Dataset],
    place: InputPath("Dataset"),
    metrics: Output[Metrics],
    curve: Output[ClassificationMetrics],
    start: Input[Model] = None,
    note: Optional[str] = None,
) -> NamedTuple("Trained", [("model", Model), ("score", float)]):
    from collections import namedtuple

    with open(data.path) as file:
        metrics.log_metric("rows", len(file.readlines()))
    curve.log_roc_curve([0.0, 1.0], [0.0, 1.0], [0.5, 0.1])
    model = Model(
        uri=dsl.get_uri("model"), metadata={"note": note or "none", "before": start.metadata if start else {}}
    )
    with open(model.path, "w") as file, open(place) as given:
        file.write(given.read())
    return namedtuple("Trained", ["model", "score"])(model, 0.5)


@dsl.component
def look(thing: Input[Artifact]) -> str:
    return f"{type(thing).__name__} {thing.metadata}"


@dsl.pipeline
def artifacts(rows: int = 3) -> Model:
    made = make(rows=rows).set_retry(2, backoff_duration="1s").set_memory_request("64Mi")
    first = train(data=made.outputs["data"], place=made.outputs["raw"])
    again = train(
        data=made.outputs["data"], place=made.outputs["data"], start=first.outputs["model"], note="second"
    )
    look(thing=again.outputs["model"])
    look(thing=again.outputs["metrics"]).set_caching_options(False)
    return again.outputs["model"]
