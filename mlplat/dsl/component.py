"""Components: what a pipeline calls."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from mlplat.dsl import context, validation
from mlplat.dsl.channels import ABSENT, Channel, Item
from mlplat.dsl.interface import Definition
from mlplat.dsl.interpolation import Interpolated, interpolated
from mlplat.dsl.task import PipelineTask
from mlplat.errors import AuthoringError, Diagnostic, nearest
from mlplat.ir.model import (
    ArtifactType,
    InputArtifact,
    InputParameter,
    ParameterType,
)
from mlplat.ir.types import TYPE_NAMES, fits, json_problem
from mlplat.runtime.artifacts import Artifact

_OUTSIDE = (
    "to run it on this machine, call local.init(local.SubprocessRunner()) first (from mlplat import local); to add it "
    "to a pipeline, call it in a function with @dsl.pipeline; to call the plain function: component.python_func(...)"
)


class BaseComponent(Definition):
    """Something that a pipeline can call; see :class:`Definition` for its attributes."""

    def __call__(self, *args: Any, **kwargs: Any) -> PipelineTask:
        """Add a call to the pipeline that is being written.

        Returns:
            The task; outside of a pipeline, after ``local.init(...)``, the result of running it.
        """
        run = context.runner()
        if run is not None and context.current() is None:
            tracing = context.Tracing([])
            arguments = self._bind(self.name, args, kwargs, tracing)
            if tracing.problems:
                raise AuthoringError(tracing.problems)
            return cast(PipelineTask, run(self, arguments))
        tracing = context.tracing(self.name, _OUTSIDE)
        name = tracing.task_name(self.name)
        arguments = self._bind(name, args, kwargs, tracing)
        task = PipelineTask(name, self, arguments, context.caller())
        tracing.tasks.append(task)
        tracing.group.add(task)
        return task

    def _bind(
        self, task: str, args: Sequence[Any], kwargs: Mapping[str, Any], tracing: context.Tracing
    ) -> dict[str, Any]:
        inputs = self.interface.inputs
        names = [name for name in self.interface.order if name in inputs]
        problem = functools.partial(_problem, tracing, task)
        arguments: dict[str, Any] = {}
        if len(args) > len(names):
            problem(
                "MLP130",
                f"too many arguments: expected at most {len(names)}, got {len(args)}",
                f"available: {', '.join(names)}",
            )
        arguments.update(zip(names, args, strict=False))
        for name, value in kwargs.items():
            if name in arguments:
                problem("MLP131", f"'{name}' was passed twice, by position and by name", "pass it once")
            elif name in self.interface.order and name not in inputs:
                problem("MLP132", f"'{name}' is an output and takes no argument", "remove the argument")
            elif name not in inputs:
                problem("MLP132", f"it has no input '{name}'", nearest(name, names))
            else:
                arguments[name] = value
        for name in self.interface.required():
            if name not in arguments:
                problem("MLP133", f"the input '{name}' is missing", f"available: {', '.join(names)}")
        checked = {name: interpolated(value, tracing) for name, value in arguments.items()}
        unlike = {name: _mismatch(value, inputs[name]) for name, value in checked.items()}
        for name, wrong in unlike.items():
            if wrong:
                problem(
                    "MLP134",
                    f"'{name}' {wrong}",
                    "pass a value of the declared type, or change the declaration",
                )
        if not any(unlike.values()):
            for message, hint in self.wrong(checked):
                problem("MLP128", message, hint)
        return {name: value for name, value in checked.items() if value is not None}

    def wrong(self, arguments: Mapping[str, Any]) -> Iterator[tuple[str, str]]:  # noqa: ARG002
        """Yield further errors in arguments whose types are right: message and hint.

        Args:
            arguments: constants and runtime values, by input.
        """
        return iter(())


def _problem(tracing: context.Tracing, task: str, code: str, message: str, hint: str) -> None:
    tracing.problems.append(Diagnostic(code, task, message, hint, context.caller()))


def _mismatch(value: Any, declared: Any) -> str:
    """Return how an argument differs from the declared type; empty if it does not."""
    if isinstance(declared, InputArtifact):
        return _unlike_artifact(value, declared)
    expected = f"is declared {TYPE_NAMES[declared.type]}"
    if isinstance(value, Channel):
        if isinstance(value.type, ArtifactType):
            return f"{expected}, but got '{value.name}', an artifact ({value.type.schema_title})"
        if isinstance(value, Item):
            for place, one in enumerate(value.constants or (), start=1):
                if not _is_taken(one, declared):
                    return f"{expected}, but item {place} of the loop is {one!r}"
            return ""
        if declared.type is ParameterType.STRING:
            return ""
        if value.type is not declared.type and _TAKEN_TOO.get(declared.type) is not value.type:
            return f"{expected}, but got '{value.name}' of type {TYPE_NAMES[value.type]}"
        return ""
    if value is None and declared.optional:
        return ""
    constant = value.value if isinstance(value, Interpolated) else value
    if isinstance(value, Interpolated) and any(
        isinstance(one.type, ArtifactType) for one in value.channels.values()
    ):
        return "contains an artifact; only parameters can be part of a string or list"
    if not fits(constant, declared.type):
        return f"{expected}, but got {validation.display(constant)}"
    problem = json_problem(constant)
    return f"cannot be written as JSON: {problem}" if problem else ""


_TAKEN_TOO = {
    ParameterType.NUMBER_DOUBLE: ParameterType.NUMBER_INTEGER,
    ParameterType.STRUCT: ParameterType.TASK_FINAL_STATUS,
}
"""Another type that an input also accepts."""


def _unlike_artifact(value: Any, declared: InputArtifact) -> str:
    expected = f"is declared {declared.type.schema_title}"
    if value is None and declared.optional:
        return ""
    if not isinstance(value, Channel):
        if isinstance(value, (Artifact, str)) and context.current() is None:
            return ""
        constant = value.value if isinstance(value, Interpolated) else value
        return f"{expected}, an artifact, but got the constant {validation.display(constant)}"
    if not isinstance(value.type, ArtifactType):
        kind = f"'{value.name}', a parameter of type {TYPE_NAMES[value.type]}"
        return f"{expected}, an artifact, but got {kind}"
    if value.is_list != declared.is_list:
        number = "a list" if value.is_list else "a single artifact"
        return f"{expected}{' list' if declared.is_list else ''}, but got {number}"
    if not _is_compatible(value.type, declared.type):
        return f"{expected}, but got '{value.name}', a {value.type.schema_title}"
    return ""


def _is_compatible(actual: ArtifactType, declared: ArtifactType) -> bool:
    """Return whether an artifact can be an input of another type: same title and major version, as in KFP."""
    if "system.Artifact" in (actual.schema_title, declared.schema_title):
        return True
    versions = (one.schema_version.partition(".")[0] for one in (actual, declared))
    return actual.schema_title == declared.schema_title and len(set(versions)) == 1


def _is_taken(item: Any, declared: InputParameter) -> bool:
    """Return whether a task can read an item of a loop as its input."""
    if item is ABSENT or declared.type is ParameterType.STRING:
        return True
    if item is None:
        return declared.optional
    if declared.type is ParameterType.NUMBER_INTEGER and isinstance(item, float):
        return item.is_integer()
    if declared.type is ParameterType.NUMBER_DOUBLE and item in ("NaN", "Infinity", "-Infinity"):
        return True
    return fits(item, declared.type)


def sanitized(name: str) -> str:
    """Turn a Python name into a name of the IR: lower case, anything else than letters and digits a ``-``.

    A name that has neither, such as ``é``, becomes ``unnamed``.
    """
    return re.sub(r"[^0-9a-z]+", "-", name.lower()).strip("-") or "unnamed"
