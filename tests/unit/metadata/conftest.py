"""Workflows as the controller leaves them, and databases to record them in."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlplat.metadata import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Workflow = dict[str, Any]

_POSTGRES = Path("/usr/lib/postgresql/15/bin")


def artifact_value(name: str, kind: str, key: str, **more: Any) -> str:
    """An artifact as it travels between tasks."""
    value = {
        "name": name,
        "type": {"schemaTitle": kind, "schemaVersion": "0.0.1"},
        "key": key,
        "uri": "",
        "digest": f"sha256:{key.encode().hex()[:20]:0<64}",
        "size": 1234,
        "metadata": {},
        **more,
    }
    return json.dumps(value).replace("{{", r"\u007b\u007b").replace("$", r"\u0024")


def training_run(
    name: str = "ml-pipeline-x7k2p", uid: str = "6b7c0a39-1d7b-4b43-bd52-1c9c9b1e2f01"
) -> Workflow:
    """A finished run on a cluster.

    A task, one that needed a second attempt, a condition that was not met, a loop of two whose second item
    came from the cache, and a DAG around it all.
    """
    data = artifact_value("processed_data", "system.Dataset", f"{name}/data-preprocessing/processed_data")
    model = artifact_value(
        "model", "system.Model", f"{name}/model-training/model", metadata={"framework": "sklearn"}
    )
    metrics = artifact_value(
        "metrics",
        "system.Metrics",
        f"{name}/model-training/metrics",
        metadata={"accuracy": 0.9375, "epochs": 3, "final": True, "note": "good"},
    )
    trained: Workflow = {
        "inputs": {
            "parameters": [{"name": "processed_data", "value": data}],
            "artifacts": [{"name": "processed_data", "path": "/mlplat/in/processed_data"}],
        },
        "outputs": {
            "parameters": [{"name": "model", "value": model}, {"name": "metrics", "value": metrics}],
            "artifacts": [
                {"name": "model", "s3": {"key": f"{name}/model-training/model"}},
                {"name": "metrics", "s3": {"key": f"{name}/model-training/metrics"}},
                {"name": "main-logs", "s3": {"key": f"{name}/main.log"}},
            ],
            "exitCode": "0",
        },
    }

    def node(node_id: str, suffix: str, kind: str, phase: str = "Succeeded", **fields: Any) -> Workflow:
        display = suffix.rpartition(".")[2] or name
        return {
            "id": node_id,
            "name": name + suffix,
            "displayName": display,
            "type": kind,
            "templateScope": f"local/{name}",
            "phase": phase,
            "boundaryID": "" if node_id == name else name,
            "startedAt": "2026-11-20T10:00:00Z",
            "finishedAt": "2026-11-20T10:05:00Z",
            **fields,
        }

    nodes = [
        node(name, "", "DAG", templateName="ml-pipeline", children=[f"{name}-1"]),
        node(
            f"{name}-1",
            ".data-preprocessing",
            "Pod",
            templateName="data-preprocessing",
            inputs={"parameters": [{"name": "input_data", "value": '"gs://my-bucket/data.csv"'}]},
            outputs={
                "parameters": [{"name": "processed_data", "value": data}, {"name": "rows", "value": "569"}],
                "exitCode": "0",
            },
            startedAt="2026-11-20T09:00:00Z",
            finishedAt="2026-11-20T09:01:00Z",
            children=[f"{name}-2"],
        ),
        node(
            f"{name}-2",
            ".model-training",
            "Retry",
            templateName="model-training",
            children=[f"{name}-3", f"{name}-4"],
            **trained,
        ),
        node(
            f"{name}-3",
            ".model-training(0)",
            "Pod",
            "Failed",
            templateName="model-training",
            message="main: Error (exit code 3)",
            nodeFlag={"retried": True},
            inputs=trained["inputs"],
            outputs={"exitCode": "3"},
        ),
        node(
            f"{name}-4",
            ".model-training(1)",
            "Pod",
            templateName="model-training",
            children=[f"{name}-5", f"{name}-6"],
            nodeFlag={"retried": True},
            **trained,
        ),
        node(
            f"{name}-5",
            ".condition-1",
            "Skipped",
            "Skipped",
            templateName="condition-1",
            message="when 'false' evaluated false",
        ),
        node(f"{name}-6", ".for-loop-2", "DAG", templateName="for-loop-2", children=[f"{name}-7"]),
        node(
            f"{name}-7",
            ".for-loop-2.iteration",
            "TaskGroup",
            templateName="score",
            boundaryID=f"{name}-6",
            children=[f"{name}-8", f"{name}-9"],
        ),
        node(
            f"{name}-8",
            ".for-loop-2.iteration(0:0)",
            "Pod",
            templateName="score",
            boundaryID=f"{name}-6",
            inputs={"parameters": [{"name": "item", "value": '"a"'}, {"name": "model", "value": model}]},
            outputs={"parameters": [{"name": "score", "value": "0.5"}], "exitCode": "0"},
        ),
        node(
            f"{name}-9",
            ".for-loop-2.iteration(1:1)",
            "Pod",
            templateName="score",
            boundaryID=f"{name}-6",
            memoizationStatus={"hit": True, "key": "abc", "cacheName": "mlplat-cache-score"},
            inputs={"parameters": [{"name": "item", "value": '"b"'}, {"name": "model", "value": model}]},
            outputs={"parameters": [{"name": "score", "value": "0.75"}], "exitCode": "0"},
        ),
    ]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {
            "name": name,
            "generateName": "ml-pipeline-",
            "namespace": "team-a",
            "uid": uid,
            "resourceVersion": "4711",
            "creationTimestamp": "2026-11-20T08:59:58Z",
            "annotations": {"mlplat.dev/pipeline": "ml-pipeline"},
            "labels": {"workflows.argoproj.io/phase": "Succeeded", "team": "vision"},
        },
        "spec": {
            "entrypoint": "ml-pipeline",
            "arguments": {"parameters": [{"name": "input_path", "value": "gs://my-bucket/data.csv"}]},
            "templates": [
                {"name": "ml-pipeline", "dag": {"tasks": []}},
                {
                    "name": "data-preprocessing",
                    "outputs": {
                        "parameters": [{"name": "processed_data"}, {"name": "rows"}],
                        "artifacts": [{"name": "processed_data"}],
                    },
                },
                {
                    "name": "model-training",
                    "inputs": {
                        "parameters": [{"name": "processed_data"}],
                        "artifacts": [{"name": "processed_data"}],
                    },
                    "outputs": {
                        "parameters": [{"name": "model"}, {"name": "metrics"}],
                        "artifacts": [{"name": "model"}, {"name": "metrics"}],
                    },
                },
                {
                    "name": "score",
                    "inputs": {
                        "parameters": [{"name": "item"}, {"name": "model"}],
                        "artifacts": [{"name": "model"}],
                    },
                    "outputs": {"parameters": [{"name": "score"}]},
                },
            ],
        },
        "status": {
            "phase": "Succeeded",
            "startedAt": "2026-11-20T09:00:00Z",
            "finishedAt": "2026-11-20T10:05:00Z",
            "nodes": {item["id"]: item for item in nodes},
        },
    }


@pytest.fixture(name="training_run")
def training_run_fixture() -> Callable[..., Workflow]:
    return training_run


@pytest.fixture(name="artifact_value")
def artifact_value_fixture() -> Callable[..., str]:
    return artifact_value


@pytest.fixture(scope="session")
def postgres_socket() -> Iterator[Path]:
    """A PostgreSQL server of its own, reached by a socket; its folder."""
    if not (_POSTGRES / "initdb").exists():
        pytest.skip("PostgreSQL 15 is not installed")
    home = Path(tempfile.mkdtemp(prefix="mlplat-pg-"))
    as_user: dict[str, Any] = {"cwd": home}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(home, nobody.pw_uid, nobody.pw_gid)
        as_user |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    initdb = [
        f"{_POSTGRES}/initdb",
        "-D",
        f"{home}/data",
        "-U",
        "mlplat",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-sync",
    ]
    subprocess.run(initdb, check=True, capture_output=True, **as_user)
    control = [f"{_POSTGRES}/pg_ctl", "-D", f"{home}/data", "-w", "-l", f"{home}/log"]
    options = f"-c listen_addresses= -c unix_socket_directories={home} -c fsync=off"
    subprocess.run([*control, "-o", options, "start"], check=True, capture_output=True, **as_user)
    try:
        yield home
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=True, capture_output=True, **as_user)
        shutil.rmtree(home)


@pytest.fixture
def postgres_url(postgres_socket: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database."""
    psycopg = pytest.importorskip("psycopg")
    name = f"test_{abs(hash(request.node.nodeid))}"
    with psycopg.connect(
        f"host={postgres_socket} user=mlplat dbname=postgres", autocommit=True
    ) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        yield f"postgresql://mlplat@/{name}?host={postgres_socket}"
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty store may be made, for each kind of database there is here."""
    if request.param == "sqlite":
        return str(tmp_path / "home" / "mlplat.db")
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    with open_store(store_url) as opened:
        yield opened
