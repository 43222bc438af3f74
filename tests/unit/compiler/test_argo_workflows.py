"""Whole Workflows of Argo as tasks of a pipeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, dsl, engine, ir, manifest
from mlplat.errors import AuthoringError
from mlplat.runs.documents import with_name
from mlplat.runs.load import load
from tests.unit.engine.manifests import dag, gives, node, passes, shell, takes, task, value, workflow

PROGRAMS = Path(__file__).parents[2] / "programs"
ECHO = shell(
    "echo",
    "printf '%s' '{{inputs.parameters.x}}{{workflow.parameters.end}}' > /tmp/o",
    inputs=takes("x"),
    outputs=gives(o="/tmp/o"),
)


def entry(*tasks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    result = {"parameters": [{"name": "o", "valueFrom": {"parameter": "{{tasks.a.outputs.parameters.o}}"}}]}
    return dag(*tasks, name="main", outputs=result, **fields)


def said(*templates: dict[str, Any], **spec: Any) -> dict[str, Any]:
    given = {"arguments": {"parameters": [{"name": "end", "value": "!"}]}, **spec}
    return workflow(*templates, **given)


def run(pipeline: dsl.Pipeline, home: Path) -> dict[str, Any]:
    read = ir.read(manifest.load(manifest.dump(ir.write(pipeline.spec))))
    return engine.run(with_name(compiler.manifest(read, compiler.Options(cache=False)), "wf"), home=home)


def test_arguments_go_in_and_outputs_of_the_entry_point_come_out(tmp_path: Path) -> None:
    spec = load(str(PROGRAMS / "argo.py")).spec
    assert spec is not None
    options = compiler.Options(cache=False, arguments={"who": "Grace"})
    done = engine.run(with_name(compiler.manifest(spec, options), "wf"), home=tmp_path)
    assert json.loads(value(done, "wf", "Output")) == "3 a b\nb\nHello Grace!"
    assert value(done, "wf.greetings[0].run.other(1:Cy)", "text") == "Hello Cy!"
    assert node(done, "wf.greetings-2[0].run.other")["phase"] == "Skipped"


@pytest.mark.parametrize("kind", ["Workflow", "WorkflowTemplate", "CronWorkflow"])
def test_the_entry_point_may_be_a_pod_that_takes_what_the_workflow_is_given(
    kind: str, tmp_path: Path
) -> None:
    given = {"parameters": [{"name": "x"}, {"name": "end", "value": "."}]}
    document = {**said(ECHO, arguments=given), "kind": kind}
    if kind == "CronWorkflow":
        document["spec"] = {"schedules": ["@daily"], "workflowSpec": document["spec"]}
    echo = dsl.argo_component(document, name="say-it")

    @dsl.pipeline
    def p() -> str:
        return echo(x="word").outputs["o"]  # type: ignore[return-value]

    assert json.loads(value(run(p, tmp_path), "wf", "Output")) == "word."


def test_two_of_them_and_components_of_the_same_names_stay_apart(tmp_path: Path) -> None:
    one = dsl.argo_component(said(entry(task("a", "echo", arguments=passes(x="1"))), ECHO), name="one")
    other = {**ECHO, "container": {**ECHO["container"], "args": ["printf other > /tmp/o"]}}
    two = dsl.argo_component(said(entry(task("a", "echo", arguments=passes(x="2"))), other), name="two")

    @dsl.component
    def echo(first: str, second: str) -> str:
        return first + second

    @dsl.pipeline
    def main() -> str:
        return echo(first=one().outputs["o"], second=two(end="?").outputs["o"]).output  # type: ignore[return-value]

    assert json.loads(value(run(main, tmp_path), "wf", "Output")) == "1!other"


def test_parameters_reach_templates_that_only_hand_them_on(tmp_path: Path) -> None:
    inner = dag(task("a", "echo", arguments=passes(x="deep")), name="inner", outputs=entry()["outputs"])
    outer = entry(task("a", "inner"))
    echo = dsl.argo_component(said(outer, inner, ECHO), name="nested")

    @dsl.pipeline
    def p() -> str:
        return echo(end="…").outputs["o"]  # type: ignore[return-value]

    assert json.loads(value(run(p, tmp_path), "wf", "Output")) == "deep…"


def test_parameters_are_read_in_every_form(tmp_path: Path) -> None:
    forms = '{{=workflow.parameters.end}}{{=workflow.parameters["end"]}}{{ workflow.parameters.end }}'
    source = f"printf '%s' '{forms}' > /tmp/o"
    inner = shell("echo", source, inputs=takes("x"), outputs=gives(o="/tmp/o"))
    expression = "tasks.a.outputs.parameters.o + workflow.parameters.end"
    hooks = {"yes": {"template": "note", "expression": "workflow.parameters.end == '-'"}}
    outer = entry(task("a", "echo", arguments=passes(x="1"), hooks=hooks))
    outer["outputs"] = {"parameters": [{"name": "o", "valueFrom": {"expression": expression}}]}
    echo = dsl.argo_component(said(outer, inner, shell("note", "true")), name="forms")

    @dsl.pipeline
    def p(end: str = "outer") -> str:
        return echo(end="-").outputs["o"]  # type: ignore[return-value]

    done = run(p, tmp_path)
    assert json.loads(value(done, "wf", "Output")) == "----"
    assert node(done, "wf.forms[0].run.a.hooks.yes")["phase"] == "Succeeded"


def test_defaults_of_inputs_may_read_parameters(tmp_path: Path) -> None:
    inner = {**ECHO, "inputs": {"parameters": [{"name": "x", "value": "{{workflow.parameters.end}}+"}]}}
    outer = entry(task("a", "echo"))
    outer["inputs"] = {"parameters": [{"name": "q", "default": "{{workflow.parameters.end}}"}]}
    echo = dsl.argo_component(said(outer, inner), name="defaults")
    plain = dsl.argo_component(said(inner), name="plain")

    @dsl.pipeline
    def p() -> str:
        return echo(end="a").outputs["o"]  # type: ignore[return-value]

    @dsl.pipeline
    def q() -> str:
        return plain(end="b").outputs["o"]  # type: ignore[return-value]

    assert list(echo.interface.input_parameters) == list(plain.interface.input_parameters) == ["end"]
    assert json.loads(value(run(p, tmp_path), "wf", "Output")) == "a+a"
    assert json.loads(value(run(q, tmp_path / "q"), "wf", "Output")) == "b+b"


def test_values_that_are_no_texts_are_written_as_argo_writes_them(tmp_path: Path) -> None:
    given = {"parameters": [{"name": "x", "value": True}, {"name": "end", "value": 1.5}]}
    echo = dsl.argo_component(said(ECHO, arguments=given), name="say")

    @dsl.pipeline
    def p() -> str:
        return echo().outputs["o"]  # type: ignore[return-value]

    assert json.loads(value(run(p, tmp_path), "wf", "Output")) == "true1.5"


def test_settings_for_all_pods_are_settings_of_each() -> None:
    volumes = [{"name": "scratch", "emptyDir": {}}]
    own = {**ECHO, "nodeSelector": {"disk": "ssd"}}
    document = said(
        entry(task("a", "echo", arguments=passes(x="1"))),
        own,
        volumes=volumes,
        serviceAccountName="robot",
        nodeSelector={"disk": "any"},
    )
    component = dsl.argo_component(document, name="set")

    @dsl.pipeline
    def p() -> None:
        component()

    (compiled,) = compiler.manifest(p.spec)
    templates = {one["name"]: one for one in compiled["spec"]["templates"]}
    echo = templates["set-echo"]
    assert (echo["volumes"], echo["serviceAccountName"]) == (volumes, "robot")
    assert echo["nodeSelector"] == {"disk": "ssd"}
    assert "volumes" not in templates["set-main"]


def test_workflow_of_hera_is_a_component(tmp_path: Path) -> None:
    hera = pytest.importorskip("hera.workflows")
    with hera.Workflow(generate_name="greet-", entrypoint="main", arguments={"who": "Ada"}) as written:
        greet = hera.Container(
            name="greet",
            image="none",
            command=["sh", "-c"],
            args=["printf 'Hello {{workflow.parameters.who}}' > /tmp/o"],
            outputs=[hera.Parameter(name="o", value_from={"path": "/tmp/o"})],
        )
        with hera.DAG(name="main"):
            greet(name="a")
    component = dsl.argo_component(written)

    @dsl.pipeline
    def p(who: str = "Grace") -> None:
        component(who=who)

    assert value(run(p, tmp_path), "wf.greet[0].run.a", "o") == "Hello Grace"


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (said(ECHO, entrypoint="other"), "entrypoint 'other' is not one of"),
        (said(ECHO, onExit="echo", parallelism=2), "spec.onExit applies to a whole Workflow"),
        (said(ECHO, ttlStrategy={}), "spec.ttlStrategy applies"),
        (workflow(ECHO), "reads the parameter 'end', which does not exist"),
        (said(entry(task("a", "ehco"))), "calls 'ehco', which does not exist"),
        (said(entry({"name": "a", "inline": ECHO})), "has inline templates"),
        (said(entry(task("a", "echo", onExit="echo")), ECHO), "has onExit"),
        (said(shell("all", "echo '{{workflow.parameters}}'")), "reads workflow.parameters as a whole"),
        (said(ECHO, nodeSelector={"a": "{{workflow.parameters.disk}}"}), "reads the parameter 'disk'"),
        (said(shell("labels", "echo {{workflow.labels.app}}")), "reads workflow.labels"),
        (
            said(ECHO, arguments={"parameters": [{"name": "end", "value": "{{workflow.name}}"}]}),
            "'end' contains a template tag",
        ),
        (said(ECHO, arguments={"artifacts": [{"name": "a"}]}), "takes artifacts"),
        (
            {"kind": "Workflow", "spec": {"workflowTemplateRef": {"name": "a"}}},
            "only references a template on the cluster",
        ),
    ],
)
def test_what_holds_for_whole_workflows_only_is_refused(document: dict[str, Any], expected: str) -> None:
    with pytest.raises(AuthoringError, match="MLP150") as caught:
        dsl.argo_component(document)
    assert expected in str(caught.value)
