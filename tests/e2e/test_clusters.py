"""What clusters want: a namespace with quotas and Pod Security's strictest level, and runs on a schedule."""

from __future__ import annotations

import json
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, k8s, manifest
from mlplat.cli import defaults
from mlplat.cli.load import load
from tests.e2e.engines import output
from tests.e2e.harness.cluster import Access

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "tests/e2e/harness/manifests/project"
RESTRICTED = ROOT / "templates/workflow-defaults/restricted.yaml"
PROGRAM = ROOT / "tests/programs/loops.py"
QUOTA = {
    "apiVersion": "v1",
    "kind": "ResourceQuota",
    "metadata": {"name": "all"},
    "spec": {
        "hard": {"requests.cpu": "2", "requests.memory": "2Gi", "limits.cpu": "16", "limits.memory": "16Gi"}
    },
}
Kubectl = Callable[..., str]


pytestmark = pytest.mark.usefixtures("cluster_of_kubeconfig")


@pytest.fixture
def kubectl(cluster: Access, cluster_env: dict[str, str]) -> Kubectl:
    def call(*words: str, text: str | None = None) -> str:
        command = [str(cluster.kubectl), *words]
        done = subprocess.run(
            command, env=cluster_env, input=text, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


@pytest.fixture
def tenant(kubectl: Kubectl, tmp_path: Path) -> Iterator[str]:
    """A namespace that takes restricted pods with requests and limits alone, and has an artifact repository."""
    name = f"restricted-{secrets.token_hex(4)}"
    kubectl("create", "namespace", name)
    kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    kubectl("apply", "-n", name, "-f", "-", text=json.dumps(QUOTA))
    kubectl("apply", "-n", name, "-k", str(ROOT / "kustomize/base"))
    kubectl("apply", "-n", name, "-f", str(PROJECT / "artifacts.yaml"))
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


def test_a_restricted_namespace_runs_pipelines(tenant: str, kubectl: Kubectl) -> None:
    options = compiler.Options(
        namespace=tenant,
        service_account="mlplat-task",
        cache=False,
        workflow_defaults=defaults.read(str(RESTRICTED)),
    )
    spec = load(str(PROGRAM)).spec
    assert spec is not None
    submitted = k8s.submit(compiler.manifest(spec, options))
    done = k8s.follow(submitted["metadata"]["name"], namespace=tenant)
    messages = {node["name"]: node.get("message") for node in done["status"]["nodes"].values()}
    assert done["status"]["phase"] == "Succeeded", messages
    kubectl("wait", "-n", tenant, "--for=delete", "pods", "--all", "--timeout=60s")


def test_a_cron_workflow_starts_runs(cluster: Access, kubectl: Kubectl) -> None:
    name = f"every-{secrets.token_hex(4)}"
    options = compiler.Options(
        name=name,
        kind="CronWorkflow",
        schedule=compiler.Schedule(("@every 5s",), timezone="Europe/Berlin", concurrency_policy="Forbid"),
        namespace=cluster.namespace,
        service_account="mlplat-task",
        cache=False,
    )
    spec = load(str(ROOT / "tests/e2e/programs/small.py")).spec
    assert spec is not None
    kubectl("apply", "-f", "-", text=manifest.dump(compiler.manifest(spec, options)))
    try:
        run = _first_run(kubectl, cluster.namespace, name)
    finally:
        kubectl("delete", "cronworkflow", "-n", cluster.namespace, name, "--cascade=orphan")
    done = k8s.follow(run["metadata"]["name"], namespace=cluster.namespace)
    assert done["status"]["phase"] == "Succeeded"
    assert done["metadata"]["annotations"]["mlplat.dev/pipeline"] == spec.name
    assert output(done, "double") == 6


def _first_run(kubectl: Kubectl, namespace: str, name: str) -> dict[str, Any]:
    label = f"workflows.argoproj.io/cron-workflow={name}"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        found = json.loads(kubectl("get", "workflows", "-n", namespace, "-l", label, "-o", "json"))["items"]
        if found:
            return dict(found[0])
        time.sleep(1)
    raise AssertionError(f"{name} has started no run")
