"""Components whose function runs a notebook."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from typing import Any, overload

from mlplat import runtime
from mlplat.dsl import context, validation
from mlplat.dsl.broken import unless_wrong
from mlplat.dsl.python import (
    PythonComponent,
    TaskConfigPassthrough,
    installing,
    passed,
    pip_options,
    warn_of_file,
)
from mlplat.errors import AuthoringError, Diagnostic
from mlplat.ir.model import Container

PACKAGES = ("nbclient>=0.10,<1", "ipykernel>=6,<7", "jupyter_client>=7,<9")
"""The packages that run notebooks."""


@overload
def notebook_component(
    func: Callable[..., Any], /, *, notebook_path: str | os.PathLike[str]
) -> PythonComponent: ...


@overload
def notebook_component(
    *,
    notebook_path: str | os.PathLike[str],
    base_image: str | None = None,
    packages_to_install: Sequence[str] | None = None,
    output_component_file: str | None = None,
    pip_index_urls: Sequence[str] | None = None,
    pip_trusted_hosts: Sequence[str] | None = None,
    use_venv: bool = False,
    kfp_package_path: str | None = None,
    install_kfp_package: bool = True,
    task_config_passthroughs: Sequence[TaskConfigPassthrough | str] | None = None,
) -> Callable[[Callable[..., Any]], PythonComponent]: ...


@validation.checked("MLP122")
def notebook_component(
    func: Callable[..., Any] | None = None,
    /,
    *,
    notebook_path: str | os.PathLike[str],
    base_image: str | None = None,
    packages_to_install: Sequence[str] | None = None,
    output_component_file: str | None = None,
    pip_index_urls: Sequence[str] | None = None,
    pip_trusted_hosts: Sequence[str] | None = None,
    use_venv: bool = False,
    kfp_package_path: str | None = None,
    install_kfp_package: bool = True,
    task_config_passthroughs: Sequence[TaskConfigPassthrough | str] | None = None,
) -> PythonComponent | Callable[[Callable[..., Any]], PythonComponent]:
    """Make a component of a Python function that runs an embedded notebook.

    The function calls ``dsl.run_notebook(name=value, …)``: the values stand in a cell after the one that is tagged
    ``parameters``, or before all others. What the cells print is the task's log. Files that the notebook writes are
    read by the function after that.

    Args:
        func: the function, when the decorator is written without further arguments.
        notebook_path: the notebook, or a folder with one notebook and the files it needs.
        base_image: as for :func:`mlplat.dsl.component`, like all that follow.
        packages_to_install: requirements; what running a notebook needs (:data:`PACKAGES`) when None.
        output_component_file: not written.
        pip_index_urls: package indexes.
        pip_trusted_hosts: hosts to trust without TLS.
        use_venv: for a KFP backend.
        kfp_package_path: for a KFP backend.
        install_kfp_package: for a KFP backend.
        task_config_passthroughs: settings of the task that are passed to the function.

    Returns:
        The component; call it inside a pipeline.

    Raises:
        AuthoringError: there is no notebook, or more than one; or as for a component.
    """
    from pathlib import Path

    from mlplat.dsl import embedding

    name = _notebook_in(notebook_path)
    runner = Path(__file__).with_name("notebook_runner.py")
    bound = f"dsl.run_notebook = notebook_runner(__KFP_EMBEDDED_ASSET_DIR, {name!r})\n"
    before = [embedding.text_of(notebook_path), runtime.code_of(runner.read_text(encoding="utf-8")), bound]
    python = installing(
        PACKAGES if packages_to_install is None else packages_to_install,
        pip_options(pip_index_urls, pip_trusted_hosts),
        install_kfp=install_kfp_package,
        kfp_package=kfp_package_path,
        use_venv=use_venv,
    )

    def decorate(function: Callable[..., Any]) -> PythonComponent:
        warn_of_file(function, output_component_file)
        container = Container(image=base_image or "")
        passthroughs = passed(task_config_passthroughs)
        make = functools.partial(PythonComponent, function, container, python)
        return unless_wrong(lambda: make(before=before, passthroughs=passthroughs), function)

    return decorate if func is None else decorate(func)


def run_notebook(**parameters: Any) -> None:  # noqa: ARG001 - a task gets another one
    """Run the notebook of the notebook component that calls this.

    Args:
        parameters: JSON values for the notebook.

    Raises:
        RuntimeError: a cell fails; or nothing runs as a task of a notebook component.
    """
    raise RuntimeError("dsl.run_notebook can only be called in a @dsl.notebook_component")


def _notebook_in(place: str | os.PathLike[str]) -> str:
    """Return the notebook's path below the folder that is embedded."""
    from pathlib import Path

    path = Path(place)
    if path.is_file() and path.suffix == ".ipynb":
        return path.name
    found = sorted(path.rglob("*.ipynb")) if path.is_dir() else []
    found = [one for one in found if ".ipynb_checkpoints" not in one.parts]
    if len(found) == 1:
        return found[0].relative_to(path).as_posix()
    if found:
        message = f"'{place}' has {len(found)} notebooks: {', '.join(str(one) for one in found)}"
        hint = "use the path of one of them"
    else:
        message = f"notebook '{place}' not found"
        hint = f"use an absolute path of an .ipynb file, or one relative to {Path.cwd()}"
    raise AuthoringError(Diagnostic("MLP152", str(place), message, hint, context.caller()))
