"""Runs of a cluster as people meet them: pods that cannot start, runs of others, followers that are killed."""

from __future__ import annotations

import json
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlplat import k8s, manifest
from mlplat.cli import main
from mlplat.errors import ClusterError
from mlplat.metadata import open_store
from tests.e2e.conftest import Kubectl
from tests.e2e.harness import config
from tests.e2e.harness.cluster import Access
from tests.e2e.harness.versions import ML_IMAGE
from tests.e2e.test_k8s import shell, workflow

ROOT = Path(__file__).parents[2]
Json = dict[str, Any]
Told = Callable[..., "tuple[int, str, str]"]

pytestmark = pytest.mark.usefixtures("cluster_of_kubeconfig")


@pytest.fixture
def mlplat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Told:
    """Runs a command in this process, in a folder of its own; returns exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLPLAT_HOME", raising=False)

    def call(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def name() -> str:
    return f"cluster-{secrets.token_hex(4)}"


def started(document: Json, name: str, namespace: str, folder: Path) -> subprocess.Popen[str]:
    """Run a Workflow in a process of its own, as a person does."""
    (folder / "run.json").write_text(json.dumps(document))
    return running("run.json", name, namespace, folder)


def running(file: str, name: str, namespace: str, folder: Path) -> subprocess.Popen[str]:
    """Run a file of a folder in a process of its own."""
    command = [sys.executable, "-m", "mlplat", "run", file, "--name", name]
    return subprocess.Popen(
        [*command, *where(namespace)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads
    )


def until(process: subprocess.Popen[str], *parts: str) -> str:
    """Read what a process says until all parts have been said."""
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if all(part in said for part in parts):
            return said
    raise AssertionError(said)


def ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Wait for the end of a process; return its output, and the errors that :func:`until` has not read."""
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        rest, report = process.stderr.read(), process.stdout.read()
    return report, rest


def where(namespace: str) -> tuple[str, ...]:
    return ("--engine", "argo", "-n", namespace)


@pytest.fixture
def tenant(kubectl: Kubectl) -> Iterator[str]:
    """A new namespace with nothing in it but what Kubernetes puts there."""
    name = f"cluster-{secrets.token_hex(4)}"
    kubectl("create", "namespace", name)
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


def mounting(name: str, volume: Json) -> Json:
    template = shell(name, "true")
    template["container"]["volumeMounts"] = [{"name": "v", "mountPath": "/v"}]
    return {**template, "volumes": [{"name": "v", **volume}]}


def with_container(name: str, **fields: Any) -> Json:
    template = shell(name, "true")
    template["container"] |= fields
    return template


def reading(name: str, kind: str) -> Json:
    source = {f"{kind}KeyRef": {"name": "missing", "key": "k"}}
    return with_container(name, env=[{"name": "X", "valueFrom": source}])


CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "unbound"},
    "spec": {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "nobody-has-it",
        "resources": {"requests": {"storage": "1Gi"}},
    },
}
CANNOT_START: dict[str, tuple[Json, str, str]] = {
    "image": (
        with_container("image", image="registry.invalid/none:1", imagePullPolicy="Always"),
        "registry.invalid/none:1",
        "check the name of the image",
    ),
    "never": (
        with_container("never", image="none/such:1", imagePullPolicy="Never"),
        "ErrImageNeverPull",
        "load the image on the node",
    ),
    "node": (
        {**shell("node", "true"), "nodeSelector": {"nobody": "has-it"}},
        "didn't match Pod's node affinity/selector",
        "compare the node selector",
    ),
    "memory": (
        with_container("memory", resources={"requests": {"memory": "9Ti"}}),
        "Insufficient memory",
        "request less",
    ),
    "secret": (reading("secret", "secret"), 'secret "missing" not found', "create it in namespace"),
    "settings": (reading("settings", "configMap"), 'configmap "missing" not found', "create it in namespace"),
    "mount": (
        mounting("mount", {"secret": {"secretName": "missing"}}),
        'MountVolume.SetUp failed for volume "v" : secret "missing" not found',
        "create it in namespace",
    ),
    "claim": (
        mounting("claim", {"persistentVolumeClaim": {"claimName": "missing"}}),
        'persistentvolumeclaim "missing" not found',
        "kubectl describe pvc",
    ),
    "unbound": (
        mounting("unbound", {"persistentVolumeClaim": {"claimName": "unbound"}}),
        "unbound immediate PersistentVolumeClaims",
        "kubectl describe pvc",
    ),
}


