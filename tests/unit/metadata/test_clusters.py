"""Runs of different clusters in one record."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from alembic import command
from sqlalchemy import Connection

from mlplat.metadata import open_store
from tests.unit.metadata.test_database import migrations

if TYPE_CHECKING:
    from mlplat.metadata import Store

MakeRun = Callable[..., dict[str, Any]]
RUN = "ml-pipeline-x7k2p"
MODEL = f"{RUN}/model-training/model"


def makers(store: Store, uid: str) -> dict[str, str | None]:
    """The run that wrote each artifact that a run gave out, by key."""
    return {one.key: one.producer_run_uid for one in store.artifacts(uid)}


def test_runs_of_the_same_name_keep_their_artifacts_apart(store_url: str, training_run: MakeRun) -> None:
    for cluster in ("red", "blue"):
        with open_store(store_url, cluster) as store:
            store.record(training_run(uid=f"run-of-{cluster}"))
    with open_store(store_url) as store:
        assert makers(store, "run-of-red")[MODEL] == "run-of-red"
        assert makers(store, "run-of-blue")[MODEL] == "run-of-blue"
        assert {run.cluster for run in store.runs()} == {"red", "blue"}


def test_a_run_keeps_its_cluster_when_it_is_recorded_without_one(
    store_url: str, training_run: MakeRun
) -> None:
    with open_store(store_url, "red") as store:
        store.record(training_run())
        before = store.artifacts(RUN)
    with open_store(store_url) as store:
        assert store.record(training_run()).cluster == "red"
        assert store.artifacts(RUN) == before


def reader(training_run: MakeRun) -> dict[str, Any]:
    """A run that reads what another one wrote."""
    workflow = training_run("other", "run-that-reads")
    nodes = workflow["status"]["nodes"]
    training = training_run()["status"]["nodes"]
    value = training[f"{RUN}-2"]["outputs"]["parameters"][0]["value"]
    nodes["other-1"]["inputs"] = {
        "parameters": [{"name": "given", "value": value}],
        "artifacts": [{"name": "given"}],
    }
    return workflow


def test_what_was_recorded_before_clusters_were_known_keeps_its_lineage(
    store_url: str, training_run: MakeRun
) -> None:
    with open_store(store_url) as store:
        store.record(training_run())
        store._database.write(older)

    with open_store(store_url, "red") as store:
        assert makers(store, RUN)[MODEL] is not None
        store.record(reader(training_run))
        (read,) = (one for one in store.uses("run-that-reads") if one.name == "given")
        model = store.artifact(read.artifact_id)
        assert (model.producer_run_uid, model.cluster) == (store.run(RUN).uid, "red")
        assert model.id in {use.artifact_id for use in store.uses(RUN)}
        assert len([one for one in store.artifacts() if one.key == MODEL]) == 1


def older(connection: Connection) -> None:
    command.downgrade(migrations(connection), "0003")


def test_recording_an_older_run_again_names_its_cluster(store_url: str, training_run: MakeRun) -> None:
    with open_store(store_url) as store:
        store.record(training_run())
    with open_store(store_url, "red") as store:
        store.record(training_run())
        assert {one.cluster for one in store.artifacts() if one.key} == {"red"}
        assert makers(store, RUN)[MODEL] == store.run(RUN).uid
        assert store.run(RUN).cluster == "red"


def test_a_run_stays_in_the_cluster_that_it_was_recorded_in_first(
    store_url: str, training_run: MakeRun
) -> None:
    with open_store(store_url, "red") as store:
        store.record(training_run())
        before = store.artifacts()
    with open_store(store_url, "https://red.example") as store:
        assert store.record(training_run()).cluster == "red"
        assert store.artifacts() == before
