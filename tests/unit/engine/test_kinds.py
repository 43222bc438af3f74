"""The table of template kinds: which the engine executes, and what a handler may do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from mlplat.argo.status import Node
from mlplat.argo.structure import KINDS as ARGO_KINDS
from mlplat.engine import kinds
from mlplat.engine.calls import Call, Execute
from mlplat.engine.execution import Execution
from mlplat.engine.handler import Inspection, Kind, refusal
from mlplat.engine.templates import Context
from mlplat.errors import UnsupportedError
from tests.unit.engine.manifests import dag, node, passes, phases, shell, takes, task, workflow

FETCH = {"name": "fetch", "http": {"url": "http://{{inputs.parameters.host}}/"}, "inputs": takes("host")}


async def fetch(
    execution: Execution, execute: Execute, call: Call, context: Context, template: Mapping[str, Any]
) -> Node:
    """Give the address as the result."""
    created = execution.create(call, "HTTP", "Running", template)
    created["outputs"] = {"result": template["http"]["url"]}
    return execution.tree.mark(created, "Succeeded")


async def serve(
    execution: Execution, execute: Execute, call: Call, context: Context, template: Mapping[str, Any]
) -> Node:
    """Be ready, and still run."""
    created = execution.create(call, "HTTP", "Running", template)
    created["daemoned"] = True
    return created


def only_to(host: str) -> Any:
    def check(inspection: Inspection, path: str, template: Mapping[str, Any], context: Context) -> Any:
        if host not in template["http"]["url"]:
            yield refusal(f"{path}.http.url", "unknown host", f"use {host}")

    return check


def row(monkeypatch: pytest.MonkeyPatch, **kind: Any) -> None:
    monkeypatch.setattr("mlplat.engine.engine.KINDS", {**kinds.KINDS, "http": Kind(**kind)})
    monkeypatch.setattr("mlplat.engine.checks.KINDS", {**kinds.KINDS, "http": Kind(**kind)})


def test_each_kind_of_argo_is_executed_or_refused_with_a_reason() -> None:
    assert sorted(kinds.KINDS) == sorted(ARGO_KINDS)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("containerSet", {"containers": [{"name": "main", "image": "i", "command": ["true"]}]}),
        ("data", {"source": {"artifactPaths": {"name": "a", "s3": {"key": "k"}}}, "transformation": []}),
        ("http", {"url": "http://x"}),
        ("plugin", {"hello": {}}),
    ],
)
def test_an_unsupported_kind_is_refused_before_anything_runs(kind: str, content: Any, run: Any) -> None:
    refused = rf"MLP501: spec\.templates\.main\.{kind}: {kind} templates are not supported"
    with pytest.raises(UnsupportedError, match=refused):
        run(workflow({"name": "main", kind: content}))


def test_an_unsupported_kind_that_only_the_run_knows_is_an_error_of_its_node(run: Any) -> None:
    caller = task("a", "{{inputs.parameters.t}}", arguments=passes(host="x"))
    called = {"name": "main", "template": "calls", "arguments": passes(t="fetch")}
    done = run(workflow(dag(called, name="start"), dag(caller, name="calls", inputs=takes("t")), FETCH))
    assert "not supported on this machine: it needs Argo's agent" in node(done, "wf.main.a")["message"]
    assert done["status"]["phase"] == "Error"


def test_a_row_of_the_table_is_all_that_a_kind_needs(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    row(monkeypatch, execute=fetch)
    again = {"retryStrategy": {"limit": 2}}
    calls = task("a", "fetch", arguments=passes(host="x"))
    after = task("b", "echo", "a", arguments=passes(x="{{tasks.a.outputs.result}}"))
    echo = shell("echo", 'test "{{inputs.parameters.x}}" = http://x/', inputs=takes("x"))
    done = run(workflow(dag(calls, after), {**FETCH, **again}, echo))
    assert phases(done) == {
        "wf": "Succeeded",
        "wf.a": "Succeeded",
        "wf.a(0)": "Succeeded",
        "wf.b": "Succeeded",
    }


def test_the_check_of_a_kind_is_made_before_anything_runs(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    row(monkeypatch, execute=fetch, check=only_to("localhost"))
    with pytest.raises(UnsupportedError, match=r"spec\.templates\.fetch\.http\.url: unknown host"):
        run(workflow(dag(task("a", "fetch", arguments=passes(host="x"))), FETCH))


def test_tasks_after_a_node_that_is_ready_run_while_it_still_runs(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row(monkeypatch, execute=serve)
    calls = task("a", "fetch", arguments=passes(host="x"))
    tasks = [task("b", "t", "a.Daemoned"), task("c", "t", "a.Succeeded"), task("d", "t", "b")]
    done = run(workflow(dag(calls, *tasks), FETCH, shell("t", "true")))
    assert phases(done) == {
        "wf": "Succeeded",
        "wf.a": "Running",
        "wf.b": "Succeeded",
        "wf.c": "Omitted",
        "wf.d": "Succeeded",
    }


@pytest.mark.parametrize(
    "field", [{"daemon": True}, {"sidecars": [{"name": "s"}]}, {"initContainers": [{"name": "i"}]}]
)
@pytest.mark.parametrize(
    "action",
    [
        {"container": {"image": "i", "command": ["true"]}},
        {"resource": {"action": "create", "manifest": "{kind: PersistentVolumeClaim}"}},
    ],
)
def test_more_than_one_container_in_a_pod_is_refused(
    field: dict[str, Any], action: dict[str, Any], run: Any
) -> None:
    refused = rf"MLP501: spec\.templates\.main\.{next(iter(field))}: "
    with pytest.raises(UnsupportedError, match=refused) as raised:
        run(workflow({"name": "main", **action, **field}))
    assert raised.value.diagnostics[0].hint == "run it on a cluster: mlplat run --engine argo"
