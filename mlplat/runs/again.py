"""Returns the Workflow of a retry, of a rerun and of a resumed run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlplat.errors import ArgumentError, Diagnostic
from mlplat.runs.binding import parameters_of, spec_of
from mlplat.runs.tasks import matching, unknown

Document = Mapping[str, Any]
_OF_A_RUN = (
    "uid",
    "creationTimestamp",
    "resourceVersion",
    "generation",
    "managedFields",
    "ownerReferences",
    "namespace",
)
_OF_A_RUN_LABELS = (
    "workflows.argoproj.io/phase",
    "workflows.argoproj.io/completed",
    "workflows.argoproj.io/workflow-archiving-status",
)
_AGES = "mlplat.dev/cached-results"
_FROM = "workflows.argoproj.io/resubmitted-from-workflow"
_OF_TASKS = ("Pod", "Retry", "Suspend", "HTTP", "Plugin")
_SUFFIX = re.compile(r"-[a-z0-9]{5}$")


def chosen(workflow: Document, tasks: Sequence[str]) -> list[str]:
    """Return the ids of the nodes to run again although they succeeded.

    Args:
        workflow: a run.
        tasks: names of tasks, see :func:`mlplat.runs.tasks.matching`.

    Raises:
        ArgumentError: the run has no such task.
    """
    name, nodes = workflow["metadata"]["name"], workflow.get("status", {}).get("nodes", {})
    found = {task: matching(name, task, nodes) for task in tasks}
    names = {node["displayName"] for node in nodes.values() if node["type"] in _OF_TASKS}
    wrong = [unknown(name, task, names) for task, keys in found.items() if not keys]
    if wrong:
        raise ArgumentError(wrong)
    return [key for keys in found.values() for key in keys]


def check_may_retry(workflow: Document, also: Sequence[str]) -> None:
    """Refuse to retry a run that succeeded.

    Args:
        workflow: the run.
        also: ids of nodes that run again although they succeeded.

    Raises:
        ArgumentError: it succeeded, and ``also`` is empty.
    """
    name, phase = workflow["metadata"]["name"], workflow.get("status", {}).get("phase", "")
    if phase == "Succeeded" and not also:
        hint = f"to run it again: mlplat rerun {name}; to run some of its tasks again: --task TASK"
        raise ArgumentError(
            Diagnostic("MLP412", "", f"{name} has succeeded: there is nothing to retry", hint)
        )


def uncached(workflow: Document, nodes: Sequence[str]) -> dict[str, Any]:
    """Return a Workflow in which the templates of some nodes ignore cached results; their own results are cached.

    The original maximum ages are kept in an annotation, for later runs.

    Args:
        workflow: a run.
        nodes: ids.
    """
    names = {workflow["status"]["nodes"][node].get("templateName") for node in nodes}
    status, metadata = dict(workflow["status"]), dict(workflow["metadata"])
    stored = status.get("storedWorkflowTemplateSpec")
    ages = {
        template["name"]: template["memoize"].get("maxAge", "")
        for template in (stored or workflow["spec"]).get("templates") or ()
        if template.get("name") in names and "memoize" in template
    }
    annotations = metadata.get("annotations") or {}
    metadata["annotations"] = {
        **annotations,
        _AGES: json.dumps({**ages, **json.loads(annotations.get(_AGES, "{}"))}),
    }
    none = dict.fromkeys(ages, "0s")
    if stored:
        status["storedWorkflowTemplateSpec"] = _with_ages(stored, none)
    return {**workflow, "metadata": metadata, "spec": _with_ages(workflow["spec"], none), "status": status}


def fresh(workflow: Document) -> dict[str, Any]:
    """Return the Workflow of a run without the changes of the run."""
    metadata = dict(workflow["metadata"])
    metadata["labels"] = {
        key: value for key, value in metadata.get("labels", {}).items() if key not in _OF_A_RUN_LABELS
    }
    spec = {key: value for key, value in workflow["spec"].items() if key != "shutdown"}
    return {
        **{key: value for key, value in workflow.items() if key != "status"},
        "metadata": metadata,
        "spec": spec,
    }


def rerun(workflow: Document, *, no_cache: bool) -> dict[str, Any]:
    """Return the Workflow of a new run of the same manifest.

    A run of a WorkflowTemplate keeps all values that it had, even if the template's defaults have changed. Without the
    cache it gets the template's spec as its own, in which nothing is cached.

    Args:
        workflow: the earlier run.
        no_cache: run every task, without cached results.
    """
    if "workflowTemplateRef" in workflow["spec"]:
        given = {**(workflow["spec"].get("arguments") or {}), "parameters": parameters_of(workflow)}
        spec = {key: value for key, value in spec_of(workflow).items() if key != "workflowTemplateRef"}
        workflow = {**workflow, "spec": {**(spec if no_cache else workflow["spec"]), "arguments": given}}
    new = fresh(workflow)
    metadata = {key: value for key, value in new["metadata"].items() if key not in _OF_A_RUN}
    name = metadata.pop("name")
    metadata.setdefault("generateName", f"{_SUFFIX.sub('', name)}-")
    metadata["labels"] = {**metadata["labels"], _FROM: name}
    annotations = dict(metadata.get("annotations") or {})
    spec = _with_ages(new["spec"], json.loads(annotations.pop(_AGES, "{}")))
    metadata["annotations"] = annotations
    if no_cache:
        spec = _unmemoized(spec)
    return {**new, "metadata": metadata, "spec": spec}


def _with_ages(spec: Mapping[str, Any], ages: Mapping[str, str]) -> dict[str, Any]:
    """Return a spec with other maximum ages of cached results."""

    def aged(template: Mapping[str, Any]) -> Mapping[str, Any]:
        if template.get("name") not in ages or "memoize" not in template:
            return template
        return {**template, "memoize": {**template["memoize"], "maxAge": ages[template["name"]]}}

    return _changed(spec, aged)


def _unmemoized(spec: Mapping[str, Any]) -> dict[str, Any]:
    return _changed(
        spec, lambda template: {key: value for key, value in template.items() if key != "memoize"}
    )


def _changed(
    spec: Mapping[str, Any], change: Callable[[Mapping[str, Any]], Mapping[str, Any]]
) -> dict[str, Any]:
    templates = [change(template) for template in spec.get("templates") or ()]
    return {**spec, **({"templates": templates} if templates else {})}
