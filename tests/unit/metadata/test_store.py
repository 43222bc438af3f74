"""Questions to the record."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from mlplat.errors import StoreError

if TYPE_CHECKING:
    from mlplat.metadata import Store

MakeRun = Callable[..., dict[str, Any]]


def _record(store: Store, make: MakeRun, name: str, **metadata: Any) -> None:
    workflow = make(name, f"uid-of-{name}-{metadata.get('namespace', '')}")
    workflow["status"]["phase"] = metadata.pop("phase", "Succeeded")
    workflow["metadata"].update(metadata)
    store.record(workflow)


@pytest.fixture
def three_runs(store: Store, training_run: MakeRun) -> Store:
    _record(store, training_run, "first-aaaaa", creationTimestamp="2026-11-01T00:00:00Z", phase="Failed")
    _record(
        store,
        training_run,
        "second-bbbbb",
        creationTimestamp="2026-11-02T00:00:00Z",
        annotations={"mlplat.dev/pipeline": "other", "mlplat.dev/experiment": "baseline"},
    )
    _record(
        store,
        training_run,
        "third-ccccc",
        creationTimestamp="2026-11-03T00:00:00Z",
        resourceVersion="",
        namespace="team-b",
        phase="Running",
    )
    return store


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({}, ["third-ccccc", "second-bbbbb", "first-aaaaa"]),
        ({"limit": 1}, ["third-ccccc"]),
        ({"limit": 1, "offset": 1}, ["second-bbbbb"]),
        ({"limit": None, "phase": "Failed"}, ["first-aaaaa"]),
        ({"phase": ["Failed", "Running"]}, ["third-ccccc", "first-aaaaa"]),
        ({"pipeline": "other"}, ["second-bbbbb"]),
        ({"experiment": "default"}, ["third-ccccc", "first-aaaaa"]),
        ({"namespace": "team-b"}, ["third-ccccc"]),
        ({"engine": "argo"}, ["second-bbbbb", "first-aaaaa"]),
        ({"engine": "local"}, ["third-ccccc"]),
        ({"name": "first-aaaaa"}, ["first-aaaaa"]),
        ({"pipeline": "none"}, []),
    ],
)
def test_runs_are_listed_newest_first(three_runs: Store, filters: dict[str, Any], names: list[str]) -> None:
    assert [run.name for run in three_runs.runs(**filters)] == names


def test_experiments_count_their_runs(three_runs: Store) -> None:
    found = [(item.namespace, item.name, item.run_count) for item in three_runs.experiments()]

    assert found == [("team-a", "baseline", 1), ("team-a", "default", 1), ("team-b", "default", 1)]
    (newest,) = three_runs.experiments("team-b")
    assert newest.last_run_at == three_runs.run("third-ccccc").created_at


def test_a_name_selects_the_newest_run(store: Store, training_run: MakeRun) -> None:
    _record(store, training_run, "again", creationTimestamp="2026-11-02T00:00:00Z", namespace="b")
    _record(store, training_run, "again", creationTimestamp="2026-11-01T00:00:00Z", namespace="a")

    assert store.run("again").namespace == "b"
    assert store.run("again", namespace="a").namespace == "a"


def test_a_missing_run_has_a_hint(three_runs: Store) -> None:
    with pytest.raises(StoreError, match="did you mean 'second-bbbbb'") as caught:
        three_runs.run("second-bbbb")
    assert caught.value.diagnostics[0].code == "MLP710"


def test_an_empty_record_says_so(store: Store) -> None:
    assert store.runs() == ()
    assert store.experiments() == ()
    with pytest.raises(StoreError, match="the record has no runs yet"):
        store.run("a")


def test_deleting_a_run_leaves_what_others_use(store: Store, training_run: MakeRun) -> None:
    maker, reader = training_run("maker", "uid-1"), training_run("reader", "uid-2")
    model = maker["status"]["nodes"]["maker-2"]["outputs"]["parameters"][0]
    reader["status"]["nodes"]["reader-8"]["inputs"]["parameters"][1] = model
    store.record(maker)
    store.record(reader)
    cache = store.cache("team-a")
    cache.save("mlplat-cache-train", "k1", "maker-2", {"parameters": []})
    cache.save("mlplat-cache-train", "k2", "reader-2", {"parameters": []})

    gone = store.delete_run("maker")

    assert {artifact.key for artifact in gone} == {
        "maker/data-preprocessing/processed_data",
        "maker/model-training/metrics",
    }
    kept = store.artifact("maker/model-training/model")
    assert kept.producer_run_uid is None
    assert [run.name for run in store.runs()] == ["reader"]
    assert cache.load("mlplat-cache-train", "k1") is None
    assert cache.load("mlplat-cache-train", "k2") == {"parameters": []}
    with pytest.raises(StoreError, match="run 'maker' not found"):
        store.delete_run("maker")


@pytest.mark.parametrize(
    ("reference", "message"), [("zz", "artifact 'zz' not found"), ("", "several artifacts")]
)
def test_an_artifact_must_be_named_clearly(
    store: Store, training_run: MakeRun, reference: str, message: str
) -> None:
    store.record(training_run())

    with pytest.raises(StoreError, match=message):
        store.artifact(reference)


def test_tasks_of_the_same_second_come_in_the_order_of_the_graph(store: Store) -> None:
    def node(node_id: str, name: str, *children: str, started: str | None = "2026-11-20T10:00:00Z") -> Any:
        fields = {"id": node_id, "name": name, "type": "Pod", "phase": "Succeeded", "startedAt": started}
        return {**fields, "children": list(children)}

    nodes = [
        node("w", "w", "z", "l2", "l10"),
        node("a", "w.end"),
        node("m", "w.middle", "a"),
        node("z", "w.begin", "m", "a"),
        node("l10", "w.loop(10:x)"),
        node("l2", "w.loop(2:x)"),
        node("n", "w.never", started=None),
    ]
    metadata = {"name": "w", "uid": "u", "creationTimestamp": "2026-11-20T10:00:00Z"}
    store.record({"kind": "Workflow", "metadata": metadata, "status": {"nodes": {n["id"]: n for n in nodes}}})

    names = [task.name for task in store.tasks("w")]

    assert names == ["w", "w.begin", "w.loop(2:x)", "w.loop(10:x)", "w.middle", "w.end", "w.never"]
