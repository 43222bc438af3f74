"""Settings of a task as the IR's ``KubernetesExecutorConfig``, and the types of their arguments."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Annotated, Any, Literal, ParamSpec

from mlplat.dsl import context, validation
from mlplat.dsl.channels import Channel, channel_of
from mlplat.dsl.task import PipelineTask
from mlplat.dsl.validation import Requirement
from mlplat.errors import AuthoringError, Diagnostic

P = ParamSpec("P")

_QUANTITY = re.compile(r"[0-9]+(\.[0-9]+)?([KMGTPE]i?|[eE][0-9]+|k|m)?")

Name = Annotated[
    Any,
    Requirement(
        "a string or a runtime value",
        lambda name: validation.is_string(name) or validation.is_runtime_value(name),
    ),
]
"""The name of a resource in the cluster."""

Document = Annotated[
    Any,
    Requirement(
        "a dict or a runtime value", lambda one: isinstance(one, dict) or validation.is_runtime_value(one)
    ),
]
"""A part of a Kubernetes manifest."""

MountPath = Annotated[
    str, Requirement("an absolute path, such as /data", lambda path: path.startswith("/") and ":" not in path)
]

SubPath = Annotated[
    str,
    Requirement(
        "a relative path in the volume, such as data/raw",
        lambda path: not path.startswith("/") and ".." not in path.split("/"),
    ),
]

Quantity = Annotated[
    str, Requirement("a quantity, such as '5Gi'", lambda amount: _QUANTITY.fullmatch(amount) is not None)
]

Medium = Annotated[
    str,
    Requirement(
        "Memory or HugePages", lambda medium: re.fullmatch(r"|Memory|HugePages.*", medium) is not None
    ),
]

AccessMode = Literal["ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"]


def setter(function: Callable[P, PipelineTask]) -> Callable[P, PipelineTask]:
    """Make a function report arguments that don't match its annotations."""

    @functools.wraps(function)
    def noting(*args: P.args, **kwargs: P.kwargs) -> PipelineTask:
        wrong = {name: (one, hint) for name, one, hint in validation.mismatched(function, args, kwargs)}
        if "task" in wrong:
            message = f"{validation.display(wrong['task'][0])} is not a task"
            hint = "pass the task that a component call returned as the first argument"
            path = f"kubernetes.{function.__name__}"
            raise AuthoringError(Diagnostic("MLP125", path, message, hint, context.caller()))
        if not wrong:
            return function(*args, **kwargs)
        task: Any = args[0] if args else kwargs["task"]
        for name, (one, hint) in wrong.items():
            message = f"invalid '{name}' of kubernetes.{function.__name__}: {validation.display(one)}"
            context.report(Diagnostic("MLP128", task.name, message, hint, context.caller()))
        return task  # type: ignore[no-any-return]

    return noting


def pod_of(task: PipelineTask, function: str) -> dict[str, Any]:
    """Return the settings of a task's pod, to add to.

    Args:
        task: the task.
        function: name of the called function, for the diagnostic if the task has no pod.
    """
    task.needs_container(f"kubernetes.{function}")
    return task.kubernetes


def added(task: PipelineTask, function: str, kind: str, entry: dict[str, Any]) -> PipelineTask:
    """Add an entry to a list of the settings."""
    pod_of(task, function).setdefault(kind, []).append(entry)
    return task


def value(source: Any) -> Any:
    """Return a value for a field that takes any source; a runtime value is returned unchanged."""
    plain = channel_of(source)
    return plain if isinstance(plain, Channel) else {"runtimeValue": {"constant": plain}}


def name(field: str, source: Any) -> dict[str, Any]:
    """Return the two fields of the IR for a name: the newer accepts any source, the older only a constant."""
    plain = channel_of(source)
    older = {} if isinstance(plain, Channel) else {field: plain}
    return {**older, f"{field}Parameter": value(plain)}
