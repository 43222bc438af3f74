"""Pipelines that KFP users compiled: Argo's full definitions take them, and both engines leave the same record."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, k8s, manifest
from mlplat.compiler.executors import STUBS
from mlplat.ir.model import ABSENT, Container, ParameterType, PipelineSpec
from mlplat.metadata import open_store
from tests.e2e.engines import CHANCE, accepted, differences, run_both
from tests.e2e.harness import config
from tests.e2e.harness.cluster import Access
from tests.e2e.harness.versions import WHEELS_IMAGE
from tests.unit.compiler.test_kfp_corpus import CASES, read
from tests.unit.engine.test_kfp_corpus import (
    LEFT_OUT,
    VALUES,
    arguments,
    packages,
    secrets_of_corpus,
    shortened,
)

CLAIMS = Path(__file__).parents[2] / "kustomize" / "claims"
PYTHON = "python:3.11"
AT_ONCE = 4

pytestmark = [
    pytest.mark.usefixtures("cluster_of_kubeconfig"),
    pytest.mark.skipif(not CASES, reason="the corpus of compiled pipelines is not there"),
]


@pytest.mark.smoke
def test_argo_accepts_every_pipeline(cluster: Access, cluster_env: dict[str, str], tmp_path: Path) -> None:
    for file in CASES:
        options = compiler.Options(
            name=f"dry-{secrets.token_hex(4)}", require_arguments=False, namespace=cluster.namespace
        )
        text = manifest.dump(compiler.manifest(read(file), options))
        (tmp_path / f"{file.stem}.yaml").write_text(text)
    created = accepted(cluster, cluster_env, sorted(tmp_path.glob("*.yaml")))
    assert created.count("workflow.argoproj.io/") == len(CASES)


ONLY_HERE = {
    "local_execution__local_execution_pipeline_with_retry": "counts its tries in a file that a new pod has not",
}
"""Pipelines that run on this machine alone, and why."""

DEADLINE = 600
"""Seconds after which a Workflow fails instead of holding the test up."""

RUN = secrets.token_hex(4)
VOLUMES: list[dict[str, Any]] = [
    {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"kfp-corpus-{RUN}-{number}"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": "1Gi"},
            "hostPath": {"path": f"/tmp/kfp-corpus/{RUN}/{number}", "type": "DirectoryOrCreate"},
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "standard",
        },
    }
    for number in range(8)
]
"""What pipelines claim in each of two runs: a workspace, and three claims of their own."""

CLAIM: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": VALUES[ParameterType.STRING]},
    "spec": {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Mi"}},
        "storageClassName": "standard",
    },
}
"""A claim that is there before the pipeline that takes its name as a parameter."""


FOR_GPU = (
    "gpu-scheduling__nvidia_gpu_scheduling_check",
    "local_execution__local_execution_pipeline_with_k8s_only_methods",
    "pipeline_with_string_machine_fields_pipeline_input",
)
GPUS = {"nvidia.com/gpu": "8"}
"""What the node says that it has: a container that only asks for one runs."""


NAMED = (
    "accelerator_limit",
    "accelerator_type",
    "cpu_limit",
    "memory_limit",
    "my_secret_name",
    "pvc_name",
    "secret_parm",
)
"""Parameters that name what the cluster has, so that there is no other value for them."""


def runnable(file: Path, cluster: Access) -> PipelineSpec | str:
    """Return a pipeline whose tasks use an image that the cluster has, or why it is not run."""
    spec = shortened(read(file))
    why = LEFT_OUT.get(file.stem) or ONLY_HERE.get(file.stem, "")
    if spec.root.input_artifacts:
        why = why or "takes a file of this machine"
    if cluster.wheels is None and (packages(spec) or file.stem in FOR_GPU):
        why = why or "needs a package, or a node that says that it has a GPU"
    if why:
        return why
    image = PYTHON if cluster.wheels is None else WHEELS_IMAGE
    executors = {
        label: settled(one, image, file.stem)
        if isinstance(one, Container) and one.image not in STUBS
        else one
        for label, one in spec.executors.items()
    }
    return replace(spec, executors=executors)


def documents(spec: PipelineSpec, values: dict[str, Any], cluster: Access) -> list[dict[str, Any]]:
    """Return the manifest of a pipeline: ConfigMaps, if it has some, and the Workflow."""
    options = compiler.Options(
        arguments=values,
        namespace=cluster.namespace,
        service_account="mlplat-task",
        claim_service_account="mlplat-claims",
    )
    *others, workflow = compiler.manifest(spec, options)
    return [*others, {**workflow, "spec": {"activeDeadlineSeconds": DEADLINE, **workflow["spec"]}}]


def changed(spec: PipelineSpec, values: dict[str, Any]) -> dict[str, Any]:
    """Return a second set of values for the parameters of a pipeline, defaults included."""
    defaults = {
        name: parameter.default
        for name, parameter in spec.root.input_parameters.items()
        if parameter.default is not ABSENT
    }
    return {name: value if name in NAMED else another(value) for name, value in (defaults | values).items()}


def another(value: Any) -> Any:
    """Return another value of the same type."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return f"{value} again"
        case list():
            return value[::-1]
        case _:
            return {**value, "again": 1}


