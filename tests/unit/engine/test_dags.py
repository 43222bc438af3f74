"""DAG templates: order, conditions, loops, and what a failure does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlplat.errors import UnsupportedError
from tests.unit.engine.manifests import dag, gives, node, passes, phases, shell, takes, task, value, workflow

OK = shell("ok", "true")
BAD = shell("bad", "exit 3")
ECHO = shell("echo", 'printf "%s" "$0" > /tmp/o', inputs=takes("x"), outputs=gives(o="/tmp/o"))
ECHO["container"]["args"].append("{{inputs.parameters.x}}")


def test_a_value_goes_from_task_to_task(run: Any) -> None:
    done = run(
        workflow(
            dag(
                task("a", "echo", arguments=passes(x="{{workflow.parameters.p}}")),
                task("b", "echo", "a", arguments=passes(x="<{{tasks.a.outputs.parameters.o}}>")),
            ),
            ECHO,
            arguments=passes(p='it\'s "quoted" \\ é\nline'),
        )
    )
    assert done["status"]["phase"] == "Succeeded"
    assert done["status"]["progress"] == "2/2"
    assert value(done, "wf.b", "o") == '<it\'s "quoted" \\ é\nline>'


def test_a_failure_omits_what_waits_for_success(run: Any) -> None:
    done = run(
        workflow(
            dag(
                task("a", "bad"),
                task("b", "ok", "a"),
                task("c", "ok", "a.Failed"),
                task("d", "ok", "b"),
                task("other", "ok"),
            ),
            OK,
            BAD,
        )
    )
    assert phases(done) == {
        "wf": "Failed",
        "wf.a": "Failed",
        "wf.b": "Omitted",
        "wf.c": "Succeeded",
        "wf.d": "Omitted",
        "wf.other": "Succeeded",
    }
    assert node(done, "wf.a")["message"] == "main: Error (exit code 3)"
    assert node(done, "wf.a")["outputs"]["exitCode"] == "3"
    assert node(done, "wf.b")["message"] == "omitted: depends condition not met"
    assert done["status"]["phase"] == "Failed"


def test_a_failure_that_is_handled_does_not_fail_the_dag(run: Any) -> None:
    done = run(workflow(dag(task("a", "bad"), task("b", "ok", "a.Failed")), OK, BAD))
    assert done["status"]["phase"] == "Succeeded"


def test_continue_on_lets_a_failed_target_pass(run: Any) -> None:
    done = run(workflow(dag(task("a", "bad", continueOn={"failed": True})), BAD))
    assert done["status"]["phase"] == "Succeeded"


@pytest.mark.parametrize(
    ("when", "phase"),
    [
        ("{{tasks.a.outputs.parameters.o}} == heads", "Succeeded"),
        ("{{tasks.a.outputs.parameters.o}} == tails", "Skipped"),
        ("{{=tasks.a.outputs.parameters.o == 'heads'}}", "Succeeded"),
        ("{{=tasks.a.outputs.parameters.o == 'tails'}}", "Skipped"),
        ("{{tasks.a.outputs.parameters.o}} ==", "Error"),
    ],
)
def test_when(run: Any, when: str, phase: str) -> None:
    done = run(
        workflow(
            dag(task("a", "echo", arguments=passes(x="heads")), task("b", "ok", "a", when=when)), OK, ECHO
        )
    )
    assert phases(done)["wf.b"] == phase


def test_a_skipped_task_gives_its_defaults(run: Any) -> None:
    maybe = shell(
        "maybe",
        "true",
        outputs={
            "parameters": [
                {"name": "d", "valueFrom": {"path": "/tmp/d", "default": "dflt"}},
                {"name": "none", "valueFrom": {"path": "/tmp/n"}},
            ]
        },
    )
    mine = {**ECHO, "name": "mine", "inputs": {"parameters": [{"name": "x", "default": "own"}]}}
    done = run(
        workflow(
            dag(
                task("a", "maybe", when="1 == 2"),
                task("default", "echo", "a", arguments=passes(x="{{tasks.a.outputs.parameters.d}}")),
                task("other", "echo", "a", arguments=passes(x="{{=tasks.a.outputs.parameters.none ?? 'o'}}")),
                task("own", "mine", "a", arguments=passes(x="{{tasks.a.outputs.parameters.none}}")),
                task("lost", "echo", "a", arguments=passes(x="{{tasks.a.outputs.parameters.none}}")),
            ),
            maybe,
            ECHO,
            mine,
        )
    )
    assert [value(done, f"wf.{name}", "o") for name in ("default", "other", "own")] == ["dflt", "o", "own"]
    assert node(done, "wf.lost")["phase"] == "Error"
    assert "absent optional" in node(done, "wf.lost")["message"]


def test_a_loop_over_items(run: Any) -> None:
    items = ["a", "b(c)", 3, True, 1.5, {"k": "v", "m": 1}, [1, "z"]]
    done = run(
        workflow(
            dag(
                task("l", "echo", arguments=passes(x="{{item}}"), withItems=items),
                task("after", "echo", "l", arguments=passes(x="{{tasks.l.outputs.parameters.o}}")),
            ),
            ECHO,
        )
    )
    group = node(done, "wf.l")
    names = {one["id"]: one["name"] for one in done["status"]["nodes"].values()}
    assert group["type"] == "TaskGroup"
    assert [names[child] for child in group["children"]] == [
        "wf.l(0:a)",
        "wf.l(1:bc)",
        "wf.l(2:3)",
        "wf.l(3:true)",
        "wf.l(4:1.5)",
        "wf.l(5:k:v,m:1)",
        "wf.l(6:[1 z])",
    ]
    collected = json.loads(value(done, "wf.after", "o"))
    assert collected == ["a", "b(c)", "3", "true", "1.5", '{"k":"v","m":1}', '[1,"z"]']


def test_a_loop_over_a_list_that_a_task_made(run: Any) -> None:
    done = run(
        workflow(
            dag(
                task("make", "echo", arguments=passes(x='[{"a": "x", "b": 2.0}, {"a": "y", "b": 3}]')),
                task(
                    "l",
                    "echo",
                    "make",
                    withParam="{{tasks.make.outputs.parameters.o}}",
                    arguments=passes(x="{{item.a}}-{{item.b}}"),
                ),
            ),
            ECHO,
        )
    )
    assert value(done, "wf.l(0:a:x,b:2.0)", "o") == "x-2.0"
    assert value(done, "wf.l(1:a:y,b:3)", "o") == "y-3"


@pytest.mark.parametrize(
    ("sequence", "names"),
    [
        ({"count": "2"}, ["l(0:0)", "l(1:1)"]),
        ({"start": "3", "end": "1"}, ["l(0:3)", "l(1:2)", "l(2:1)"]),
        ({"start": 9, "end": 10, "format": "n%03d"}, ["l(0:n009)", "l(1:n010)"]),
        ({"count": "{{=len('abc')}}"}, ["l(0:0)", "l(1:1)", "l(2:2)"]),
    ],
)
def test_a_loop_over_a_sequence(run: Any, sequence: dict[str, Any], names: list[str]) -> None:
    done = run(workflow(dag(task("l", "ok", withSequence=sequence)), OK))
    assert [name for name in phases(done) if "(" in name] == [f"wf.{name}" for name in names]


@pytest.mark.parametrize(
    ("loop", "phase", "message"),
    [
        ({"withParam": "[]"}, "Skipped", "Skipped, empty params"),
        ({"withSequence": {"count": "0"}}, "Skipped", "Skipped, empty params"),
        ({"withParam": "no list"}, "Error", "withParam value could not be parsed as a JSON list"),
        ({"withSequence": {"count": "x"}}, "Error", "strconv.Atoi"),
    ],
)
def test_a_loop_without_items(run: Any, loop: dict[str, Any], phase: str, message: str) -> None:
    done = run(workflow(dag(task("l", "ok", **loop), task("after", "ok", "l.Skipped || l.Errored")), OK))
    assert node(done, "wf.l")["phase"] == phase
    assert message in node(done, "wf.l")["message"]
    assert node(done, "wf.after")["phase"] == "Succeeded"


def test_results_of_a_loop_as_conditions(run: Any) -> None:
    exits = shell("exits", "exit {{inputs.parameters.x}}", inputs=takes("x"))
    done = run(
        workflow(
            dag(
                task("l", "exits", withItems=["1", "0"], arguments=passes(x="{{item}}")),
                task("some", "ok", "l.AnySucceeded"),
                task("all", "ok", "l.AllFailed"),
            ),
            OK,
            exits,
        )
    )
    assert (phases(done)["wf.l"], phases(done)["wf.some"], phases(done)["wf.all"]) == (
        "Failed",
        "Succeeded",
        "Omitted",
    )


def test_a_dag_in_a_dag_has_outputs(run: Any) -> None:
    inner = dag(
        task("a", "echo", arguments=passes(x="{{inputs.parameters.x}}!")),
        name="inner",
        inputs=takes("x"),
        outputs={
            "parameters": [
                {"name": "plain", "valueFrom": {"parameter": "{{tasks.a.outputs.parameters.o}}"}},
                {
                    "name": "computed",
                    "valueFrom": {"expression": "tasks.a.outputs.parameters.o + tasks.a.status"},
                },
            ]
        },
    )
    done = run(
        workflow(
            dag(
                task("r", "inner", arguments=passes(x="hi")),
                task("b", "echo", "r", arguments=passes(x="{{tasks.r.outputs.parameters.computed}}")),
            ),
            inner,
            ECHO,
        )
    )
    assert value(done, "wf.r", "plain") == "hi!"
    assert value(done, "wf.b", "o") == "hi!Succeeded"


def test_only_what_the_target_needs_runs(run: Any) -> None:
    main = dag(task("a", "ok"), task("b", "ok", "a"), task("c", "ok", "b"))
    main["dag"]["target"] = "b"
    assert set(phases(run(workflow(main, OK)))) == {"wf", "wf.a", "wf.b"}


def test_a_template_may_let_one_task_run_at_a_time(run: Any, tmp_path: Path) -> None:
    alone = shell("alone", f"mkdir {tmp_path}/busy && sleep 0.05 && rmdir {tmp_path}/busy")
    loop = task("l", "alone", withSequence={"count": "4"})
    assert run(workflow(dag(loop, parallelism=1), alone), jobs=4)["status"]["phase"] == "Succeeded"
    assert (
        run(workflow(dag(loop), alone, parallelism=1, name="second"), jobs=4)["status"]["phase"]
        == "Succeeded"
    )


def test_ids_and_names_are_those_of_argo(run: Any) -> None:
    done = run(workflow(dag(task("a", "ok")), OK, name="cmp-arts-th4zp"))
    first = node(done, "cmp-arts-th4zp.a")
    assert first["id"] == "cmp-arts-th4zp-2001438342"
    assert first["displayName"] == "a"
    assert first["boundaryID"] == "cmp-arts-th4zp"
    assert first["templateScope"] == "local/cmp-arts-th4zp"
    root = node(done, "cmp-arts-th4zp")
    assert root["children"] == root["outboundNodes"] == [first["id"]]


def test_tasks_that_wait_for_each_other_are_an_error(run: Any) -> None:
    with pytest.raises(UnsupportedError, match="a, b depend on each other in a cycle"):
        run(workflow(dag(task("x", "ok"), task("a", "ok", "b"), task("b", "ok", "a")), OK))


def test_endless_recursion_ends(run: Any) -> None:
    done = run(workflow(dag(task("again", "main"))))
    assert done["status"]["phase"] == "Error"
    assert any("recursion" in one.get("message", "") for one in done["status"]["nodes"].values())
