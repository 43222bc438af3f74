"""The terminal, the record and a retry say the same of a run, whatever its status is."""

from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlplat.argo.retry import retried
from mlplat.argo.status import FAILED, Templates, fnv32a, fused, metric_text, metrics, nodes_of
from mlplat.metadata import Store, open_store
from mlplat.runs import outcomes, trees

RUN = "run-x7k2p"
UIDS = itertools.count()


class Pod(NamedTuple):
    phase: str
    message: str
    metrics: dict[str, Any]
    is_saved: bool


class Group(NamedTuple):
    """A DAG, steps, a loop or a task that retries.

    ``verdict`` is a phase of its own: ``Succeeded`` where failures are allowed, ``Error`` where its outputs cannot be
    computed; empty where it ends like the nodes in it.
    """

    kind: str
    inside: list[Any]
    verdict: str


scalars = st.one_of(
    st.floats(), st.integers(-(10**6), 10**6), st.booleans(), st.text(max_size=5), st.just([1, 2])
)
pods = st.builds(
    Pod,
    st.sampled_from(("Succeeded", "Failed", "Error", "Running", "Pending", "Skipped", "Omitted")),
    st.sampled_from(("", "main: Error (exit code 1)", "OOMKilled")),
    st.dictionaries(st.sampled_from(("acc", "loss", "note", "matrix")), scalars, max_size=3),
    st.booleans(),
)
generated = st.recursive(
    pods,
    lambda inner: st.builds(
        Group,
        st.sampled_from(("DAG", "Steps", "TaskGroup", "Retry")),
        st.lists(inner, max_size=3),
        st.sampled_from(("", "", "", "Succeeded", "Error")),
    ),
    max_leaves=12,
)


class Statuses:
    """Writes the nodes of a tree as Argo does: ids, names, boundaries and children."""

    def __init__(self) -> None:
        self.nodes: dict[str, dict[str, Any]] = {}

    def add(self, name: str, kind: str, boundary: str, **fields: Any) -> str:
        key = name if name == RUN else f"{RUN}-{fnv32a(name)}"
        around = self.nodes.get(boundary, {"name": ""})["name"]
        self.nodes[key] = {
            "id": key,
            "name": name,
            "displayName": name.removeprefix(around).lstrip("."),
            "type": kind,
            "boundaryID": boundary,
            "templateName": "work",
            "startedAt": "2026-11-20T10:00:00Z",
            "children": [],
            **fields,
        }
        return key

    def emit(self, tree: Any, name: str, boundary: str, **fields: Any) -> str:
        """Add a tree, and return the id of its node."""
        if isinstance(tree, Pod):
            return self.pod(tree, name, boundary, fields)
        if tree.kind == "TaskGroup":
            return self.loop(tree, name, boundary, fields)
        if tree.kind == "Retry":
            return self.retry(tree, name, boundary, fields)
        return self.template(tree, name, boundary, fields)

    def pod(self, pod: Pod, name: str, boundary: str, fields: dict[str, Any]) -> str:
        kind = "Skipped" if pod.phase in ("Skipped", "Omitted") else "Pod"
        key = self.add(name, kind, boundary, phase=pod.phase, message=pod.message, **fields)
        if kind == "Pod" and pod.phase in ("Succeeded", *FAILED):
            place = f"{RUN}/{name}/metrics"
            value = {
                "name": "metrics",
                "type": {"schemaTitle": "system.Metrics"},
                "key": place,
                "metadata": {one: spelled(value) for one, value in pod.metrics.items()},
            }
            saved = [{"name": "metrics", "s3": {"key": place}}] if pod.is_saved else []
            parameters = [{"name": "rows", "value": "3"}, {"name": "metrics", "value": json.dumps(value)}]
            self.nodes[key]["outputs"] = {"parameters": parameters, "artifacts": saved}
        return key

    def template(self, group: Group, name: str, boundary: str, fields: dict[str, Any]) -> str:
        key = self.add(name, group.kind, boundary, **fields)
        last = [key]
        for number, tree in enumerate(group.inside):
            if group.kind == "Steps":
                step_group = self.add(f"{name}[{number}]", "StepGroup", key)
                step = self.emit(tree, f"{name}[{number}].step", key)
                self.nodes[step_group] |= {"children": [step], **self.verdict("", [step])}
                child, after = step_group, self.outbound(step)
            else:
                child = self.emit(tree, f"{name}.task-{number}", key)
                after = self.outbound(child)
            for one in last:
                self.nodes[one]["children"].append(child)
            last = after
        self.nodes[key]["outboundNodes"] = last if group.inside else []
        members = [one for one, node in self.nodes.items() if node["boundaryID"] == key and "phase" in node]
        self.nodes[key] |= self.verdict(group.verdict, members)
        return key

    def loop(self, group: Group, name: str, boundary: str, fields: dict[str, Any]) -> str:
        key = self.add(name, "TaskGroup", boundary, **fields)
        items = [self.emit(tree, f"{name}({at}:item)", boundary) for at, tree in enumerate(group.inside)]
        self.nodes[key] |= {"children": items, **self.verdict("", items)}
        return key

    def retry(self, group: Group, name: str, boundary: str, fields: dict[str, Any]) -> str:
        attempts = [tree for tree in group.inside if not isinstance(tree, Group) or tree.kind == "DAG"]
        key = self.add(name, "Retry", boundary, **fields)
        keys = [
            self.emit(tree, f"{name}({number})", boundary, nodeFlag={"retried": True})
            for number, tree in enumerate(attempts)
        ]
        phase = self.nodes[keys[-1]]["phase"] if keys else "Pending"
        message = "No more retries left" if phase in FAILED else ""
        self.nodes[key] |= {"children": keys, "phase": phase, "message": message}
        if keys and "outputs" in self.nodes[keys[-1]]:
            self.nodes[key]["outputs"] = self.nodes[keys[-1]]["outputs"]
        return key

    def verdict(self, own: str, members: list[str]) -> dict[str, str]:
        phases = [self.nodes[one]["phase"] for one in members]
        if own == "Error":
            return {"phase": "Error", "message": "cannot compute the outputs"}
        if own or not phases:
            return {"phase": "Succeeded"}
        order = ("Running", "Pending", "Error", "Failed")
        return {"phase": next((one for one in order if one in phases), "Succeeded")}

    def outbound(self, key: str) -> list[str]:
        node = self.nodes[key]
        if node["type"] == "TaskGroup":
            return [last for child in node["children"] for last in self.outbound(child)] or [key]
        if node["type"] == "Retry" and node["children"]:
            return [node["children"][-1]]
        return list(node.get("outboundNodes") or [key])


