"""The cluster client and the record on a real API server and controller."""

from __future__ import annotations

import subprocess
import threading
import time
import uuid
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from mlplat import k8s
from mlplat.errors import ClusterError
from mlplat.k8s import Listed, watch
from mlplat.k8s import client as verbs
from mlplat.k8s.resources import CONFIG_MAPS
from mlplat.metadata import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlplat.k8s import Client
    from tests.e2e.harness.cluster import Access

Json = dict[str, Any]


def workflow(*templates: Json, **spec: Any) -> Json:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "k8s-"},
        "spec": {
            "entrypoint": templates[0]["name"],
            "serviceAccountName": "mlplat-task",
            "ttlStrategy": {"secondsAfterCompletion": 600},
            "templates": list(templates),
            **spec,
        },
    }


def shell(name: str, script: str, **more: Any) -> Json:
    container = {"image": "python:3.11", "command": ["sh", "-c", script], **more.pop("container", {})}
    return {"name": name, "container": container, **more}


def values(text: str) -> Json:
    name = f"k8s-values-{uuid.uuid4().hex[:8]}"
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"text": text}}


@pytest.fixture(scope="module")
def where(cluster: Access) -> Json:
    return {"namespace": cluster.namespace, "kubeconfig": cluster.kubeconfig}


@pytest.fixture(scope="module")
def kubectl(cluster: Access) -> Any:
    def run(*arguments: str) -> str:
        command = [str(cluster.kubectl), "--kubeconfig", str(cluster.kubeconfig), "-n", cluster.namespace]
        return subprocess.run(
            [*command, *arguments], check=True, capture_output=True, text=True
        ).stdout.strip()

    return run


@pytest.fixture(scope="module")
def followed(where: Json) -> tuple[Json, list[str]]:
    """A run of a task that reads a ConfigMap and one that fails twice, and what the observer saw."""
    config_map = values("from the map é")
    mounted = {"volumeMounts": [{"name": "values", "mountPath": "/values"}]}
    tasks = [{"name": "say", "template": "say"}, {"name": "fail", "template": "fail", "depends": "say"}]
    submitted = k8s.submit(
        [
            workflow(
                {"name": "main", "dag": {"tasks": tasks}},
                shell(
                    "say",
                    "cat /values/text; echo; printf '%s' 42 > /tmp/answer",
                    container=mounted,
                    outputs={"parameters": [{"name": "answer", "valueFrom": {"path": "/tmp/answer"}}]},
                ),
                shell("fail", "echo oops; exit 3", retryStrategy={"limit": "1", "retryPolicy": "OnFailure"}),
                volumes=[{"name": "values", "configMap": {"name": config_map["metadata"]["name"]}}],
            ),
            config_map,
        ],
        **where,
    )
    seen: list[str] = []
    done = k8s.follow(
        submitted["metadata"]["name"],
        observer=lambda node: seen.append(f"{node['displayName']} {node['phase']}"),
        **where,
    )
    return done, seen


def node(done: Json, name: str) -> Json:
    (found,) = [item for item in done["status"]["nodes"].values() if item["displayName"] == name]
    return dict(found)


@pytest.mark.smoke
def test_a_run_is_followed_to_its_end(followed: tuple[Json, list[str]]) -> None:
    done, seen = followed

    assert done["status"]["phase"] == "Failed"
    assert node(done, "say")["outputs"]["parameters"][0]["value"] == "42"
    order = [
        seen.index(entry) for entry in ("say Pending", "say Succeeded", "fail(0) Failed", "fail(1) Failed")
    ]
    assert order == sorted(order)


@pytest.mark.smoke
def test_logs_are_what_the_task_printed(followed: tuple[Json, list[str]], cluster: Access) -> None:
    done, _ = followed

    def printed(name: str) -> list[str]:
        return list(k8s.logs(done, node(done, name)["id"], kubeconfig=cluster.kubeconfig))

    assert printed("say") == ["from the map é"]
    assert printed("fail") == printed("fail(1)") == ["oops"]