def test_why_pods_cannot_start_is_reported_at_once_and_at_the_end(
    tenant: str, kubectl: Kubectl, mlplat: Told, name: str, tmp_path: Path
) -> None:
    kubectl("apply", "-n", tenant, "-k", str(ROOT / "kustomize/base"))
    kubectl("apply", "-n", tenant, "-f", "-", text=json.dumps(CLAIM))
    tasks = [{"name": task, "template": task} for task in CANNOT_START]
    templates = [template for template, _, _ in CANNOT_START.values()]
    document = workflow({"name": "main", "dag": {"tasks": tasks}}, *templates)
    run = started(document, name, tenant, tmp_path)

    said = until(run, *(reason for _, reason, _ in CANNOT_START.values()))
    code, tasks_now, _ = mlplat("get", "tasks", name, *where(tenant))
    assert mlplat("stop", name, *where(tenant))[0] == 0
    report, rest = ended(run)

    assert code == 0
    assert run.returncode == 130
    blocks: dict[str, str] = {}
    for block in (said + rest).split("… ")[1:]:
        task, _, sentences = block.partition("  cannot start\n")
        blocks[task] = blocks.get(task, "") + sentences
    rows = {line.split()[0]: line for line in tasks_now.splitlines()}
    for task, (_, reason, advice) in CANNOT_START.items():
        assert reason in blocks[task]
        assert advice in blocks[task]
        assert "Pending" in rows[task]
        assert reason in rows[task]
    explained = {task for task in CANNOT_START if f"\n{task} failed: " in report}
    assert len(explained) == 5
    for task in explained:
        assert CANNOT_START[task][1] in report.partition(f"\n{task} failed: ")[2].partition(" failed: ")[0]
    others = report.partition("\n4 more failed: ")[2].splitlines()[0]
    assert set(others.split(", ")) == CANNOT_START.keys() - explained


def test_a_quota_and_a_missing_account_are_reported(
    tenant: str, kubectl: Kubectl, mlplat: Told, name: str, tmp_path: Path
) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none"},
        "spec": {"hard": {"pods": "0"}},
    }
    kubectl("apply", "-n", tenant, "-f", "-", text=json.dumps(quota))
    kubectl("apply", "-n", tenant, "-k", str(ROOT / "kustomize/base"))
    run = started(workflow(shell("main", "true")), name, tenant, tmp_path)
    until(run, "exceeded quota: none", f"kubectl describe resourcequota -n {tenant}")
    mlplat("terminate", name, *where(tenant))
    ended(run)
    assert run.returncode == 130

    kubectl("delete", "resourcequota", "-n", tenant, "none")
    file = tmp_path / "account.json"
    file.write_text(json.dumps(workflow(shell("main", "true"), serviceAccountName="nobody")))
    code, report, _ = mlplat("run", str(file), *where(tenant))
    assert code == 1
    assert 'serviceaccount "nobody" not found' in report
    assert "was deleted" not in report


def test_stop_runs_the_exit_handler_and_terminate_does_not(
    cluster: Access, mlplat: Told, name: str, tmp_path: Path
) -> None:
    place = where(cluster.namespace)
    document = workflow(shell("main", "sleep 300"), shell("bye", "echo bye"), onExit="bye")
    for command, handled in (("stop", True), ("terminate", False)):
        run = started(document, f"{name}-{command}", cluster.namespace, tmp_path)
        until(run, "▶")
        _, _, err = mlplat(command, f"{name}-{command}", *place)
        assert f"mlplat attach {name}-{command} --engine argo" in err
        code, attached, _ = mlplat("attach", f"{name}-{command}", *place)
        assert code == 130
        out, _ = ended(run)
        assert run.returncode == 130
        for report in (attached, out):
            assert f"Stopped with strategy '{command.title()}'" in report
        nodes = k8s.read(f"{name}-{command}", namespace=cluster.namespace)["status"]["nodes"].values()
        assert any(node["name"].endswith(".onExit") for node in nodes) == handled
        code, _, err = mlplat(command, f"{name}-{command}", *place)
        assert (code, "has ended already" in err) == (2, True)
    code, _, err = mlplat("stop", f"{name}-stp", *place)
    assert code == 2
    assert f"did you mean '{name}-stop'?" in err


