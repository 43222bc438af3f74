"""Labels, images, deadline and security of a task's pod."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from mlplat.dsl.task import PipelineTask
from mlplat.dsl.validation import Requirement
from mlplat.kubernetes.settings import Name, added, name, pod_of, setter

PullPolicy = Literal["Always", "Never", "IfNotPresent"]

Seconds = Annotated[int, Requirement("a positive number of seconds", lambda seconds: seconds > 0)]

Id = Annotated[int, Requirement("an integer, 0 or more", lambda number: number >= 0)]


@setter
def add_pod_label(task: PipelineTask, label_key: str, label_value: str) -> PipelineTask:
    """Label the task's pod."""
    metadata = pod_of(task, "add_pod_label").setdefault("podMetadata", {})
    metadata.setdefault("labels", {})[label_key] = label_value
    return task


@setter
def add_pod_annotation(task: PipelineTask, annotation_key: str, annotation_value: str) -> PipelineTask:
    """Annotate the task's pod."""
    metadata = pod_of(task, "add_pod_annotation").setdefault("podMetadata", {})
    metadata.setdefault("annotations", {})[annotation_key] = annotation_value
    return task


@setter
def use_field_path_as_env(task: PipelineTask, env_name: str, field_path: str) -> PipelineTask:
    """Set an environment variable to a field of the pod.

    Args:
        task: the task.
        env_name: the variable.
        field_path: such as ``metadata.annotations['team']`` or ``status.podIP``.

    Returns:
        The task.
    """
    entry = {"name": env_name, "fieldPath": field_path}
    return added(task, "use_field_path_as_env", "fieldPathAsEnv", entry)


@setter
def set_image_pull_policy(task: PipelineTask, policy: PullPolicy) -> PipelineTask:
    """Set when the image is pulled."""
    pod_of(task, "set_image_pull_policy")["imagePullPolicy"] = policy
    return task


@setter
def set_image_pull_secrets(task: PipelineTask, secret_names: Sequence[Name]) -> PipelineTask:
    """Name the Secrets to pull images with; each may be a runtime value."""
    entries = [name("secretName", secret) for secret in secret_names]
    pod_of(task, "set_image_pull_secrets").setdefault("imagePullSecret", []).extend(entries)
    return task


@setter
def set_timeout(task: PipelineTask, seconds: Seconds) -> PipelineTask:
    """Fail the task's pod if it runs longer.

    Args:
        task: the task.
        seconds: maximum duration; more than 0.

    Returns:
        The task.
    """
    pod_of(task, "set_timeout")["activeDeadlineSeconds"] = str(seconds)
    return task


@setter
def set_security_context(
    task: PipelineTask,
    run_as_user: Id | None = None,
    run_as_group: Id | None = None,
    run_as_non_root: bool | None = None,
) -> PipelineTask:
    """Set the user and group of the container.

    Args:
        task: the task.
        run_as_user: user id; the image's when None.
        run_as_group: group id; the image's when None.
        run_as_non_root: whether to refuse to start as root.

    Returns:
        The task.
    """
    given: dict[str, Any] = {
        "runAsUser": None if run_as_user is None else str(run_as_user),
        "runAsGroup": None if run_as_group is None else str(run_as_group),
        "runAsNonRoot": run_as_non_root,
    }
    context_of = pod_of(task, "set_security_context").setdefault("securityContext", {})
    context_of.update({key: value for key, value in given.items() if value is not None})
    return task
