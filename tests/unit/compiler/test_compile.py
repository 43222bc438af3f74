"""Rules of the compiler that no single golden file shows."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlplat import compiler, dsl, ir, kubernetes, manifest
from mlplat.compiler.conditions import to_expression
from mlplat.dsl import context
from mlplat.errors import ArgumentError, CompileError, MlplatError
from mlplat.ir.model import (
    ArtifactType,
    Component,
    ComponentInput,
    Constant,
    Container,
    Graph,
    Importer,
    InputParameter,
    Iterator,
    OutputArtifact,
    OutputParameter,
    ParameterType,
    PipelineSpec,
    PythonFunction,
    Task,
    TaskOutput,
)
from mlplat.runs.load import load


@dsl.component
def one(x: int) -> int:
    return x


@dsl.component
def shout(text: str) -> str:
    return text.upper()


@dsl.component
def count(texts: list[str]) -> int:
    return len(texts)


@dsl.pipeline
def looping(items: list[int]) -> None:
    with dsl.ParallelFor(items) as item:
        one(x=item)


@dsl.pipeline
def looping_texts(items: list[str]) -> None:
    with dsl.ParallelFor(items) as item:
        shout(text=item)


def workflow(pipeline: Any, **options: Any) -> dict[str, Any]:
    return compiler.manifest(pipeline.spec, compiler.Options(**options))[-1]


def test_loop_over_a_parameter_takes_no_more_room_for_more_items() -> None:
    few, many = (workflow(looping, arguments={"items": list(range(count))}) for count in (10, 5_000))
    for document in (few, many):
        (argument,) = document["spec"]["arguments"].pop("parameters")
        assert argument["name"] == "items"
    assert few == many


def test_list_too_large_for_an_argument_stands_in_a_config_map() -> None:
    items = [f"item {number}" for number in range(10_000)]
    values, document = compiler.manifest(looping_texts.spec, compiler.Options(arguments={"items": items}))
    (text,) = values["data"].values()
    assert json.loads(text) == items
    assert "arguments" not in document["spec"]
    assert len(json.dumps(document["spec"]["templates"])) < 6_000


def test_same_input_gives_the_same_bytes() -> None:
    first, second = (manifest.dump(workflow(looping, arguments={"items": [1]})) for _ in range(2))
    assert first == second


def test_caching_goes_with_the_option() -> None:
    assert "memoize" in json.dumps(workflow(looping, arguments={"items": [1]}))
    assert "memoize" not in json.dumps(workflow(looping, arguments={"items": [1]}, cache=False))


def test_cache_key_follows_code_and_image_and_not_the_name_of_the_run() -> None:
    def key(**options: Any) -> str:
        templates = workflow(looping, arguments={"items": [1]}, **options)["spec"]["templates"]
        return str(next(template["memoize"]["key"] for template in templates if "memoize" in template))

    assert key() == key(name="other", namespace="team", service_account="me")
    assert key() != key(image="python:3.12")


def test_workflow_template_has_a_name_that_kustomize_takes() -> None:
    document = workflow(looping, kind="WorkflowTemplate", require_arguments=False)
    assert document["metadata"]["name"] == "looping"
    assert document["spec"]["arguments"]["parameters"] == [{"name": "items"}]


def test_argument_that_argo_would_replace_tags_in_goes_as_json() -> None:
    @dsl.pipeline
    def texts(plain: str, tagged: str) -> None:
        shout(text=plain)
        shout(text=tagged)

    document = workflow(texts, arguments={"plain": "a $(B)", "tagged": "{{workflow.name}}"})
    values = {
        parameter["name"]: parameter["value"] for parameter in document["spec"]["arguments"]["parameters"]
    }
    assert values["plain"] == "a $(B)"
    assert json.loads(values["tagged"]) == "{{workflow.name}}"
    assert "{{" not in values["tagged"]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_text_of_the_users_stands_where_argo_finds_tags(text: str) -> None:
    @dsl.pipeline
    def given_text(parameter: str) -> None:
        shout(text=parameter)
        shout(text=text + "{{constant}}").set_env_variable("V", text + "{{env}}")

    document = workflow(given_text, arguments={"parameter": text + "{{argument}}"})
    written = json.dumps(document, ensure_ascii=False)
    for word in ("constant", "env", "argument"):
        assert "{{" + word not in written


@pytest.mark.parametrize(
    ("cel", "expression"),
    [
        ("inputs.parameter_values['a'] == 'x'", "<a> == 'x'"),
        ("int(inputs.parameter_values['a']) > 3", "int(<a>) > 3"),
        ("double(int(inputs.parameter_values['a'])) > 0.5", "float(int(<a>)) > 0.5"),
        ('!(inputs.parameter_values["a"] == true) && (1 != 2)', "!(<a> == true) && (1 != 2)"),
        ("inputs.parameter_values['a'] == '{{x}} \\'q\\''", "<a> == '\\u007b\\u007bx\\u007d\\u007d \\'q\\''"),
    ],
)
def test_conditions_become_expressions(cel: str, expression: str) -> None:
    assert to_expression(cel, lambda name: f"<{name}>", "p") == expression


@pytest.mark.parametrize(
    "cel", ["inputs.parameter_values['a'].size() > 1", "x == 'it's'", "size(a)", "a ? b : c"]
)
def test_conditions_of_another_form_are_refused(cel: str) -> None:
    with pytest.raises(CompileError, match="MLP330"):
        to_expression(cel, lambda name: name, "p.condition-1")


def spec(**tasks: Task) -> PipelineSpec:
    component = Component(
        {"x": InputParameter(ParameterType.NUMBER_INTEGER)},
        output_parameters={"Output": OutputParameter(ParameterType.NUMBER_INTEGER)},
        executor="exec-c",
    )
    executors = {"exec-c": Container(python=PythonFunction("def c(x): ...\n", "c"))}
    return PipelineSpec("p", Component(graph=Graph(tasks)), {"comp-c": component}, executors)


def with_component(component: Component, task: Task | None = None) -> PipelineSpec:
    plain = spec(a=task or Task("comp-d"))
    dynamic = Container("{{$.inputs.parameters['i']}}", python=PythonFunction("def d(): ...\n", "d"))
    return replace(
        plain,
        components={**plain.components, "comp-d": component},
        executors={**plain.executors, "exec-d": dynamic},
    )


BROKEN: dict[str, tuple[PipelineSpec, str, str]] = {
    "unknown component": (
        spec(a=Task("comp-d")),
        "the component 'comp-d' does not exist",
        "comp-c",
    ),
    "unknown task": (
        spec(a=Task("comp-c", depends_on=("b",), parameters={"x": Constant(1)})),
        "the task depends on 'b', which does not exist",
        "available: a",
    ),
    "unknown output": (
        spec(
            a=Task("comp-c", parameters={"x": Constant(1)}),
            b=Task("comp-c", depends_on=("a",), parameters={"x": TaskOutput("a", "output")}),
        ),
        "the task 'a' has no output 'output'",
        "did you mean 'Output'?",
    ),
    "unknown input of the pipeline": (
        spec(a=Task("comp-c", parameters={"x": ComponentInput("y")})),
        "the enclosing component has no input 'y'",
        "",
    ),
    "missing input": (spec(a=Task("comp-c")), "the input 'x' is missing", "pass x=…"),
    "wrong constant": (
        spec(a=Task("comp-c", parameters={"x": Constant("three")})),
        "the constant 'three' is not of the declared type int",
        "",
    ),
    "circle": (
        spec(
            a=Task("comp-c", depends_on=("b",), parameters={"x": Constant(1)}),
            b=Task("comp-c", depends_on=("a",), parameters={"x": Constant(1)}),
        ),
        "tasks depend on each other in a cycle: a -> b -> a",
        "",
    ),
}


BROKEN.update(
    {
        "not given to a condition": (
            spec(
                a=Task("comp-c", condition="inputs.parameter_values['y'] == 1", parameters={"x": Constant(1)})
            ),
            "the condition reads the input 'y', which is not passed to the task",
            "",
        ),
        "loop over nothing given": (
            spec(a=Task("comp-c", iterator=Iterator(ComponentInput("y"), "x"))),
            "the loop reads the input 'y', which is not passed to the task",
            "",
        ),
        "item for nobody": (
            spec(a=Task("comp-c", parameters={"x": Constant(1)}, iterator=Iterator(Constant([1]), "y"))),
            "the loop passes its item to the input 'y', which does not exist",
            "available: x",
        ),
        "constant that is no number": (
            spec(a=Task("comp-c", parameters={"x": Constant(float("nan"))})),
            "is not of the declared type int",
            "",
        ),
        "constant with a placeholder and no number": (
            spec(a=Task("comp-c", parameters={"x": Constant([float("nan"), "{{$.pipeline_job_name}}"])})),
            "the constant cannot be written as JSON",
            "use a JSON value",
        ),
        "component that calls itself": (
            with_component(Component(graph=Graph({"again": Task("comp-d")}))),
            "components call each other in a cycle: comp-d -> comp-d",
            "a pipeline cannot call itself",
        ),
        "name for Argo to template": (
            with_component(
                Component({"{{x}}": InputParameter(ParameterType.STRING, optional=True)}, graph=Graph({}))
            ),
            "'{{x}}' is not a valid name of an input or output",
            "use letters, digits, - and _",
        ),
        "default of another type": (
            with_component(
                Component({"x": InputParameter(ParameterType.STRING, 3, optional=True)}, graph=Graph({}))
            ),
            "the default 3 is not of the declared type str",
            "",
        ),
    }
)


@pytest.mark.parametrize("name", BROKEN)
def test_broken_ir_is_refused(name: str) -> None:
    broken, message, hint = BROKEN[name]
    with pytest.raises(CompileError) as raised:
        compiler.compile(broken)
    assert message in str(raised.value)
    assert hint in str(raised.value)


def test_all_problems_of_the_ir_are_reported_at_once() -> None:
    broken = spec(a=Task("comp-c"), b=Task("comp-d"))
    with pytest.raises(CompileError) as raised:
        compiler.compile(broken)
    assert [diagnostic.code for diagnostic in raised.value.diagnostics] == ["MLP133", "MLP303"]


def test_arguments_are_checked_together() -> None:
    with pytest.raises(ArgumentError) as raised:
        compiler.compile(looping.spec, compiler.Options(arguments={"item": [], "items": 3}))
    assert [diagnostic.code for diagnostic in raised.value.diagnostics] == ["MLP401", "MLP403"]
    with pytest.raises(ArgumentError, match="the parameter 'items' has no value"):
        compiler.compile(looping.spec)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_argument_without_a_json_form_is_refused(value: float) -> None:
    @dsl.component
    def take(x: float) -> None: ...

    @dsl.pipeline
    def p(x: float) -> None:
        take(x=x)

    with pytest.raises(ArgumentError, match="'x' cannot be written as JSON"):
        compiler.compile(p.spec, compiler.Options(arguments={"x": value}))


def test_task_waits_for_what_it_reads_even_if_the_ir_does_not_say_so() -> None:
    tasks = {
        "a": Task("comp-c", parameters={"x": Constant(1)}),
        "b": Task("comp-c", parameters={"x": TaskOutput("a", "Output")}),
    }
    document = compiler.manifest(spec(**tasks))[-1]
    dag = next(template["dag"] for template in document["spec"]["templates"] if "dag" in template)
    assert dag["tasks"][1]["depends"] == "a.Succeeded"
    cycle = {**tasks, "a": Task("comp-c", parameters={"x": TaskOutput("b", "Output")})}
    with pytest.raises(CompileError, match="in a cycle: a -> b -> a"):
        compiler.compile(spec(**cycle))


def test_metadata_of_an_importer_without_a_json_form_is_refused() -> None:
    importer = Importer(Constant("gs://x"), ArtifactType(), metadata={"share": [float("nan")]})
    component = Component(output_artifacts={"artifact": OutputArtifact(ArtifactType())}, executor="exec-i")
    root = Component(graph=Graph({"i": Task("comp-i")}))
    with pytest.raises(
        CompileError, match="MLP134: comp-i: the metadata of the importer cannot be written as JSON"
    ):
        compiler.compile(PipelineSpec("p", root, {"comp-i": component}, {"exec-i": importer}))


PROGRAMS = sorted((Path(__file__).parents[2] / "programs").glob("*.py"))
ODD: list[Any] = [
    *(None, True, 0, -1, 1.5, float("nan"), "", "x", "{{x}}", "{{$.inputs.parameters['x']}}"),
    *([], {}, [1], {"a": 1}, ["x"], "comp-for-loop-2"),
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterable[tuple[Any, ...]]:
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, inner in entries:
        yield (*path, key)
        yield from places(inner, (*path, key))


@settings(max_examples=150)
@given(st.data())
def test_damaged_ir_compiles_or_is_refused_and_never_breaks_the_compiler(data: st.DataObject) -> None:
    document = copy.deepcopy(data.draw(st.sampled_from(DOCUMENTS)))
    path = data.draw(st.sampled_from(list(places(document))))
    around: Any = document
    for key in path[:-1]:
        around = around[key]
    what = data.draw(st.sampled_from(["take away", "rename", *map(str, range(len(ODD)))]))
    if what == "take away":
        del around[path[-1]]
    elif what == "rename" and isinstance(around, dict):
        around["other {{name}}"] = around.pop(path[-1])
    elif what != "rename":
        around[path[-1]] = ODD[int(what)]
    try:
        compiler.compile(ir.read([document]), compiler.Options(require_arguments=False))
    except MlplatError:
        return


def documents() -> list[dict[str, Any]]:
    specs = [load(f"{path}:nested" if path.stem == "nested" else str(path)).spec for path in PROGRAMS]
    return [ir.write(spec)[0] for spec in specs if spec is not None]


DOCUMENTS = documents()


def test_descriptions_of_parameters_stand_in_the_workflow() -> None:
    @dsl.pipeline
    def described(x: int = 1, y: int = 2) -> None:
        """Do.

        Args:
            x: how many
        """
        one(x=x)
        one(x=y)

    first, second = workflow(described)["spec"]["arguments"]["parameters"]
    assert first == {"name": "x", "description": "how many", "value": "1"}
    assert second == {"name": "y", "value": "2"}


def test_settings_of_runs_stand_in_the_workflow() -> None:
    patch = {"accessModes": ["ReadWriteMany"], "storageClassName": "fast"}
    config = dsl.PipelineConfig(
        workspace=dsl.WorkspaceConfig("1Gi", dsl.KubernetesWorkspaceConfig(patch)),
        ttl_seconds_after_finished=60,
        ttl_seconds_after_failure=30,
        active_deadline_seconds=3600,
    )

    @dsl.pipeline(pipeline_config=config)
    def configured() -> None:
        shout(text=dsl.WORKSPACE_PATH_PLACEHOLDER)
        one(x=1)

    spec = workflow(configured)["spec"]
    assert spec["ttlStrategy"] == {"secondsAfterCompletion": 60, "secondsAfterFailure": 30}
    assert spec["activeDeadlineSeconds"] == 3600
    (claim,) = spec["volumeClaimTemplates"]
    assert claim["spec"] == {"resources": {"requests": {"storage": "1Gi"}}, **patch}
    mounted = [
        any(mount["name"] == claim["metadata"]["name"] for mount in template["container"]["volumeMounts"])
        for template in spec["templates"]
        if "container" in template
    ]
    assert sorted(mounted) == [False, True]
    assert not any("affinity" in template for template in spec["templates"])


def test_a_path_in_the_workspace_is_followed_out_of_loops_and_into_variables() -> None:
    @dsl.pipeline(pipeline_config=dsl.PipelineConfig(workspace=dsl.WorkspaceConfig("1Gi")))
    def configured() -> None:
        with dsl.ParallelFor([1, 2]):
            shouted = shout(text=dsl.WORKSPACE_PATH_PLACEHOLDER)
        count(texts=dsl.Collected(shouted.output))
        one(x=1).set_env_variable("FOLDER", dsl.WORKSPACE_PATH_PLACEHOLDER)

    templates = workflow(configured)["spec"]["templates"]
    pods = [template for template in templates if "container" in template]
    mounts = [{mount["mountPath"] for mount in template["container"]["volumeMounts"]} for template in pods]
    assert all("/kfp-workspace" in paths for paths in mounts), mounts


def test_pods_of_a_workspace_for_one_node_are_put_on_one() -> None:
    @dsl.pipeline(pipeline_config=dsl.PipelineConfig(workspace=dsl.WorkspaceConfig("1Gi")))
    def configured() -> None:
        node_bound = shout(text=dsl.WORKSPACE_PATH_PLACEHOLDER)
        kubernetes.add_node_affinity(
            node_bound, match_expressions=[{"key": "gpu", "operator": "Exists", "values": []}]
        )
        shout(text=f"{dsl.WORKSPACE_PATH_PLACEHOLDER}/a")
        one(x=1)

    everywhere: dict[str, Any] = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}
    spec = workflow(configured, workflow_defaults={"affinity": everywhere})["spec"]
    pods = [template for template in spec["templates"] if "container" in template]
    marked = [template for template in pods if "affinity" in template]
    assert len(marked) == 2
    for template in marked:
        (term,) = template["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        labels = {**template["metadata"]["labels"], "workflows.argoproj.io/workflow": "{{workflow.name}}"}
        assert term["labelSelector"]["matchLabels"] == labels
    wanted = [template["affinity"]["nodeAffinity"] for template in marked]
    assert everywhere["nodeAffinity"] in wanted
    assert any("requiredDuringSchedulingIgnoredDuringExecution" in one for one in wanted)


@dsl.container_component
def tell(status: dsl.PipelineTaskFinalStatus) -> dsl.ContainerSpec:
    return dsl.ContainerSpec(image="alpine", command=["echo", status])  # type: ignore[list-item]


@dsl.pipeline
def told_by_a_container() -> None:
    with dsl.ExitHandler(tell()):
        one(x=1)


def test_a_container_that_reads_a_final_status_has_all_inputs_of_its_template() -> None:
    (workflow,) = compiler.manifest(told_by_a_container.spec)
    (template,) = [one for one in workflow["spec"]["templates"] if one["name"] == "tell"]
    declared = {one["name"] for one in template["inputs"]["parameters"]}
    named = re.findall(r"\{\{inputs\.parameters\.([^}]+)\}\}", json.dumps(template))
    assert set(named) <= declared


def test_parameters_that_tasks_can_not_do_without_are_asked_for_before_a_run() -> None:
    @dsl.component
    def needs(x: str) -> str:
        return x

    @dsl.component
    def may_need(x: str | None = None) -> str:
        return x or ""

    @dsl.pipeline
    def inner(y: str | None = None) -> None:
        needs(x=y)

    @dsl.pipeline
    def pipeline(
        name: str | None = None,
        items: list | None = None,  # type: ignore[type-arg]
        branch: str | None = None,
        deep: str | None = None,
        optional: str | None = None,
        on: str = "no",
    ) -> None:
        needs(x=name)
        with dsl.ParallelFor(items) as item:  # type: ignore[arg-type]
            needs(x=item)
        with dsl.If(on == "yes"):
            needs(x=branch)
        inner(y=deep)
        may_need(x=optional)
        needs(x=f"<{optional}>")

    with pytest.raises(ArgumentError) as told:
        compiler.manifest(pipeline.spec, compiler.Options(arguments={"nobody": 1}))
    codes = [(one.code, one.message) for one in told.value.diagnostics]
    assert codes == [
        ("MLP401", "the pipeline has no parameter 'nobody'"),
        ("MLP402", "the parameter 'name' has no value, and the input 'x' of 'needs' requires one"),
        ("MLP402", "the parameter 'items' has no value, and the input 'items' of 'for-loop-1' requires one"),
        ("MLP402", "the parameter 'deep' has no value, and the input 'x' of 'inner.needs' requires one"),
    ]
    assert "-p name=" in told.value.diagnostics[1].hint
    arguments = {"name": "a", "items": ["b"], "deep": "c"}
    assert compiler.manifest(pipeline.spec, compiler.Options(arguments=arguments))
    assert compiler.manifest(pipeline.spec, compiler.Options(require_arguments=False))


def test_a_wrong_default_is_reported_with_the_errors_of_the_pipeline() -> None:
    @dsl.component
    def needs(x: str) -> str:
        return x

    with context.past_errors() as told:

        @dsl.pipeline
        def pipeline(number: int = "a", flag: bool = 3) -> None:  # type: ignore[assignment]
            needs(y=number)

    assert [one.code for one in told] == ["MLP104", "MLP104", "MLP132", "MLP133"]
