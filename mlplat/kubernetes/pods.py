"""Labels, images, deadline and security of a task's pod."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

from mlplat.dsl import context
from mlplat.dsl.task import PipelineTask
from mlplat.errors import AuthoringError, Diagnostic
from mlplat.kubernetes.settings import added, name, pod_of

PullPolicy = Literal["Always", "Never", "IfNotPresent"]


def add_pod_label(task: PipelineTask, label_key: str, label_value: str) -> PipelineTask:
    """Label the task's pod."""
    metadata = pod_of(task, "add_pod_label").setdefault("podMetadata", {})
    metadata.setdefault("labels", {})[label_key] = label_value
    return task


def add_pod_annotation(task: PipelineTask, annotation_key: str, annotation_value: str) -> PipelineTask:
    """Annotate the task's pod."""
    metadata = pod_of(task, "add_pod_annotation").setdefault("podMetadata", {})
    metadata.setdefault("annotations", {})[annotation_key] = annotation_value
    return task


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


def set_image_pull_policy(task: PipelineTask, policy: PullPolicy) -> PipelineTask:
    """Say when the image is pulled.

    Raises:
        AuthoringError: the policy is none of Kubernetes'.
    """
    if policy not in get_args(PullPolicy):
        _refuse(
            task, f"the image pull policy is {policy!r}", f"give one of {', '.join(get_args(PullPolicy))}"
        )
    pod_of(task, "set_image_pull_policy")["imagePullPolicy"] = policy
    return task


def set_image_pull_secrets(task: PipelineTask, secret_names: Sequence[Any]) -> PipelineTask:
    """Name the Secrets to pull images with; each may be a value of the run."""
    entries = [name("secretName", secret) for secret in secret_names]
    pod_of(task, "set_image_pull_secrets").setdefault("imagePullSecret", []).extend(entries)
    return task


def set_timeout(task: PipelineTask, seconds: int) -> PipelineTask:
    """End the task's pod, as failed, when it runs for longer.

    Args:
        task: the task.
        seconds: how long it may run; more than 0.

    Returns:
        The task.

    Raises:
        AuthoringError: the time is none.
    """
    if seconds <= 0:
        _refuse(task, f"the timeout is {seconds!r}", "give a whole number of seconds above 0")
    pod_of(task, "set_timeout")["activeDeadlineSeconds"] = str(seconds)
    return task


def set_security_context(
    task: PipelineTask,
    run_as_user: int | None = None,
    run_as_group: int | None = None,
    run_as_non_root: bool | None = None,
) -> PipelineTask:
    """Say as whom the container runs.

    Args:
        task: the task.
        run_as_user: user id; the image's when None.
        run_as_group: group id; the image's when None.
        run_as_non_root: whether to refuse to start as root.

    Returns:
        The task.

    Raises:
        AuthoringError: an id is negative.
    """
    for what, number in (("user", run_as_user), ("group", run_as_group)):
        if number is not None and number < 0:
            _refuse(task, f"the {what} id is {number}", "give 0 or more")
    given: dict[str, Any] = {
        "runAsUser": None if run_as_user is None else str(run_as_user),
        "runAsGroup": None if run_as_group is None else str(run_as_group),
        "runAsNonRoot": run_as_non_root,
    }
    context_of = pod_of(task, "set_security_context").setdefault("securityContext", {})
    context_of.update({key: value for key, value in given.items() if value is not None})
    return task


def _refuse(task: PipelineTask, message: str, hint: str) -> None:
    raise AuthoringError(Diagnostic("MLP128", task.name, message, hint, context.caller()))
