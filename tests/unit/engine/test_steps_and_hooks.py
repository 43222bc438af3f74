"""Steps templates, exit handlers, hooks, suspensions and templates from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlplat.errors import UnsupportedError
from tests.unit.engine.manifests import dag, gives, node, passes, phases, shell, takes, task, value, workflow

OK = shell("ok", "true")
BAD = shell("bad", "exit 7")
ECHO = shell(
    "echo", 'printf "%s" "{{inputs.parameters.x}}" > /tmp/o', inputs=takes("x"), outputs=gives(o="/tmp/o")
)
SCRIPT = {
    "name": "script",
    "script": {
        "image": "none",
        "command": ["python3"],
        "source": "import sys\nprint('he' + 'ads')\nprint('noise', file=sys.stderr)\n",
    },
}


def step(name: str, template: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "template": template, **fields}


def test_groups_run_one_after_the_other_and_pass_results_on(run: Any) -> None:
    done = run(
        workflow(
            {
                "name": "main",
                "outputs": {
                    "parameters": [{"name": "r", "valueFrom": {"parameter": "{{steps.gen.outputs.result}}"}}]
                },
                "steps": [
                    [step("gen", "script")],
                    [
                        step("one", "echo", arguments=passes(x="{{steps.gen.outputs.result}}")),
                        step("two", "echo", arguments=passes(x="{{item}}"), withItems=["q", "r"]),
                        step("no", "ok", when="{{steps.gen.outputs.result}} == tails"),
                    ],
                    [step("all", "echo", arguments=passes(x="{{=toJson(steps.two.outputs.parameters.o)}}"))],
                ],
            },
            SCRIPT,
            ECHO,
            OK,
        )
    )
    assert done["status"]["phase"] == "Succeeded"
    assert value(done, "wf", "r") == "heads"
    assert value(done, "wf[1].one", "o") == "heads"
    assert node(done, "wf[1].no")["message"] == "when 'heads == tails' evaluated false"
    assert node(done, "wf[0]")["type"] == "StepGroup"
    assert node(done, "wf[0]")["displayName"] == "[0]"
    assert node(done, "wf[1].two(0:q)")["displayName"] == "two(0:q)"


def test_a_failed_step_ends_the_steps(run: Any) -> None:
    done = run(
        workflow(
            {"name": "main", "steps": [[step("a", "bad"), step("b", "ok")], [step("never", "ok")]]}, OK, BAD
        )
    )
    failed = node(done, "wf[0].a")
    assert phases(done) == {
        "wf": "Failed",
        "wf[0]": "Failed",
        "wf[0].a": "Failed",
        "wf[0].b": "Succeeded",
    }
    assert done["status"]["message"] == node(done, "wf[0]")["message"] == f"child '{failed['id']}' failed"


def test_a_tolerated_step_does_not(run: Any) -> None:
    tolerant = step("a", "bad", continueOn={"failed": True})
    done = run(workflow({"name": "main", "steps": [[tolerant], [step("b", "ok")]]}, OK, BAD))
    assert phases(done)["wf[1].b"] == "Succeeded"
    assert done["status"]["phase"] == "Succeeded"


@pytest.mark.parametrize(("main", "phase"), [("ok", "Succeeded"), ("bad", "Failed")])
def test_the_exit_handler_of_the_workflow_knows_how_it_ended(run: Any, main: str, phase: str) -> None:
    handler = {
        **ECHO,
        "name": "bye",
        "inputs": {"parameters": [{"name": "x", "value": "{{workflow.status}}"}]},
    }
    done = run(workflow(dag(task("a", main)), OK, BAD, handler, onExit="bye"))
    assert done["status"]["phase"] == phase
    assert value(done, "wf.onExit", "o") == phase
    assert node(done, "wf.onExit")["nodeFlag"] == {"hooked": True}


def test_a_failed_exit_handler_fails_the_workflow(run: Any) -> None:
    done = run(workflow(dag(task("a", "ok")), OK, BAD, onExit="bad"))
    assert done["status"]["phase"] == "Failed"
    assert done["status"]["message"] == "main: Error (exit code 7)"


def test_the_exit_hook_of_a_task_sees_its_outputs_and_comes_before_what_follows(run: Any) -> None:
    hook = {"template": "echo", "arguments": passes(x="{{tasks.a.status}} {{tasks.a.outputs.parameters.o}}")}
    done = run(
        workflow(
            dag(
                task("a", "echo", arguments=passes(x="v"), hooks={"exit": hook}),
                task("b", "ok", "a"),
            ),
            ECHO,
            OK,
        )
    )
    assert value(done, "wf.a.onExit", "o") == "Succeeded v"
    assert list(phases(done)).index("wf.a.onExit") < list(phases(done)).index("wf.b")


@pytest.mark.parametrize("follower", [[], [task("z", "ok", "l")]], ids=["ends the DAG", "something follows"])
def test_the_exit_hook_of_a_loop_runs_where_the_dag_continues(follower: list[Any], run: Any) -> None:
    loop = task("l", "ok", withItems=[1, 2], hooks={"exit": {"template": "ok"}})
    done = run(workflow(dag(loop, *follower), OK))
    assert ("wf.l.onExit" in phases(done)) == bool(follower)
    assert "wf.l(0:1).onExit" in phases(done)


def test_a_hook_runs_when_its_expression_holds(run: Any) -> None:
    hooks = {
        "yes": {"expression": "tasks.a.status == 'Succeeded'", "template": "ok"},
        "no": {"expression": "tasks.a.status == 'Failed'", "template": "ok"},
    }
    done = run(workflow(dag(task("a", "ok", hooks=hooks)), OK))
    assert "wf.a.hooks.yes" in phases(done)
    assert "wf.a.hooks.no" not in phases(done)


def test_a_hook_runs_beside_its_task(run: Any, tmp_path: Path) -> None:
    hooks = {"running": {"expression": "tasks.a.status == 'Running'", "template": "open"}}
    done = run(
        workflow(
            dag(task("a", "wait", hooks=hooks), task("b", "ok", "a")),
            shell("wait", f"while ! test -e {tmp_path}/open; do sleep 0.01; done"),
            shell("open", f"touch {tmp_path}/open"),
            OK,
        )
    )
    assert phases(done) == dict.fromkeys(("wf", "wf.a", "wf.a.hooks.running", "wf.b"), "Succeeded")


def test_hooks_of_the_workflow(run: Any, tmp_path: Path) -> None:
    hooks = {
        "running": {"expression": "workflow.status == 'Running'", "template": "open"},
        "failed": {"expression": "workflow.status == 'Failed'", "template": "ok"},
        "exit": {"template": "echo", "arguments": passes(x="{{workflow.status}}")},
    }
    wait = shell("wait", f"while ! test -e {tmp_path}/open; do sleep 0.01; done")
    opens = shell("open", f"touch {tmp_path}/open")
    done = run(workflow(dag(task("a", "wait")), wait, opens, OK, ECHO, hooks=hooks))
    assert set(phases(done)) == {"wf", "wf.a", "wf.hooks.running", "wf.onExit"}
    assert value(done, "wf.onExit", "o") == "Succeeded"


def test_a_suspension_with_a_duration_passes(run: Any) -> None:
    done = run(workflow(dag(task("s", "wait")), {"name": "wait", "suspend": {"duration": "10ms"}}))
    assert node(done, "wf.s")["type"] == "Suspend"
    assert node(done, "wf.s")["phase"] == "Succeeded"


APPROVAL = {
    "name": "approval",
    "suspend": {},
    "outputs": {"parameters": [{"name": "answer", "valueFrom": {"supplied": {}, "default": "maybe"}}]},
}


@pytest.mark.parametrize(
    ("answer", "phase", "given"),
    [({"answer": "yes"}, "Succeeded", "yes"), ({}, "Succeeded", "maybe"), (None, "Failed", None)],
)
def test_a_person_is_asked(run: Any, answer: dict[str, str] | None, phase: str, given: str | None) -> None:
    async def ask(asked: dict[str, Any]) -> dict[str, str] | None:
        assert asked["phase"] == "Running"
        return answer

    done = run(
        workflow(
            dag(
                task("s", "approval"),
                task("b", "echo", "s", arguments=passes(x="{{tasks.s.outputs.parameters.answer}}")),
            ),
            APPROVAL,
            ECHO,
        ),
        ask=ask,
    )
    assert node(done, "wf.s")["phase"] == phase
    if given:
        assert value(done, "wf.b", "o") == given


def test_an_approval_without_a_terminal_is_refused_before_anything_runs(run: Any, home: Path) -> None:
    with pytest.raises(UnsupportedError, match="standard input is not a terminal") as refused:
        run(workflow(dag(task("s", "approval")), APPROVAL))
    for way in ("in a terminal", "timeout='1h'", "argo resume RUN"):
        assert way in str(refused.value)
    assert not home.exists()


def test_templates_from_a_document_beside(run: Any) -> None:
    shared = {
        "kind": "WorkflowTemplate",
        "metadata": {"name": "shared"},
        "spec": {"templates": [dag(task("a", "echo", arguments=passes(x="in")), name="outer"), ECHO]},
    }
    caller = {"name": "t", "templateRef": {"name": "shared", "template": "outer"}}
    done = run(workflow(dag(caller)), shared)
    assert value(done, "wf.t.a", "o") == "in"
    assert node(done, "wf.t")["templateRef"] == {"name": "shared", "template": "outer"}
    assert node(done, "wf.t")["templateScope"] == "local/wf"
    assert node(done, "wf.t.a")["templateScope"] == "namespaced/shared"


def test_a_workflow_that_is_a_reference(run: Any) -> None:
    template = {
        "kind": "WorkflowTemplate",
        "metadata": {"name": "whole"},
        "spec": {
            "entrypoint": "main",
            "arguments": passes(p="default", q="kept"),
            "templates": [
                dag(
                    task(
                        "a", "echo", arguments=passes(x="{{workflow.parameters.p}} {{workflow.parameters.q}}")
                    ),
                ),
                ECHO,
            ],
        },
    }
    thin = {
        "kind": "Workflow",
        "metadata": {"name": "wf"},
        "spec": {"workflowTemplateRef": {"name": "whole"}, "arguments": passes(p="given")},
    }
    assert value(run(thin, template), "wf.a", "o") == "given kept"


def test_global_outputs(run: Any) -> None:
    maker = shell(
        "make",
        "echo 5 > /tmp/o",
        outputs={"parameters": [{"name": "o", "globalName": "shared", "valueFrom": {"path": "/tmp/o"}}]},
    )
    done = run(
        workflow(
            dag(
                task("a", "make"),
                task("b", "echo", "a", arguments=passes(x="{{workflow.outputs.parameters.shared}}")),
            ),
            maker,
            ECHO,
        )
    )
    assert value(done, "wf.b", "o") == "5"
    assert done["status"]["outputs"]["parameters"] == [{"name": "shared", "value": "5"}]


def test_workflow_variables(run: Any) -> None:
    names = (
        "workflow.name",
        "workflow.labels.team",
        "workflow.parameters.p",
        "node.name",
        "pod.name",
        "tasks.name",
    )
    text = " ".join(f"{{{{{name}}}}}" for name in names)
    echo = {**ECHO, "inputs": {"parameters": [{"name": "x", "value": text}]}}
    manifest = workflow(dag(task("a", "echo")), echo, arguments=passes(p="v"))
    manifest["metadata"]["labels"] = {"team": "blue"}
    assert value(run(manifest), "wf.a", "o").startswith("wf blue v wf.a wf-echo-")
    assert value(run({**manifest, "metadata": {**manifest["metadata"], "name": "w2"}}), "w2.a", "o").endswith(
        " a"
    )
