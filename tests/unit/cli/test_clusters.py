"""What a cluster wants of a Workflow: kinds, schedules, defaults, artifact repositories."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, engine, ir, manifest
from mlplat.cli import main
from mlplat.runs.documents import with_name
from tests.unit.engine.manifests import value

PROGRAM = """
from mlplat import dsl
from mlplat.dsl import Dataset, Input, Output

@dsl.component
def make(size: int, data: Output[Dataset]) -> None:
    open(data.path, "w").write("x" * size)

@dsl.component
def check(data: Input[Dataset]) -> int:
    return len(open(data.path).read())

@dsl.pipeline
def a_pipeline_whose_name_is_longer_than_that_of_a_cron_workflow_may_be(size: int = 3) -> int:
    return check(data=make(size=size).output).output
"""
DEFAULTS = """
serviceAccountName: other
nodeSelector: {pool: ml}
podMetadata: {labels: {team: blue}}
volumes: [{name: scratch, emptyDir: {}}]
podSpecPatch: |
  containers: [{name: main, tty: true}, {name: wait, tty: false}]
templateDefaults: {container: {resources: {requests: {cpu: 100m}}}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLPLAT_HOME", raising=False)
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "defaults.yaml").write_text(DEFAULTS)
    return tmp_path


def compiled(*words: str) -> dict[str, Any]:
    assert main(["compile", "program.py", *words, "-o", "out.yaml"]) == 0
    (document,) = manifest.load(Path("out.yaml").read_text())
    return document


