"""What is read of the artifact repository of a cluster run, from a machine that may not reach it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlplat import engine
from mlplat.errors import ClusterError
from mlplat.runs.cluster import Cluster
from mlplat.runs.cluster_files import WorkflowRepository


def repository(endpoint: str) -> WorkflowRepository:
    place = {"s3": {"endpoint": endpoint, "bucket": "b", "insecure": True}}
    workflow = {
        "metadata": {"name": "w", "namespace": "team-a"},
        "spec": {},
        "status": {"artifactRepositoryRef": {"artifactRepository": place}},
    }
    return WorkflowRepository(workflow, Cluster("team-a", home=Path("none")))


@pytest.mark.parametrize(
    ("named", "endpoint", "insecure"),
    [
        ("", "s3.team-a.svc:9000", True),
        ("http://127.0.0.1:7070", "127.0.0.1:7070", True),
        ("127.0.0.1:7070", "127.0.0.1:7070", True),
        ("https://s3.example.org", "s3.example.org", False),
    ],
)
def test_a_person_may_name_the_address_of_the_repository(
    named: str, endpoint: str, insecure: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLPLAT_ARTIFACT_ENDPOINT", named)
    assert repository("s3.team-a.svc:9000").location("w/k") == {
        "s3": {"endpoint": endpoint, "bucket": "b", "insecure": insecure, "key": "w/k"}
    }


@pytest.mark.parametrize(
    ("endpoint", "is_inside"),
    [("s3.team-a.svc:9000", True), ("minio:9000", True), ("s3.amazonaws.com", False)],
)
def test_a_repository_that_cannot_be_reached_is_asked_a_few_times_only(
    endpoint: str, is_inside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def unreachable(location: Any, *_: Any) -> None:
        asked.append(location)
        raise engine.ArtifactError("connection refused")

    monkeypatch.setattr(engine, "first_bytes", unreachable)
    found = repository(endpoint)
    for number in range(10):
        with pytest.raises(ClusterError, match="the artifact cannot be fetched: connection") as caught:
            found.start(f"w/{number}", 100)
        assert ("kubectl port-forward" in caught.value.diagnostics[0].hint) == is_inside
    assert len(asked) == 3
