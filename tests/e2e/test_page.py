"""What a person sees of a run in Argo's page: what the Argo Server gives it to show."""

from __future__ import annotations

import json
import secrets
import subprocess
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, dsl, engine, k8s
from mlplat.argo.reasons import condition_of
from mlplat.runs.documents import with_name
from tests.e2e.engines import differences, find, output
from tests.e2e.harness.cluster import Access
from tests.e2e.test_approvals import waiting

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


@dsl.component
def fails() -> str:
    print("before")
    raise ValueError("no rows\nto {{read}}")


@dsl.component
def decided(how: str) -> str:
    return how


@dsl.pipeline(name="deciding")
def deciding() -> None:
    with dsl.If(decided(how="tails").output == "{{heads}}"):
        train(rate=0.1)
    choice = dsl.approval("deploy?", choices=["no", "yes"])
    fails().after(decided(how=choice.output).set_display_name("deploy"))


def ask(cluster: Access, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Send a request of Argo's UI to the Argo Server."""
    request = urllib.request.Request(
        f"{cluster.argo_server}/api/v1/{path}",
        json.dumps(body).encode() if body else None,
        {"Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def test_an_approval_is_answered_in_its_panel_and_nodes_say_why(cluster: Access, tmp_path: Path) -> None:
    options = compiler.Options(namespace=cluster.namespace, service_account="mlplat-task", cache=False)
    documents = with_name(compiler.manifest(deciding.spec, options), f"page-{secrets.token_hex(4)}")
    name = documents[-1]["metadata"]["name"]
    k8s.submit(documents)
    node = waiting(name, "approval", cluster.namespace)
    given = {one["name"]: one["value"] for one in node["inputs"]["parameters"]}
    assert given == {"message": "deploy?", "choice": "no"}
    body = {
        "nodeFieldSelector": f"id={node['id']}",
        "outputParameters": json.dumps({**given, "choice": "yes"}),
    }
    place = f"workflows/{cluster.namespace}/{name}"
    ask(cluster, "PUT", f"{place}/set", body)
    ask(cluster, "PUT", f"{place}/resume", {"nodeFieldSelector": body["nodeFieldSelector"]})
    done = k8s.follow(name, namespace=cluster.namespace)
    assert output(done, "deploy") == "yes"
    assert find(done, "fails")["message"] == "main: Error (exit code 1): ValueError: no rows to {{read}}"
    assert condition_of(find(done, "condition-1")["message"]) == "if decided == “((heads))”"

    async def answer(node: Mapping[str, Any]) -> dict[str, str]:
        return {**given, "choice": "yes"}

    here = engine.run(documents, home=tmp_path, ask=answer)
    for one in done["status"]["nodes"].values():
        if one["type"] == "Suspend":
            assert one.pop("message").startswith("Resumed by: ")
    assert differences(here, done) == ""


def test_runs_of_a_template_have_its_title_and_pipeline(cluster: Access, cluster_env: dict[str, str]) -> None:
    template = f"page-{secrets.token_hex(4)}"
    options = compiler.Options(
        kind="WorkflowTemplate", name=template, namespace=cluster.namespace, service_account="mlplat-task"
    )
    text = json.dumps(compiler.manifest(churn.spec, options)[-1])
    kubectl = [str(cluster.kubectl), "-n", cluster.namespace]
    run(*kubectl, "apply", "--server-side", "-f", "-", env=cluster_env, given=text)
    try:
        words = [
            str(cluster.argo),
            "-n",
            cluster.namespace,
            "submit",
            "--from",
            f"workflowtemplate/{template}",
        ]
        name = run(*words, "-o", "name", env=cluster_env).strip().rpartition("/")[2]
        done = k8s.follow(name, namespace=cluster.namespace)
    finally:
        run(*kubectl, "delete", "workflowtemplate", template, env=cluster_env)
    annotations = done["metadata"]["annotations"]
    assert annotations["workflows.argoproj.io/title"] == f"{name} - Churn: which customers leave"
    assert "[Runbook](https://example.com/churn)" in annotations["workflows.argoproj.io/description"]
    assert (
        annotations["mlplat.dev/pipeline"]
        == done["metadata"]["labels"]["mlplat.dev/pipeline"]
        == "churn-model"
    )


@dsl.component
def draw(page: dsl.Output[dsl.HTML], notes: dsl.Output[dsl.Markdown], data: dsl.Output[dsl.Dataset]) -> None:
    from pathlib import Path

    Path(page.path).write_text("<h1>Report</h1>")
    Path(notes.path).write_text("# Notes")
    Path(data.path).mkdir()
    Path(data.path, "rows.csv").write_text("a,b")


@dsl.component
def read(page: dsl.Input[dsl.HTML]) -> int:
    from pathlib import Path

    return len(Path(page.path).read_text())


@dsl.pipeline(name="drawn")
def drawn() -> None:
    read(page=draw().outputs["page"])
    with dsl.ParallelFor(["a"]):
        draw()


def test_every_artifact_opens_with_its_name_and_type(cluster: Access) -> None:
    if cluster.s3_root is None:
        pytest.skip("the Argo Server of a cluster that is not the harness's may not read its artifacts")
    options = compiler.Options(namespace=cluster.namespace, service_account="mlplat-task", cache=False)
    documents = with_name(compiler.manifest(drawn.spec, options), f"page-{secrets.token_hex(4)}")
    name = documents[-1]["metadata"]["name"]
    k8s.submit(documents)
    done = k8s.follow(name, namespace=cluster.namespace)
    assert done["status"]["phase"] == "Succeeded"
    types = {"page": "text/html", "notes": "text/markdown"}
    opened = []
    for node in done["status"]["nodes"].values():
        for side in ("inputs", "outputs"):
            for artifact in node.get(side, {}).get("artifacts", ()):
                one = artifact["name"]
                place = f"{cluster.namespace}/workflows/{name}/{node['id']}/{side}/{one}"
                with urllib.request.urlopen(f"{cluster.argo_server}/artifact-files/{place}") as answer:
                    body, headers = answer.read().decode(), answer.headers
                opened.append(one)
                if one == "data":
                    assert "rows.csv" in body
                    continue
                assert (
                    headers["Content-Disposition"] == f'filename="{one}.{"html" if one == "page" else "md"}"'
                )
                assert headers["Content-Type"].partition(";")[0] in (types[one], "")
    assert sorted(opened) == ["data", "data", "notes", "notes", "page", "page", "page"]


def run(*words: str, env: dict[str, str], given: str | None = None) -> str:
    done = subprocess.run(words, env=env, input=given, capture_output=True, text=True, check=True)
    return done.stdout


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
    assert annotations["workflows.argoproj.io/title"] == f"{name} - Churn: which customers leave"
    assert shown["metadata"]["labels"]["mlplat.dev/pipeline"] == "churn-model"
    assert "[Runbook](https://example.com/churn)" in annotations["workflows.argoproj.io/description"]
    parameters = {one["name"]: one for one in shown["spec"]["arguments"]["parameters"]}
    assert parameters["rate"]["value"] == "0.5"
    assert parameters["rate"]["description"] == "learning rate, between 0 and 1"
    assert parameters["names"]["description"] == "of the regions"
    names = {node["displayName"] for node in shown["status"]["nodes"].values()}
    assert {"Train-the-model", "Each-region", "train-2", "iteration(0:0 é)", "iteration(1:1 b)"} <= names
    assert not [one for one in names if set(one) & set('{}"[]\\')]
