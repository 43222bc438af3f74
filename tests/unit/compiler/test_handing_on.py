"""Artifacts that are handed on by their URIs: the next task reads their bytes, and the record knows who made them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, dsl, engine, metadata
from mlplat.dsl import Dataset, Input, Model, Output
from tests.programs import handing_on


def run(pipeline: Any, home: Path, name: str, **arguments: Any) -> dict[str, Any]:
    documents = compiler.manifest(pipeline.spec, compiler.Options(name=name, arguments=arguments))
    with metadata.open_store(home / "mlplat.db") as store:
        done = engine.run(documents, home=home, cache=store.cache())
        store.record(done)
    return done


def given(done: dict[str, Any], task: str) -> Any:
    """Return what the tasks of a name gave: JSON, or the text of a container."""
    (text,) = {
        node["outputs"]["parameters"][0]["value"]
        for node in done["status"]["nodes"].values()
        if node["displayName"] == task and node["phase"] == "Succeeded"
    }
    try:
        return json.loads(text)
    except ValueError:
        return text


def test_every_form_is_read_and_comes_from_the_cache(tmp_path: Path) -> None:
    for name, texts, best in (
        ("1", ["a", "b"], "b"),
        ("2", ["a", "b"], "b"),
        ("3", ["c", "é{{x}}$"], "é{{x}}$"),
    ):
        done = run(handing_on.handing_on, tmp_path, f"run-{name}", texts=texts, last=best)
        assert done["status"]["phase"] == "Succeeded"
        picked = f"{best} {{'text': '{best}', 'chosen': True}}"
        assert given(done, "read-picked") == picked
        assert given(done, "read-chosen") == (picked if best == "b" else f"{best} {{}}")
        for form in ("twice", "same", "assigned", "copied", "set-path", "custom-path", "outside"):
            assert given(done, f"read-{form}") == f"{best} {{}}"
        assert given(done, "read-returned") == f"{best} {{'by': 'returned'}}"
        assert given(done, "show") == best
        assert given(done, "read-all") == texts
        assert given(done, "read-file") == "weights {}"
        assert given(done, "uri-of") == given(done, "show-uri").strip() == "s3://bucket/model"
        ran = [
            node["displayName"]
            for node in done["status"]["nodes"].values()
            if node["type"] == "Pod" and not node.get("memoizationStatus", {}).get("hit")
        ]
        assert bool(ran) == (name != "2")


def test_digest_and_maker_stay(tmp_path: Path) -> None:
    @dsl.pipeline
    def picking() -> None:
        with dsl.ParallelFor(["a", "b"]) as text:
            made = handing_on.train(text=text)
        best = handing_on.pick(models=dsl.Collected(made.output))
        handing_on.again(model=best.output)

    run(picking, tmp_path, "run")
    with metadata.open_store(tmp_path / "mlplat.db") as store:
        (recorded,) = store.runs()
        tasks = {task.id: task.display_name for task in store.tasks(recorded)}
        artifacts = {one.key: one for one in store.artifacts(recorded)}
        edges = {
            (tasks[use.task_id], use.direction, use.name, store.artifact(use.artifact_id).key)
            for use in store.uses(recorded)
        }
    first, second = (f"run/for-loop-2/train/model/{number}/model.model" for number in range(2))
    assert {key: tasks[str(one.producer_task_id)] for key, one in artifacts.items()} == {
        first: "train",
        second: "train",
    }
    assert all(one.digest.startswith("sha256:") and one.size == 1 for one in artifacts.values())
    assert edges == {
        ("train", "output", "model", first),
        ("train", "output", "model", second),
        ("pick", "input", "models", first),
        ("pick", "input", "models", second),
        ("pick", "output", "best", second),
        ("again", "input", "model", second),
        ("again", "output", "best", second),
    }


@dsl.component
def hand_on(data: Input[Dataset], best: Output[Dataset]) -> None:
    best.uri = data.uri


@dsl.component
def read(data: Input[Dataset]) -> str:
    from pathlib import Path

    return Path(data.path).read_text()


def test_an_import_that_is_handed_on_is_fetched(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("1,2")

    @dsl.pipeline
    def pipeline(where: str) -> None:
        read(data=hand_on(data=dsl.importer(where, Dataset).output).output)

    assert given(run(pipeline, tmp_path, "run", where=f"file://{file}"), "read") == "1,2"
    remote = compiler.manifest(pipeline.spec, compiler.Options(arguments={"where": "s3://bucket/key"}))
    assert any("fetch-s3" in one["name"] for one in remote[-1]["spec"]["templates"])


def test_a_result_whose_artifact_is_gone_is_computed_again(tmp_path: Path) -> None:
    @dsl.component
    def write(text: str, data: Output[Dataset]) -> None:
        from pathlib import Path

        Path(data.path).write_text(text)

    @dsl.pipeline
    def pipeline(text: str = "a") -> None:
        read(data=hand_on(data=write(text=text).output).output)

    run(pipeline, tmp_path, "first")
    (tmp_path / "artifacts/first/write/data.dataset").unlink()
    second = run(pipeline, tmp_path, "second")
    assert second["status"]["phase"] == "Succeeded"
    hits = {
        node["displayName"]: node["memoizationStatus"]["hit"]
        for node in second["status"]["nodes"].values()
        if node.get("memoizationStatus")
    }
    assert hits == {"write": False, "hand-on": False, "read": True}


def test_uris_that_can_not_be_fetched_are_reported(tmp_path: Path) -> None:
    @dsl.component
    def name(model: Output[Model]) -> None:
        model.uri = "gs://bucket/model"

    @dsl.component
    def open_it(model: Input[Model]) -> None:
        from pathlib import Path

        Path(model.path).read_text()

    @dsl.pipeline
    def pipeline() -> None:
        open_it(model=name().output)

    done = run(pipeline, tmp_path, "run")
    assert done["status"]["phase"] == "Failed"
    (log,) = (
        path.read_text() for path in (tmp_path / "logs/run").glob("*.log") if "open_it" in path.read_text()
    )
    assert "input 'model' is not on this machine: gs://bucket/model was not fetched" in log


@pytest.mark.parametrize("missing", ["mlplat://artifacts/nothing/here"])
def test_what_is_not_in_the_store_is_reported(missing: str, tmp_path: Path) -> None:
    @dsl.component
    def name(uri: str, model: Output[Dataset]) -> None:
        model.uri = uri

    @dsl.pipeline
    def pipeline(uri: str) -> None:
        read(data=name(uri=uri).output)

    done = run(pipeline, tmp_path, "run", uri=missing)
    assert done["status"]["phase"] == "Failed"
    logs = "".join(path.read_text() for path in (tmp_path / "logs/run").glob("*.log"))
    assert "input 'data' not found in the artifact store: nothing/here" in logs