def spelled(value: Any) -> Any:
    """JSON has no NaN and no infinities: the runtime writes their names."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(value)]
    return value


@st.composite
def workflows(draw: st.DrawFn) -> dict[str, Any]:
    statuses = Statuses()
    inside = draw(st.lists(generated, min_size=1, max_size=4))
    statuses.template(Group("DAG", inside, draw(st.sampled_from(("", "", "Error")))), RUN, "", {})
    phase = statuses.nodes[RUN]["phase"]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": RUN},
        "spec": {"templates": [{"name": "work", "outputs": {"artifacts": [{"name": "metrics"}]}}]},
        "status": {"phase": phase, "nodes": statuses.nodes},
    }


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with open_store("sqlite://") as opened:
        yield opened


@settings(max_examples=1000, deadline=None, suppress_health_check=list(HealthCheck))
@given(workflow=workflows(), chance=st.randoms(use_true_random=False))
def test_terminal_record_and_retry_say_the_same(
    store: Store, workflow: dict[str, Any], chance: random.Random
) -> None:
    workflow["metadata"]["uid"] = f"run-{next(UIDS)}"
    store.record(earlier(workflow, chance))
    run = store.record(workflow)
    nodes = nodes_of(workflow)
    tasks = {task.id: task for task in store.tasks(run, roles=None)}

    terminal = {(node["name"], node["message"]) for node in outcomes.failures(workflow)}
    assert terminal == {(task.name, task.message) for task in store.failures(run)}
    assert bool(terminal) or not any(
        node["phase"] in FAILED and node["name"] == RUN for node in nodes.values()
    )

    parted = retried(RUN, workflow["status"]["nodes"])
    again = {key for key, node in workflow["status"]["nodes"].items() if parted.kept.get(key) != node}
    causes = {node["id"] for node in outcomes.failures(workflow)}
    assert {fused.pod_of(key, nodes) for key in causes} <= again

    branches = list(flat(trees.tree(workflow["status"]["nodes"], RUN, trees.program(workflow))))
    for one in branches:
        if one.node["type"] == "Retry":
            assert one.attempts == tasks[one.node["id"]].attempts

    written = {(node["id"], value.key) for node, value in outcomes.artifacts(workflow)}
    assert written == {
        (use.task_id, store.artifact(use.artifact_id).key)
        for use in store.uses(run)
        if use.direction == "output" and tasks[use.task_id].role == "task"
    }

    logged = {(one.task_id, one.name, repr(one.value)) for one in store.metrics(run)}
    assert logged == {
        (node["id"], name, repr(value))
        for node, artifact in outcomes.artifacts(workflow)
        for name, value in metrics(artifact)
    }
    for one in branches:
        mine = {f"{name}={trees.cut(metric_text(value))}" for name, value in metrics_of(store, run, one)}
        assert mine <= set(trees.outputs(one.node, Templates(workflow)))


def earlier(workflow: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Return a run as it may have been before: some of its nodes were pending."""
    nodes = {
        key: {**node, "phase": "Pending", "message": "", "outputs": {}} if chance.random() < 0.5 else node
        for key, node in workflow["status"]["nodes"].items()
    }
    return {**workflow, "status": {"phase": "Running", "nodes": nodes}}


def metrics_of(store: Store, run: Any, branch: trees.TreeNode) -> list[tuple[str, Any]]:
    return [(one.name, one.value) for one in store.metrics(run) if one.task_id == branch.node["id"]]


def flat(branch: trees.TreeNode) -> Iterator[trees.TreeNode]:
    yield branch
    for below in branch.below:
        yield from flat(below)
