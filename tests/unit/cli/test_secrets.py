"""Secrets that a run reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlplat.cli.commands import mlplat
from tests.unit.cli.commands import told

PROGRAM = """
from mlplat import dsl, kubernetes

@dsl.component
def check():
    import os
    assert os.environ["PASSWORD"] == "s3cret-" + "value", "another password"

@dsl.pipeline
def p():
    task = check().set_caching_options(False)
    kubernetes.use_secret_as_env(task, secret_name="registry", secret_key_to_env={"password": "PASSWORD"})
"""
SECRET = """apiVersion: v1
kind: Secret
metadata: {name: registry}
stringData: {password: s3cret-value}
"""


@pytest.fixture
def manifest(folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """A file with the Workflow of the program, and the Secret that it reads."""
    (folder / "secrets.yaml").write_text(SECRET)
    told(capsys, "compile", "program.py", "-o", "w.yaml")
    (folder / "w.yaml").write_text(f"{SECRET}---\n{(folder / 'w.yaml').read_text()}")
    return "w.yaml"


def test_a_secret_beside_a_workflow_is_read(
    manifest: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, "lint", manifest)
    told(capsys, "run", manifest, "--name", "first")
    told(capsys, "rerun", "first", "--name", "second")


def test_a_secret_is_not_created_on_a_cluster(manifest: str, capsys: pytest.CaptureFixture[str]) -> None:
    error = told(capsys, "run", manifest, "--engine", "argo", expected=2)[1]
    assert "error MLP811: Secret/registry: only a Workflow and its ConfigMaps can be submitted" in error
    assert "hint: create it with kubectl apply -f FILE, and remove it from this file" in error


def test_the_secrets_of_a_program_stand_in_a_file(
    manifest: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, _ = told(capsys, "run", "program.py", "--name", "first", expected=1)
    assert 'secret "registry" with key "password" not found' in out
    assert "hint: put it in a file of Secrets and ConfigMaps: mlplat retry first --secrets FILE" in out
    told(capsys, "retry", "first", "--secrets", "secrets.yaml")
    told(capsys, "run", "program.py", "--name", "second", "--secrets", "secrets.yaml")
    told(capsys, "rerun", "second", "--name", "third")


def test_a_secret_of_the_file_counts_instead_of_the_one_before(
    manifest: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "old.yaml").write_text(SECRET.replace("s3cret", "old"))
    told(capsys, "run", "program.py", "--name", "first", "--secrets", "old.yaml", expected=1)
    told(capsys, "retry", "first", expected=1)
    told(capsys, "run", "program.py", "--resume", "first", expected=1)
    told(capsys, "run", "program.py", "--resume", "first", "--secrets", "secrets.yaml")


def test_what_a_secret_holds_is_for_this_user_alone(
    manifest: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, "run", "program.py", "--name", "first", "--secrets", "secrets.yaml")
    told(capsys, "run", manifest, "--name", "second")
    holders = {
        file.relative_to(folder / ".mlplat").as_posix(): file.stat().st_mode & 0o777
        for file in (folder / ".mlplat").rglob("*")
        if file.is_file() and b"s3cret-value" in file.read_bytes()
    }
    assert holders == {"runs/first/documents.json": 0o600, "runs/second/documents.json": 0o600}


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        (SECRET.replace("Secret", "Workflow"), (), "MLP205: expected only Secrets and ConfigMaps"),
        (SECRET.replace("{name: registry}", "{}"), (), "MLP525: Secret.metadata.name: the name is missing"),
        (SECRET, ("--engine", "argo"), "MLP418: --secrets secrets.yaml: it applies only to local runs"),
        (None, (), "MLP204"),
    ],
)
def test_a_file_that_holds_no_secrets_is_refused(
    text: str | None,
    words: tuple[str, ...],
    expected: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if text is not None:
        (folder / "secrets.yaml").write_text(text)
    error = told(capsys, "run", "program.py", "--secrets", "secrets.yaml", *words, expected=2)[1]
    assert expected in error
    assert not (folder / ".mlplat").exists()


@pytest.mark.parametrize("verb", ["run", "retry", "rerun"])
def test_each_command_that_runs_takes_secrets(verb: str) -> None:
    assert mlplat.commands[verb].make_context(verb, ["x", "--secrets", "FILE"]).params["secrets"] == "FILE"