@pytest.mark.smoke
def test_the_record_holds_what_happened(followed: tuple[Json, list[str]], tmp_path: Path) -> None:
    done, _ = followed

    with open_store(tmp_path / "mlplat.db") as store:
        run = store.record(done)
        tasks = {task.display_name: task for task in store.tasks(run)}
        (answer,) = store.parameters(run)

    assert (run.engine, run.phase) == ("argo", "Failed")
    assert (tasks["say"].phase, tasks["say"].exit_code, tasks["say"].attempts) == ("Succeeded", 0, 1)
    assert (tasks["fail"].phase, tasks["fail"].exit_code, tasks["fail"].attempts) == ("Failed", 3, 2)
    assert (answer.name, answer.value) == ("answer", "42")


def test_config_maps_go_with_the_workflow(where: Json, kubectl: Any) -> None:
    config_map = values("x")
    nothing = workflow({"name": "wait", "suspend": {}})
    name = k8s.submit([config_map, nothing], **where)["metadata"]["name"]
    config_map_name = config_map["metadata"]["name"]
    assert kubectl("get", "configmap", config_map_name, "-o", "jsonpath={.data.text}") == "x"

    kubectl("delete", "workflow", name)
    kubectl("wait", "--for=delete", f"configmap/{config_map_name}", "--timeout=60s")

    assert kubectl("get", "configmap", config_map_name, "--ignore-not-found") == ""


def test_a_workflow_that_the_crds_refuse_leaves_nothing(where: Json, kubectl: Any) -> None:
    config_map = values("x")
    tasks = [{"name": f"t{number}", "template": "none"} for number in range(201)]
    wide = workflow({"name": "main", "dag": {"tasks": tasks}}, shell("none", "true"))

    with pytest.raises(ClusterError, match="at most 200 items") as caught:
        k8s.submit([config_map, wide], **where)

    assert [found.path for found in caught.value.diagnostics] == ["spec.templates[0].dag.tasks"]
    assert kubectl("get", "configmap", config_map["metadata"]["name"], "--ignore-not-found") == ""


def test_a_field_that_argo_does_not_know_is_refused(where: Json) -> None:
    with pytest.raises(ClusterError, match=r'unknown field "spec\.entripoint"'):
        k8s.submit([workflow(shell("main", "true"), entripoint="main")], **where)


def test_a_status_that_was_packed_is_read(where: Json, tmp_path: Path) -> None:
    skipped = {"name": "a", "template": "none", "when": "false"}
    sequence = {"withSequence": {"count": "1500", "format": "%0300d"}}
    many = workflow({"name": "main", "dag": {"tasks": [{**skipped, **sequence}]}}, shell("none", "true"))

    name = k8s.submit([many], **where)["metadata"]["name"]
    done = k8s.follow(name, **where)

    assert len(done["status"]["nodes"]) == 1502
    assert "compressedNodes" not in done["status"]
    with open_store(tmp_path / "mlplat.db") as store:
        assert len(store.tasks(store.record(done))) == 1500


def test_a_run_is_terminated(where: Json) -> None:
    name = k8s.submit([workflow({"name": "wait", "suspend": {}})], **where)["metadata"]["name"]
    waiting = threading.Event()

    def end() -> None:
        waiting.wait(60)
        k8s.terminate(name, **where)

    other = threading.Thread(target=end)
    other.start()
    done = k8s.follow(name, on_change=lambda it: waiting.set() if it.get("status") else None, **where)
    other.join()

    assert done["status"]["phase"] == "Failed"
    assert done["status"]["message"] == "Stopped with strategy 'Terminate'"
    with pytest.raises(ClusterError, match="has ended already"):
        k8s.stop(name, **where)


def test_a_deleted_run_is_noticed(where: Json, kubectl: Any) -> None:
    name = k8s.submit([workflow({"name": "wait", "suspend": {}})], **where)["metadata"]["name"]
    deleted = threading.Event()

    def delete(_: Json) -> None:
        if not deleted.is_set():
            deleted.set()
            kubectl("delete", "workflow", name, "--wait=false")

    with pytest.raises(ClusterError, match="was deleted while it ran"):
        k8s.follow(name, on_change=delete, **where)


def test_the_log_of_a_deleted_pod_is_an_error(where: Json, cluster: Access, kubectl: Any) -> None:
    name = k8s.submit([workflow(shell("main", "echo hello"))], **where)["metadata"]["name"]
    done = k8s.follow(name, **where)
    kubectl("delete", "pod", name, "--now")

    with pytest.raises(ClusterError, match=f"pod {name} was deleted"):
        list(k8s.logs(done, name, kubeconfig=cluster.kubeconfig))


