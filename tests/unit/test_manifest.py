"""YAML that means the same to everyone."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mlplat import manifest
from mlplat.errors import ManifestError

TEXTS = [
    "1e-5",
    "0o14",
    "1_000",
    "12:30",
    "on",
    "n",
    "y",
    "no",
    "null",
    "~",
    "",
    " x ",
    "a: b",
    "- a",
    "#x",
    "0x1f",
    ".5",
]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "text", [*TEXTS, "2001-01-01", "+1", "1e3", "'", '"', "{{x}}", "$(HOME)", "a\nb\n", "\ttab", "é\u2028"]
)
def test_text_stays_text(text: str) -> None:
    dumped = manifest.dump({"key": text, "list": [text]})
    assert manifest.load(dumped) == [{"key": text, "list": [text]}]
    assert yaml.safe_load(dumped) == {"key": text, "list": [text]}


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_any_document_comes_back(document: dict[str, Any]) -> None:
    assert manifest.load(manifest.dump(document) if document else "{}\n") == [document]


@pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="kubectl, which reads YAML with Go, is not on PATH"
)
@settings(max_examples=15)
@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])) | st.sampled_from(TEXTS), max_size=20)
)
def test_go_reads_the_same_text(tmp_path_factory: pytest.TempPathFactory, texts: list[str]) -> None:
    folder = tmp_path_factory.mktemp("kustomize")
    data = {f"key{number}": text for number, text in enumerate(texts)}
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "texts"}, "data": data}
    (folder / "texts.yaml").write_text(manifest.dump(document))
    (folder / "kustomization.yaml").write_text("resources: [texts.yaml]\n")
    built = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=True)
    assert manifest.load(built.stdout)[0].get("data", {}) == data


def test_source_code_is_a_readable_block() -> None:
    assert manifest.dump({"source": "def f():\n    return 1\n"}) == "source: |\n  def f():\n      return 1\n"


def test_key_that_stands_twice_is_placed() -> None:
    with pytest.raises(ManifestError, match=r"twice\.yaml:2:1: error MLP201: .*the key 'a' stands twice"):
        manifest.load("a: 1\na: 2\n", "twice.yaml")


@pytest.mark.parametrize(
    ("text", "code"), [("[1, 2", "MLP201"), ("- a\n", "MLP202"), ("# nothing\n", "MLP203")]
)
def test_what_is_no_manifest_is_refused(text: str, code: str) -> None:
    with pytest.raises(ManifestError, match=code):
        manifest.load(text, "file.yaml")


def test_keys_are_text_and_numbers_are_read_as_kubernetes_does() -> None:
    text = "{y: 1, on: 2, 1: a, date: 2001-01-01, octal: 0o14, old: 014, float: 1e3, flag: yes}"
    (document,) = manifest.load(text)
    assert document == {
        "y": 1,
        "on": 2,
        "1": "a",
        "date": "2001-01-01",
        "octal": 12,
        "old": 12,
        "float": 1000.0,
        "flag": True,
    }


def test_number_that_json_lacks_is_refused() -> None:
    with pytest.raises(ManifestError, match="nan"):
        manifest.dump({"x": float("nan")})


def test_examples_of_the_corpus_come_back(corpus: Path) -> None:
    for file in sorted(corpus.glob("*/*.yaml")):
        try:
            documents = manifest.load(file.read_text(), file.name)
        except ManifestError:
            continue
        assert manifest.load(manifest.dump(documents)) == documents


PLACES = """a: 1
spec:
  templates:
  - name: main
    steps:
    - - name: first
        labels: {a.b/c: x}
  - {name: other, container: {}}
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("", 1),
        ("spec", 2),
        ("spec.templates.main", 4),
        ("spec.templates[1].container", 8),
        ("spec.templates.main.steps[0].first.labels.a.b/c", 7),
        ("spec.templates.other.none", 8),
        ("none", 1),
    ],
)
def test_parts_of_documents_have_lines(path: str, line: int) -> None:
    assert manifest.Lines("b: 1\n---\n---\n" + PLACES).line(1, path) == line + 3
