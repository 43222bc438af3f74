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
from mlplat.manifest.lines import Lines

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


@pytest.mark.parametrize(
    ("text", "place"),
    [("a: 1\nb: {c: 1, c: 2}\na: 2\n", "f:3:1: "), ('{"a": 1, "b": {"c": 1, "c": 2}, "a": 2}', "f: ")],
)
def test_last_value_of_a_key_counts_with_a_warning(text: str, place: str) -> None:
    documents, warnings, _ = manifest.read(text, "f")
    assert documents == [{"a": 2, "b": {"c": 2}}]
    told = [str(one) for one in warnings]
    assert len(told) == 2
    assert told[1].startswith(f"{place}warning MLP214: the key 'a' is repeated; the last value is used")
    assert "kubectl kustomize" in told[1]


LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30)
)
KEYS = "a0: &a0 {" + ", ".join(f"k{n}: 1" for n in range(10_000)) + "}\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (LAUGHS, "f:6:50: error MLP216: with expanded aliases, the file is larger than 32 MiB"),
        (KEYS + "b: {<<: [*a0, *a0]}\n" * 10_000, "MLP216: with expanded aliases"),
        ("a: " + "[" * 100_000, "f:1:103: error MLP216: more than 100 nested lists and mappings"),
        ("a: " + "{b: " * 100_000, "MLP216: more than 100"),
        ("- " * 100_000, "MLP216: more than 100"),
        ("? " * 100_000, "MLP216: more than 100"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "MLP216: more than 100"),
        (
            "a0: &a0 []\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 10_000)),
            "MLP216: more than 100",
        ),
        ("a: &a [*a]", "f:1:8: error MLP201: the alias *a is inside its own anchor"),
        ("a: &a {<<: *a}", "MLP201: the alias *a is inside its own anchor"),
        ("a: *b", "f:1:4: error MLP201: the alias *b has no anchor"),
        ("a: &a 1\n---\nb: *a", "f:3:4: error MLP201: the alias *a has no anchor"),
        ("a: {<<: 5}", "MLP201: << requires a mapping, or a list of mappings"),
        ("a: !!python/object/apply:os.system [x]", "MLP201: the tag !!python/object/apply:os.system"),
        ("a: !!python/name:os.system x", "MLP201: the tag !!python/name:os.system"),
        ("arguments: !!map [a]", "f:1:12: error MLP201: the tag !!map is not allowed for a list"),
        ("a: !!int x", "MLP201: 'x' is not a !!int"),
        ("a: !mine x", "MLP201: unknown tag !mine"),
        ("a: .inf", "MLP201: .inf has no JSON form"),
        ("[a]: b", "MLP201: expected a string as a key, got a list or mapping"),
        ('é: 1\nb: "\0"', "f:2: error MLP201: not YAML: the character U+0000 is not allowed"),
        ("a: \x1b]52;c;", "MLP201: not YAML: the character U+001B"),
        ("a: \ud800", "MLP201: not YAML: the character '\\ud800' is half of a surrogate pair"),
        ("\ta: 1", "f:1:1: error MLP201: not YAML: found character that cannot start any token"),
        ("a: " + "x" * 33 * 2**20, "MLP216: the file is larger than 32 MiB"),
    ],
)
def test_hostile_text_is_one_diagnostic(text: str, told: str) -> None:
    with pytest.raises(ManifestError) as caught:
        manifest.load(text, "f")
    assert told in str(caught.value)
    assert len(caught.value.diagnostics) == 1


def test_aliases_and_merge_keys_are_read_as_go_does() -> None:
    text = "a: &a {x: 1, y: 2}\nb: &b {z: 3, x: 9}\nc: {<<: [*a, *b], y: 5}\nd: [*a]\ne: {'<<': 1}\n"
    (document,) = manifest.load(text)
    assert document["c"] == {"x": 1, "y": 5, "z": 3}
    assert document["d"] == [{"x": 1, "y": 2}]
    assert document["e"] == {"<<": 1}


def test_numbers_beyond_go_s_are_read_as_go_does() -> None:
    text = f"{{large: {2**64}, whole: {2**64 - 1}, digits: {'9' * 10_000}, float: 1e999, hex: 0x{'f' * 500}}}"
    (document,) = manifest.load(text)
    assert document == {
        "large": 2.0**64,
        "whole": 2**64 - 1,
        "digits": "9" * 10_000,
        "float": "1e999",
        "hex": "0x" + "f" * 500,
    }


def test_words_that_are_booleans_for_argo_alone_are_reported() -> None:
    documents, warnings, booleans = manifest.read("a: y\nb: 'y'\nc: [N, no]\ny: 1\n", "f")
    assert documents == [{"a": "y", "b": "y", "c": ["N", False], "y": 1}]
    assert warnings == []
    assert [str(one.source) for one in booleans] == ["f:1:4", "f:3:5", "f:4:1"]
    assert "'y' without quotes is true for Argo and kubectl" in booleans[0].message


def test_tags_and_a_byte_order_mark_are_read() -> None:
    (document,) = manifest.load(
        "\ufeffa: !!str 5\nb: !!int '5'\nc: !!float 5\nd: ! 5\ne: !!null ''\nf: !!map {}\n"
    )
    assert document == {"a": "5", "b": 5, "c": 5.0, "d": "5", "e": None, "f": {}}


def test_json_is_read_as_json() -> None:
    assert manifest.load('\ufeff {"a": "\\ud83d\\ude00\\/", "b": [1, 2.5, 1e3, null]}') == [
        {"a": "\U0001f600/", "b": [1, 2.5, 1000.0, None]}
    ]


@pytest.mark.parametrize(
    ("text", "code"), [("[1, 2", "MLP201"), ("- a\n", "MLP202"), ("# nothing\n", "MLP203")]
)
def test_what_is_not_a_manifest_is_refused(text: str, code: str) -> None:
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


def test_infinities_and_nan_are_refused() -> None:
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
    assert Lines("b: 1\n---\n---\n" + PLACES).line(1, path) == line + 3
