"""Outputs that a task did not write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlplat.metadata import open_store
from tests.unit.cli.commands import told

PROGRAM = """
from typing import List
from mlplat import dsl

@dsl.container_component
def write(text: str, out: dsl.OutputPath(str)):
    script = 'test "$0" = none || { mkdir -p "$(dirname "$1")"; echo "$0" > "$1"; }'
    return dsl.ContainerSpec(image="busybox", command=["sh", "-c", script, text, out])

@dsl.component
def join(texts: List[str]) -> str:
    return "".join(map(str, texts))

@dsl.pipeline
def p(texts: List[str] = ["hi", "none"]) -> str:
    with dsl.ParallelFor(texts) as text:
        written = write(text=text)
    join(texts=dsl.Collected(written.outputs["out"]))
    return write(text="none").outputs["out"]
"""


def test_an_output_that_was_not_written_has_no_value(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = [
        *told(capsys, "run", "program.py", "--name", "first"),
        *told(capsys, "get", "tasks", "first"),
        *told(capsys, "get", "tasks", "first", "-o", "json"),
        *told(capsys, "get", "artifacts", "first"),
    ]
    assert "out=hi" in shown[0]
    assert not [text for text in shown if "absent" in text]
    workflow: dict[str, Any] = json.loads(told(capsys, "run", "program.py", "-o", "json")[0])
    assert "mlplat.dev/absent" not in json.dumps(workflow["status"]["nodes"])
    (node,) = [one for one in workflow["status"]["nodes"].values() if one["displayName"] == "write-2"]
    (given,) = node["outputs"]["parameters"]
    assert given["name"] == "out"
    assert "value" not in given
    with open_store(folder / ".mlplat/mlplat.db") as store:
        values = [one.value for one in store.parameters("first") if one.name == "out"]
    assert "hi" in values
    assert "mlplat.dev/absent" not in values
