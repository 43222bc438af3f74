"""``mlplat retry`` and ``mlplat rerun``: go on with a run from where it failed, or run its manifest anew."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

from mlplat.argo import retry as parting
from mlplat.cli import engines
from mlplat.cli.report import conclude
from mlplat.errors import ArgumentError, Diagnostic
from mlplat.runs import arguments
from mlplat.runs.binding import parameters_of, spec_of, with_arguments
from mlplat.runs.documents import named
from mlplat.runs.tasks import meant, unknown

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


def retry(given: argparse.Namespace) -> int:
    """Let a run go on from the tasks that failed."""
    values = arguments.read(given.parameter, given.parameter_file, None)
    if given.engine == "argo":
        from mlplat import k8s

        before = k8s.read(given.run, **engines.place(given))
        also = chosen(before, given.task)
        _check(before, bool(also))
        changed = with_arguments(before, values) if values else None
        again = k8s.retry(
            _uncached(before, also),
            also=also,
            arguments=changed and changed["spec"]["arguments"],
            **engines.place(given),
        )
        print(f"retrying {given.run} in namespace {again['metadata']['namespace']}", file=sys.stderr)
        return conclude(engines.follow(given, again), given)
    before = engines.run_before(given.run)
    also = chosen(before, given.task)
    _check(before, bool(also))
    parted = parting.retried(
        given.run, before["status"].get("nodes", {}), also=also, other_arguments=bool(values)
    )
    kept = {**before, "status": {**before["status"], "nodes": parted.kept}}
    workflow = with_arguments(_fresh(_uncached(before, also)), values)
    return conclude(engines.execute(given, _with_documents(given, workflow), kept), given)


def rerun(given: argparse.Namespace) -> int:
    """Run the manifest of a run once more, under a new name; cached results are taken as ever."""
    arguments.check_name(given.name)
    values = arguments.read(given.parameter, given.parameter_file, None)
    if given.engine == "argo":
        from mlplat import k8s

        before: Document = k8s.read(given.run, **engines.place(given))
    else:
        before = engines.run_before(given.run)
    documents = _with_documents(given, _anew(with_arguments(before, values), no_cache=given.no_cache))
    return conclude(engines.execute(given, named(documents, given.name, given.namespace), None), given)


def chosen(workflow: Document, tasks: list[str]) -> list[str]:
    """Return the ids of the nodes that are to run again although they succeeded.

    Args:
        workflow: a run.
        tasks: what a person calls them, see :func:`mlplat.runs.tasks.meant`.

    Raises:
        ArgumentError: the run has no such task.
    """
    name, nodes = workflow["metadata"]["name"], workflow.get("status", {}).get("nodes", {})
    found = {task: meant(name, task, nodes) for task in tasks}
    names = {node["displayName"] for node in nodes.values() if node["type"] in _OF_TASKS}
    wrong = [unknown(name, task, names) for task, keys in found.items() if not keys]
    if wrong:
        raise ArgumentError(wrong)
    return [key for keys in found.values() for key in keys]


def _check(workflow: Document, has_tasks: bool) -> None:
    name, phase = workflow["metadata"]["name"], workflow.get("status", {}).get("phase", "")
    if phase == "Succeeded" and not has_tasks:
        hint = f"to run it again: mlplat rerun {name}; to run some of its tasks again: --task TASK"
        raise ArgumentError(
            Diagnostic("MLP412", "", f"{name} has succeeded: there is nothing to retry", hint)
        )


def _uncached(workflow: Document, nodes: list[str]) -> dict[str, Any]:
    """Return a Workflow in which the templates of some nodes take no cached results; what they give is cached.

    How old results may be is kept in an annotation, for runs that are made from this one.
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


def _with_ages(spec: Mapping[str, Any], ages: Mapping[str, str]) -> dict[str, Any]:
    """Return a spec whose templates take cached results of other ages."""

    def aged(template: Mapping[str, Any]) -> Mapping[str, Any]:
        if template.get("name") not in ages or "memoize" not in template:
            return template
        return {**template, "memoize": {**template["memoize"], "maxAge": ages[template["name"]]}}

    return _changed(spec, aged)


def _unmemoized(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a spec whose templates remember nothing."""
    return _changed(
        spec, lambda template: {key: value for key, value in template.items() if key != "memoize"}
    )


def _changed(
    spec: Mapping[str, Any], change: Callable[[Mapping[str, Any]], Mapping[str, Any]]
) -> dict[str, Any]:
    templates = [change(template) for template in spec.get("templates") or ()]
    return {**spec, **({"templates": templates} if templates else {})}


def _fresh(workflow: Document) -> dict[str, Any]:
    """Return the Workflow of a run as it was before it ran."""
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


def _anew(workflow: Document, *, no_cache: bool) -> dict[str, Any]:
    """Return the Workflow of a run as another one.

    A run of a WorkflowTemplate keeps all values that it had, whatever the template's defaults are by now. Without the
    cache it gets the template's spec as its own, in which nothing is cached.
    """
    if "workflowTemplateRef" in workflow["spec"]:
        given = {**(workflow["spec"].get("arguments") or {}), "parameters": parameters_of(workflow)}
        spec = {key: value for key, value in spec_of(workflow).items() if key != "workflowTemplateRef"}
        workflow = {**workflow, "spec": {**(spec if no_cache else workflow["spec"]), "arguments": given}}
    fresh = _fresh(workflow)
    metadata = {key: value for key, value in fresh["metadata"].items() if key not in _OF_A_RUN}
    name = metadata.pop("name")
    metadata.setdefault("generateName", f"{_SUFFIX.sub('', name)}-")
    metadata["labels"] = {**metadata["labels"], _FROM: name}
    annotations = dict(metadata.get("annotations") or {})
    spec = _with_ages(fresh["spec"], json.loads(annotations.pop(_AGES, "{}")))
    metadata["annotations"] = annotations
    if no_cache:
        spec = _unmemoized(spec)
    return {**fresh, "metadata": metadata, "spec": spec}


def _with_documents(given: argparse.Namespace, workflow: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a Workflow with the documents that its earlier run was made from."""
    if given.engine == "argo":
        from mlplat import k8s

        return [*k8s.config_maps_of(workflow, **engines.place(given)), workflow]
    return [*engines.beside(given.run), workflow]
