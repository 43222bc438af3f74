"""KFP's import paths, with the package's name changed."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from mlplat import aliases, compiler, dsl, engine


@pytest.mark.parametrize("path", sorted(aliases.PATHS))
def test_names_of_a_path_are_those_of_the_package(path: str) -> None:
    home, names = aliases.PATHS[path]
    module = importlib.import_module(f"mlplat.{path}")
    for theirs, ours in aliases.pairs(names):
        elsewhere, _, name = ours.rpartition(".")
        assert getattr(module, theirs) is getattr(importlib.import_module(elsewhere or home), name)
        assert theirs in module.__all__


PROGRAM = """
import mlplat.v2.dsl
from mlplat.compiler import compiler
from mlplat.compiler.compiler import Compiler
from mlplat.dsl import base_component, component_decorator
from mlplat.dsl.types.artifact_types import Dataset
from mlplat.v2 import dsl, components
from mlplat.v2.dsl import *
from mlplat.v2.dsl import Input, component
import mlplat

assert compiler.Compiler is Compiler
assert dsl is mlplat.v2.dsl is mlplat.dsl
assert mlplat.dsl.__spec__.name == "mlplat.dsl"
assert component_decorator.component is component
assert mlplat.__version__
from mlplat.compiler.compiler_utils import InvalidTopologyException
from mlplat.dsl.tasks_group import InvalidControlFlowException
assert InvalidTopologyException is InvalidControlFlowException is mlplat.errors.AuthoringError
try:
    import mlplat.dsl.nothing
except ModuleNotFoundError as error:
    assert error.name == "mlplat.dsl.nothing"
else:
    raise AssertionError
"""


def test_program_with_every_form_of_import() -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", PROGRAM], check=True)


@dsl.component
def inside() -> str:
    import kfp
    from kfp.dsl.types.artifact_types import Dataset
    from kfp.dsl.types.type_annotations import InputPath  # noqa: F401
    from kfp.v2 import dsl as older
    from kfp.v2.dsl import Model

    assert kfp.dsl.types.artifact_types.Dataset is Dataset
    assert older.Model is Model
    return str(Dataset.schema_title)


@dsl.pipeline
def pipeline() -> None:
    inside()


def test_paths_can_be_imported_in_a_component(tmp_path: Path) -> None:
    done = engine.run(
        compiler.manifest(pipeline.spec, compiler.Options(name="run", cache=False)), home=tmp_path
    )
    assert done["status"]["phase"] == "Succeeded"
