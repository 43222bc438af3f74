"""Runs that failed go on, on both engines, and their records agree."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

import pytest

from mlplat.cli import main
from tests.e2e.engines import record, retry_both, run_both
from tests.e2e.harness.cluster import Access
from tests.e2e.test_k8s import node, shell, workflow

Json = dict[str, Any]


pytestmark = pytest.mark.usefixtures("cluster_of_kubeconfig")


@pytest.fixture
def name() -> str:
    return f"again-{secrets.token_hex(4)}"


def task(name: str, template: str, depends: str = "", **more: Any) -> Json:
    return {"name": name, "template": template, **({"depends": depends} if depends else {}), **more}


def parameterized(name: str, script: str, **more: Any) -> Json:
    return shell(name, script, inputs={"parameters": [{"name": "i"}]}, **more)


GATE: Json = {"arguments": {"parameters": [{"name": "i", "value": "{{workflow.parameters.open}}"}]}}


@pytest.mark.smoke
def test_a_run_continues_from_what_failed(name: str, tmp_path: Path) -> None:
    """A part of which one loop item and one task with attempts fail, an exit task after it, a branch not taken."""
    item = "if [ {{inputs.parameters.i}} = 1 ]; then test {{workflow.parameters.open}} = yes; fi"
    loop = task(
        "loop", "item", withItems=[0, 1], arguments={"parameters": [{"name": "i", "value": "{{item}}"}]}
    )
    part = {"dag": {"tasks": [loop, task("tries", "tries", **GATE), task("after", "ok", "tries && loop")]}}
    last = "part.Succeeded || part.Failed || part.Errored"
    main = {
        "tasks": [
            task("first", "ok"),
            task("no", "ok", "first", when="false"),
            task("part", "part", "first"),
            task("bye", "ok", last),
        ],
        "target": "no part bye",
    }
    documents = [
        workflow(
            {"name": "main", "dag": main},
            {"name": "part", **part},
            parameterized("item", item),
            parameterized(
                "tries",
                "test {{inputs.parameters.i}} = yes",
                retryStrategy={"limit": "1", "retryPolicy": "Always"},
            ),
            shell("ok", "true"),
            onExit="ok",
            arguments={"parameters": [{"name": "open", "value": "no"}]},
        )
    ]
    home = tmp_path / "home"
    before = run_both(documents, name, home)
    assert before.argo["status"]["phase"] == before.here["status"]["phase"] == "Failed"
    assert node(before.argo, "bye")["phase"] == "Succeeded"
    first = node(before.argo, "first")["startedAt"]

    after = retry_both(before, home, open="yes")

    assert after.argo["status"]["phase"] == "Succeeded"
    assert node(after.argo, "first")["startedAt"] == first
    assert after.argo["metadata"]["uid"] == before.argo["metadata"]["uid"]
    assert record(after.argo, ignoring=("exitCode",)) == record(after.here, ignoring=("exitCode",))
    chosen = retry_both(after, home, "part", open="yes")
    assert chosen.argo["status"]["phase"] == "Succeeded"
    assert node(chosen.argo, "first")["startedAt"] == first
    assert record(chosen.argo) == record(chosen.here)


def test_outputs_of_the_attempt_that_failed_are_forgotten(name: str, tmp_path: Path) -> None:
    """The result that a pod reported before it failed must not count for the one that comes in its place."""
    script = "printf {{inputs.parameters.i}} > /tmp/v; test {{inputs.parameters.i}} = yes"
    give = parameterized(
        "give", script, outputs={"parameters": [{"name": "v", "valueFrom": {"path": "/tmp/v"}}]}
    )
    take = task(
        "b",
        "take",
        "a",
        arguments={"parameters": [{"name": "i", "value": "{{tasks.a.outputs.parameters.v}}"}]},
    )
    documents = [
        workflow(
            {"name": "main", "dag": {"tasks": [task("a", "give", **GATE), take]}},
            give,
            parameterized("take", "test {{inputs.parameters.i}} = yes"),
            arguments={"parameters": [{"name": "open", "value": "no"}]},
        )
    ]
    before = run_both(documents, name, tmp_path)
    assert node(before.argo, "a")["phase"] == "Failed"

    after = retry_both(before, tmp_path, open="yes")

    assert after.argo["status"]["phase"] == "Succeeded"
    assert json.dumps(node(after.argo, "b")["inputs"]).count("yes") == 1
    assert record(after.argo) == record(after.here)


def test_run_whose_pods_are_gone_continues(name: str, tmp_path: Path) -> None:
    documents = [
        workflow(
            {"name": "main", "dag": {"tasks": [task("a", "ok"), task("b", "gate", "a", **GATE)]}},
            shell("ok", "true"),
            parameterized("gate", "test {{inputs.parameters.i}} = yes"),
            podGC={"strategy": "OnPodCompletion", "deleteDelayDuration": "1s"},
            arguments={"parameters": [{"name": "open", "value": "no"}]},
        )
    ]
    before = run_both(documents, name, tmp_path)

    after = retry_both(before, tmp_path, open="yes")

    assert after.argo["status"]["phase"] == "Succeeded"
    assert record(after.argo) == record(after.here)


def test_retry_commands(
    cluster: Access, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``mlplat run``, ``retry`` and ``rerun`` on a cluster, as a person types them."""

    def mlplat(*words: str) -> tuple[int, Json]:
        code = main([*words, "--engine", "argo", "-n", cluster.namespace, "-o", "json"])
        return code, json.loads(capsys.readouterr().out)

    file = tmp_path / "gate.yaml"
    tasks = [task("first", "ok"), task("second", "gate", "first", **GATE)]
    gate = parameterized("gate", "test {{inputs.parameters.i}} = yes")
    parameters = {"parameters": [{"name": "open", "value": "no"}]}
    document = workflow(
        {"name": "main", "dag": {"tasks": tasks}}, gate, shell("ok", "true"), arguments=parameters
    )
    file.write_text(json.dumps(document))
    code, run = mlplat("run", str(file), "--name", name)
    assert (code, run["status"]["phase"]) == (1, "Failed")
    first = node(run, "first")["startedAt"]
    code, run = mlplat("retry", name, "-p", "open=yes")
    assert (code, run["status"]["phase"]) == (0, "Succeeded")
    assert node(run, "first")["startedAt"] == first
    code, run = mlplat("retry", name, "--task", "second")
    assert (code, run["status"]["phase"]) == (0, "Succeeded")
    code, again = mlplat("rerun", name, "-p", "open=no")
    assert (code, again["status"]["phase"]) == (1, "Failed")
    assert again["metadata"]["name"] != name