def test_caches_are_deleted(where: Json) -> None:
    cache = f"mlplat-cache.{where['namespace']}.test.{uuid.uuid4().hex[:8]}"
    memoize = {"key": "k", "maxAge": "1h", "cache": {"configMap": {"name": cache}}}

    def hit() -> bool:
        name = k8s.submit([workflow(shell("main", "true", memoize=memoize))], **where)["metadata"]["name"]
        done = k8s.follow(name, **where)
        assert done["status"]["phase"] == "Succeeded"
        return bool(node(done, name)["memoizationStatus"]["hit"])

    assert (hit(), hit()) == (False, True)
    assert k8s.delete_caches(**where) >= 1
    assert not hit()


def test_access_reports_versions_and_permissions(where: Json) -> None:
    found = k8s.check_access(**where)

    assert found.server_version.startswith("v1.")
    assert found.crds == "full"
    assert found.missing_rights == ()


def test_missing_permissions_are_reported(where: Json, cluster: Access, kubectl: Any, tmp_path: Path) -> None:
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    config["users"] = [{"name": "guest", "user": {"token": kubectl("create", "token", "mlplat-task")}}]
    for context in config["contexts"]:
        context["context"]["user"] = "guest"
    guest = tmp_path / "kubeconfig"
    guest.write_text(yaml.safe_dump(config))
    as_guest = {**where, "kubeconfig": guest}

    with pytest.raises(
        ClusterError, match=r"you are not allowed to create workflows.*\n.*verbs: \['create'\]"
    ):
        k8s.submit([workflow(shell("main", "true"))], **as_guest)
    found = k8s.check_access(**as_guest)

    assert "create workflows" in found.missing_rights
    assert found.crds == "unknown"


def test_a_missing_run_is_an_error(where: Json) -> None:
    with pytest.raises(ClusterError, match='"no-such-run" not found'):
        k8s.read("no-such-run", **where)
    with pytest.raises(ClusterError, match='"no-such-run" not found'):
        k8s.follow("no-such-run", **where)


WIDGETS: Json = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.e2e.mlplat.dev"},
    "spec": {
        "group": "e2e.mlplat.dev",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {"type": "object", "properties": {"size": {"type": "integer"}}},
                            "status": {"type": "object", "properties": {"ready": {"type": "boolean"}}},
                        },
                    }
                },
            }
        ],
    },
}


@pytest.fixture
def client(where: Json) -> Client:
    return k8s.connect(**where)


@pytest.fixture
def widgets(client: Client) -> Iterator[None]:
    """A kind that nobody knows beforehand, with a status of its own."""
    applied = client.apply(WIDGETS)
    resource = client.resource(WIDGETS["apiVersion"], WIDGETS["kind"])
    while not any(
        (condition["type"], condition["status"]) == ("Established", "True")
        for condition in (applied.get("status") or {}).get("conditions") or ()
    ):
        time.sleep(0.5)
        applied = client.get(resource, WIDGETS["metadata"]["name"])
    yield
    client.delete(resource, WIDGETS["metadata"]["name"])


@pytest.fixture
def config_map(client: Client) -> Iterator[Callable[..., Json]]:
    """Makes ConfigMaps of one label, which are deleted in the end."""
    label = uuid.uuid4().hex[:8]

    def document(name: str, **data: str) -> Json:
        metadata = {"name": f"k8s-{label}-{name}", "labels": {"e2e": label}}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}

    yield document
    for item in client.list_metadata(CONFIG_MAPS, labels=f"e2e={label}").items:
        client.delete(CONFIG_MAPS, item["metadata"]["name"])


def selector(document: Json) -> str:
    return f"e2e={document['metadata']['labels']['e2e']}"


def test_an_object_is_applied_field_by_field(client: Client, config_map: Any) -> None:
    client.apply(config_map("a", x="1", y="1"))
    client.apply(config_map("a", z="other"), manager="someone-else")

    changed = client.apply(config_map("a", x="2"))
    again = client.apply(config_map("a", x="2"))

    assert changed["data"] == {"x": "2", "z": "other"}
    assert again["metadata"]["resourceVersion"] == changed["metadata"]["resourceVersion"]


def test_a_field_of_another_manager_is_taken_over_by_force_only(client: Client, config_map: Any) -> None:
    client.apply(config_map("a", x="1"))

    with pytest.raises(ClusterError, match=r'conflict with "mlplat".*\n.*force') as caught:
        client.apply(config_map("a", x="2"), manager="someone-else")
    assert [(found.code, found.path) for found in caught.value.diagnostics] == [("MLP824", ".data.x")]

    taken = client.apply(config_map("a", x="2"), manager="someone-else", force=True)
    assert taken["data"] == {"x": "2"}


