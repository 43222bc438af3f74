"""Notebooks as components, traced, and run here by a real kernel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlplat import compiler, dsl, engine, ir, manifest
from mlplat.errors import AuthoringError
from mlplat.ir.model import Container
from tests.unit.engine.manifests import node, value


def cell(source: str, *tags: str) -> dict[str, Any]:
    metadata = {"tags": list(tags)} if tags else {}
    return {
        "cell_type": "code",
        "metadata": metadata,
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def notebook(path: Path, *cells: dict[str, Any]) -> str:
    document = {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document))
    return str(path)


def run(component: Any, home: Path, **arguments: Any) -> tuple[dict[str, Any], str]:
    @dsl.pipeline
    def p(x: int, place: str) -> int:
        return component(x=x, place=place).output  # type: ignore[no-any-return]

    spec = ir.read(manifest.load(manifest.dump(ir.write(p.spec))))
    options = compiler.Options(name="wf", cache=False, arguments=arguments)
    done = engine.run(compiler.manifest(spec, options), home=home)
    return done, next((home / "logs").rglob("*.log")).read_text()


def test_a_notebook_gets_parameters_and_its_outputs_are_the_log(tmp_path: Path) -> None:
    path = notebook(
        tmp_path / "n.ipynb",
        cell("x, place = 1, ''", "parameters"),
        cell("print('x is', x)\nx * 2"),
        cell("open(place, 'w').write(str(x * 3))"),
    )

    @dsl.notebook_component(notebook_path=path)
    def tripled(x: int, place: str) -> int:
        dsl.run_notebook(x=x, place=place)
        with open(place) as file:  # noqa: PTH123
            return int(file.read())

    done, log = run(tripled, tmp_path / "home", x=7, place=str(tmp_path / "out"))
    assert value(done, "wf", "Output") == "21", log
    assert log.splitlines()[:2] == ["x is 7", "14"]


def test_a_folder_brings_what_its_notebook_imports(tmp_path: Path) -> None:
    (tmp_path / "book").mkdir()
    (tmp_path / "book/helper.py").write_text("def half(x):\n    return x // 2\n")
    notebook(tmp_path / "book/n.ipynb", cell("import helper\nopen(place, 'w').write(str(helper.half(x)))"))

    @dsl.notebook_component(notebook_path=str(tmp_path / "book"))
    def halved(x: int, place: str) -> int:
        dsl.run_notebook(x=x, place=place)
        with open(place) as file:  # noqa: PTH123
            return int(file.read())

    done, log = run(halved, tmp_path / "home", x=8, place=str(tmp_path / "out"))
    assert value(done, "wf", "Output") == "4", log


def test_a_cell_that_fails_fails_the_task(tmp_path: Path) -> None:
    path = notebook(tmp_path / "n.ipynb", cell("1 / 0"))

    @dsl.notebook_component(notebook_path=path)
    def divided(x: int, place: str) -> int:
        dsl.run_notebook(x=x, place=place)
        return 1

    done, log = run(divided, tmp_path / "home", x=8, place="")
    assert node(done, "wf.divided")["phase"] == "Failed"
    assert "the notebook n.ipynb failed: ZeroDivisionError: division by zero" in log


def test_packages_of_notebooks_are_installed_unless_others_are_set(tmp_path: Path) -> None:
    path = notebook(tmp_path / "n.ipynb", cell("1"))

    def work(x: int) -> int:
        dsl.run_notebook()
        return x

    def packages(component: Any) -> tuple[str, ...]:
        executor = component.executor
        assert isinstance(executor, Container)
        assert executor.python is not None
        return executor.python.packages

    assert packages(dsl.notebook_component(notebook_path=path)(work))[0].startswith("nbclient")
    assert packages(dsl.notebook_component(notebook_path=path, packages_to_install=[])(work)) == ()


@pytest.mark.parametrize(
    ("names", "given", "message"),
    [
        ([], "n.ipynb", "notebook '.*' not found"),
        (["book/a.ipynb", "book/b.ipynb"], "book", "has 2 notebooks"),
        (["book/a.txt"], "book", "notebook '.*' not found"),
    ],
)
def test_a_path_without_a_notebook_is_refused(
    names: list[str], given: str, message: str, tmp_path: Path
) -> None:
    for name in names:
        notebook(tmp_path / name)
    with pytest.raises(AuthoringError, match=message):
        dsl.notebook_component(notebook_path=str(tmp_path / given))


def test_a_notebook_runs_in_a_task_alone() -> None:
    with pytest.raises(RuntimeError, match="can only be called in a @dsl"):
        dsl.run_notebook(x=1)