def errors(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert main(["compile", "program.py", *words, "-o", "out.yaml"]) == 2
    assert not Path("out.yaml").exists()
    return capsys.readouterr().err


def test_a_cron_workflow_starts_what_a_workflow_would_be(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--schedule", "0 3 * * *", "--schedule", "@weekly", "--timezone", "Europe/Berlin"]
    words += ["--concurrency-policy", "Forbid", "--starting-deadline-seconds", "60"]
    words += ["--failed-jobs-history-limit", "2"]
    plain = compiled()
    document = compiled("--kind", "CronWorkflow", *words)
    spec = document["spec"]
    assert len(document["metadata"]["name"]) <= 52
    assert spec.pop("workflowSpec") == plain["spec"]
    assert spec == {
        "schedules": ["0 3 * * *", "@weekly"],
        "timezone": "Europe/Berlin",
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 60,
        "failedJobsHistoryLimit": 2,
        "workflowMetadata": {part: document["metadata"][part] for part in ("labels", "annotations")},
    }
    assert main(["lint", "out.yaml"]) == 0
    assert "CronWorkflow" in capsys.readouterr().out


def test_all_that_is_wrong_with_a_schedule_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    assert "MLP370" in errors(capsys, "--kind", "CronWorkflow")
    said = errors(capsys, "--kind", "CronWorkflow", "--schedule", "0 25 * * *", "--timezone", "Berlin/Europe")
    assert "the hour 25 is not between 0 and 23" in said
    assert "MLP372" in said


@pytest.mark.parametrize("kind", ["WorkflowTemplate", "CronWorkflow"])
def test_a_local_run_uses_the_manifest_that_is_deployed(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    compiled("--kind", kind, *(("--schedule", "@daily") if kind == "CronWorkflow" else ()))
    capsys.readouterr()
    assert main(["run", "out.yaml", "-p", "size=5", "-o", "json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert value(done, done["metadata"]["name"], "Output") == "5"


def test_workflow_defaults_do_not_override_the_pipeline() -> None:
    spec = compiled("--workflow-defaults", "defaults.yaml", "--service-account", "mine")["spec"]
    plain = compiled("--service-account", "mine")["spec"]
    assert spec["serviceAccountName"] == "mine"
    assert spec["nodeSelector"] == {"pool": "ml"}
    assert spec["podMetadata"] == {"labels": {"team": "blue"}}
    (own, wait) = json.loads(spec["podSpecPatch"])["containers"]
    assert own == {**json.loads(plain["podSpecPatch"])["containers"][0], "tty": True}
    assert wait == {"name": "wait", "tty": False}
    assert spec["volumes"] == [*plain["volumes"], {"name": "scratch", "emptyDir": {}}]
    assert spec["templates"] == plain["templates"]
    assert main(["run", "program.py", "--workflow-defaults", "defaults.yaml"]) == 0


def test_all_that_is_wrong_with_defaults_is_reported(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "nodeselector: {a: b}\ntemplates: []\nparallelism: many\nsecurityContext: {runAsUserr: 1}\n"
    (folder / "defaults.yaml").write_text(text)
    said = errors(capsys, "--workflow-defaults", "defaults.yaml")
    assert "did you mean 'nodeSelector'?" in said
    assert "MLP374: templates" in said
    assert "MLP375: parallelism" in said
    (folder / "defaults.yaml").write_text("securityContext: {runAsUserr: 1}\n")
    assert "MLP375: securityContext.runAsUserr" in errors(capsys, "--workflow-defaults", "defaults.yaml")
    (folder / "defaults.yaml").write_text("podSpecPatch: 'containers: [{name: {{workflow.name}}}]'\n")
    assert "MLP376" in errors(capsys, "--workflow-defaults", "defaults.yaml")
    assert "MLP373" in errors(capsys, "--workflow-defaults", "none.yaml")


@pytest.mark.parametrize(("words", "root"), [((), ""), (("--artifact-store", "hdfs"), "/")])
def test_artifacts_have_the_same_key_in_any_repository(
    words: tuple[str, ...], root: str, folder: Path
) -> None:
    document = compiled(*words)
    locations = [
        artifact["s3"]
        for template in document["spec"]["templates"]
        for side in ("inputs", "outputs")
        for artifact in template.get(side, {}).get("artifacts", ())
    ]
    assert len(locations) == 2
    assert all(list(location) == ["key"] for location in locations)
    assert all(location["key"].startswith(f"{root}{{{{") for location in locations)
    done = engine.run(with_name([document], "wf"), home=folder / "home")
    assert done["status"]["phase"] == "Succeeded"
    assert (folder / "home/artifacts/wf/make/data.dataset").read_text() == "xxx"


def test_only_a_cron_workflow_has_a_schedule(tmp_path: Path) -> None:
    assert main(["compile", "program.py", "--to", "ir", "-o", "ir.yaml"]) == 0
    spec = ir.read(manifest.load(Path("ir.yaml").read_text()))
    options = compiler.Options(kind="CronWorkflow", schedule=compiler.Schedule(("@every 1h",)))
    (document,) = compiler.manifest(spec, options)
    assert document["spec"]["schedules"] == ["@every 1h"]
    assert document["spec"]["concurrencyPolicy"] == "Allow"


def test_a_schedule_is_for_a_cron_workflow(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", "program.py", "--schedule", "@daily"]) == 2
    assert "MLP377" in capsys.readouterr().err


def test_a_run_of_a_cluster_continues_with_retry(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "program.py", "--resume", "first", "--engine", "argo"]) == 2
    error = capsys.readouterr().err
    assert "error MLP418: --resume first: --resume applies only to local runs" in error
    assert "hint: mlplat retry first --engine argo" in error


@pytest.mark.parametrize("words", [("--kind", "CronWorkflow"), ("--schedule", "0 3 * * *")])
def test_the_ir_has_no_kind_and_no_schedule(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compile", "program.py", "--to", "ir", *words]) == 2
    assert f"error MLP418: {words[0]}" in capsys.readouterr().err


def test_a_local_run_has_the_given_namespace(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", "program.py", "-o", "out.yaml"]) == 0
    for name, file in (("first", "program.py"), ("second", "out.yaml")):
        capsys.readouterr()
        assert main(["run", file, "--name", name, "-n", "team", "-o", "json"]) == 0
        assert json.loads(capsys.readouterr().out)["metadata"]["namespace"] == "team"
    assert main(["rerun", "second", "--name", "third", "-n", "other", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["metadata"]["namespace"] == "other"
