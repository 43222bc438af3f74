"""The local engine ends nodes as Argo does where something cannot be read, is missing, or fails in an odd way.

The same Workflows on both, compared node by node as in :mod:`tests.e2e.test_nodes`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from mlplat import engine
from tests.e2e.harness.cluster import Access
from tests.e2e.test_nodes import (
    IMAGE,
    OK,
    PUT,
    USE,
    Table,
    argo,
    comparable,
    dag,
    passes,
    shell,
    takes,
    task,
)

BAD = shell("bad", "exit 7")
PRINT = {
    "name": "print",
    "inputs": takes("x"),
    "script": {"image": IMAGE, "command": ["cat"], "source": "{{inputs.parameters.x}}"},
}
MAKE = shell(
    "make",
    "echo x > /tmp/d",
    outputs={"artifacts": [{"name": "d", "path": "/tmp/d", "s3": {"key": "{{workflow.name}}/d"}}]},
)
READ = shell("read", "true", inputs={"artifacts": [{"name": "d", "path": "/in/d", "optional": True}]})
LOOP = {
    "name": "a",
    "withItems": ["x", "y"],
    "inline": {"container": {"image": IMAGE, "command": ["true"]}},
}
ITEMS = ["1.0", "1e3", '{"b":1.0,"a":[2]}', '"t<"']


def says(text: str) -> dict[str, Any]:
    return {"parameters": [{"name": "r", "valueFrom": {"expression": text}}]}


def step(name: str, template: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "template": template, **fields}


def steps(*groups: list[dict[str, Any]], name: str = "main", **fields: Any) -> dict[str, Any]:
    return {"name": name, "steps": [list(group) for group in groups], **fields}


def asks(**values: str) -> dict[str, Any]:
    return {"parameters": [{"name": name, "value": value} for name, value in values.items()]}


CASES: dict[str, dict[str, Any]] = {
    "results": {
        "templates": [
            dag(
                task("l", "print", withItems=ITEMS, arguments=passes(x="{{item}}")),
                task("c", "use", "l", arguments=passes(x="{{tasks.l.outputs.result}}")),
            ),
            PRINT,
            USE,
        ]
    },
    "unreadable-results": {
        "templates": [
            dag(
                task("l", "print", withItems=["hello"], arguments=passes(x="{{item}}")),
                task("other", "ok", "l"),
                task("c", "use", "l", arguments=passes(x="{{tasks.l.outputs.result}}")),
            ),
            PRINT,
            USE,
            OK,
        ]
    },
    "unreadable-results-of-steps": {
        "templates": [
            steps(
                [step("l", "print", withItems=["hello"], arguments=passes(x="{{item}}"))],
                [step("c", "use", arguments=passes(x="{{steps.l.outputs.result}}"))],
            ),
            PRINT,
            USE,
        ]
    },
    "loop-over-inline": {"templates": [dag(LOOP, task("b", "ok", "a")), OK]},
    "loop-over-inline-last": {"templates": [dag(LOOP, task("b", "ok")), OK]},
    "loop-over-inline-in-steps": {"templates": [steps([LOOP], [step("b", "ok")]), OK]},
    "parameters": {
        "arguments": {"parameters": [{"value": 5, "name": "n", "description": "d", "enum": [5]}]},
        "templates": [
            dag(task("a", "use", arguments=passes(x="{{workflow.parameters}} {{inputs.parameters}}")))
            | {"inputs": {"parameters": [{"default": "d", "name": "i"}]}},
            USE,
        ],
    },
    "items": {
        "templates": [
            dag(
                task(
                    "field",
                    "use",
                    withItems=[{"url": "a&b<c>", "n": "l1\nl2"}],
                    arguments=passes(x="{{item.url}}"),
                ),
                task("whole", "use", withItems=[{"url": "a&b<c>"}], arguments=passes(x="{{item}}")),
                task("text", "use", withParam='["a&b<c>", null, 1.0]', arguments=passes(x="{{item}}")),
                task("none", "ok", withParam='{"a": 1}'),
            ),
            USE,
            OK,
        ]
    },
    "dag-outputs": {
        "templates": [
            dag(task("i", "inner"), task("j", "inner2")),
            dag(task("a", "put", arguments=passes(x="v")), name="inner", outputs=says("workflow.uid")),
            dag(
                task("a", "put", arguments=passes(x="v")),
                name="inner2",
                outputs=says("tasks.a.outputs.parameters.o + '!'"),
            ),
            PUT,
        ]
    },
    "entrypoint-outputs": {
        "templates": [dag(task("a", "ok"), outputs=says("workflow.name")), OK],
        "onExit": "ok",
    },
    "steps-outputs": {
        "templates": [
            steps([step("a", "ok")], [step("s", "inner")], [step("never", "ok")]),
            steps([step("b", "ok")], name="inner", outputs=says("steps.b.nothing")),
            OK,
        ]
    },
    "parameter-outputs": {
        "templates": [
            dag(task("i", "inner")),
            dag(
                task("a", "put", arguments=passes(x="v")),
                name="inner",
                outputs={
                    "parameters": [
                        {"name": "r", "valueFrom": {"parameter": "{{=tasks.a.outputs.parameters.o}}"}}
                    ]
                },
            ),
            PUT,
        ]
    },
    "skipped-artifacts": {
        "templates": [
            steps(
                [step("a", "make", when="1 == 2")],
                [
                    step(
                        "b",
                        "read",
                        arguments={"artifacts": [{"name": "d", "from": "{{steps.a.outputs.artifacts.d}}"}]},
                    )
                ],
            ),
            MAKE,
            READ,
        ]
    },
    "hooks-of-running-tasks": {
        "templates": [
            dag(
                task(
                    "a",
                    "slow",
                    hooks={
                        "running": {
                            "template": "use",
                            "expression": "tasks.a.status == 'Running'",
                            "arguments": passes(x="{{tasks.a.status}} {{workflow.name}}"),
                        },
                        "over": {
                            "template": "use",
                            "expression": "tasks.a.status == 'Succeeded'",
                            "arguments": passes(x="{{tasks.a.status}}"),
                        },
                    },
                ),
                task("b", "ok", "a"),
            ),
            shell("slow", "sleep 20"),
            USE,
            OK,
        ]
    },
    "bad-exit-hook": {
        "templates": [
            dag(
                task("a", "ok", hooks={"exit": {"template": "ok", "expression": "nobody == 1"}}),
                task("b", "ok", "a"),
            ),
            OK,
        ]
    },
    "strategies": {
        "templates": [
            dag(
                task("limit", "limit", arguments=asks(n="many")),
                task("expression", "expression"),
                task("duration", "duration"),
            ),
            {
                **BAD,
                "name": "limit",
                "inputs": takes("n"),
                "retryStrategy": {"limit": "{{inputs.parameters.n}}"},
            },
            {**BAD, "name": "expression", "retryStrategy": {"limit": 3, "expression": "lastRetry.exitCode"}},
            {**BAD, "name": "duration", "retryStrategy": {"limit": 3, "backoff": {"duration": "soon"}}},
        ]
    },
    "endless": {
        "templates": [dag(task("a", "flaky")), shell("flaky", "test {{retries}} -ge 2", retryStrategy={})]
    },
    "limits": {
        "templates": [
            dag(
                task("deadline", "deadline", arguments=asks(n="soon")),
                task("timeout", "timeout", arguments=asks(n="soon")),
                task("suspend", "suspend", arguments=asks(n="soon")),
                task("over", "over"),
                task("late", "late"),
            ),
            {
                **OK,
                "name": "deadline",
                "inputs": takes("n"),
                "activeDeadlineSeconds": "{{inputs.parameters.n}}",
            },
            {**OK, "name": "timeout", "inputs": takes("n"), "timeout": "{{inputs.parameters.n}}"},
            {"name": "suspend", "inputs": takes("n"), "suspend": {"duration": "{{inputs.parameters.n}}"}},
            shell("over", "sleep 100", activeDeadlineSeconds=8),
            shell("late", "sleep 100", timeout="10s"),
        ]
    },
    "fail-fast-steps": {
        "templates": [
            steps(
                [step("a", "bad", continueOn={"failed": True}), step("b", "ok"), step("c", "ok")],
                [step("never", "ok")],
                failFast=True,
                parallelism=1,
            ),
            OK,
            BAD,
        ]
    },
    "fail-fast-dag": {
        "templates": [dag(task("a", "bad"), task("b", "ok", "a.Failed"), failFast=True), OK, BAD]
    },
    "fail-fast-retry": {
        "templates": [
            dag(task("a", "bad"), failFast=True),
            {**BAD, "retryStrategy": {"limit": 2}},
        ]
    },
    "display-names": {
        "templates": [
            dag(task("a", "named", arguments=passes(x="v")), task("b", "named", arguments=passes(x="-"))),
            {
                **shell("named", "sleep 8", "{{inputs.parameters.x}}", inputs=takes("x")),
                "annotations": {"workflows.argoproj.io/display-name": "for-{{inputs.parameters.x}}"},
            },
        ]
    },
    "labels": {
        "templates": [
            dag(
                task(
                    "a",
                    "use",
                    arguments=passes(
                        x="{{workflow.labels.team}} {{workflow.labels.made}} {{workflow.annotations.note}}"
                    ),
                )
            ),
            USE,
        ],
        "arguments": passes(team="ml"),
        "workflowMetadata": {
            "labels": {"team": "{{workflow.parameters.team}}"},
            "labelsFrom": {"made": {"expression": "workflow.parameters.team + '-x'"}},
            "annotations": {"note": "n"},
        },
    },
    "tmp-artifact": {
        "templates": [
            dag(task("a", "all")),
            shell("all", "echo x > /tmp/x", outputs={"artifacts": [{"name": "o", "path": "/tmp/"}]}),
        ]
    },
}


def manifest(case: str, **metadata: str) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": metadata,
        "spec": {"entrypoint": "main", "serviceAccountName": "mlplat-task", **CASES[case]},
    }


@pytest.fixture(scope="module")
def submitted(
    cluster: Access, cluster_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Names of all cases on the cluster, where they run at the same time."""
    names = {}
    for case in CASES:
        file = tmp_path_factory.mktemp(case) / "workflow.json"
        file.write_text(json.dumps(manifest(case, generateName=f"semantics-{case}-")))
        names[case] = argo(cluster, cluster_env, "submit", "-o", "name", str(file))
    return names


