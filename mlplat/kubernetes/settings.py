"""How settings lie in a task, as the IR's ``KubernetesExecutorConfig``."""

from __future__ import annotations

from typing import Any

from mlplat.dsl.channels import Channel, channel_of
from mlplat.dsl.task import PipelineTask


def pod_of(task: PipelineTask, setter: str) -> dict[str, Any]:
    """Return the settings of a task's pod, to add to.

    Args:
        task: the task.
        setter: what is called, for the diagnostic where the task has no pod.
    """
    task.needs_container(f"kubernetes.{setter}")
    return task.kubernetes


def added(task: PipelineTask, setter: str, kind: str, entry: dict[str, Any]) -> PipelineTask:
    """Add an entry to a list of the settings."""
    pod_of(task, setter).setdefault(kind, []).append(entry)
    return task


def value(given: Any) -> Any:
    """Return a value for a field that takes any source: a value of the run stands for itself."""
    plain = channel_of(given)
    return plain if isinstance(plain, Channel) else {"runtimeValue": {"constant": plain}}


def name(field: str, given: Any) -> dict[str, Any]:
    """Return a name for both fields that hold one: the newer takes any source, the older a constant only."""
    plain = channel_of(given)
    older = {} if isinstance(plain, Channel) else {field: plain}
    return {**older, f"{field}Parameter": value(plain)}
