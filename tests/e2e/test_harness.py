"""The cluster itself: Workflows run with artifacts and outputs, definitions are full, nothing gets out."""

from __future__ import annotations

import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import RunWorkflow
from tests.e2e.harness.cluster import Access

WRITE = "mkdir /tmp/model && printf weights > /tmp/model/data"
READ = "wc -c < /tmp/model/data > /tmp/size && id -u > /tmp/user"


def container_template(name: str, script: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "container": {"image": "python:3.11", "command": ["sh", "-ec", script]}, **more}


def workflow(*templates: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "harness-"},
        "spec": {
            "entrypoint": templates[0]["name"],
            "serviceAccountName": "mlplat-task",
            "templates": list(templates),
            **spec,
        },
    }


def artifact_workflow() -> dict[str, Any]:
    model = {"name": "model", "path": "/tmp/model"}
    handed_on = {"name": "model", "from": "{{tasks.write.outputs.artifacts.model}}"}
    tasks = [
        {"name": "write", "template": "write"},
        {"name": "read", "template": "read", "depends": "write", "arguments": {"artifacts": [handed_on]}},
    ]
    return workflow(
        {"name": "main", "dag": {"tasks": tasks}},
        container_template("write", WRITE, outputs={"artifacts": [model]}),
        container_template(
            "read",
            READ,
            inputs={"artifacts": [model]},
            outputs={
                "parameters": [
                    {"name": "size", "valueFrom": {"path": "/tmp/size"}},
                    {"name": "user", "valueFrom": {"path": "/tmp/user"}},
                ]
            },
            securityContext={"runAsUser": 1000, "runAsNonRoot": True},
        ),
    )


def nodes_by_task(finished: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {node["displayName"]: node for node in finished["status"]["nodes"].values()}


@pytest.mark.smoke
def test_an_artifact_goes_through_s3_to_a_task_that_is_not_root(
    cluster: Access, run_workflow: RunWorkflow
) -> None:
    finished = run_workflow(artifact_workflow())

    assert finished["status"]["phase"] == "Succeeded", finished["status"].get("message")
    nodes = nodes_by_task(finished)
    outputs = {item["name"]: item["value"].strip() for item in nodes["read"]["outputs"]["parameters"]}
    assert outputs == {"size": "7", "user": "1000"}
    if cluster.s3_root is not None:
        key = next(
            item["s3"]["key"] for item in nodes["write"]["outputs"]["artifacts"] if item["name"] == "model"
        )
        with tarfile.open(cluster.s3_root / key) as archive:
            assert archive.getnames() == ["model", "model/data"]


@pytest.mark.smoke
def test_argo_lints_offline(cluster: Access, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    manifest = artifact_workflow()
    manifest["metadata"] = {"name": "harness"}
    good.write_text(json.dumps(manifest))
    manifest["spec"]["entrypoint"] = "missing"
    bad.write_text(json.dumps(manifest))

    def lint(path: Path) -> subprocess.CompletedProcess[str]:
        command = [str(cluster.argo), "lint", "--offline", "--strict", str(path)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    assert lint(good).returncode == 0, lint(good).stdout
    assert lint(bad).returncode != 0
    assert "missing" in lint(bad).stdout + lint(bad).stderr


def test_memoized_results_are_found_again(run_workflow: RunWorkflow) -> None:
    """The controller has no more than its stock rights and those of ``kustomize/base``."""
    cache = {"key": "same", "maxAge": "1h", "cache": {"configMap": {"name": "harness-memo"}}}
    output = {"parameters": [{"name": "made", "valueFrom": {"path": "/tmp/made"}}]}
    steps = [[{"name": name, "template": "make"}] for name in ("first", "second")]
    finished = run_workflow(
        workflow(
            {"name": "main", "steps": steps},
            container_template("make", "date +%N > /tmp/made", memoize=cache, outputs=output),
        )
    )

    assert finished["status"]["phase"] == "Succeeded", finished["status"].get("message")
    nodes = nodes_by_task(finished)
    assert nodes["second"]["memoizationStatus"]["hit"] is True
    assert nodes["first"]["outputs"]["parameters"] == nodes["second"]["outputs"]["parameters"]


def test_limits_of_the_full_definitions_hold(cluster: Access, cluster_env: dict[str, str]) -> None:
    tasks = [{"name": f"t{number}", "template": "task"} for number in range(201)]
    manifest = workflow({"name": "main", "dag": {"tasks": tasks}}, container_template("task", "true"))

    refused = subprocess.run(
        [str(cluster.kubectl), "-n", cluster.namespace, "create", "--dry-run=server", "-f", "-"],
        input=json.dumps(manifest),
        env=cluster_env,
        capture_output=True,
        text=True,
        check=False,
    )

    assert refused.returncode != 0
    assert "must have at most 200 items" in refused.stderr


def test_a_task_can_use_the_usual_libraries(run_workflow: RunWorkflow) -> None:
    template = container_template("main", "python -c 'import joblib, numpy, pandas, sklearn.linear_model'")
    template["container"]["image"] = "mlplat.test/python:ml"

    finished = run_workflow(workflow(template))

    assert finished["status"]["phase"] == "Succeeded", finished["status"].get("message")


@pytest.mark.smoke
def test_nothing_in_the_cluster_reaches_outside(cluster: Access, run_workflow: RunWorkflow) -> None:
    if not cluster.nsenter:
        pytest.skip("the network of a cluster that is not ours is its owner's business")
    probe = (
        "import errno, socket, sys\n"
        "try: socket.create_connection(('192.0.2.1', 80), timeout=20)\n"
        "except OSError as error: sys.exit(0 if error.errno == errno.ENETUNREACH else repr(error))\n"
        "sys.exit('connected')"
    )
    template = container_template("main", f'python3 -c "{probe}"')

    finished = run_workflow(workflow(template))

    assert finished["status"]["phase"] == "Succeeded", finished["status"].get("message")
    routes = subprocess.run(["ip", "route", "show", "default"], capture_output=True, text=True, check=True)
    assert routes.stdout == "", "the tests themselves can reach outside"