DIFFERENT = {
    "limits": "whether Argo records the exit code of a pod that it ends depends on when it looks",
    "display-names": "Argo's message of an invalid name is replaced later, and hits of the cache keep their name",
    "tmp-artifact": "the repository of the test cluster puts a prefix before keys",
}
"""What is known to differ, and why."""
_EXCERPT = re.compile(r" \(1:\d+\)\n \|.*", re.DOTALL)


def without_excerpt(status: Any) -> Any:
    """Leave out the part of an expression that Argo quotes below its messages."""
    return json.loads(json.dumps(status), object_hook=_shortened)


def _shortened(found: dict[str, Any]) -> dict[str, Any]:
    message = found.get("message")
    return {**found, "message": _EXCERPT.sub("", message)} if isinstance(message, str) else found


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=pytest.mark.xfail(reason=DIFFERENT[case], strict=False))
        if case in DIFFERENT
        else case
        for case in CASES
    ],
)
def test_the_nodes_are_the_same(
    case: str, submitted: dict[str, str], cluster: Access, cluster_env: dict[str, str], tmp_path: Path
) -> None:
    name = submitted[case]
    argo(cluster, cluster_env, "wait", name)
    there = json.loads(argo(cluster, cluster_env, "get", "-o", "json", name))
    document = manifest(case, name=name, namespace=cluster.namespace)
    here = engine.run([document], home=tmp_path, jobs=2, cache=Table())
    local_status, argo_status = (without_excerpt(one["status"]) for one in (here, there))
    for key in ("phase", "message", "progress", "outputs"):
        assert local_status.get(key) == argo_status.get(key)
    assert comparable(local_status["nodes"]) == comparable(argo_status["nodes"])
