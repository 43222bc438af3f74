"""Inputs and outputs that a function takes as paths, or puts at paths of its own."""

from __future__ import annotations

from pathlib import Path

from mlplat import compiler, dsl, engine
from mlplat.dsl import Dataset, Input, InputPath, Model, Output, OutputPath


@dsl.component
def read(text: InputPath(str), words: InputPath("List"), seen: OutputPath(), again: OutputPath("CSV")) -> str:  # type: ignore[valid-type]
    import pathlib

    pathlib.Path(seen).write_text("seen")
    pathlib.Path(again).write_text("again")
    return pathlib.Path(text).read_text() + pathlib.Path(words).read_text()


@dsl.component
def joined(seen: InputPath(), again: InputPath("CSV")) -> str:  # type: ignore[valid-type]
    import pathlib

    return pathlib.Path(seen).read_text() + pathlib.Path(again).read_text()


@dsl.component
def move(folder: str, data: Output[Dataset], model: Output[Model]) -> str:
    import pathlib

    data.set_path(folder + "/data.csv")
    model.custom_path = folder + "/model"
    for artifact in (data, model):
        pathlib.Path(artifact.path).write_text(artifact.name)
    return data.path


@dsl.component
def moved(data: Input[Dataset], model: Input[Model]) -> str:
    import pathlib

    return pathlib.Path(data.path).read_text() + pathlib.Path(model.path).read_text()


@dsl.pipeline
def paths(folder: str) -> None:
    found = read(text="it's\n", words=["a"])
    joined(seen=found.outputs["seen"], again=found.outputs["again"])
    made = move(folder=folder)
    moved(data=made.outputs["data"], model=made.outputs["model"])


def test_paths_of_every_kind_reach_the_function(tmp_path: Path) -> None:
    options = compiler.Options(name="run", cache=False, arguments={"folder": str(tmp_path)})
    done = engine.run(compiler.manifest(paths.spec, options), home=tmp_path / "home")
    outputs = {
        node["displayName"]: parameter["value"]
        for node in done["status"]["nodes"].values()
        if node["type"] == "Pod"
        for parameter in node["outputs"]["parameters"]
        if parameter["name"] == "Output"
    }
    assert outputs == {
        "read": '"it\'s\\n[\\"a\\"]"',
        "joined": '"seenagain"',
        "move": f'"{tmp_path}/data.csv"',
        "moved": '"datamodel"',
    }
