"""What tags and expressions see, and where the engine ends nodes as Argo 4.0.7 does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mlplat import engine
from mlplat.errors import ManifestError
from tests.unit.engine.manifests import dag, gives, node, passes, phases, shell, takes, task, value, workflow

OK = shell("ok", "true")
BAD = shell("bad", "exit 7")
ECHO = shell(
    "echo", 'printf "%s" "{{inputs.parameters.x}}" > /tmp/o', inputs=takes("x"), outputs=gives(o="/tmp/o")
)
PRINT = {
    "name": "print",
    "inputs": takes("x"),
    "script": {"image": "none", "command": ["cat"], "source": "{{inputs.parameters.x}}"},
}


def says(text: str) -> dict[str, Any]:
    return {"parameters": [{"name": "r", "valueFrom": {"expression": text}}]}


def steps(*groups: list[dict[str, Any]], name: str = "main", **fields: Any) -> dict[str, Any]:
    return {"name": name, "steps": [list(group) for group in groups], **fields}


def step(name: str, template: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "template": template, **fields}


def warnings(done: Mapping[str, Any]) -> list[str]:
    return [one["message"] for one in done["status"]["conditions"] if one["type"] == "SpecWarning"]


def test_a_loop_joins_results_as_they_were_written(run: Any) -> None:
    items = ["1.0", "1e3", '{"b":1.0,"a":[2]}', '"t<"']
    loop = task("l", "print", withItems=items, arguments=passes(x="{{item}}"))
    after = task("c", "print", "l", arguments=passes(x="{{tasks.l.outputs.result}}"))
    use = task("d", "echo", "c", arguments=passes(x="{{=tasks.c.outputs.result}}"))
    done = run(workflow(dag(loop, after, use), PRINT, ECHO))
    assert node(done, "wf.c")["inputs"]["parameters"][0]["value"] == '[1.0,1e3,{"b":1.0,"a":[2]},"t\\u003c"]'


def test_a_result_that_cannot_be_joined_fails_what_follows(run: Any, home: Path) -> None:
    document = workflow(
        dag(
            task("l", "print", withItems=["hello"], arguments=passes(x="{{item}}")),
            task("other", "ok", "l"),
            task("c", "print", "l", arguments=passes(x="{{tasks.l.outputs.result}}")),
        ),
        PRINT,
        OK,
    )
    done = run(document)
    message = "invalid character 'h' looking for beginning of value"
    assert done["status"]["phase"] == "Error"
    assert done["status"]["message"] == f"error in entry template execution: {message}"
    assert set(phases(done)) == {"wf", "wf.l", "wf.l(0:hello)", "wf.c"}
    again = run(document, resume=done)
    assert node(again, "wf.c")["message"] == message


def test_a_result_that_cannot_be_joined_fails_steps(run: Any) -> None:
    done = run(
        workflow(
            steps(
                [step("l", "print", withItems=["hello"], arguments=passes(x="{{item}}"))],
                [step("c", "print", arguments=passes(x="{{steps.l.outputs.result}}"))],
            ),
            PRINT,
        )
    )
    message = "invalid character 'h' looking for beginning of value"
    assert done["status"]["message"] == f"error in entry template execution: {message}"
    assert node(done, "wf")["phase"] == "Error"


def test_items_are_escaped_as_argo_escapes_them(run: Any) -> None:
    items = [{"url": "a&b<c>"}]
    done = run(
        workflow(
            dag(
                task("field", "echo", withItems=items, arguments=passes(x="{{item.url}}")),
                task("whole", "echo", withItems=items, arguments=passes(x="{{item}}")),
                task("text", "echo", withParam='["a&b<c>", null]', arguments=passes(x="{{item}}")),
            ),
            {**ECHO, "container": {**ECHO["container"], "args": ["true > /tmp/o"]}},
        )
    )
    given = {
        name: one.get("inputs") for name, one in ((n["name"], n) for n in done["status"]["nodes"].values())
    }
    values = {name: inputs["parameters"][0]["value"] for name, inputs in given.items() if inputs}
    assert values == {
        "wf.field(0:url:a&b<c>)": "a&b<c>",
        "wf.whole(0:url:a&b<c>)": '{"url":"a\\u0026b\\u003cc\\u003e"}',
        "wf.text(0:a&b<c>)": "a&b<c>",
        "wf.text(1:[])": "null",
    }


def test_an_invalid_list_is_reported_with_the_message_of_go(run: Any) -> None:
    done = run(workflow(dag(task("a", "ok", withParam='{"a": 1}')), OK))
    assert node(done, "wf.a")["message"] == (
        'withParam value could not be parsed as a JSON list: {"a": 1}: '
        "json: cannot unmarshal object into Go value of type []v1alpha1.Item"
    )


def test_a_parameter_that_is_empty_makes_no_loop(run: Any) -> None:
    empty = shell("empty", "true > /tmp/o", outputs=gives(o="/tmp/o"))
    loop = task("b", "ok", "a", withParam="{{tasks.a.outputs.parameters.o}}")
    assert phases(run(workflow(dag(task("a", "empty"), loop), empty, OK)))["wf.b"] == "Succeeded"


# What the outputs of DAGs and steps see


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("inputs.parameters.i + tasks.a.outputs.parameters.o", "1v"),
        ("tasks.a.status", "Succeeded"),
        ("toJson(tasks.l.outputs.parameters.o)", '"[\\"q\\",\\"r\\"]"'),
        ("tasks.skipped.outputs.parameters.o ?? 'none'", "none"),
    ],
)
def test_outputs_of_a_dag_see_its_inputs_and_tasks(run: Any, expression: str, result: str) -> None:
    done = run(
        workflow(
            dag(
                task("a", "echo", arguments=passes(x="v")),
                task("l", "echo", withItems=["q", "r"], arguments=passes(x="{{item}}")),
                task("skipped", "echo", when="1 == 2", arguments=passes(x="")),
                inputs={"parameters": [{"name": "i", "value": "1"}]},
                outputs=says(expression),
            ),
            ECHO,
        )
    )
    assert value(done, "wf", "r") == result


@pytest.mark.parametrize("expression", ["workflow.uid", "workflow.outputs.parameters.g"])
def test_outputs_of_a_dag_see_nothing_of_the_workflow(run: Any, expression: str) -> None:
    gives_global = shell(
        "g",
        "printf 1 > /tmp/o",
        outputs={"parameters": [{"name": "o", "globalName": "g", "valueFrom": {"path": "/tmp/o"}}]},
    )
    inner = dag(task("a", "g"), name="inner", outputs=says(expression))
    done = run(workflow(dag(task("i", "inner"), task("after", "ok", "i")), inner, gives_global, OK))
    assert done["status"]["phase"] == "Error"
    assert node(done, "wf.i")["message"].startswith("task 'wf.i' errored: ")
    assert "workflow" in node(done, "wf.i")["message"]
    (warning,) = warnings(done)
    assert warning.startswith("on a cluster the Workflow never finishes: it waits for 'wf.after'")


def test_the_outputs_of_the_entrypoint_fail_the_workflow(run: Any) -> None:
    done = run(workflow(dag(task("a", "ok"), outputs=says("workflow.name")), OK))
    assert done["status"]["phase"] == "Error"
    assert done["status"]["message"].startswith("error in entry template execution: unknown name workflow")
    assert not warnings(done)


def test_outputs_of_steps_see_outputs_of_the_workflow_only(run: Any) -> None:
    gives_global = shell(
        "g",
        "printf 1 > /tmp/o",
        outputs={"parameters": [{"name": "o", "globalName": "g", "valueFrom": {"path": "/tmp/o"}}]},
    )

    def entrypoint(expression: str) -> dict[str, Any]:
        late = steps([step("b", "ok")], name="late", outputs=says(expression))
        return workflow(steps([step("a", "g")], [step("late", "late")]), late, gives_global, OK)

    assert value(run(entrypoint("workflow.outputs.parameters.g")), "wf[1].late", "r") == "1"
    failed = run({**entrypoint("workflow.name"), "metadata": {"name": "wf2"}})
    assert failed["status"]["phase"] == "Failed"
    assert 'failed to evaluate expression "workflow.name"' in node(failed, "wf2[1].late")["message"]


@pytest.mark.parametrize("parameter", ["{{=tasks.a.outputs.parameters.o}}", "{{workflow.name}}"])
def test_a_parameter_reference_is_a_name_of_the_template(run: Any, parameter: str) -> None:
    outputs = {"parameters": [{"name": "r", "valueFrom": {"parameter": parameter}}]}
    done = run(workflow(dag(task("a", "echo", arguments=passes(x="v")), outputs=outputs), ECHO))
    assert node(done, "wf")["phase"] == "Error"
    assert node(done, "wf")["message"].startswith("Unable to ")


def test_a_skipped_step_gives_empty_artifacts(run: Any) -> None:
    make = shell(
        "make",
        "echo x > /tmp/d",
        outputs={"artifacts": [{"name": "d", "path": "/tmp/d", "s3": {"key": "k"}}]},
    )
    use = shell("use", "true", inputs={"artifacts": [{"name": "d", "path": "/in/d", "optional": True}]})
    reference = {"artifacts": [{"name": "d", "from": "{{steps.a.outputs.artifacts.d}}"}]}
    done = run(
        workflow(
            steps([step("a", "make", when="1 == 2")], [step("b", "use", arguments=reference)]), make, use
        )
    )
    assert "unable to resolve" not in node(done, "wf[1]").get("message", "")


# Hooks


@pytest.mark.parametrize(
    ("hook", "message"),
    [
        ({"template": "ok", "expression": "1"}, "unable to cast expression result '1' to bool"),
        ({"template": "ok", "expression": "nobody == 1"}, "unknown name nobody"),
    ],
)
def test_a_hook_that_cannot_be_evaluated_fails_its_task(run: Any, hook: dict[str, Any], message: str) -> None:
    followed = run(workflow(dag(task("a", "ok", hooks={"h": hook}), task("b", "ok", "a")), OK))
    assert node(followed, "wf.a")["phase"] == "Error"
    assert node(followed, "wf.a")["message"].startswith(message)
    last = run(workflow(dag(task("a", "ok", hooks={"h": hook})), OK, name="wf2"))
    assert last["status"]["message"].startswith("error in entry template execution: ")


def test_a_hook_sees_values_of_the_workflow_and_of_tasks(run: Any) -> None:
    hook = {
        "template": "echo",
        "expression": "tasks.a.status == 'Succeeded' && workflow.name == 'wf'",
        "arguments": passes(x="{{tasks.a.outputs.parameters.o}}{{=workflow.name}}"),
    }
    done = run(workflow(dag(task("a", "echo", arguments=passes(x="v"), hooks={"h": hook})), ECHO))
    assert value(done, "wf.a.hooks.h", "o") == "vwf"


def test_an_exit_hook_that_cannot_be_evaluated_is_reported_and_does_no_harm(run: Any) -> None:
    hook = {"template": "ok", "expression": "nobody == 1"}
    done = run(workflow(dag(task("a", "ok", hooks={"exit": hook})), OK))
    assert done["status"]["phase"] == "Succeeded"
    assert warnings(done) == ["the exit hook of 'wf.a' did not run: unknown name nobody"]


# Retries and deadlines


def test_an_empty_strategy_retries_without_end(run: Any) -> None:
    flaky = shell("flaky", "test {{retries}} -ge 12", retryStrategy={})
    done = run(workflow(dag(task("a", "flaky")), flaky))
    assert node(done, "wf.a")["type"] == "Retry"
    assert len(node(done, "wf.a")["children"]) == 13
    assert done["status"]["phase"] == "Succeeded"


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        ({"limit": "{{inputs.parameters.n}}"}, "value 'many' cannot be resolved to an int"),
        ({"limit": 3, "expression": "lastRetry.exitCode"}, "unable to cast expression result '7' to bool"),
        ({"limit": 3, "expression": "inputs.parameters.n == 'many'"}, "unknown name inputs"),
        ({"limit": 3, "backoff": {"duration": "soon"}}, "unable to parse soon as a duration"),
        ({"limit": 3, "retryPolicy": "{{inputs.parameters.n}}"}, "many is not a valid RetryPolicy"),
    ],
)
def test_a_strategy_that_cannot_be_read_fails_the_task(
    run: Any, strategy: dict[str, Any], message: str
) -> None:
    inputs = {"parameters": [{"name": "n", "value": "many"}]}
    done = run(workflow(dag(task("a", "bad")), {**BAD, "inputs": inputs, "retryStrategy": strategy}))
    assert node(done, "wf.a")["phase"] == "Error"
    assert node(done, "wf.a")["message"].startswith(f"task 'wf.a' errored: {message}")


def test_a_backoff_without_a_limit_is_not_kept(run: Any) -> None:
    flaky = shell("flaky", "test {{retries}} -ge 1", retryStrategy={"backoff": {"duration": "1h"}})
    assert run(workflow(dag(task("a", "flaky")), flaky))["status"]["phase"] == "Succeeded"


@pytest.mark.parametrize("field", ["activeDeadlineSeconds", "timeout"])
def test_a_deadline_that_cannot_be_read_fails_the_task(run: Any, field: str) -> None:
    inputs = {"parameters": [{"name": "n", "value": "soon"}]}
    late = {**OK, "inputs": inputs, field: "{{inputs.parameters.n}}"}
    done = run(workflow(dag(task("a", "ok")), late))
    assert node(done, "wf.a")["phase"] == "Error"
    assert "soon" in node(done, "wf.a")["message"]


def test_a_task_that_is_ended_by_its_deadline_has_an_exit_code(run: Any) -> None:
    slow = shell("slow", "exec sleep 30", activeDeadlineSeconds=1)
    assert node(run(workflow(dag(task("a", "slow")), slow)), "wf.a")["outputs"] == {"exitCode": "143"}


# failFast of a template


def test_fail_fast_of_steps_starts_nothing_more(run: Any) -> None:
    main = steps(
        [step("a", "bad", continueOn={"failed": True}), step("b", "ok"), step("c", "ok")],
        [step("never", "ok")],
        failFast=True,
        parallelism=1,
    )
    done = run(workflow(main, OK, BAD))
    message = "template has failed or errored children and failFast enabled"
    assert set(phases(done)) == {"wf", "wf[0]", "wf[0].a"}
    assert node(done, "wf[0]")["message"] == node(done, "wf")["message"] == message
    assert (done["status"]["phase"], done["status"]["message"]) == ("Failed", message)


def test_fail_fast_of_a_dag_starts_nothing_more(run: Any) -> None:
    main = dag(task("a", "bad"), task("b", "ok", "a.Failed"), failFast=True)
    done = run(workflow(main, OK, BAD))
    assert set(phases(done)) == {"wf", "wf.a"}
    assert node(done, "wf")["message"] == "template has failed or errored children and failFast enabled"


# Nodes


def test_a_node_has_the_display_name_of_its_template(run: Any) -> None:
    named = {
        **ECHO,
        "annotations": {"workflows.argoproj.io/display-name": "for-{{inputs.parameters.x}}"},
    }
    done = run(
        workflow(
            dag(task("a", "echo", arguments=passes(x="v")), task("b", "echo", arguments=passes(x="-"))), named
        )
    )
    assert node(done, "wf.a")["displayName"] == "for-v"
    assert node(done, "wf.b")["message"].endswith(
        "displayName must match the regex ^[a-zA-Z0-9][a-zA-Z0-9-.]{0,61}[a-zA-Z0-9]$"
    )


@pytest.mark.parametrize(("script", "phase"), [("echo hi", "Succeeded"), ("echo hi; exit 3", "Failed")])
def test_archived_logs_are_an_artifact(run: Any, home: Path, script: str, phase: str) -> None:
    done = run(workflow(dag(task("a", "t")), shell("t", script), archiveLogs=True))
    (artifact,) = node(done, "wf.a")["outputs"]["artifacts"]
    assert artifact["name"] == "main-logs"
    assert node(done, "wf.a")["phase"] == phase
    assert (home / "artifacts" / artifact["s3"]["key"]).read_text() == "hi\n"


def test_parameters_as_json_are_in_the_order_of_argo(run: Any) -> None:
    main = {
        "name": "main",
        "inputs": {"parameters": [{"default": "d", "name": "x", "description": "of x"}]},
        "steps": [[{"name": "a", "template": "echo", "arguments": passes(x="{{inputs.parameters}}")}]],
    }
    (got,) = node(run(workflow(main, ECHO)), "wf[0].a")["inputs"]["parameters"]
    assert got["value"] == '[{"name":"x","default":"d","value":"d","description":"of x"}]'
    given = {"parameters": [{"value": 1, "name": "p"}]}
    tasks = dag(task("a", "echo", arguments=passes(x="{{workflow.parameters}}")))
    (got,) = node(run(workflow(tasks, ECHO, name="wf2", arguments=given)), "wf2.a")["inputs"]["parameters"]
    assert got["value"] == '[{"name":"p","value":"1"}]'


LOOP = {"name": "a", "withItems": ["x", "y"], "inline": {"container": {"image": "none", "command": ["true"]}}}


def test_what_follows_a_loop_over_an_inline_template_fails_as_on_argo(run: Any) -> None:
    done = run(workflow(dag(LOOP, task("b", "ok", "a")), OK))
    assert phases(done) == {
        **dict.fromkeys(("wf.a", "wf.a(0:x)", "wf.a(1:y)"), "Succeeded"),
        **dict.fromkeys(("wf", "wf.b"), "Error"),
    }
    assert node(done, "wf")["message"] == node(done, "wf.b")["message"] == "failed to get a template"
    done = run(
        workflow({"name": "main", "steps": [[LOOP], [{"name": "b", "template": "ok"}]]}, OK, name="wf2")
    )
    assert node(done, "wf2")["message"] == "failed to get a template"
    assert "wf2[1]" not in phases(done)


def test_nothing_need_follow_a_loop_over_an_inline_template(run: Any) -> None:
    empty = {**LOOP, "name": "e", "withItems": None, "withParam": "[]"}
    done = run(workflow(dag(LOOP, empty, task("f", "ok", "e")), OK))
    assert set(phases(done).values()) == {"Succeeded", "Skipped"}


def test_labels_of_the_workflow_come_from_expressions(run: Any) -> None:
    metadata = {
        "labels": {"team": "{{workflow.parameters.team}}"},
        "labelsFrom": {"made": {"expression": "workflow.name + '-' + workflow.parameters.team"}},
        "annotations": {"note": "n"},
    }
    names = "{{workflow.labels.team}} {{workflow.labels.made}} {{workflow.annotations.note}}"
    done = run(
        workflow(
            dag(task("a", "echo", arguments=passes(x=names))),
            ECHO,
            arguments=passes(team="ml"),
            workflowMetadata=metadata,
        )
    )
    assert value(done, "wf.a", "o") == "ml wf-ml n"
    assert done["metadata"]["labels"]["made"] == "wf-ml"
    with pytest.raises(ManifestError, match="expected a string"):
        run(workflow(OK, workflowMetadata={"labelsFrom": {"n": {"expression": "1 + 1"}}}, name="wf2"))


def test_a_workflow_of_a_template_has_a_scope_without_a_name(run: Any) -> None:
    template = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "WorkflowTemplate",
        "metadata": {"name": "shared"},
        "spec": {"entrypoint": "main", "templates": [dag(task("a", "ok")), OK]},
    }
    document = {**workflow(OK), "spec": {"workflowTemplateRef": {"name": "shared"}}}
    done = run(document, template)
    assert {one["templateScope"] for one in done["status"]["nodes"].values()} == {"local/"}


# Values outside of an enum


def enumerated(value: str) -> dict[str, Any]:
    parameter = {"name": "message", "value": value, "enum": ["test1", "test2"]}
    return workflow(OK, arguments={"parameters": [parameter]})


def test_a_value_outside_of_its_enum_is_refused(home: Path) -> None:
    with pytest.raises(ManifestError, match="'zzz' is not in enum"):
        engine.run([enumerated("zzz")], home=home)
    assert not home.exists()


def test_a_value_of_its_enum_is_taken(run: Any) -> None:
    assert run(enumerated("test2"))["status"]["phase"] == "Succeeded"
