"""What components and pipelines take and give, in every spelling, and what their docstrings say of it."""

from typing import Dict, List, NamedTuple, Optional

from kfp import dsl
from kfp.components import load_component_from_text
from kfp.dsl import Artifact, Dataset, Input, InputPath, Model, Output, OutputPath


@dsl.component
def write_files(
    anything: OutputPath(),
    unknown: OutputPath("Any"),
    table: OutputPath("CSV"),
    dataset: OutputPath("dataset"),
    model: OutputPath(Model),
    words: OutputPath("List"),
    text: OutputPath("String"),
    flag: OutputPath("Boolean"),
    numbers: OutputPath(List[float]),
    counts: OutputPath("Dict[str, int]"),
):
    pass


@dsl.component
def read_files(
    anything: InputPath(),
    table: InputPath("CSV"),
    dataset: InputPath("dataset"),
    model: InputPath(Model),
    maybe: InputPath("Dataset") = None,
):
    pass


@dsl.component
def summed(first: int, numbers: List[int], scale: float = 1.0) -> NamedTuple("Sums", total=int, mean=float):
    """Add numbers.

    The mean comes along,
    scaled.

    Args:
        first: the first one
            of all.
        numbers (List[int]): the others:
            any.

            Many of them.

    Returns:
        total: their sum
            over all.
        mean: their mean.

    Raises:
        ValueError: never.
    """
    return (1, 2.0)


@dsl.component
def sphinx(first: int, second: Optional[str] = None, third: Dict[str, int] = {"a": 1}) -> str:
    """Do it in another style.

    :param first: the first one,
        with more
    :param str second: the second one
    :returns: something
    """
    return ""


@dsl.component
def copied(data: Input[Dataset], copy: Output[Dataset], report: OutputPath(str)) -> Artifact:
    """Copy data.

    Args:
        data: what to copy.

    Returns:
        copy: the same again.
        report: what was done.
        Output: anything.
    """


@dsl.component
def marked(text: Input[str], counts: Input[dict], scale: Input[float] = 1.5):
    pass


@dsl.pipeline
def paths():
    written = write_files()
    read_files(
        anything=written.outputs["unknown"],
        table=written.outputs["table"],
        dataset=written.outputs["dataset"],
        model=written.outputs["model"],
    )
    marked(text=written.outputs["text"], counts=written.outputs["counts"])


@dsl.pipeline(name="told")
def described(number: int = 1, scale: float = 2.5) -> NamedTuple("Told", total=int, copy=Dataset):
    """Tell what it does.

    At length,
    in two lines.

    Args:
        number: where to start.
        scale: how much.

    Returns:
        total: the sum.
        copy: the copy.
    """
    summed(first=number, numbers=[1, 2], scale=scale)
    again = summed(first=number, numbers=[1, 2])
    sphinx(first=again.outputs["total"])
    source = dsl.importer("gs://bucket/data", dsl.Dataset)
    made = copied(data=source.output)
    named = NamedTuple("Told", total=int, copy=Dataset)
    return named(total=again.outputs["total"], copy=made.outputs["copy"])


@dsl.pipeline(description="Given\n  here.")
def undescribed():
    """Not this."""
    sphinx(first=1)


FIRST_VERSION = """
name: Every type
inputs:
- {name: text__one, type: String, default: 5}
- {name: Flag, type: Bool, default: 'yes'}
- {name: other flag, type: boolean, optional: true}
- {name: count, type: Integer, default: '3'}
- {name: ratio, type: Double, default: '0.5'}
- {name: words, type: List, default: '["a"]'}
- {name: table, type: JsonObject, default: '{"a": 1}'}
- {name: list, type: JsonArray, optional: true}
- {name: folder, type: {GCSPath: {data_type: CSV}}}
- {name: address, type: URI}
- {name: untyped}
- {name: dataset, type: google.VertexDataset}
- {name: model, type: Model, optional: true}
outputs:
- {name: model out, type: google.VertexModel}
- {name: metrics, type: Metrics}
- {name: number, type: Integer}
- {name: custom, type: Anything}
- {name: endpoint}
implementation:
  container:
    image: busybox
    command: [sh, -c, 'echo "$@"', run]
    args:
    - --text
    - {inputValue: text__one}
    - {if: {cond: {isPresent: other flag}, then: --flag, else: --no-flag}}
    - if:
        cond: {isPresent: model}
        then: [--model, {inputPath: model}]
    - {concat: [a, {inputValue: count}, '-', {inputValue: ratio}]}
    - executorInput: null
    - {inputValue: words}
    - {inputValue: table}
    - {inputValue: list}
    - {inputPath: folder}
    - {inputUri: address}
    - {inputPath: untyped}
    - {inputUri: dataset}
    - {outputUri: model out}
    - {outputPath: metrics}
    - {outputPath: number}
    - {outputPath: custom}
    - {outputPath: endpoint}
    env:
      LEVEL: debug
"""

STATUS = """
name: Tell status
inputs:
- {name: pipeline status, type: PipelineTaskFinalStatus}
- {name: labels, type: JsonObject, default: '{}'}
implementation:
  container:
    image: busybox
    command: [echo, {inputValue: pipeline status}, {inputValue: labels}]
"""

every_type = load_component_from_text(FIRST_VERSION)
tell_status = load_component_from_text(STATUS)


@dsl.pipeline
def first_version():
    with dsl.ExitHandler(tell_status()):
        source = dsl.importer("gs://bucket/data", dsl.Artifact).output
        every_type(folder=source, address=source, untyped=source, dataset=source)
