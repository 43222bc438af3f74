"""Writing pipelines: what Python may say, and what it means in the IR."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from mlplat import dsl, ir
from mlplat.dsl import Artifact, Dataset, Input, InputPath, Metrics, Model, Output, OutputPath
from mlplat.errors import AuthoringError
from mlplat.ir.model import (
    ABSENT,
    ArtifactType,
    ComponentInput,
    Constant,
    Container,
    ParameterType,
    TaskOutput,
)


class Pair(NamedTuple):
    score: float
    report: Dataset


@dsl.component
def everything(
    text: str,
    number: int,
    ratio: float,
    flag: bool,
    items: list[str],
    table: dict[str, Any],
    data: Input[Dataset],
    place: InputPath("Dataset"),  # type: ignore[valid-type]
    model: Output[Model],
    count: OutputPath(int),  # type: ignore[valid-type]
    maybe: str | None = None,
    more: float = 1,
    optional_data: Input[Artifact] | None = None,
) -> Pair: ...


@dsl.component
def make(size: int = 1) -> Dataset: ...


@dsl.component
def marked(size: int = 1) -> Output[Dataset]: ...


@dsl.component
def measure(data: Input[Dataset]) -> float: ...


@dsl.component
def say(text: str) -> str: ...


def test_signature_with_string_annotations_becomes_the_interface() -> None:
    found = everything.interface
    kinds = {name: parameter.type.value for name, parameter in found.input_parameters.items()}
    assert kinds == {
        "text": "STRING",
        "number": "NUMBER_INTEGER",
        "ratio": "NUMBER_DOUBLE",
        "flag": "BOOLEAN",
        "items": "LIST",
        "table": "STRUCT",
        "maybe": "STRING",
        "more": "NUMBER_DOUBLE",
    }
    assert {name: artifact.type.schema_title for name, artifact in found.input_artifacts.items()} == {
        "data": "system.Dataset",
        "place": "system.Dataset",
        "optional_data": "system.Artifact",
    }
    assert {name: output.type for name, output in found.output_parameters.items()} == {
        "count": ParameterType.NUMBER_INTEGER,
        "score": ParameterType.NUMBER_DOUBLE,
    }
    assert list(found.output_artifacts) == ["model", "report"]
    assert found.input_parameters["maybe"].default is ABSENT
    assert found.required() == ["text", "number", "ratio", "flag", "items", "table", "data", "place"]


@pytest.mark.parametrize("component", [make, marked])
def test_returned_artifact_is_the_output(component: dsl.PythonComponent) -> None:
    assert component.interface.output_artifacts["Output"].type == ArtifactType("system.Dataset")


def text_of(component: dsl.PythonComponent) -> str:
    assert isinstance(component.executor, Container)
    assert component.executor.python is not None
    return component.executor.python.source


def test_source_is_the_function_without_decorators() -> None:
    assert text_of(say).endswith("\ndef say(text: str) -> str: ...\n")
    assert "@dsl" not in text_of(say)


def test_calls_by_position_and_by_name_are_the_same() -> None:
    @dsl.pipeline
    def both(size: int = 2) -> None:
        measure(make(size))
        measure(data=make(size=3).output)

    tasks = both.spec.root.graph.tasks  # type: ignore[union-attr]
    assert list(tasks) == ["make", "measure", "make-2", "measure-2"]
    assert tasks["make"].parameters == {"size": ComponentInput("size")}
    assert tasks["make-2"].parameters == {"size": Constant(3)}
    assert tasks["measure"].artifacts == {"data": TaskOutput("make", "Output")}
    assert tasks["measure"].depends_on == ("make",)


def test_settings_of_a_task() -> None:
    @dsl.pipeline
    def settings() -> None:
        task = make(size=1).set_cpu_request("500m").set_cpu_limit(2).set_memory_limit("8Gi")  # type: ignore[arg-type]
        task.set_accelerator_type("nvidia.com/gpu").set_env_variable("A", "b").set_display_name("Make it")
        task.set_caching_options(False).set_retry(3, "1m", 1.5, "1h")

    (task,) = settings.spec.root.graph.tasks.values()  # type: ignore[union-attr]
    assert (task.display_name, task.cache) == ("Make it", False)
    assert task.retry is not None
    assert (task.retry.limit, task.retry.backoff_duration, task.retry.backoff_factor) == (3, 60.0, 1.5)
    (container,) = ir.write(settings.spec)[0]["deploymentSpec"]["executors"].values()
    resources = container["container"]["resources"]
    assert resources["resourceCpuRequest"] == "500m"
    assert resources["cpuRequest"] == 0.5
    assert resources["memoryLimit"] == pytest.approx(8.589934592)
    assert resources["accelerator"] == {
        "type": "nvidia.com/gpu",
        "resourceType": "nvidia.com/gpu",
        "count": "1",
        "resourceCount": "1",
    }


def test_component_may_say_that_it_is_not_cached() -> None:
    @dsl.component(cache=False)
    def fresh() -> int: ...

    @dsl.pipeline
    def caching() -> None:
        fresh()
        fresh().set_caching_options(True)

    assert [task.cache for task in caching.spec.root.graph.tasks.values()] == [False, True]  # type: ignore[union-attr]


def test_regions_are_named_and_wired_as_kfp_does() -> None:
    @dsl.pipeline
    def regions(limit: float, names: list[str]) -> None:
        score = measure(data=make().output)
        with dsl.Condition(score.output > limit, name="good"), dsl.ParallelFor(names) as name:
            say(text=name)
        with dsl.ParallelFor([{"a": 1}, {"a": 2}]) as item:
            make(size=item.a)

    (document,) = ir.write(regions.spec)
    tasks = document["root"]["dag"]["tasks"]
    assert sorted(tasks) == ["condition-1", "for-loop-4", "make", "measure"]
    assert tasks["condition-1"]["triggerPolicy"]["condition"] == (
        "inputs.parameter_values['pipelinechannel--measure-Output'] > "
        "inputs.parameter_values['pipelinechannel--limit']"
    )
    assert tasks["condition-1"]["taskInfo"]["name"] == "good"
    assert tasks["condition-1"]["dependentTasks"] == ["measure"]
    inner = document["components"]["comp-condition-1"]["dag"]["tasks"]["for-loop-2"]
    assert inner["parameterIterator"] == {
        "itemInput": "pipelinechannel--names-loop-item",
        "items": {"inputParameter": "pipelinechannel--names"},
    }
    assert tasks["for-loop-4"]["parameterIterator"]["items"] == {"raw": json.dumps([{"a": 1}, {"a": 2}])}
    made = document["components"]["comp-for-loop-4"]["dag"]["tasks"]["make-2"]["inputs"]["parameters"]["size"]
    assert made == {
        "componentInputParameter": "pipelinechannel--loop-item-param-3",
        "parameterExpressionSelector": 'parseJson(string_value)["a"]',
    }


def test_chain_of_branches_excludes_those_before() -> None:
    @dsl.pipeline
    def chain(x: int) -> None:
        with dsl.If(x == 1):
            make()
        with dsl.Elif(x == 2):
            make()
        with dsl.Else():
            make()

    components = chain.spec.components
    branches = components["comp-condition-branches-1"].graph
    assert branches is not None
    x = "int(inputs.parameter_values['pipelinechannel--x'])"
    assert list(branches.tasks) == ["condition-2", "condition-3", "condition-4"]
    assert [task.condition for task in branches.tasks.values()] == [
        f"{x} == 1",
        f"!({x} == 1) && {x} == 2",
        f"!({x} == 1) && !({x} == 2)",
    ]


def test_pipeline_in_a_pipeline_is_a_component() -> None:
    @dsl.pipeline
    def inner(text: str) -> str:
        return say(text=text).output  # type: ignore[return-value]

    @dsl.pipeline
    def outer() -> None:
        say(text=inner(text="a").output)
        inner(text="b")

    graph = outer.spec.root.graph
    assert graph is not None
    assert list(graph.tasks) == ["inner", "say", "inner-2"]
    assert graph.tasks["inner"].component == graph.tasks["inner-2"].component
    assert graph.tasks["say"].parameters == {"text": TaskOutput("inner", "Output")}


def test_waiting_for_a_task_of_an_outer_region_is_the_regions_waiting() -> None:
    @dsl.pipeline
    def waiting(x: int) -> None:
        first = make()
        with dsl.If(x > 1):
            make().after(first)

    assert waiting.spec.root.graph.tasks["condition-1"].depends_on == ("make",)  # type: ignore[union-attr]


def refused(code: str, message: str) -> Any:
    return pytest.raises(AuthoringError, match=f"(?s){code}.*{message}")


def test_annotations_that_mean_nothing_are_reported_together() -> None:
    with pytest.raises(AuthoringError) as raised:

        @dsl.component
        def wrong(a, b: complex, *rest: int, d: int = "x") -> complex: ...  # type: ignore[no-untyped-def,assignment]  # noqa: ANN001

    codes = sorted(diagnostic.code for diagnostic in raised.value.diagnostics)
    assert codes == ["MLP101", "MLP102", "MLP102", "MLP102", "MLP104"]
    text = str(raised.value)
    for part in ("wrong.a: it has no type", "complex is not a valid parameter type"):
        assert part in text
    assert "test_tracing.py" in text


def test_lambda_is_no_component() -> None:
    with pytest.raises(AuthoringError, match="MLP105"):
        dsl.component(lambda: None)


def test_component_outside_a_pipeline_tells_how_to_call_the_function() -> None:
    with refused("MLP115", r"component\.python_func"):
        make()


@pytest.mark.parametrize("operation", ["x and y", "x or y", "not x", "bool(x)", "1 < x < 3"])
def test_value_of_the_run_has_no_truth_yet(operation: str) -> None:
    def p(x: int, y: int) -> None:
        eval(operation)

    with pytest.raises(AuthoringError, match=r"MLP11[02]"):
        dsl.pipeline(p)


def test_one_output_is_asked_for_where_there_are_more() -> None:
    @dsl.component
    def two(a: Output[Dataset], b: Output[Metrics]) -> None: ...

    with refused("MLP121", "the task has 2: a, b"):

        @dsl.pipeline
        def p() -> None:
            measure(data=two().output)


@pytest.mark.parametrize("items", [[], "abc", {"a": 1}, 3])
def test_what_is_not_a_list_is_not_looped_over(items: Any) -> None:
    with pytest.raises(AuthoringError, match="MLP114"):

        @dsl.pipeline
        def p() -> None:
            with dsl.ParallelFor(items):
                make()


def test_else_needs_a_branch_before() -> None:
    with refused("MLP113", "it must follow a dsl.If"):

        @dsl.pipeline
        def p() -> None:
            make()
            with dsl.Else():
                make()


@pytest.mark.parametrize(
    ("setter", "value"), [("set_cpu_limit", "two"), ("set_memory_limit", "1.5Gi"), ("set_retry", None)]
)
def test_quantities_are_checked(setter: str, value: str | None) -> None:
    with pytest.raises(AuthoringError, match=r"MLP12[34]"):

        @dsl.pipeline
        def p() -> None:
            arguments = [value] if value else [1, "soon"]
            getattr(make(), setter)(*arguments)


def test_item_of_a_loop_is_not_used_outside() -> None:
    with refused("MLP140", "it uses the item of 'for-loop-2' outside of that loop"):

        @dsl.pipeline
        def p() -> None:
            with dsl.ParallelFor([1, 2]) as item:
                make(size=item)
            make(size=item)


def test_value_of_a_branch_in_a_loop_is_not_collected_in_that_loop() -> None:
    with refused("MLP140", "use it in the same branch, or join the branches with dsl.OneOf"):

        @dsl.pipeline
        def p() -> None:
            with dsl.ParallelFor([1, 2]) as item:
                with dsl.If(item > 1):
                    made = make(size=item)
                measure(data=made.output)


def test_value_of_a_loop_is_not_used_outside() -> None:
    with refused("MLP140", "runs once for each item of 'for-loop-2'.*dsl.Collected"):

        @dsl.pipeline
        def p() -> None:
            with dsl.ParallelFor([1, 2]) as item:
                made = make(size=item)
            measure(data=made.output)


def test_pipeline_without_tasks_is_refused() -> None:
    with refused("MLP117", "calls no component"):

        @dsl.pipeline
        def p() -> None:
            return None


def test_exception_of_the_function_is_the_users() -> None:
    with pytest.raises(ZeroDivisionError):

        @dsl.pipeline
        def p() -> None:
            make(size=1 // 0)