def test_a_follower_that_was_killed_catches_up(
    cluster: Access, mlplat: Told, name: str, tmp_path: Path
) -> None:
    place = where(cluster.namespace)
    document = workflow(shell("main", "echo one; while [ ! -e /tmp/gate ]; do sleep 0.2; done; echo two"))
    run = started(document, name, cluster.namespace, tmp_path)
    until(run, "▶")
    while _phase(tmp_path, name) != "Running":
        time.sleep(0.2)
    run.kill()
    ended(run)

    logs = subprocess.Popen(
        [sys.executable, "-m", "mlplat", "logs", "-f", name, *place],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    assert logs.stdout is not None
    assert logs.stdout.readline() == f"{name}: one\n"
    open_gate = ["exec", "-n", cluster.namespace, name, "-c", "main", "--", "touch", "/tmp/gate"]
    subprocess.run([str(cluster.kubectl), *open_gate], check=True)
    assert logs.communicate()[0] == f"{name}: two\n"
    while (read := mlplat("get", "runs"))[1].count("Running"):
        time.sleep(0.2)
    assert "Succeeded" in read[1]
    assert read[2] == ""
    assert "Succeeded" in mlplat("get", "tasks", name)[1]
    assert mlplat("attach", name, *place)[0] == 0
    for _ in range(2):
        assert mlplat("record", name, "-n", cluster.namespace) == (0, f"recorded {name}  Succeeded\n", "")
    assert "Succeeded" in mlplat("get", "tasks", name)[1]


def _phase(folder: Path, name: str) -> str:
    file = folder / ".mlplat/mlplat.db"
    if not file.exists():
        return ""
    with open_store(file) as store:
        return next((run.phase for run in store.runs(name=name)), "")


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_leaves_the_run_and_says_how_to_go_back(
    times: int, cluster: Access, mlplat: Told, name: str, tmp_path: Path
) -> None:
    run = started(workflow(shell("main", "sleep 300")), name, cluster.namespace, tmp_path)
    until(run, "▶")
    for _ in range(times):
        run.send_signal(signal.SIGINT)
        time.sleep(0.05)  # two signals at once are one
    _, err = ended(run)
    assert run.returncode == 130
    assert err.splitlines()[-2:] == [continues(name, cluster.namespace), "interrupted"]
    assert "Traceback" not in err
    assert k8s.read(name, namespace=cluster.namespace)["status"]["phase"] == "Running"
    mlplat("terminate", name, *where(cluster.namespace))
    k8s.follow(name, namespace=cluster.namespace)
    assert _phase(tmp_path, name) == "Running"
    assert "Stopped with strategy 'Terminate'" in mlplat("get", "runs")[1]
    assert _phase(tmp_path, name) == "Failed"


def continues(name: str, namespace: str) -> str:
    run = f"{name} --engine argo -n {namespace}"
    return f"the run continues; follow it: mlplat attach {run}; end it: mlplat stop {run}"


def test_ctrl_c_before_the_submit_submits_nothing(cluster: Access, name: str, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text("import sys, time\nprint('loading', file=sys.stderr)\ntime.sleep(300)")
    run = running("slow.py", name, cluster.namespace, tmp_path)
    until(run, "loading")
    run.send_signal(signal.SIGINT)
    _, err = ended(run)
    assert (run.returncode, err) == (130, "interrupted\n")
    with pytest.raises(ClusterError, match="not found"):
        k8s.read(name, namespace=cluster.namespace)


def test_ctrl_c_before_the_first_status_leaves_the_run(
    cluster: Access, kubectl: Kubectl, mlplat: Told, name: str, tmp_path: Path
) -> None:
    document = workflow(shell("main", "true"))
    of_no_controller = {"workflows.argoproj.io/controller-instanceid": "nobody"}
    document["metadata"] = {**document["metadata"], "labels": of_no_controller}
    run = started(document, name, cluster.namespace, tmp_path)
    until(run, f"submitted {name}")
    run.send_signal(signal.SIGINT)
    _, err = ended(run)
    kubectl("delete", "workflow", "-n", cluster.namespace, name)
    assert run.returncode == 130
    assert err.splitlines()[-2:] == [continues(name, cluster.namespace), "interrupted"]
    assert _phase(tmp_path, name) == "Pending"


def test_runs_of_others_are_listed_and_recorded(
    cluster: Access, cluster_env: dict[str, str], mlplat: Told, name: str, tmp_path: Path
) -> None:
    program = ROOT / "tests/programs/artifacts.py"
    command = ["compile", str(program), "--kind", "WorkflowTemplate", "--name", name, "--image", ML_IMAGE]
    assert mlplat(*command, "--service-account", "mlplat-task", "--no-cache", "-o", "template.yaml")[0] == 0
    (template,) = manifest.load((tmp_path / "template.yaml").read_text())
    template["spec"]["workflowMetadata"] = {
        **template["spec"].get("workflowMetadata", {}),
        "labels": {"team": name},
    }
    (tmp_path / "template.yaml").write_text(manifest.dump([template]))

    def argo(*words: str) -> str:
        done = subprocess.run(
            [str(cluster.argo), "-n", cluster.namespace, *words],
            env=cluster_env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    argo("template", "create", "template.yaml")
    try:
        run = argo(
            "submit", "--from", f"workflowtemplate/{name}", "--name", f"{name}-run", "--wait", "-o", "name"
        )
    finally:
        argo("template", "delete", name)
    place = where(cluster.namespace)
    code, live, _ = mlplat("get", "runs", *place, "--limit", "500")
    assert code == 0
    assert any(line.startswith(run) and "Succeeded" in line for line in live.splitlines())
    here: dict[str, str] = {}
    for what in ("tasks", "parameters", "metrics", "artifacts", "lineage"):
        code, here[what], _ = mlplat("get", what, run, *place, "-o", "json")
        assert code == 0
    assert json.loads(here["tasks"])
    assert json.loads(here["artifacts"])
    assert not (tmp_path / ".mlplat").exists()

    code, out, _ = mlplat("record", "-l", f"team={name}", "-n", cluster.namespace)
    assert (code, out) == (0, f"recorded {run}  Succeeded\n")
    for what, live in here.items():
        assert json.loads(mlplat("get", what, run, "-o", "json")[1]) == json.loads(live)


def test_logs_outlive_their_pods_where_argo_archives_them(
    tenant: str, cluster: Access, kubectl: Kubectl, mlplat: Told, name: str
) -> None:
    if cluster.s3_root is None:
        pytest.skip("the object store of another cluster may be out of reach")
    kubectl("apply", "-n", tenant, "-k", str(ROOT / "kustomize/base"))
    repository = {
        "bucket": config.S3_BUCKET,
        "endpoint": f"{config.NODE_ADDRESS}:{config.S3_PORT}",
        "insecure": True,
        "accessKeySecret": {"name": "s3", "key": "access"},
        "secretKeySecret": {"name": "s3", "key": "secret"},
    }
    keys = [f"--from-literal=access={config.S3_ACCESS_KEY}", f"--from-literal=secret={config.S3_SECRET_KEY}"]
    kubectl("create", "secret", "generic", "-n", tenant, "s3", *keys)
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "artifact-repositories",
            "annotations": {"workflows.argoproj.io/default-artifact-repository": "main"},
        },
        "data": {"main": json.dumps({"s3": repository})},
    }
    kubectl("apply", "-n", tenant, "-f", "-", text=json.dumps(config_map))
    tasks = [{"name": one, "template": one} for one in ("kept", "lost")]
    lost = {**shell("lost", "echo lost"), "archiveLocation": {"archiveLogs": False}}
    main = {"name": "main", "dag": {"tasks": tasks}}
    document = workflow(main, shell("kept", "echo kept"), lost, archiveLogs=True)
    k8s.submit([{**document, "metadata": {"name": name}}], namespace=tenant)
    done = k8s.follow(name, namespace=tenant)
    assert done["status"]["phase"] == "Succeeded"
    kubectl("delete", "pods", "-n", tenant, "--all", "--now")

    code, out, err = mlplat("logs", name, *where(tenant))

    assert (code, out) == (0, "kept: kept\n")
    assert "was deleted" in err
    code, out, err = mlplat("logs", name, "lost", *where(tenant))
    assert (code, out) == (2, "")


def test_doctor_finds_what_a_namespace_is_missing(
    tenant: str, cluster: Access, kubectl: Kubectl, mlplat: Told, tmp_path: Path
) -> None:
    words = ("doctor", *where(tenant), "--service-account", "mlplat-task")
    code, out, _ = mlplat(*words)
    assert code == 1
    for line in (
        "✖ service account: mlplat-task does not exist",
        "✖ permissions of the pods: mlplat-task is not allowed to create workflowtaskresults",
        "✖ artifact repository: none",
    ):
        assert line in out
    kubectl("apply", "-n", tenant, "-k", str(ROOT / "kustomize/base"))
    kubectl("apply", "-n", tenant, "-f", str(ROOT / "tests/e2e/harness/manifests/project/artifacts.yaml"))
    code, out, _ = mlplat(*words)
    assert "✖" not in out
    assert code == 0
    assert "✔ Secret s3-credentials/secret-key: exists" in out

    guest = _guest(cluster, kubectl, tmp_path, tenant)
    _, out, _ = mlplat(*words, "--kubeconfig", str(guest))
    assert "✖ your permissions: missing: create workflows" in out
    for what in ("service account", "permissions of the pods", "artifact repository"):
        assert f"· {what}: not checked: you are not allowed to " in out


def _guest(cluster: Access, kubectl: Kubectl, folder: Path, namespace: str) -> Path:
    """Write the kubeconfig of one who may do next to nothing."""
    document = json.loads(kubectl("config", "view", "--raw", "-o", "json"))
    token = kubectl("create", "token", "mlplat-task", "-n", namespace)
    document["users"] = [{"name": "guest", "user": {"token": token}}]
    for context in document["contexts"]:
        context["context"]["user"] = "guest"
    file = folder / "guest.json"
    file.write_text(json.dumps(document))
    return file