def test_a_dry_run_stores_nothing(client: Client, config_map: Any) -> None:
    document = config_map("a", x="1")

    assert client.apply(document, dry_run=True)["data"] == {"x": "1"}
    assert not client.delete(CONFIG_MAPS, document["metadata"]["name"])


@pytest.mark.usefixtures("widgets")
def test_the_status_of_any_kind_is_written_by_itself(client: Client) -> None:
    name = f"k8s-{uuid.uuid4().hex[:8]}"
    widget: Json = {"apiVersion": "e2e.mlplat.dev/v1", "kind": "Widget", "metadata": {"name": name}}
    resource = client.resource("e2e.mlplat.dev/v1", "Widget")

    created = client.apply({**widget, "spec": {"size": 1}, "status": {"ready": False}})
    applied = client.apply({**widget, "spec": {"size": 9}, "status": {"ready": True}}, subresource="status")
    patched = client.patch(resource, name, {"status": {"ready": None}}, subresource="status")
    replaced = client.replace({**patched, "status": {"ready": False}}, subresource="status")

    assert "status" not in created
    assert (applied["spec"], applied["status"]) == ({"size": 1}, {"ready": True})
    assert patched.get("status", {}) == {}
    assert (replaced["spec"], replaced["status"]) == ({"size": 1}, {"ready": False})
    with pytest.raises(ClusterError, match="has been modified"):
        client.replace({**patched, "status": {"ready": True}}, subresource="status")
    with pytest.raises(ClusterError, match="field not declared in schema") as caught:
        client.apply({**widget, "spec": {"colour": "red"}})
    paths = [(found.code, found.path) for found in caught.value.diagnostics]
    assert paths == [("MLP807", ".spec.colour")]


def test_a_list_has_the_objects_of_all_pages(
    client: Client, config_map: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = [config_map(name, of=name) for name in "abcde"]
    for document in documents:
        client.create(document)
    monkeypatch.setattr(verbs, "_PAGE", 2)

    listed = client.list(CONFIG_MAPS, labels=selector(documents[0]))
    outlines = client.list_metadata(CONFIG_MAPS, labels=selector(documents[0]))

    assert [item["data"]["of"] for item in listed.items] == list("abcde")
    assert {item["kind"] for item in listed.items} == {"ConfigMap"}
    names = [document["metadata"]["name"] for document in documents]
    assert [item["metadata"]["name"] for item in outlines.items] == names
    assert not any("data" in item for item in outlines.items)
    assert len(client.list(CONFIG_MAPS, labels=selector(documents[0]), limit=3).items) == 3


def test_a_watch_tells_of_each_change(client: Client, config_map: Any) -> None:
    document = config_map("a", x="1")
    client.create(document)
    changes = watch(client, CONFIG_MAPS, labels=selector(document))

    first = next(changes)
    client.apply(config_map("a", x="2"), force=True)
    second = next(changes)
    client.delete(CONFIG_MAPS, document["metadata"]["name"])
    third = next(changes)

    assert [(change.type, change.object["data"]["x"]) for change in (first, second, third)] == [
        ("ADDED", "1"),
        ("MODIFIED", "2"),
        ("DELETED", "2"),
    ]


def test_a_watch_from_a_version_that_has_expired_lists_again(client: Client, config_map: Any) -> None:
    kept, gone = (client.create(config_map(name)) for name in ("kept", "gone"))
    client.delete(CONFIG_MAPS, gone["metadata"]["name"])
    client.create(config_map("new"))
    with pytest.raises(ClusterError, match="too old resource version"):
        next(client.changes(CONFIG_MAPS, "1"))

    changes = watch(client, CONFIG_MAPS, labels=selector(kept), start=Listed("1", (kept, gone)))
    found = [(change.type, change.object["metadata"]["name"][-4:]) for change in islice(changes, 2)]
    client.delete(CONFIG_MAPS, kept["metadata"]["name"])
    last = next(changes)

    assert found == [("DELETED", "gone"), ("ADDED", "-new")]
    assert (last.type, last.object["metadata"]["name"]) == ("DELETED", kept["metadata"]["name"])
