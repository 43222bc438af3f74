"""``mlplat lint`` against ``argo lint --offline`` of the version that the cluster runs."""

from __future__ import annotations

import json
import random
import re
import shutil
from pathlib import Path

import pytest

from mlplat import manifest
from mlplat.argo.lint import problems
from mlplat.cli import main
from tests.argo_rules import RECORDED, verdict, verdicts
from tests.fuzz import mutations

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "argo-examples"
ELSEWHERE = ("cluster-workflow-template__cluster-wftmpl-dag.yaml", "workflow-template__dag.yaml")
"""Examples whose templates are in other files: ``argo lint`` does not find them, ``mlplat lint`` warns."""
BROKEN = 150
"""How many broken files both are asked about."""

NOTHING = re.compile("no linting errors|nothing to lint", re.IGNORECASE)

STRICTER = {
    r"MLP202: document \d+ is ": "Argo takes no notice of a document that is not a mapping",
    r"MLP205: ": "nor of one without a kind",
    r"MLP216: ": "how deep lists and mappings are nested is limited",
    r"MLP417: ": "argo lint does not look at names, the API server does",
    r"MLP511: \S+\.(onExit|hooks\.\w+): ": "a missing template of a hook fails the task when it runs",
    r"MLP515: ": "an expression that cannot be read fails when it is evaluated",
    r"MLP518: .* may not have finished by then": "the tag stays as it is when the other task is late",
    r"MLP519: \S+\.steps\[": "Argo drops unknown fields of steps",
    r"MLP532: apiVersion: ": "argo lint does not look at it, the API server does",
    r"MLP525: .*the field is required": "by its definitions: the API server refuses the file",
    r"MLP525: \S+\.(value|default): expected a string or a number": "Argo makes an empty string of a list or mapping",
}
"""Errors about files that Argo takes, and why."""

LOOSER = {
    r"template name '.*{{.*' undefined": "which template that is, only the run knows",
    r"couldn't find (cluster )?workflow template": "mlplat warns about templates of other files",
}
"""What Argo says of files that mlplat takes, and why."""


@pytest.fixture(scope="module")
def argo(cluster_env: dict[str, str]) -> str:
    """The path of the ``argo`` program."""
    found = shutil.which("argo", path=cluster_env["PATH"])
    if found is None:
        pytest.skip("argo is not on PATH")
    return found


def test_recorded_verdicts_are_those_of_argo(argo: str) -> None:
    recorded = json.loads(RECORDED.read_text())
    assert {name: bool(said) for name, said in verdicts(argo).items()} == {
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
        said = verdict(argo, file)
        if not NOTHING.search(said) and bool(errors) != bool(said) and file.name not in ELSEWHERE:
            differing[file.name] = (errors, said)
    assert differing == {}


def test_broken_files_have_the_same_verdicts(
    argo: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = [one for one in mutations.seeds() if one.kind == "manifest" and len(one.documents) == 1]
    differing = {}
    for number in range(BROKEN):
        rng = random.Random(f"verdicts/{number}")
        text = mutations.written(rng, mutations.broken_tree(rng, rng.choice(known), known))
        file = tmp_path / f"{number}.yaml"
        file.write_text(text, encoding="utf-8", errors="surrogatepass")
        is_refused = main(["lint", str(file)]) != 0
        told = capsys.readouterr()
        errors = re.findall(r"error (MLP\d+: .*)", told.out + told.err)
        assert bool(errors) == is_refused
        said = verdict(argo, file)
        if NOTHING.search(said) or is_refused == bool(said):
            continue
        reasons = STRICTER if is_refused else LOOSER
        if not all(any(re.search(one, why) for one in reasons) for why in errors or [said]):
            differing[number] = (errors, said)
    assert differing == {}
