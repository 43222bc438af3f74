"""Fixtures of the end-to-end tests: a cluster to use, and how to run a Workflow on it."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlplat import k8s
from tests.e2e.engines import Engines
from tests.e2e.harness.cluster import Access, Cluster
from tests.e2e.harness.failure import HarnessError

_LONGEST = 1800
"""Seconds after which a test fails: it waits for what does not come, such as a pod whose image does not exist."""

_HOW = "start the tests with tests/e2e/run (or make e2e), or set MLPLAT_E2E_KUBECONFIG"


@pytest.fixture(autouse=True)
def _bounded() -> Iterator[None]:
    """Fail a test that waits forever, so that the next ones run."""

    def end(number: int, frame: object) -> None:
        raise TimeoutError(f"the test took more than {_LONGEST} seconds")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(_LONGEST)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def cluster() -> Access:
    """The cluster that the tests use; it runs already, and this process is in its network."""
    try:
        external = Access.external()
        if external is not None:
            return external
        own = Cluster()
        if not own.is_ready():
            pytest.exit(f"the test cluster does not run; {_HOW}", returncode=2)
    except HarnessError as error:
        pytest.exit(str(error), returncode=2)
    if not Path("/proc/self/ns/net").samefile(own.access.nsenter[1].removeprefix("--net=")):
        pytest.exit(f"the tests do not run in the network of the cluster; {_HOW}", returncode=2)
    return own.access


@pytest.fixture
def cluster_of_kubeconfig(cluster: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process find the cluster as a user's would: by its kubeconfig."""
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))


@pytest.fixture
def engines(cluster: Access, cluster_of_kubeconfig: None, tmp_path: Path) -> Engines:
    """Both engines, with empty caches."""
    k8s.delete_caches(namespace=cluster.namespace)
    return Engines(cluster.namespace, tmp_path / "home")


@pytest.fixture(scope="session")
def namespace(cluster: Access) -> str:
    """The namespace in which Workflows run."""
    return cluster.namespace


@pytest.fixture(scope="session")
def kubeconfig(cluster: Access) -> Path:
    """An administrator's kubeconfig."""
    return cluster.kubeconfig


@pytest.fixture(scope="session")
def cluster_env(cluster: Access) -> dict[str, str]:
    """The environment for programs that use the cluster."""
    path = f"{cluster.kubectl.parent}:{os.environ['PATH']}"
    return {**os.environ, **cluster.exports(), "PATH": path}


Kubectl = Callable[..., str]


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
def volume(kubectl: Kubectl) -> Iterator[Path]:
    """A folder of the node that the next claim without a class is bound to."""
    name = f"store-{secrets.token_hex(4)}"
    with tempfile.TemporaryDirectory(prefix="mlplat-e2e-", dir="/var/tmp") as folder:
        path = Path(folder)
        path.chmod(0o777)
        for part in ("artifacts", "metadata"):
            (path / part).mkdir()
            (path / part).chmod(0o777)
        spec = {
            "capacity": {"storage": "20Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "hostPath": {"path": folder},
        }
        document = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name},
            "spec": spec,
        }
        kubectl("apply", "-f", "-", text=json.dumps(document))
        yield path
        kubectl("delete", "persistentvolume", name, "--wait=false")


RunWorkflow = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture
def run_workflow(cluster: Access, cluster_env: dict[str, str], tmp_path: Path) -> RunWorkflow:
    """Submits a Workflow, waits for its end, whatever that is, and returns it with its status."""

    def call(*arguments: str | Path) -> str:
        command = [str(cluster.argo), "-n", cluster.namespace, *map(str, arguments)]
        done = subprocess.run(command, env=cluster_env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run(workflow: dict[str, Any]) -> dict[str, Any]:
        path = tmp_path / "workflow.json"
        path.write_text(json.dumps(workflow))
        name = call("submit", "-o", "name", path).strip()
        # Its exit status tells how the Workflow ended, which the test reads from the result.
        subprocess.run(
            [str(cluster.argo), "-n", cluster.namespace, "wait", name],
            env=cluster_env,
            capture_output=True,
            check=False,
        )
        finished: dict[str, Any] = json.loads(call("get", "-o", "json", name))
        return finished

    return run
