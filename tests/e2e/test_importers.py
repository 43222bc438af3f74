"""Importers whose data lies in a bucket or on the web: both engines fetch it, and leave the same record."""

from __future__ import annotations

import functools
import http.server
import json
import secrets
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler
from mlplat.argo.sources import ImportSource
from mlplat.runs.load import load
from tests.e2e.conftest import Kubectl
from tests.e2e.engines import Engines, differences, output, run_both
from tests.e2e.harness import config
from tests.e2e.harness.cluster import Access

PROGRAM = Path(__file__).parents[1] / "programs/importing.py"
FILES = {"rows.csv": "1,2\n", "rows.csv?again": "3\n"}

pytestmark = pytest.mark.usefixtures("cluster_of_kubeconfig")


@pytest.fixture
def bucket(cluster: Access, kubectl: Kubectl) -> Iterator[tuple[str, ImportSource, list[dict[str, Any]]]]:
    """A bucket beside the artifact repository: the URI of a file in it, how to get there, and the Secret for that."""
    if cluster.s3_root is None:
        pytest.skip("the S3 server of a cluster that is not the harness's is not known")
    name = f"team-{secrets.token_hex(4)}"
    folder = cluster.s3_root.parent / name
    folder.mkdir()
    for file, text in FILES.items():
        (folder / file).write_text(text)
    keys = {"access": config.S3_ACCESS_KEY, "secret": config.S3_SECRET_KEY}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": keys}
    kubectl("apply", "-n", cluster.namespace, "-f", "-", text=json.dumps(secret))
    location = {
        "endpoint": f"{config.NODE_ADDRESS}:{config.S3_PORT}",
        "insecure": True,
        "accessKeySecret": {"name": name, "key": "access"},
        "secretKeySecret": {"name": name, "key": "secret"},
    }
    yield f"s3://{name}/rows.csv", ImportSource(f"s3://{name}/", "s3", location), [secret]
    kubectl("delete", "secret", "-n", cluster.namespace, name)


@pytest.fixture
def web(cluster: Access, tmp_path: Path) -> Iterator[str]:
    """The URL of a file, served from the node's address to pods and to this machine alike."""
    if cluster.s3_root is None:
        pytest.skip("pods of a cluster that is not the harness's cannot reach a server of this test")
    (tmp_path / "rows.csv").write_text(FILES["rows.csv"])
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer((config.NODE_ADDRESS, 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{config.NODE_ADDRESS}:{server.server_port}/rows.csv"
        server.shutdown()


def options(cluster: Access, where: str, *sources: ImportSource) -> compiler.Options:
    return compiler.Options(
        arguments={"where": where},
        cache=False,
        namespace=cluster.namespace,
        service_account="mlplat-task",
        import_sources=sources,
    )


def of_any_run(workflow: dict[str, Any]) -> Any:
    """Return a run without its uid, on which keys of the cache depend, and without what earlier runs left there."""
    found = json.loads(json.dumps(workflow).replace(workflow["metadata"]["uid"], "<uid>"))
    for node in found["status"]["nodes"].values():
        node.pop("memoizationStatus", None)
    return found


def test_importers_fetch_from_a_bucket(
    bucket: tuple[str, ImportSource, list[dict[str, Any]]], volume: Path, cluster: Access, tmp_path: Path
) -> None:
    """Runs once: the volume is that of one claim."""
    where, source, beside = bucket
    spec = load(str(PROGRAM)).spec
    assert spec is not None
    manifest = compiler.manifest(spec, options(cluster, where, source))
    both = run_both(manifest, f"e2e-{secrets.token_hex(4)}", tmp_path / "home", beside=beside)
    messages = {node["name"]: node.get("message") for node in both.argo["status"]["nodes"].values()}
    assert both.argo["status"]["phase"] == "Succeeded", messages
    assert output(both.argo, "read-all") == list(FILES.values())
    assert output(both.argo, "places")[3] == FILES["rows.csv"]
    assert [path.name for path in (volume / "artifacts").rglob("*") if path.is_file()] == []
    assert [path.read_text() for path in volume.rglob("rows.csv")] == [FILES["rows.csv"]]
    assert not differences(*map(of_any_run, (both.here, both.argo)), ignoring=("fingerprint",))


def test_importers_fetch_from_the_web(web: str, engines: Engines) -> None:
    other = f"{web}?again"
    series = engines.run(f"{PROGRAM}:reading", {"where": web}, other={"where": other})
    for both, where in ((series.first, web), (series.cached, web), (series.other, other)):
        assert output(both.argo, "read") == f"{FILES['rows.csv']}|{where}|{{'by': '{where}'}}"


def test_importers_of_missing_data_fail(web: str, cluster: Access, tmp_path: Path) -> None:
    spec = load(f"{PROGRAM}:reading").spec
    assert spec is not None
    manifest = compiler.manifest(spec, options(cluster, f"{web}.nothing"))
    both = run_both(manifest, f"e2e-{secrets.token_hex(4)}", tmp_path / "home")
    phases = [
        {
            node["name"].removeprefix(run["metadata"]["name"]): node["phase"]
            for node in run["status"]["nodes"].values()
        }
        for run in (both.here, both.argo)
    ]
    assert phases[0] == phases[1]
    assert both.argo["status"]["phase"] == both.here["status"]["phase"] == "Error"


@pytest.mark.smoke
def test_importers_that_fetch_nothing(cluster: Access, tmp_path: Path) -> None:
    """Some of these count as new in each run, so not all can come from the cache."""
    spec = load(f"{PROGRAM}:registering").spec
    assert spec is not None
    name = f"e2e-{secrets.token_hex(4)}"
    hits = []
    for number, where in enumerate((f"s3://{name}", f"s3://{name}", "{{workflow.name}} $(HOME) $$ é")):
        manifest = compiler.manifest(spec, replace(options(cluster, where), cache=True))
        both = run_both(manifest, f"{name}-{number}", tmp_path)
        assert both.argo["status"]["phase"] == "Succeeded"
        assert not differences(*map(of_any_run, (both.here, both.argo)), ignoring=("fingerprint",))
        assert output(both.argo, "describe-3").startswith(f"Dataset {where} artifact {{'by {where}'")
        hits.append(
            {
                node["displayName"]
                for node in both.argo["status"]["nodes"].values()
                if node.get("memoizationStatus", {}).get("hit")
            }
        )
    assert hits[1] == {"describe-2"}
    assert "describe-3" not in hits[2]
