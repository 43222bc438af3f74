"""Components made of Python functions."""

from __future__ import annotations

import ast
import functools
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, overload

from mlplat.dsl import context, docstrings, signatures, validation
from mlplat.dsl.broken import unless_wrong
from mlplat.dsl.class_imports import class_imports
from mlplat.dsl.component import BaseComponent, sanitized
from mlplat.errors import AuthoringError, Diagnostic
from mlplat.ir.model import Container, Origin, Passthrough, PythonFunction

_PRELUDE = "import kfp\nfrom kfp import dsl\nfrom kfp.dsl import *\nfrom typing import *\n\n"


class TaskConfigField:
    """Settings of a task that its function can receive, for ``task_config_passthroughs``."""

    RESOURCES = "RESOURCES"
    KUBERNETES_TOLERATIONS = "KUBERNETES_TOLERATIONS"
    KUBERNETES_NODE_SELECTOR = "KUBERNETES_NODE_SELECTOR"
    KUBERNETES_AFFINITY = "KUBERNETES_AFFINITY"
    ENV = "ENV"
    KUBERNETES_VOLUMES = "KUBERNETES_VOLUMES"


class TaskConfigPassthrough:
    """A setting of a task that its function receives.

    Args:
        field: the setting, a :class:`TaskConfigField`.
        apply_to_task: whether the task's own pod has it too.
    """

    def __init__(self, field: str, apply_to_task: bool = False) -> None:
        self.field = field
        self.apply_to_task = apply_to_task


class PythonComponent(BaseComponent):
    """A Python function that runs as a task.

    Args:
        func: the function.
        container: image and environment.
        function: packages to install; the function's source and name are added.
        before: source code to put before the function.
        cache: whether calls may be cached.
        passthroughs: settings of the task that the function receives.

    Attributes:
        python_func: the function as it was written: call it in unit tests.
    """

    def __init__(
        self,
        func: Callable[..., Any],
        container: Container,
        function: Mapping[str, Any],
        *,
        before: Sequence[str] = (),
        source: bool = True,
        cache: bool = True,
        passthroughs: tuple[Passthrough, ...] = (),
    ) -> None:
        func = signatures.plain_function(func)
        own, line, definition = _definition(func)
        imports = class_imports(func, definition)
        first = _PRELUDE + "".join(f"{text}\n\n" for text in (imports, *before) if text)
        origin = Origin(func, line, first.count("\n"))
        python = PythonFunction(first + own if source else "", func.__name__, **function, origin=origin)
        super().__init__(
            sanitized(func.__name__),
            signatures.interface(func),
            cache,
            Container(image=container.image, python=python),
            passthroughs,
        )
        functools.update_wrapper(self, func)
        self.python_func = func
        self.description = docstrings.summary(func.__doc__)

    def execute(self, **arguments: Any) -> Any:
        """Call the function in this process."""
        return self.python_func(**arguments)


def function_text(func: Callable[..., Any]) -> str:
    """Return the source of a function, without its decorators.

    Raises:
        AuthoringError: it cannot be read, or is not a plain function.
    """
    return _definition(func)[0]


def _definition(func: Callable[..., Any]) -> tuple[str, int, ast.FunctionDef]:
    """Return the source of a function without its decorators, the line of its ``def``, and its definition."""
    import textwrap

    try:
        text = textwrap.dedent(inspect.getsource(func))
        parsed = ast.parse(text)
    except (OSError, SyntaxError) as error:
        raise AuthoringError(
            Diagnostic(
                "MLP105",
                func.__name__,
                f"its source cannot be read: {error}",
                "define the function with def in a file or a notebook cell",
                signatures.source_of(func),
            )
        ) from None
    definition = parsed.body[0]
    if not isinstance(definition, ast.FunctionDef):
        raise AuthoringError(
            Diagnostic(
                "MLP105",
                func.__name__,
                "it is not a plain function",
                "define it with def, not as a lambda, a coroutine or a class",
                signatures.source_of(func),
            )
        )
    own = "\n".join(text.splitlines()[definition.lineno - 1 : definition.end_lineno]) + "\n"
    return own, func.__code__.co_firstlineno + definition.lineno - 1, definition


def installing(
    packages: Sequence[str],
    options: tuple[str, ...],
    *,
    install_kfp: bool,
    kfp_package: str | None,
    use_venv: bool,
) -> dict[str, Any]:
    """Return the fields of a :class:`PythonFunction` for the packages to install."""
    return {
        "packages": tuple(packages),
        "pip_options": options,
        "install_kfp": install_kfp,
        "kfp_package": kfp_package or "",
        "use_venv": use_venv,
    }


def pip_options(indexes: Sequence[str] | None, hosts: Sequence[str] | None) -> tuple[str, ...]:
    """Return the options of pip for indexes, the first instead of the default one, and hosts trusted without TLS."""
    options = [
        word
        for number, url in enumerate(indexes or ())
        for word in ("--extra-index-url" if number else "--index-url", url)
    ]
    return (*options, *(word for host in hosts or () for word in ("--trusted-host", host)))


