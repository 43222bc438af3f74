"""What a person sees of a run in Argo's page: what the Argo Server gives it to show."""

from __future__ import annotations

import json
import secrets
import urllib.request
from typing import Any

import pytest

from mlplat import compiler, dsl, k8s
from tests.e2e.harness.cluster import Access

pytestmark = pytest.mark.usefixtures("cluster_of_kubeconfig")


@dsl.component
def train(rate: float) -> float:
    return rate


@dsl.pipeline(
    name="churn-model",
    display_name="Churn: which customers leave",
    description="Trains on last month's data. [Runbook](https://example.com/churn)",
)
def churn(rate: float = 0.5, names: list = ["é{{", "b"]) -> None:  # type: ignore[type-arg] # noqa: B006
    """Train.

    Args:
        rate: learning rate, between 0 and 1
        names: of the regions
    """
    train(rate=rate).set_display_name("Train the model")
    with dsl.ParallelFor(names, name="Each region"):
        train(rate=0.1)


def test_titles_descriptions_and_names_are_a_persons(cluster: Access) -> None:
    options = compiler.Options(
        name=f"page-{secrets.token_hex(4)}",
        namespace=cluster.namespace,
        service_account="mlplat-task",
        cache=False,
    )
    submitted = k8s.submit(compiler.manifest(churn.spec, options))
    name = submitted["metadata"]["name"]
    k8s.follow(name, namespace=cluster.namespace)
    address = f"{cluster.argo_server}/api/v1/workflows/{cluster.namespace}/{name}"
    with urllib.request.urlopen(address) as answer:
        shown: dict[str, Any] = json.load(answer)

    annotations = shown["metadata"]["annotations"]
    assert annotations["workflows.argoproj.io/title"] == "Churn: which customers leave"
    assert "[Runbook](https://example.com/churn)" in annotations["workflows.argoproj.io/description"]
    parameters = {one["name"]: one for one in shown["spec"]["arguments"]["parameters"]}
    assert parameters["rate"]["value"] == "0.5"
    assert parameters["rate"]["description"] == "learning rate, between 0 and 1"
    assert parameters["names"]["description"] == "of the regions"
    names = {node["displayName"] for node in shown["status"]["nodes"].values()}
    assert {"Train-the-model", "Each-region", "train-2", "iteration(0:0)", "iteration(1:1)"} <= names
    assert not [one for one in names if set(one) & set('{}"[]\\')]
