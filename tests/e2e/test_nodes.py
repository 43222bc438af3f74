"""The local engine writes the nodes that Argo writes: the same Workflows on both, compared node by node.

What may differ are times, the machine, and where the artifact repository of the cluster puts artifacts without a key.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mlplat import engine
from mlplat.argo import limits
from tests.e2e.harness.cluster import Access

IMAGE = "python:3.11"
UNEQUAL = {
    "startedAt",
    "finishedAt",
    "hostNodeName",
    "resourcesDuration",
    "taskResultSynced",
    "estimatedDuration",
}


def shell(name: str, script: str, *arguments: str, **fields: Any) -> dict[str, Any]:
    command = {"image": IMAGE, "command": ["sh", "-c"], "args": [script, *arguments]}
    return {"name": name, "container": command, **fields}


def passes(**values: str) -> dict[str, Any]:
    return {"parameters": [{"name": name, "value": value} for name, value in values.items()]}


def takes(*names: str) -> dict[str, Any]:
    return {"parameters": [{"name": name} for name in names]}


def gives(**paths: str) -> dict[str, Any]:
    return {"parameters": [{"name": name, "valueFrom": {"path": path}} for name, path in paths.items()]}


def task(name: str, template: str, depends: str = "", **fields: Any) -> dict[str, Any]:
    return {"name": name, "template": template, **({"depends": depends} if depends else {}), **fields}


def dag(*tasks: Mapping[str, Any], name: str = "main", **fields: Any) -> dict[str, Any]:
    return {"name": name, "dag": {"tasks": list(tasks)}, **fields}


OK = shell("ok", "true")
USE = shell("use", "true", "{{inputs.parameters.x}}", inputs=takes("x"))
PUT = shell(
    "put",
    'printf "%s" "$0" > /tmp/o',
    "{{inputs.parameters.x}}",
    inputs=takes("x"),
    outputs=gives(o="/tmp/o"),
)
MAYBE = shell(
    "maybe",
    "true",
    outputs={
        "parameters": [
            {"name": "d", "valueFrom": {"path": "/tmp/d", "default": "dflt"}},
            {"name": "none", "valueFrom": {"path": "/tmp/n"}},
        ]
    },
)
SEEN = shell("flaky", "printf {{retries}} > /tmp/o; [ {{retries}} -ge 1 ]", outputs=gives(o="/tmp/o"))
INDEXED = "{{=toJson(fromJSON(inputs.parameters['all'])[asInt(item)])}}"

FROM = "{{tasks.a.outputs.artifacts.d}}"

CASES: dict[str, list[dict[str, Any]]] = {
    "failures": [
        dag(
            task("a", "ok"),
            task("b", "bad", "a"),
            task("c", "ok", "b"),
            task("d", "ok", "c.Omitted"),
            task("e", "ok", "a && (b.Failed || c.Succeeded)"),
            task("f", "killed"),
            task("g", "nothing"),
            task("h", "noparameter"),
            task("i", "noartifact"),
            task("j", "noinput"),
        ),
        OK,
        shell("bad", "echo 5 > /tmp/o; exit 3", outputs=gives(o="/tmp/o")),
        shell("killed", "kill -9 $$$$"),
        {"name": "nothing", "container": {"image": IMAGE, "command": ["no-such-program"]}},
        shell("noparameter", "true", outputs=gives(o="/tmp/none")),
        shell("noartifact", "true", outputs={"artifacts": [{"name": "o", "path": "/tmp/none"}]}),
        shell(
            "noinput", "true", inputs={"artifacts": [{"name": "i", "path": "/i", "s3": {"key": "no/key"}}]}
        ),
    ],
    "skips": [
        dag(
            task("a", "maybe", when="1 == 2"),
            task("b", "use", "a", arguments=passes(x="{{tasks.a.outputs.parameters.d}}")),
            task("c", "use", "a", arguments=passes(x="{{=tasks.a.outputs.parameters.none ?? 'other'}}")),
            task("d", "use", "a", arguments=passes(x="{{tasks.a.outputs.parameters.none}}")),
            task("l", "use", withParam="[]", arguments=passes(x="{{item}}")),
            task("after", "ok", "l"),
        ),
        OK,
        USE,
        MAYBE,
    ],
    "loops": [
        dag(
            task(
                "w",
                "put",
                withItems=["a", "b(c)", 3, True, 1.5, {"k": "v"}, [1, "z"]],
                arguments=passes(x="{{item}}"),
            ),
            task("r", "region", "w", arguments=passes(all='["a", {"k": 1}, 3.0]')),
            task(
                "s",
                "use",
                "r",
                arguments=passes(x="{{tasks.w.outputs.parameters.o}} {{tasks.r.outputs.parameters.o}}"),
            ),
            task("t", "exits", "s", withItems=["1", "0"], arguments=passes(x="{{item}}")),
            task("some", "ok", "t.AnySucceeded"),
            task("all", "ok", "t.AllFailed"),
        ),
        dag(
            task(
                "it",
                "body",
                withSequence={"count": "{{=len(fromJSON(inputs.parameters['all']))}}"},
                arguments=passes(x=INDEXED),
            ),
            name="region",
            inputs=takes("all"),
            outputs={
                "parameters": [{"name": "o", "valueFrom": {"parameter": "{{tasks.it.outputs.parameters.o}}"}}]
            },
        ),
        dag(
            task("one", "put", arguments=passes(x="{{inputs.parameters.x}}")),
            name="body",
            inputs=takes("x"),
            outputs={
                "parameters": [
                    {"name": "o", "valueFrom": {"parameter": "{{tasks.one.outputs.parameters.o}}"}}
                ]
            },
        ),
        PUT,
        USE,
        OK,
        shell("exits", "exit {{inputs.parameters.x}}", inputs=takes("x")),
    ],
    "retries": [
        dag(
            task("a", "flaky"),
            task("b", "use", "a", arguments=passes(x="{{tasks.a.outputs.parameters.o}}")),
            task("c", "never"),
            task("d", "picky"),
            task("e", "use", "c.Failed && d.Failed", arguments=passes(x="{{tasks.c.status}}")),
        ),
        {**SEEN, "retryStrategy": {"limit": "2"}},
        shell("never", "exit 4", retryStrategy={"limit": 1, "backoff": {"duration": "1", "factor": 2}}),
        shell(
            "picky", "exit 9", retryStrategy={"limit": "5", "expression": "asInt(lastRetry.exitCode) != 9"}
        ),
        USE,
    ],
    "steps": [
        {
            "name": "main",
            "steps": [
                [{"name": "gen", "template": "gen"}],
                [
                    {"name": "one", "template": "use", "arguments": passes(x="{{steps.gen.outputs.result}}")},
                    {
                        "name": "two",
                        "template": "use",
                        "arguments": passes(x="{{item}}"),
                        "withItems": ["q", "r"],
                    },
                    {"name": "no", "template": "ok", "when": "{{steps.gen.outputs.result}} == tails"},
                ],
                [{"name": "bad", "template": "bad"}, {"name": "inner", "template": "inner"}],
                [{"name": "never", "template": "ok"}],
            ],
        },
        {"name": "inner", "steps": [[{"name": "x", "template": "ok"}], [{"name": "y", "template": "ok"}]]},
        {"name": "gen", "script": {"image": IMAGE, "command": ["python3"], "source": "print('he' + 'ads')"}},
        shell("bad", "exit 7"),
        USE,
        OK,
    ],
    "hooks": [
        dag(
            task(
                "a",
                "put",
                arguments=passes(x="v"),
                hooks={
                    "exit": {"template": "use", "arguments": passes(x="{{tasks.a.outputs.parameters.o}}")}
                },
            ),
            task("l", "use", "a", withItems=[1, 2], arguments=passes(x="{{item}}"), onExit="ok"),
            task("z", "ok", "l"),
        ),
        PUT,
        USE,
        OK,
    ],
    "artifacts": [
        dag(
            task("a", "make"),
            task("b", "read", "a", arguments={"artifacts": [{"name": "d", "from": FROM, "subPath": "sub"}]}),
            task("c", "read", "a", arguments={"artifacts": [{"name": "d", "raw": {"data": "text"}}]}),
            task("d", "use", "a", arguments=passes(x="{{workflow.outputs.parameters.shared}}")),
            outputs={"artifacts": [{"name": "all", "from": FROM}]},
        ),
        shell(
            "make",
            "mkdir -p /tmp/d/sub; echo x > /tmp/d/sub/x; echo 5 > /tmp/p",
            outputs={
                "artifacts": [
                    {
                        "name": "d",
                        "path": "/tmp/d",
                        "archive": {"none": {}},
                        "s3": {"key": "{{workflow.name}}/d"},
                        "globalName": "shared-d",
                    },
                    {"name": "gone", "path": "/tmp/gone", "optional": True},
                ],
                "parameters": [{"name": "p", "globalName": "shared", "valueFrom": {"path": "/tmp/p"}}],
            },
        ),
        shell(
            "read",
            "cat /in/d /in/d/x; ls /in/gone",
            inputs={
                "artifacts": [
                    {"name": "d", "path": "/in/d"},
                    {"name": "gone", "path": "/in/gone", "optional": True, "s3": {"key": "no/such/key"}},
                ]
            },
        ),
        USE,
    ],
    "deadline": [
        dag(task("a", "slow"), task("s", "wait"), task("b", "ok", "a.Failed && s.Failed")),
        shell("slow", "sleep 300"),
        {"name": "wait", "suspend": {"duration": "1h"}},
        OK,
        {**USE, "name": "bye", "inputs": {"parameters": [{"name": "x", "value": "{{workflow.status}}"}]}},
    ],
    "suspend": [
        dag(
            task("s", "wait"),
            task("b", "use", "s", arguments=passes(x="{{tasks.s.outputs.parameters.answer}}")),
            task("m", "memo", arguments=passes(x="{{workflow.name}}")),
            task("n", "memo", "m", arguments=passes(x="{{workflow.name}}")),
        ),
        {
            "name": "wait",
            "suspend": {"duration": "1s"},
            "outputs": {"parameters": [{"name": "answer", "valueFrom": {"supplied": {}, "default": "yes"}}]},
        },
        {
            **PUT,
            "name": "memo",
            "memoize": {
                "key": "{{=sprig.sha256sum(inputs.parameters.x)}}",
                "maxAge": "1h",
                "cache": {"configMap": {"name": "nodes-cache"}},
            },
        },
        USE,
    ],
}
MORE: dict[str, dict[str, Any]] = {"deadline": {"activeDeadlineSeconds": 45, "onExit": "bye"}}
"""What else stands in the specs of some cases; a pod that has not started by the deadline ends otherwise."""


class Table:
    """A cache that is forgotten with the test."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], Mapping[str, Any]] = {}

    def load(self, cache_name: str, key: str, max_age: float | None) -> Mapping[str, Any] | None:
        return self.rows.get((cache_name, key))

    def save(self, cache_name: str, key: str, node_id: str, outputs: Mapping[str, Any]) -> None:
        self.rows[cache_name, key] = outputs


