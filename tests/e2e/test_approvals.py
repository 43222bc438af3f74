"""Steps that wait for a person: Argo's own commands let them go on, and the record is that of a run here."""

from __future__ import annotations

import secrets
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, engine, k8s
from mlplat.runs.documents import with_name
from mlplat.runs.load import load
from tests.e2e.engines import differences, find, output
from tests.e2e.harness.cluster import Access

PROGRAM = Path(__file__).parent / "programs/deciding.py"

pytestmark = pytest.mark.usefixtures("cluster_of_kubeconfig")


def compiled(cluster: Access) -> list[dict[str, Any]]:
    spec = load(str(PROGRAM)).spec
    assert spec is not None
    options = compiler.Options(cache=False, namespace=cluster.namespace, service_account="mlplat-task")
    return with_name(compiler.manifest(spec, options), f"e2e-{secrets.token_hex(4)}")


def waiting(name: str, task: str, namespace: str) -> dict[str, Any]:
    """Return the node of a step once it waits."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        nodes = k8s.read(name, namespace=namespace).get("status", {}).get("nodes", {}).values()
        for node in nodes:
            if node["displayName"] == task and node["phase"] == "Running":
                return dict(node)
        time.sleep(0.5)
    raise AssertionError(f"{task} does not wait")


def argo(cluster: Access, env: Mapping[str, str], *words: str) -> None:
    command = [str(cluster.argo), "-n", cluster.namespace, *words]
    subprocess.run(command, env=dict(env), check=True, capture_output=True)


def test_an_approval_returns_the_choice(cluster: Access, cluster_env: dict[str, str], tmp_path: Path) -> None:
    documents = compiled(cluster)
    name = documents[-1]["metadata"]["name"]
    k8s.submit(documents)
    node = waiting(name, "approval", cluster.namespace)
    given = {one["name"]: one["value"] for one in node["inputs"]["parameters"]}
    assert given["message"] == "3 rows: train?"
    one = f"--node-field-selector=displayName={node['displayName']}"
    answers = {**given, output_name(node): "yes"}
    chosen = [f"--output-parameter={key}={value}" for key, value in answers.items()]
    argo(cluster, cluster_env, "node", "set", name, one, *chosen)
    argo(cluster, cluster_env, "resume", name, one)
    waiting(name, "approval-2", cluster.namespace)
    argo(cluster, cluster_env, "resume", name)
    done = k8s.follow(name, namespace=cluster.namespace)
    assert done["status"]["phase"] == "Succeeded"
    assert output(done, "train") == "trained on 3 rows"

    async def answer(node: Mapping[str, Any]) -> dict[str, str]:
        return {output_name(node): "yes"} if node["displayName"] == "approval" else {}

    here = engine.run(documents, home=tmp_path / "home", ask=answer)
    for node in done["status"]["nodes"].values():
        if node["type"] == "Suspend":
            assert node.pop("message").startswith("Resumed by: ")
    assert differences(here, done) == ""


def output_name(node: Mapping[str, Any]) -> str:
    """Return what the output of a step with choices is called."""
    [parameter] = [one for one in node["outputs"]["parameters"] if one["name"] != "message"]
    return str(parameter["name"])


def test_a_run_that_is_not_approved_is_stopped(cluster: Access, cluster_env: dict[str, str]) -> None:
    documents = compiled(cluster)
    name = documents[-1]["metadata"]["name"]
    k8s.submit(documents)
    waiting(name, "approval", cluster.namespace)
    argo(cluster, cluster_env, "stop", name)
    done = k8s.follow(name, namespace=cluster.namespace)
    assert done["status"]["phase"] == "Failed"
    assert find(done, "approval")["phase"] == "Failed"
    assert not [node for node in done["status"]["nodes"].values() if node["displayName"] == "train"]
