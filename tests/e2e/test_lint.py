"""``mlplat lint`` against ``argo lint --offline`` of the version that the cluster runs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from mlplat import manifest
from mlplat.argo.lint import problems
from tests.argo_rules import CASES, RECORDED, verdict

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "argo-examples"
ELSEWHERE = ("cluster-workflow-template__cluster-wftmpl-dag.yaml", "workflow-template__dag.yaml")
"""Examples whose templates are in other files: ``argo lint`` does not find them, ``mlplat lint`` warns."""


@pytest.fixture(scope="module")
def argo(cluster_env: dict[str, str]) -> str:
    """The path of the ``argo`` program."""
    found = shutil.which("argo", path=cluster_env["PATH"])
    if found is None:
        pytest.skip("argo is not on PATH")
    return found


def test_recorded_verdicts_are_those_of_argo(argo: str) -> None:
    recorded = json.loads(RECORDED.read_text())
    assert {name: bool(verdict(argo, text)) for name, text in CASES.items()} == {
        name: bool(said) for name, said in recorded.items()
    }


def test_argo_s_examples_have_the_same_verdicts(argo: str) -> None:
    files = sorted(CORPUS.glob("*.yaml"))
    if not files:
        pytest.skip(f"the corpus is not there: {CORPUS}")
    differing = {}
    for file in files:
        documents = manifest.load(file.read_text(encoding="utf-8"))
        errors = [
            str(one)
            for document in documents
            for one in problems(document, documents)
            if one.severity == "error"
        ]
        said = verdict(argo, file.read_text(encoding="utf-8"))
        is_linted = "no linting errors" not in said and "nothing to lint" not in said.lower()
        if is_linted and bool(errors) != bool(said) and file.name not in ELSEWHERE:
            differing[file.name] = (errors, said)
    assert differing == {}