def argo(cluster: Access, environment: Mapping[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [str(cluster.argo), "-n", cluster.namespace, *arguments],
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    if arguments[0] != "wait":
        assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def manifest(case: str, **metadata: str) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": metadata,
        "spec": {
            "entrypoint": "main",
            "serviceAccountName": "mlplat-task",
            "templates": CASES[case],
            **MORE.get(case, {}),
        },
    }


@pytest.fixture(scope="module")
def submitted(
    cluster: Access, cluster_env: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Names of all cases on the cluster, where they run at the same time."""
    names = {}
    for case in CASES:
        file = tmp_path_factory.mktemp(case) / "workflow.json"
        file.write_text(json.dumps(manifest(case, generateName=f"nodes-{case}-")))
        names[case] = argo(cluster, cluster_env, "submit", "-o", "name", str(file))
    return names


def comparable(nodes: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    def plain(node: Mapping[str, Any]) -> dict[str, Any]:
        kept = {key: value for key, value in node.items() if key not in UNEQUAL and value is not None}
        for key in ("children", "outboundNodes"):
            if key in kept:
                kept[key] = sorted(kept[key])
        return kept

    return {node["name"]: plain(node) for node in nodes.values()}


@pytest.mark.parametrize("case", CASES)
def test_the_nodes_are_the_same(
    case: str, submitted: dict[str, str], cluster: Access, cluster_env: dict[str, str], tmp_path: Path
) -> None:
    name = submitted[case]
    argo(cluster, cluster_env, "wait", name)
    there = json.loads(argo(cluster, cluster_env, "get", "-o", "json", name))
    here = engine.run(
        [manifest(case, name=name, namespace=cluster.namespace)], home=tmp_path, jobs=2, cache=Table()
    )
    for key in ("phase", "message", "progress", "outputs"):
        assert here["status"].get(key) == there["status"].get(key)
    assert comparable(here["status"]["nodes"]) == comparable(there["status"]["nodes"])


@pytest.mark.parametrize(("levels", "phase"), [(limits.DEEPEST, "Succeeded"), (limits.DEEPEST + 1, "Error")])
def test_the_maximum_depth_of_calls_is_that_of_argo(
    levels: int, phase: str, cluster: Access, cluster_env: dict[str, str], tmp_path: Path
) -> None:
    callers = [dag(task("next", f"t{level + 1}"), name=f"t{level}") for level in range(levels - 1)]
    document = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "deep-"},
        "spec": {
            "entrypoint": "t0",
            "serviceAccountName": "mlplat-task",
            "templates": [*callers, {**OK, "name": f"t{levels - 1}"}],
        },
    }
    file = tmp_path / "workflow.json"
    file.write_text(json.dumps(document))
    name = argo(cluster, cluster_env, "submit", "-o", "name", str(file))
    argo(cluster, cluster_env, "wait", name)
    done = json.loads(argo(cluster, cluster_env, "get", "-o", "json", name))
    assert done["status"]["phase"] == phase
