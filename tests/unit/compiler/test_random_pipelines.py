"""Random pipelines pass what checks manifests, and give here what plain Python gives."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlplat import compiler, engine, ir, manifest
from tests.random_pipelines import (
    NUMBERS,
    TEXTS,
    Branches,
    Call,
    Compare,
    Constant,
    Name,
    expected,
    pipeline,
    programs,
)


@settings(max_examples=60)
@given(programs(), TEXTS, NUMBERS)
def test_random_pipeline_compiles_alike_from_python_and_from_ir(program: Any, text: str, number: int) -> None:
    spec = pipeline(program).spec
    again = ir.read(manifest.load(manifest.dump(ir.write(spec))))
    options = compiler.Options(name="wf", arguments={"text": text, "number": number})
    documents = compiler.manifest(spec, options)
    assert not [one for one in engine.inspect(documents) if one.severity == "error"]
    assert len(compiler.manifest(again, options)[-1]["spec"]["templates"]) == len(
        documents[-1]["spec"]["templates"]
    )


@settings(max_examples=10)
@given(programs(), TEXTS, NUMBERS, st.sampled_from(["off", "auto"]))
def test_random_pipeline_gives_what_python_gives(program: Any, text: str, number: int, fuse: str) -> None:
    options = compiler.Options(name="wf", cache=False, fuse=fuse, arguments={"text": text, "number": number})
    with tempfile.TemporaryDirectory() as home:
        done = engine.run(compiler.manifest(pipeline(program).spec, options), home=Path(home))
        assert done["status"]["phase"] == "Succeeded"
        assert output(done, Path(home)) == expected(program, text, number)


def output(done: dict[str, Any], home: Path) -> Any:
    """Return the output of a run; a large one lies in the store."""
    (root,) = (node for node in done["status"]["nodes"].values() if node["name"] == "wf")
    value = json.loads(root["outputs"]["parameters"][0]["value"])
    if isinstance(value, dict) and "mlplat.dev/large" in value:
        return json.loads((home / "artifacts" / value["mlplat.dev/large"]["key"]).read_text())
    return value


@pytest.mark.parametrize(
    "text", ["\x7f", "\U00010756", "\U0001f3f4\U000e0067\U000e007f", "\x01\x0b\u200b\ufeff"]
)
def test_characters_without_a_look_survive_arguments_outputs_and_artifacts(text: str, tmp_path: Path) -> None:
    program = (
        Call("a", "join", {"text": Name("text"), "number": Name("number")}),
        Call("b", "store", {"text": Name("a")}),
        Call("c", "load", {"data": Name("b")}),
        Call("d", "wrap", {"text": Name("c"), "number": Constant(1)}),
        Call("e", "unwrap", {"record": Name("d")}),
        Branches(
            "f",
            (Compare(Name("c"), "!=", text),),
            (
                (Call("g", "join", {"text": Name("c"), "number": Constant(2)}),),
                (Call("h", "join", {"text": Constant(text), "number": Constant(3)}),),
            ),
        ),
    )
    options = compiler.Options(name="wf", cache=False, arguments={"text": text, "number": 7})
    done = engine.run(compiler.manifest(pipeline(program).spec, options), home=tmp_path)
    assert output(done, tmp_path) == expected(program, text, 7)
