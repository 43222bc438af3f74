"""Volume claims that tasks of a run make, mount and remove."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, dsl, kubernetes, local
from tests.unit.local.manifests import dag, gives, node, shell, task, value, workflow

CLAIM = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\n"


def acts(action: str, manifest: str = CLAIM) -> dict[str, Any]:
    return {"name": action, "resource": {"action": action, "manifest": manifest}}


def mounts(name: str, script: str) -> dict[str, Any]:
    template = shell(name, script, outputs=gives(o="/tmp/o"))
    template["container"]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    template["podSpecPatch"] = (
        '{"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]}'
    )
    return template


def test_a_claim_is_made_mounted_by_a_patch_and_removed(run: Any) -> None:
    made = workflow(dag(task("c", "create")), acts("create"))
    assert node(run(made), "wf.c")["type"] == "Pod"
    used = workflow(
        dag(task("w", "write"), task("r", "read", "w"), task("d", "delete", "r")),
        mounts("write", "echo kept > /data/f; echo > /tmp/o"),
        mounts("read", "cat /data/f > /tmp/o"),
        acts("delete"),
    )
    done = run(used)
    assert value(done, "wf.r", "o") == "kept"
    assert done["status"]["phase"] == "Succeeded"
    assert run(made)["status"]["phase"] == "Succeeded", "the claim was removed, and can be made again"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (acts("delete"), 'persistentvolumeclaims "data" not found'),
        (acts("create", "{{workflow.parameters.m}}"), "a resource of kind Job needs a Kubernetes cluster"),
        (
            acts("create", CLAIM.replace("name: data", "name: ../data")),
            'PersistentVolumeClaim "../data" is invalid',
        ),
        (acts("create", CLAIM + "{"), "the manifest is no YAML"),
    ],
)
def test_a_claim_that_can_not_be(run: Any, template: dict[str, Any], message: str) -> None:
    given = {"parameters": [{"name": "m", "value": '{"kind": "Job"}'}]}
    done = run(workflow(dag(task("a", template["name"])), template, arguments=given))
    assert node(done, "wf.a")["phase"] == "Failed"
    assert message in node(done, "wf.a")["message"]


def test_a_claim_is_made_once(run: Any) -> None:
    done = run(workflow(dag(task("a", "create"), task("b", "create", "a")), acts("create")))
    assert 'persistentvolumeclaims "data" already exists' in node(done, "wf.b")["message"]


@dsl.component
def keep(text: str) -> None:
    from pathlib import Path

    Path("/data/file").write_text(text)


@dsl.component
def kept() -> str:
    from pathlib import Path

    return Path("/data/file").read_text()


@dsl.pipeline
def claims(size: str = "5Mi") -> str:
    claim = kubernetes.CreatePVC(
        pvc_name_suffix="-data", access_modes=["ReadWriteOnce"], size=size, storage_class_name="standard"
    )
    first = keep(text="kept")
    second = kept().after(first)
    for one in (first, second):
        kubernetes.mount_pvc(one, claim.outputs["name"], "/data")
    kubernetes.DeletePVC(pvc_name=claim.outputs["name"]).after(second)
    return second.output  # type: ignore[return-value]


def test_a_pipeline_makes_a_claim_and_removes_it(tmp_path: Path) -> None:
    options = compiler.Options(name="wf", cache=False)
    done = local.run(compiler.manifest(claims.spec, options), home=tmp_path)
    assert done["status"]["phase"] == "Succeeded"
    assert value(done, "wf", "Output") == '"kept"'
    assert value(done, "wf.createpvc", "name") == '"wf-data"'
    manifest = json.loads(node(done, "wf.createpvc")["inputs"]["parameters"][-1]["value"])
    assert manifest == {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "wf-data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "5Mi"}},
            "storageClassName": "standard",
        },
    }
