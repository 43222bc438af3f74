"""Pipelines: functions that call components."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, overload

from mlplat.dsl import build, context, docstrings, foreign, signatures, validation
from mlplat.dsl.broken import unless_wrong
from mlplat.dsl.channels import Channel, channel_of
from mlplat.dsl.component import BaseComponent, sanitized
from mlplat.dsl.config import PipelineConfig
from mlplat.dsl.nodes import Group
from mlplat.errors import AuthoringError, Diagnostic
from mlplat.ir.model import PipelineSpec


class Pipeline(BaseComponent):
    """A pipeline; inside another one it can be called like a component.

    Attributes:
        spec: the pipeline as IR.
        python_func: the function as it was written.
    """

    def __init__(
        self,
        func: Callable[..., Any],
        name: str | None = None,
        description: str | None = None,
        pipeline_root: str | None = None,
        display_name: str | None = None,
        pipeline_config: PipelineConfig | None = None,
    ) -> None:
        func = signatures.plain_function(func)
        super().__init__(sanitized(name or func.__name__), signatures.interface(func, is_pipeline=True))
        functools.update_wrapper(self, func)
        self.python_func = func
        root, outputs = self._trace()
        self.spec: PipelineSpec = build.pipeline(
            self.name,
            self.interface,
            root,
            outputs,
            description=description or docstrings.summary(func.__doc__),
            display_name=display_name or "",
            pipeline_root=pipeline_root or "",
            config=pipeline_config.document() if pipeline_config else {},
            source=signatures.source_of(func),
        )

    def _trace(self) -> tuple[Group, dict[str, Channel]]:
        if context.current() is not None:
            raise AuthoringError(
                Diagnostic(
                    "MLP116",
                    self.name,
                    "a pipeline is defined inside another pipeline's function",
                    "define it at the top level of the file, and call it here",
                    signatures.source_of(self.python_func),
                )
            )
        channels = {
            name: Channel(name, spec.type, item_type=self.interface.input_items.get(name))
            for name, spec in self.interface.input_parameters.items()
        }
        for name, artifact in self.interface.input_artifacts.items():
            channels[name] = Channel(name, artifact.type, None, artifact.is_list)
        root = Group()
        with context.tracing_into(root) as tracing:
            try:
                with foreign.callable_here():
                    returned = self.python_func(**channels)
            except AuthoringError as error:
                raise AuthoringError([*tracing.problems, *error.diagnostics]) from None
            except Exception as error:
                if not tracing.problems or error.__cause__ is not None:
                    raise
                raise error from AuthoringError(tracing.problems)
        if tracing.problems:
            raise AuthoringError(tracing.problems)
        if not tracing.tasks:
            raise AuthoringError(
                Diagnostic(
                    "MLP117",
                    self.name,
                    "the pipeline calls no component",
                    "call at least one component in it",
                    signatures.source_of(self.python_func),
                )
            )
        return root, self._outputs(returned)

    def _outputs(self, returned: Any) -> dict[str, Channel]:
        names = [*self.interface.output_parameters, *self.interface.output_artifacts]
        if not names:
            return {}
        is_named = isinstance(returned, tuple) and hasattr(returned, "_asdict")
        values = returned._asdict() if is_named else {"Output": returned}
        found = {name: channel_of(values.get(name)) for name in names}
        outputs = {name: value for name, value in found.items() if isinstance(value, Channel)}
        wrong = [name for name in names if name not in outputs]
        if wrong:
            raise AuthoringError(
                Diagnostic(
                    "MLP118",
                    self.name,
                    f"the pipeline declares the output {', '.join(wrong)} but returns no task output for it",
                    "return task.output, or a named tuple of outputs",
                    signatures.source_of(self.python_func),
                )
            )
        return outputs


@overload
def pipeline(func: Callable[..., Any], /) -> Pipeline: ...


@overload
def pipeline(
    *,
    name: str | None = None,
    description: str | None = None,
    pipeline_root: str | None = None,
    display_name: str | None = None,
    pipeline_config: PipelineConfig | None = None,
) -> Callable[[Callable[..., Any]], Pipeline]: ...


@validation.checked("MLP122")
def pipeline(
    func: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    pipeline_root: str | None = None,
    display_name: str | None = None,
    pipeline_config: PipelineConfig | None = None,
) -> Pipeline | Callable[[Callable[..., Any]], Pipeline]:
    """Make a pipeline of a function that calls components.

    The function is called once, when it is defined, with placeholders for its parameters; its calls become the graph.

    Args:
        func: the function, when the decorator is written without parentheses.
        name: the pipeline's name; the function's unless given.
        description: what it does; the docstring up to its sections unless given.
        pipeline_root: where artifacts go.
        display_name: name to display.
        pipeline_config: settings of its runs.

    Returns:
        The pipeline.

    Raises:
        AuthoringError: all errors of the pipeline, at once.
    """

    def decorate(function: Callable[..., Any]) -> Pipeline:
        settings = (name, description, pipeline_root, display_name, pipeline_config)
        return unless_wrong(lambda: Pipeline(function, *settings), function)

    return decorate if func is None else decorate(func)
