"""Objects that a function gets from the runtime: the state of other tasks, its own settings, the path of an output."""

import os
from typing import Any, Dict, List, Optional

from mlplat.runtime.files import read_text

OUT = {"folder": ""}


class PipelineTaskFinalStatus:
    """The final status of a task or group, for an exit task.

    Attributes:
        state: ``SUCCEEDED``, ``FAILED`` or ``SKIPPED``.
        pipeline_job_resource_name: the run's name.
        pipeline_task_name: the task's or group's name.
        error_code: the exit code; None unless it failed.
        error_message: why it failed; None unless it did.
    """

    def __init__(
        self,
        state: str,
        pipeline_job_resource_name: str,
        pipeline_task_name: str,
        error_code: Optional[int],
        error_message: Optional[str],
    ) -> None:
        self.state = state
        self.pipeline_job_resource_name = pipeline_job_resource_name
        self.pipeline_task_name = pipeline_task_name
        self.error_code = error_code
        self.error_message = error_message

    def __repr__(self) -> str:
        return "PipelineTaskFinalStatus({!r})".format(self.__dict__)


class State(str):
    """``SUCCEEDED``, which KFP's backend calls ``COMPLETE``: programs for either are right."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return str.__eq__(self, other) or (other == "COMPLETE" and str.__eq__(self, "SUCCEEDED"))

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


class TaskConfig:
    """A task's settings, for a function that starts another workload with them; each as Kubernetes writes it."""

    def __init__(
        self,
        affinity: Optional[Dict[str, Any]] = None,
        tolerations: Optional[List[Dict[str, Any]]] = None,
        node_selector: Optional[Dict[str, str]] = None,
        env: Optional[List[Dict[str, Any]]] = None,
        volumes: Optional[List[Dict[str, Any]]] = None,
        volume_mounts: Optional[List[Dict[str, Any]]] = None,
        resources: Optional[Dict[str, Any]] = None,
    ) -> None:
        self.affinity = affinity
        self.tolerations = tolerations
        self.node_selector = node_selector
        self.env = env
        self.volumes = volumes
        self.volume_mounts = volume_mounts
        self.resources = resources


def get_uri(suffix: str = "Output") -> str:
    """Return where a task that returns an artifact object writes the bytes of that output."""
    path = os.path.join(OUT["folder"], "artifacts", suffix)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def final_status(value: Dict[str, Any]) -> Any:
    """Return the object for the state of another task."""
    error = value.get("error") or {}
    return PipelineTaskFinalStatus(
        state=value.get("state") or State(""),
        pipeline_job_resource_name=value.get("pipelineJobResourceName", ""),
        pipeline_task_name=value.get("pipelineTaskName", ""),
        error_code=_number(error.get("code")),
        error_message=error.get("message"),
    )


def with_reason(value: Any, folder: str) -> Any:
    """Return how a task ended as KFP writes it, with the reason of its failure; any other value as it is."""
    if not isinstance(value, dict) or "node" not in value or "pipelineTaskName" not in value:
        return value
    error = dict(value.get("error") or {})
    if value.get("state") == "FAILED":
        error["message"] = _reason(folder, value["node"]) or error.get("message")
        error["code"] = _number(error.get("code"))
    status = {name: part for name, part in value.items() if name != "node"}
    return {**status, "state": State(value.get("state") or ""), "error": error}


def _number(text: Any) -> Any:
    return int(text) if str(text).lstrip("-").isdigit() else text


def _reason(folder: str, task: str) -> str:
    """Return why tasks of a group failed, as far as their runtimes know."""
    found = []
    for at, folders, files in os.walk(folder):
        folders.sort()
        steps = [step for step in os.path.relpath(at, folder).split(os.sep) if not step.isdigit()]
        if "error" in files and task in steps:
            found.append(read_text(os.path.join(at, "error")))
    return "; ".join(found)


def snake_case(name: str) -> str:
    """Return a camel-case name in snake case."""
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name)
