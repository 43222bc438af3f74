"""Volume claims that tasks of a run make, mount and remove."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, dsl, engine, kubernetes
from mlplat.engine.containers import PodInfo
from mlplat.engine.volumes import Volumes
from tests.unit.engine.manifests import dag, gives, node, shell, task, value, workflow

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
        (acts("create", "{{workflow.parameters.n}}"), "the manifest: not YAML"),
    ],
)
def test_a_claim_that_can_not_be(run: Any, template: dict[str, Any], message: str) -> None:
    given = {"parameters": [{"name": "m", "value": '{"kind": "Job"}'}, {"name": "n", "value": "a: [b"}]}
    done = run(workflow(dag(task("a", template["name"])), template, arguments=given))
    assert node(done, "wf.a")["phase"] == "Failed"
    assert message in node(done, "wf.a")["message"]


def test_a_claim_is_made_once(run: Any) -> None:
    done = run(workflow(dag(task("a", "create"), task("b", "create", "a")), acts("create")))
    assert 'persistentvolumeclaims "data" already exists' in node(done, "wf.b")["message"]


CLAIM_AND_SETTINGS = [
    {"name": "claim", "persistentVolumeClaim": {"claimName": "data"}},
    {"name": "conf", "configMap": {"name": "settings"}},
    {"name": "scratch", "emptyDir": {}},
]
SETTINGS = {"kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"a": "A"}}


def inside(script: str, *mounts: dict[str, Any], name: str = "t", **fields: Any) -> dict[str, Any]:
    """A template with the claim at /data, and with further mounts."""
    template = shell(name, script, outputs=gives(o="/tmp/o"), **fields)
    template["container"]["volumeMounts"] = [{"name": "claim", "mountPath": "/data"}, *mounts]
    return template


CONF = {"name": "conf", "mountPath": "/data/conf"}


def test_a_mount_inside_a_claim_is_there_for_each_task_and_gone_afterwards(run: Any, home: Path) -> None:
    template = inside("cat /data/conf/a > /tmp/o; test ! -e /data/scratch/x; touch /data/scratch/x", CONF)
    template["container"]["volumeMounts"].append({"name": "scratch", "mountPath": "/data/scratch"})
    main = dag(task("a", "t"), task("b", "t", "a"))
    for name in ("first", "second"):
        done = run(workflow(main, template, name=name, volumes=CLAIM_AND_SETTINGS), SETTINGS)
        assert [value(done, f"{name}.{one}", "o") for one in "ab"] == ["A", "A"]
    assert list((home / "volumes" / "data").iterdir()) == []


def test_tasks_that_run_at_once_share_a_mount_inside_a_claim(run: Any, home: Path) -> None:
    script = (
        "touch /data/$0; for i in $(seq 3000); do [ -e /data/a ] && [ -e /data/b ] && break; sleep 0.02; done; "
        "sleep $1; cat /data/conf/a > /tmp/o"
    )
    quick, slow = inside(script, CONF, name="quick"), inside(script, CONF, name="slow")
    quick["container"]["args"] += ["a", "0"]
    slow["container"]["args"] += ["b", "0.4"]
    main = dag(task("a", "quick"), task("b", "slow"))
    done = run(workflow(main, quick, slow, volumes=CLAIM_AND_SETTINGS), SETTINGS)
    assert [value(done, f"wf.{one}", "o") for one in "ab"] == ["A", "A"]
    assert sorted(one.name for one in (home / "volumes" / "data").iterdir()) == ["a", "b"]


def test_a_mount_inside_a_claim_after_an_engine_was_killed(run: Any, home: Path) -> None:
    claim = home / "volumes" / "data"
    claim.mkdir(parents=True)
    (claim / "conf").symlink_to(home / "runs" / "killed" / "volumes" / "0")
    template = inside("cat /data/conf/a > /tmp/o", CONF)
    done = run(workflow(dag(task("a", "t")), template, volumes=CLAIM_AND_SETTINGS), SETTINGS)
    assert value(done, "wf.a", "o") == "A"


def test_a_mount_inside_a_claim_hides_no_files_of_it(run: Any, home: Path) -> None:
    kept = home / "volumes" / "data" / "conf" / "mine"
    kept.parent.mkdir(parents=True)
    kept.write_text("mine")
    template = inside("true", CONF)
    done = run(workflow(dag(task("a", "t")), template, volumes=CLAIM_AND_SETTINGS), SETTINGS)
    message = node(done, "wf.a")["message"]
    assert "cannot mount at /data/conf: the enclosing volume already contains" in message
    assert kept.read_text() == "mine"


def makes(script: str) -> dict[str, Any]:
    outputs = {"artifacts": [{"name": "f", "path": "/out/f", "archive": {"none": {}}, "s3": {"key": "k"}}]}
    return shell("make", f"mkdir -p /out; {script}", outputs=outputs)


def test_a_file_in_a_claim_is_replaced_by_an_artifact(run: Any, tmp_path: Path, home: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("stays")
    claim = home / "volumes" / "data"
    claim.mkdir(parents=True)
    (claim / "raw").symlink_to(outside)
    inputs = {
        "artifacts": [
            {"name": "f", "path": "/data/f", "s3": {"key": "k"}, "mode": 0o444},
            {"name": "raw", "path": "/data/raw", "raw": {"data": "new"}},
        ]
    }
    reader = inside("cat /data/f /data/raw > /tmp/o", inputs=inputs)
    main = dag(task("m", "make"), task("a", "t", "m"), task("b", "t", "a"))
    done = run(workflow(main, makes("echo file > /out/f"), reader, volumes=CLAIM_AND_SETTINGS))
    assert value(done, "wf.b", "o") == "file\nnew"
    assert outside.read_text() == "stays"


def test_a_folder_in_a_claim_is_replaced_by_no_artifact_as_on_argo(run: Any, home: Path) -> None:
    kept = home / "volumes" / "data" / "f" / "mine"
    kept.parent.mkdir(parents=True)
    kept.write_text("mine")
    reader = inside("true", inputs={"artifacts": [{"name": "f", "path": "/data/f", "s3": {"key": "k"}}]})
    main = dag(task("m", "make"), task("a", "t", "m"))
    done = run(workflow(main, makes("mkdir /out/f"), reader, volumes=CLAIM_AND_SETTINGS))
    assert "rename /mainctrfs/data/f.tmp /mainctrfs/data/f: file exists" in node(done, "wf.a")["message"]
    assert kept.read_text() == "mine"


def test_a_path_within_a_claim_may_name_variables(run: Any, home: Path) -> None:
    template = inside("cat /data/f > /part/f; cat /part/f > /tmp/o")
    template["container"]["env"] = [{"name": "WHO", "value": "me"}]
    part = {"name": "claim", "mountPath": "/part", "subPathExpr": "of/$(WHO)/$$(WHO)"}
    template["container"]["volumeMounts"].append(part)
    claim = home / "volumes" / "data"
    claim.mkdir(parents=True)
    (claim / "f").write_text("F")
    done = run(workflow(dag(task("a", "t")), template, volumes=CLAIM_AND_SETTINGS))
    assert value(done, "wf.a", "o") == "F"
    assert (claim / "of" / "me" / "$(WHO)" / "f").read_text() == "F"


@pytest.mark.parametrize(
    ("mount", "message"),
    [
        ({"subPath": "../../../escaped"}, "must not contain '..'"),
        ({"subPath": "/escaped"}, "must be a relative path"),
        ({"subPathExpr": "$(UP)/escaped"}, "must not contain '..'"),
        ({"subPathExpr": "$(NONE)/x"}, 'missing value for "NONE"'),
        ({"subPath": "a", "subPathExpr": "b"}, "has a subPath and a subPathExpr"),
        ({"subPath": "link/escaped"}, "is not within volume 'claim'"),
    ],
)
def test_a_mount_does_not_leave_its_volume(
    run: Any, mount: dict[str, Any], message: str, tmp_path: Path, home: Path
) -> None:
    claim = home / "volumes" / "data"
    claim.mkdir(parents=True)
    (claim / "link").symlink_to(tmp_path)
    patch = {"name": "main", "volumeMounts": [{"name": "claim", "mountPath": "/x", **mount}]}
    template = inside("true", podSpecPatch=json.dumps({"containers": [patch]}))
    template["container"]["env"] = [{"name": "UP", "value": ".."}]
    done = run(workflow(dag(task("a", "t")), template, volumes=CLAIM_AND_SETTINGS))
    assert node(done, "wf.a")["phase"] == "Error"
    assert message in node(done, "wf.a")["message"]
    assert not list(tmp_path.rglob("escaped"))


@pytest.mark.parametrize(
    ("volume", "mount", "read_only"),
    [
        ({"persistentVolumeClaim": {"claimName": "data"}}, {}, False),
        ({"persistentVolumeClaim": {"claimName": "data"}}, {"readOnly": True}, True),
        ({"persistentVolumeClaim": {"claimName": "data", "readOnly": True}}, {}, True),
        ({"configMap": {"name": "settings"}}, {}, True),
        ({"projected": {"sources": [{"configMap": {"name": "settings"}}]}}, {"subPath": "a"}, True),
    ],
)
def test_it_is_known_which_volumes_may_only_be_read(
    volume: dict[str, Any], mount: dict[str, Any], read_only: bool, tmp_path: Path
) -> None:
    volumes = Volumes(tmp_path / "run", tmp_path / "claims")
    pod = PodInfo("p", "default", config_maps={"settings": {"a": "A"}})
    mounts = [{"name": "v", "mountPath": "/v", **mount}]
    made = volumes.mount(tmp_path / "root", mounts, [{"name": "v", **volume}], pod, {})
    assert made["/v"].read_only is read_only


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
    done = engine.run(compiler.manifest(claims.spec, options), home=tmp_path)
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
