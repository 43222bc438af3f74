"""The source of a component imports the artifact classes that its annotations name, where it can."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlplat import compiler, engine
from mlplat.ir.model import Container, PipelineSpec
from mlplat.runs import load

CLASSES = """
from mlplat.dsl import Artifact

class Table(Artifact):
    schema_title = "team.Table"
    schema_version = "0.0.1"

    def title(self):
        return f"{self.name}!"

class Chart(Artifact):
    schema_title = "team.Chart"
    schema_version = "0.0.1"
"""

NAMES = """
from typing import NamedTuple
import team
import team.kinds
import team.kinds as shapes
from mlplat import dsl
from mlplat.dsl import Artifact, Dataset, Input, Output
from team.kinds import Chart as Picture, Table

class Own(Artifact):
    schema_title = "program.Own"
    schema_version = "0.0.1"

@dsl.component
def one(b: Output[Picture], own: Output[Own], a: Input[Table] = None, c: dsl.Input[list[Table]] = None) -> Dataset: ...

@dsl.component
def two(b: Output[shapes.Chart], a: "Input[team.kinds.Table]" = None) -> NamedTuple("O", [("x", Table)]): ...

@dsl.component
def three(a: Input[Own], b: Input[Dataset], c: int) -> Artifact: ...

def make():
    from team.kinds import Chart

    @dsl.component
    def four(a: Input[Chart] = None): ...

    return four

four = make()

@dsl.pipeline
def p():
    made = one()
    two()
    four()
    three(a=made.outputs["own"], b=made.outputs["Output"], c=1)
"""

TASKS = """
from mlplat import dsl
from mlplat.dsl import Input, Output
from team.kinds import Table

@dsl.component
def write(table: Output[Table]):
    with open(table.path, "w") as file:
        file.write("a")

@dsl.component
def read(table: Input[Table]) -> str:
    return table.title() if isinstance(table, Table) else ""

@dsl.component
def look(table: Input[Table]) -> str:
    return type(table).__name__

@dsl.pipeline
def p():
    written = write()
    read(table=written.outputs["table"]).set_env_variable("PYTHONPATH", "{folder}")
    look(table=written.outputs["table"])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a package of artifact classes."""
    (tmp_path / "team/kinds").mkdir(parents=True)
    (tmp_path / "team/__init__.py").touch()
    (tmp_path / "team/kinds/__init__.py").write_text(CLASSES)
    return tmp_path


def loaded(folder: Path, program: str) -> PipelineSpec:
    (folder / "program.py").write_text(program)
    found = load.load(str(folder / "program.py"))
    assert not found.warnings
    assert found.spec is not None
    return found.spec


def test_classes_are_imported_as_the_annotations_name_them(folder: Path) -> None:
    imports = {}
    for label, executor in loaded(folder, NAMES).executors.items():
        assert isinstance(executor, Container)
        assert executor.python is not None
        _, _, block = executor.python.source.partition("try:\n")
        imports[label] = [line.strip() for line in block.partition("except ImportError")[0].splitlines()]
    assert imports == {
        "exec-one": ["from team.kinds import Chart as Picture", "from team.kinds import Table"],
        "exec-two": [
            "import team.kinds as shapes",
            "import team",
            "import team.kinds",
            "from team.kinds import Table",
        ],
        "exec-three": [],
        "exec-four": ["from team.kinds import Chart"],
    }


def test_a_task_has_the_class_where_its_package_is_installed(folder: Path) -> None:
    spec = loaded(folder, TASKS.replace("{folder}", str(folder)))
    done = engine.run(compiler.manifest(spec, compiler.Options(name="run")), home=folder / "home")
    said = {
        node["displayName"]: json.loads(node["outputs"]["parameters"][0]["value"])
        for node in done["status"]["nodes"].values()
        if node["displayName"] in ("read", "look")
    }
    assert said == {"read": "table!", "look": "Artifact"}
