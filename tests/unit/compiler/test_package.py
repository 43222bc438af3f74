"""``Compiler().compile(...)`` writes what KFP's writes, or the Workflow."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlplat import dsl, ir, manifest
from mlplat.compiler import Compiler, KubernetesManifestOptions
from mlplat.compiler.package import describe
from mlplat.errors import ArgumentError, ManifestError

GOLDEN = Path(__file__).parents[2] / "golden/kfp"


@dsl.component
def say(text: str, loud: bool = False) -> str:
    """Says a text."""
    return text


@dsl.pipeline(name="my-pipe")
def pipe(a: str = "x", f: float = 0.5, items: list = [1]) -> str:  # type: ignore[type-arg]  # noqa: B006
    """Says
    much.
    """
    return say(text=a).output  # type: ignore[return-value]


def test_comment_above_tells_what_it_takes_and_gives(tmp_path: Path) -> None:
    Compiler().compile(pipe, str(tmp_path / "p.yaml"))
    lines = (tmp_path / "p.yaml").read_text().splitlines()
    assert lines[:10] == [
        "# PIPELINE DEFINITION",
        "# Name: my-pipe",
        "# Description: Says",
        "#              much.",
        "# Inputs:",
        "#    a: str [Default: 'x']",
        "#    f: float [Default: 0.5]",
        "#    items: list [Default: [1]]",
        "# Outputs:",
        "#    Output: str",
    ]
    assert ir.read(manifest.load((tmp_path / "p.yaml").read_text())).name == "my-pipe"


@pytest.mark.parametrize("golden", sorted(GOLDEN.glob("*.yaml")), ids=lambda path: path.stem)
def test_comment_is_that_of_kfp(golden: Path) -> None:
    text = golden.read_text()
    theirs = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
    # Whole numbers are written as such.
    assert describe(ir.read(manifest.load(text))) == re.sub(r"(\d)\.0\b", r"\1", theirs)


def test_json_and_single_components(tmp_path: Path) -> None:
    Compiler().compile(say, str(tmp_path / "c.json"))
    document = json.loads((tmp_path / "c.json").read_text())
    assert document["pipelineInfo"] == {"description": "Says a text.", "name": "say"}
    assert document["root"]["dag"]["tasks"]["say"]["inputs"]["parameters"] == {
        "loud": {"componentInputParameter": "loud"},
        "text": {"componentInputParameter": "text"},
    }


def test_name_and_defaults_may_be_others(tmp_path: Path) -> None:
    Compiler().compile(pipe, str(tmp_path / "p.yaml"), pipeline_name="other", pipeline_parameters={"a": "y"})
    spec = ir.read(manifest.load((tmp_path / "p.yaml").read_text()))
    assert (spec.name, spec.root.input_parameters["a"].default) == ("other", "y")
    with pytest.raises(ArgumentError, match=r"(?s)MLP401.*'b'.*MLP403: a: expected str, got 3"):
        Compiler().compile(pipe, str(tmp_path / "q.yaml"), pipeline_parameters={"a": 3, "b": 1})
    assert not (tmp_path / "q.yaml").exists()


def test_resources_of_kfp(tmp_path: Path) -> None:
    options = KubernetesManifestOptions("pn", "pd", "vn", "vd", "ns", include_pipeline_manifest=True)
    Compiler().compile(pipe, str(tmp_path / "p.yaml"), kubernetes_manifest_options=options)
    first, second = yaml.safe_load_all((tmp_path / "p.yaml").read_text())
    assert (first["kind"], first["metadata"]) == ("Pipeline", {"name": "pn", "namespace": "ns"})
    assert first["spec"] == {"description": "Says\nmuch.", "displayName": "pd"}
    assert (second["kind"], second["metadata"]["name"]) == ("PipelineVersion", "vn")
    assert second["spec"]["pipelineName"] == "pn"
    assert second["spec"]["pipelineSpec"]["pipelineInfo"]["name"] == "my-pipe"


def test_workflow(tmp_path: Path) -> None:
    Compiler().compile(pipe, str(tmp_path / "w.yaml"), to="argo")
    (workflow,) = yaml.safe_load_all((tmp_path / "w.yaml").read_text())
    assert workflow["kind"] == "Workflow"


@pytest.mark.parametrize(
    ("path", "more", "message"),
    [
        ("p.txt", {}, "MLP209: unknown file extension"),
        (
            "nowhere/p.yaml",
            {},
            "MLP209: the file cannot be written: No such file.*\n.*hint: create the folder: mkdir",
        ),
        ("p.yaml", {"to": "moon"}, "MLP413: unknown value 'moon'"),
    ],
)
def test_bad_calls_are_reported(path: str, more: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises((ManifestError, ArgumentError), match=message):
        Compiler().compile(pipe, str(tmp_path / path), **more)
    assert list(tmp_path.iterdir()) == []
