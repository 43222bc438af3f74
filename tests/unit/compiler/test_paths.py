"""A container finds its files where its caller says, on this machine too, and other texts stay as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlplat import compiler, engine
from tests.programs import paths


def run(home: Path, **arguments: Any) -> dict[str, str]:
    options = compiler.Options(name="run", arguments=arguments)
    done = engine.run(compiler.manifest(paths.paths.spec, options), home=home)
    assert done["status"]["phase"] == "Succeeded"
    return {
        node["displayName"]: node["outputs"]["parameters"][0]["value"]
        for node in done["status"]["nodes"].values()
        if node.get("outputs", {}).get("parameters")
    }


def test_a_container_whose_arguments_only_the_run_knows_has_its_own_paths(tmp_path: Path) -> None:
    assert run(tmp_path / "a")["size"] == "3 /mlplat/out/found none"
    assert run(tmp_path / "b", name="a")["size"] == "3 /mlplat/out/found given"


def test_a_path_in_the_workspace_reaches_a_container(tmp_path: Path) -> None:
    assert run(tmp_path)["show"] == "in the workspacex"


def test_what_works_in_the_workspace_is_not_taken_from_another_run(tmp_path: Path) -> None:
    run(tmp_path)
    assert run(tmp_path)["show"] == "in the workspacex"
    [workflow] = compiler.manifest(paths.paths.spec)
    cached = {one["name"] for one in workflow["spec"]["templates"] if "memoize" in one}
    assert cached == {"make", "size"}