def passed(passthroughs: Sequence[TaskConfigPassthrough | str] | None) -> tuple[Passthrough, ...]:
    """Return passthroughs as the IR has them."""
    wrapped = (TaskConfigPassthrough(one) if isinstance(one, str) else one for one in passthroughs or ())
    return tuple(Passthrough(one.field, one.apply_to_task) for one in wrapped)


@overload
def component(func: Callable[..., Any], /) -> PythonComponent: ...


@overload
def component(
    *,
    base_image: str | None = None,
    target_image: str | None = None,
    packages_to_install: Sequence[str] | None = None,
    pip_index_urls: Sequence[str] | None = None,
    output_component_file: str | None = None,
    install_kfp_package: bool = True,
    kfp_package_path: str | None = None,
    pip_trusted_hosts: Sequence[str] | None = None,
    use_venv: bool = False,
    additional_funcs: Sequence[Callable[..., Any]] | None = None,
    embedded_artifact_path: str | os.PathLike[str] | None = None,
    task_config_passthroughs: Sequence[TaskConfigPassthrough | str] | None = None,
    cache: bool = True,
) -> Callable[[Callable[..., Any]], PythonComponent]: ...


@validation.checked("MLP122")
def component(
    func: Callable[..., Any] | None = None,
    /,
    *,
    base_image: str | None = None,
    target_image: str | None = None,
    packages_to_install: Sequence[str] | None = None,
    pip_index_urls: Sequence[str] | None = None,
    output_component_file: str | None = None,
    install_kfp_package: bool = True,
    kfp_package_path: str | None = None,
    pip_trusted_hosts: Sequence[str] | None = None,
    use_venv: bool = False,
    additional_funcs: Sequence[Callable[..., Any]] | None = None,
    embedded_artifact_path: str | os.PathLike[str] | None = None,
    task_config_passthroughs: Sequence[TaskConfigPassthrough | str] | None = None,
    cache: bool = True,
) -> PythonComponent | Callable[[Callable[..., Any]], PythonComponent]:
    """Make a component of a Python function.

    The function's source runs in a process of its own, so it imports what it needs in its body, and its inputs and
    outputs are those of its annotations.

    Args:
        func: the function, when the decorator is written without parentheses.
        base_image: image to run in; the compiler's default when None.
        target_image: image that has the function, as ``kfp component build`` makes it; its source is not sent then.
        packages_to_install: requirements; nothing is installed where the environment has them.
        pip_index_urls: package indexes, the first instead of the default one.
        output_component_file: not written; ``compiler.Compiler().compile(component, path)`` writes it.
        install_kfp_package: for a KFP backend: whether the IR's command installs KFP's SDK. mlplat ignores it.
        kfp_package_path: for a KFP backend: what to install as KFP's SDK.
        pip_trusted_hosts: hosts to trust without TLS.
        use_venv: for a KFP backend: whether the IR's command makes an environment of its own first. Here, packages
            are always installed into one.
        additional_funcs: functions that this one calls; their source is included.
        embedded_artifact_path: file or folder to embed with the function; read with ``dsl.EmbeddedInput[...]``.
        task_config_passthroughs: settings of the task that the function's ``dsl.TaskConfig`` parameter holds.
        cache: whether to reuse an earlier result for equal inputs; a task's ``set_caching_options`` overrides it.

    Returns:
        The component; call it inside a pipeline.

    Raises:
        AuthoringError: an annotation is not valid, or the source cannot be read.
    """
    python = installing(
        packages_to_install or (),
        pip_options(pip_index_urls, pip_trusted_hosts),
        install_kfp=install_kfp_package,
        kfp_package=kfp_package_path,
        use_venv=use_venv,
    )
    before = [
        function_text(signatures.plain_function(getattr(one, "python_func", one)))
        for one in additional_funcs or ()
    ]
    if embedded_artifact_path:
        from mlplat.dsl import embedding

        before.insert(0, embedding.text_of(embedded_artifact_path))

    def decorate(function: Callable[..., Any]) -> PythonComponent:
        warn_of_file(function, output_component_file)
        container = Container(image=target_image or base_image or "")
        passthroughs = passed(task_config_passthroughs)
        make = functools.partial(PythonComponent, function, container, python)
        return unless_wrong(
            lambda: make(before=before, source=target_image is None, cache=cache, passthroughs=passthroughs),
            function,
        )

    return decorate if func is None else decorate(func)


def warn_of_file(func: Callable[..., Any], file: str | None) -> None:
    """Warn if a program names a file for a component, because loading a program writes no files."""
    if file is None:
        return
    message = f"output_component_file='{file}' is not written: reading a program writes no files"
    hint = "write it with mlplat.compiler.Compiler().compile(component, path)"
    source = signatures.source_of(signatures.plain_function(func))
    context.warn(Diagnostic("MLP106", func.__name__, message, hint, source, severity="warning"))