def settled(container: Container, image: str, pipeline: str) -> Container:
    """Return a container for an image that the cluster has; what it draws by chance is the same each time.

    A variable keeps its results apart from those of other pipelines, which run at the same time.
    """
    python = container.python
    if python is not None:
        source = re.sub(
            r"^( *)import random$", r"\1import random; random.seed(7)", python.source, flags=re.MULTILINE
        )
        python = replace(python, source=source)
    return replace(container, image=image, python=python, env=(*container.env, ("PIPELINE", pipeline)))


def test_pipelines_leave_the_same_record(
    cluster: Access,
    cluster_env: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kubectl = [str(cluster.kubectl), "-n", cluster.namespace]
    subprocess.run([*kubectl, "apply", "-k", str(CLAIMS)], env=cluster_env, check=True)
    for document in (*secrets_of_corpus(), *VOLUMES, CLAIM):
        apply = [*kubectl, "apply", "-f", "-"]
        subprocess.run(apply, env=cluster_env, input=json.dumps(document), text=True, check=True)
    if cluster.wheels is not None:
        monkeypatch.setenv("PIP_NO_INDEX", "1")
        monkeypatch.setenv("PIP_FIND_LINKS", str(cluster.wheels))
        capacity = json.dumps({"status": {"capacity": GPUS}})
        patch = [*kubectl, "patch", "node", config.NODE, "--subresource=status", f"--patch={capacity}"]
        subprocess.run(patch, env=cluster_env, check=True)
    specs = {}
    for file in CASES:
        (tmp_path / file.stem).mkdir()
        found = runnable(file, cluster)
        if not isinstance(found, str):
            specs[file.stem] = found

    k8s.delete_caches(namespace=cluster.namespace)
    names: list[str] = []
    hits: list[str] = []

    def compared(stem: str) -> str:
        spec, beside = specs[stem], secrets_of_corpus()
        first = arguments(spec, tmp_path / stem)
        other = changed(spec, first)
        runs = {"first": first, "again": first} | ({"other values": other} if other != first else {})
        with open_store(tmp_path / stem / "mlplat.db") as store:
            for title, values in runs.items():
                manifest_of_run = documents(spec, values, cluster)
                name = f"{manifest_of_run[-1]['metadata']['generateName']}{secrets.token_hex(4)}"
                names.append(name)
                cache = store.cache(cluster.namespace)
                both = run_both(manifest_of_run, name, tmp_path / stem, cache=cache, beside=beside)
                if found := differences(both.here, both.argo, ignoring=CHANCE):
                    return f"{stem}, {title}: {found}"
                if title == "again":
                    nodes = both.argo["status"]["nodes"].values()
                    hits.extend(
                        node["name"] for node in nodes if node.get("memoizationStatus", {}).get("hit")
                    )
        return ""

    with ThreadPoolExecutor(AT_ONCE) as pool:
        all_differences = [one for one in pool.map(compared, specs) if one]
    with capsys.disabled():
        ran = f"{len(specs)} of {len(CASES)} pipelines ran on both engines, in {len(names)} runs"
        print(f"\n{ran}; {len(hits)} tasks came from the cache", end=" ")
    volumes = [volume["metadata"]["name"] for volume in VOLUMES]
    # A claim goes when no pod names it any more, not even one that has ended.
    subprocess.run(
        [*kubectl, "delete", "workflows", *names], env=cluster_env, check=True, capture_output=True
    )
    gone = [*kubectl, "delete", "--wait=false", "pvc", CLAIM["metadata"]["name"]]
    subprocess.run(gone, env=cluster_env, check=True)
    subprocess.run([*kubectl, "delete", "--wait=false", "pv", *volumes], env=cluster_env, check=True)
    assert not all_differences, "\n".join(all_differences)
    assert hits
