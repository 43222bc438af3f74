"""What clusters want: a namespace with quotas and Pod Security's strictest level, and runs on a schedule."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, dsl, k8s, manifest
from mlplat.argo import stores
from mlplat.runs import settings
from mlplat.runs.load import load
from tests.e2e.conftest import Kubectl
from tests.e2e.engines import accepted, output
from tests.e2e.harness.cluster import Access
from tests.e2e.harness.versions import ML_IMAGE

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

pytestmark = pytest.mark.usefixtures("cluster_of_kubeconfig")


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
        workflow_defaults=settings.workflow_defaults(str(RESTRICTED)),
    )
    spec = load(str(PROGRAM)).spec
    assert spec is not None
    submitted = k8s.submit(compiler.manifest(spec, options))
    done = k8s.follow(submitted["metadata"]["name"], namespace=tenant)
    messages = {node["name"]: node.get("message") for node in done["status"]["nodes"].values()}
    assert done["status"]["phase"] == "Succeeded", messages
    kubectl("wait", "-n", tenant, "--for=delete", "pods", "--all", "--timeout=60s")


@pytest.mark.smoke
@pytest.mark.parametrize("store", ["", stores.HDFS])
def test_the_cluster_takes_keys_of_any_repository(
    store: str, cluster: Access, cluster_env: dict[str, str], tmp_path: Path
) -> None:
    spec = load(str(ROOT / "tests/programs/artifacts.py")).spec
    assert spec is not None
    options = compiler.Options(name=f"dry-{secrets.token_hex(4)}", artifact_store=store)
    (tmp_path / "workflow.yaml").write_text(manifest.dump(compiler.manifest(spec, options)))
    assert "created" in accepted(cluster, cluster_env, [tmp_path / "workflow.yaml"])


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


def test_artifacts_lie_on_a_volume_of_the_namespace(volume: Path, kubectl: Kubectl) -> None:
    name = f"volume-{secrets.token_hex(4)}"
    kubectl("create", "namespace", name)
    try:
        kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
        keys = [f"--from-literal={key}={secrets.token_hex(16)}" for key in ("access-key", "secret-key")]
        kubectl("create", "secret", "generic", "artifact-store", "-n", name, *keys)
        for part in ("base", "artifacts"):
            kubectl("apply", "-n", name, "-k", str(ROOT / "kustomize" / part))
        kubectl("rollout", "status", "-n", name, "deployment/artifact-store", "--timeout=120s")
        options = compiler.Options(
            namespace=name,
            service_account="mlplat-task",
            cache=False,
            image=ML_IMAGE,
            workflow_defaults=settings.workflow_defaults(str(RESTRICTED)),
        )
        spec = load(str(ROOT / "tests/programs/artifacts.py")).spec
        assert spec is not None
        submitted = k8s.submit(compiler.manifest(spec, options))
        run = submitted["metadata"]["name"]
        done = k8s.follow(run, namespace=name)
        messages = {node["name"]: node.get("message") for node in done["status"]["nodes"].values()}
        assert done["status"]["phase"] == "Succeeded", messages
        assert [path for path in (volume / "artifacts" / run).rglob("*") if path.is_file()]
    finally:
        kubectl("delete", "namespace", name, "--wait=false")


def test_tasks_that_share_a_workspace_for_one_node_run(volume: Path, cluster: Access) -> None:
    @dsl.component
    def write(folder: str, name: str) -> str:
        from pathlib import Path

        Path(folder, name).write_text(name)
        return folder

    @dsl.component
    def read(folders: list) -> list:  # type: ignore[type-arg]
        from pathlib import Path

        return sorted(path.name for path in Path(folders[0]).iterdir())

    @dsl.pipeline(pipeline_config=dsl.PipelineConfig(workspace=dsl.WorkspaceConfig("1Gi")))
    def p() -> None:
        with dsl.ParallelFor(["artifacts/a", "artifacts/b"]) as name:
            written = write(folder=dsl.WORKSPACE_PATH_PLACEHOLDER, name=name)
        read(folders=dsl.Collected(written.output))

    options = compiler.Options(namespace=cluster.namespace, service_account="mlplat-task", cache=False)
    submitted = k8s.submit(compiler.manifest(p.spec, options))
    done = k8s.follow(submitted["metadata"]["name"], namespace=submitted["metadata"]["namespace"])
    assert output(done, "read") == ["artifacts", "metadata"]
    assert sorted(path.name for path in (volume / "artifacts").iterdir()) == ["a", "b"]
