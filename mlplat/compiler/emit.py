"""Pass: the documents of the manifest."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from mlplat import manifest, runtime
from mlplat.argo import limits, names, schedules
from mlplat.argo.values import LARGE
from mlplat.compiler import workspace
from mlplat.compiler.interfaces import VALUES_VOLUME
from mlplat.compiler.pods import WORKSPACE_VOLUME
from mlplat.compiler.program import Argument, Options, Program
from mlplat.errors import CompileError, Diagnostic, ManifestError
from mlplat.ir.model import Container, PipelineSpec

API_VERSION = "argoproj.io/v1alpha1"
PIPELINE_ANNOTATION = "mlplat.dev/pipeline"
"""Annotation with the pipeline's name, and label to select runs by: the name if it is a valid label value."""

_UNBUFFERED = "PYTHONUNBUFFERED"
"""Variable that makes Python write output without buffering, so standard output and error are in order."""

_TITLE, _DESCRIPTION = "workflows.argoproj.io/title", "workflows.argoproj.io/description"
_LABEL_VALUE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
LARGE_ARGUMENTS = "mlplat.dev/arguments"
"""Annotation of the ConfigMap of large values: its entries that are arguments of the pipeline, by name."""


def run(program: Program) -> Program:
    """Put templates, arguments, runtime and large values together."""
    options = program.options
    generated = names.LONGEST_WORKFLOW - names.GENERATED_SUFFIX - 1
    longest = names.LONGEST_CRON_WORKFLOW if options.kind == "CronWorkflow" else generated
    base = names.dns_label(options.name or program.spec.name, longest)
    documents: list[dict[str, Any]] = []
    volumes: list[dict[str, Any]] = []
    if program.values:
        config_map = f"{base}-values"
        documents.append(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {**_metadata(config_map, options), **_large_arguments(program)},
                "data": dict(program.values),
            }
        )
        volumes.append({"name": VALUES_VOLUME, "configMap": {"name": config_map}})
    documents.append(_resource(program, base, volumes))
    return replace(
        program, documents=tuple(documents), warnings=(*program.warnings, *limits.check(documents))
    )


def _large_arguments(program: Program) -> dict[str, Any]:
    """Return the annotation with the entries of the ConfigMap that are arguments of the pipeline."""
    found = {
        name: json.loads(argument.large)[LARGE]["file"]
        for name, argument in program.arguments.items()
        if argument.large
    }
    return {"annotations": {LARGE_ARGUMENTS: json.dumps(found)}} if found else {}


def _metadata(name: str, options: Options) -> dict[str, Any]:
    return {"name": name, **({"namespace": options.namespace} if options.namespace else {})}


def _resource(program: Program, base: str, volumes: list[dict[str, Any]]) -> dict[str, Any]:
    options, spec = program.options, program.spec
    metadata = _metadata(base, options)
    if options.kind == "Workflow" and not options.name:
        metadata = {"generateName": f"{base}-", **{key: metadata[key] for key in metadata if key != "name"}}
    labels, annotations = {PIPELINE_ANNOTATION: label_value(spec.name)}, {PIPELINE_ANNOTATION: spec.name}
    if spec.display_name:
        annotations[_TITLE] = spec.display_name
    if spec.description:
        annotations[_DESCRIPTION] = spec.description
    metadata |= {"labels": labels, "annotations": annotations}
    of_runs, said = _metadata_of_runs(spec, labels), _spec(program, volumes)
    if options.kind == "WorkflowTemplate":
        said = {"workflowMetadata": of_runs, **said}
    elif spec.display_name:  # Argo replaces tags in the spec that runs, and not in a CronWorkflow's own part
        title = {_TITLE: of_runs["annotations"].pop(_TITLE)}
        said = {"workflowMetadata": {"annotations": title}, **said}
    if patch := options.workflow_defaults.get("podSpecPatch"):
        said["podSpecPatch"] = json.dumps(merged(_read_patch(patch), json.loads(said["podSpecPatch"])))
    workflow = merged(options.workflow_defaults, said)
    document = {"apiVersion": API_VERSION, "kind": options.kind, "metadata": metadata, "spec": workflow}
    if options.kind == "CronWorkflow":
        document["spec"] = {
            **_schedule(options),
            "workflowMetadata": of_runs,
            "workflowSpec": workflow,
        }
    return document


def label_value(name: str) -> str:
    """Return the value of the label for a pipeline: its name, or the valid part of it and a hash."""
    return name if _LABEL_VALUE.fullmatch(name) else names.dns_label(name)


def _metadata_of_runs(spec: PipelineSpec, labels: Mapping[str, str]) -> dict[str, Any]:
    """Return the metadata that Argo gives to runs.

    In the list of Argo's UI a title replaces the name of a run, and some 23 characters of it are visible; so it starts
    with the name. Argo replaces tags in this part of a spec (``execWf.Spec.WorkflowMetadata``), in ``metadata`` not.
    """
    annotations = {PIPELINE_ANNOTATION: _untagged(spec.name)}
    if spec.display_name:
        annotations[_TITLE] = f"{{{{workflow.name}}}} - {_untagged(spec.display_name)}"
    if spec.description:
        annotations[_DESCRIPTION] = _untagged(spec.description)
    return {"labels": dict(labels), "annotations": annotations}


def _untagged(text: str) -> str:
    """Return a string in which Argo finds no tag."""
    return text.replace("{{", "{ {")


def _read_patch(text: str) -> dict[str, Any]:
    """Read the podSpecPatch of the defaults.

    Raises:
        CompileError: it is not a mapping, for example because of a tag without quotes.
    """
    try:
        documents = manifest.load(text, "podSpecPatch")
    except ManifestError as error:
        raise CompileError(
            Diagnostic("MLP376", "podSpecPatch", str(error), 'quote tags: "{{workflow.name}}"')
        ) from None
    return documents[0] if documents else {}


def _schedule(options: Options) -> dict[str, Any]:
    """Return the schedule of a CronWorkflow."""
    schedule = options.schedule
    if schedule is None or not schedule.schedules:
        raise CompileError(
            Diagnostic("MLP370", "", "a CronWorkflow needs a schedule", 'for example --schedule "0 3 * * *"')
        )
    problems = [
        Diagnostic("MLP371", "", f"{one!r} is not a valid schedule: {problem}", schedules.HINT)
        for one in schedule.schedules
        if (problem := schedules.problem(one))
    ]
    if schedule.timezone and (problem := schedules.timezone_problem(schedule.timezone)):
        problems.append(Diagnostic("MLP372", "", problem, schedules.timezone_hint(schedule.timezone)))
    if problems:
        raise CompileError(problems)
    found = {
        "schedules": list(schedule.schedules),
        "timezone": schedule.timezone or None,
        "concurrencyPolicy": schedule.concurrency_policy,
        "startingDeadlineSeconds": schedule.starting_deadline_seconds,
        "successfulJobsHistoryLimit": schedule.successful_jobs_history_limit,
        "failedJobsHistoryLimit": schedule.failed_jobs_history_limit,
    }
    return {name: value for name, value in found.items() if value is not None}


def merged(defaults: Any, values: Any) -> Any:
    """Return values with defaults: mappings are merged by key, lists of named items by name."""
    if isinstance(defaults, Mapping) and isinstance(values, Mapping):
        return {**defaults, **{key: merged(defaults.get(key), values[key]) for key in values}}
    if isinstance(defaults, list) and isinstance(values, list):
        others = {one["name"]: one for one in defaults if isinstance(one, Mapping) and "name" in one}
        return [*(merged(others.pop(_name(one), one), one) for one in values), *others.values()]
    return values


def _name(item: Any) -> Any:
    return item.get("name") if isinstance(item, Mapping) else None


def _spec(program: Program, volumes: list[dict[str, Any]]) -> dict[str, Any]:
    options, spec = program.options, program.spec
    workflow: dict[str, Any] = {"entrypoint": program.templates[0]["name"]}
    if options.service_account:
        workflow["serviceAccountName"] = options.service_account
    workflow |= _lifetime(spec.config)
    parameters = [
        _parameter(name, spec.root.input_parameters[name].description, argument)
        for name, argument in program.arguments.items()
        if not argument.large
    ]
    if parameters:
        workflow["arguments"] = {"parameters": parameters}
    workflow["podSpecPatch"] = _programs(
        {runtime.VARIABLE: runtime.text(), **program.sources}, spec.executors.values()
    )
    workflow["volumes"] = [{"name": "mlplat-outputs", "emptyDir": {}}, *volumes]
    if claim := spec.config.get("workspace"):
        workflow["volumeClaimTemplates"] = [_workspace(claim)]
    workflow["templates"] = list(program.templates)
    return workflow


def _parameter(name: str, description: str, argument: Argument) -> dict[str, Any]:
    described = {"description": description} if description else {}
    return {"name": name, **described, **({} if argument.text is None else {"value": argument.text})}


def _programs(texts: Mapping[str, str], executors: Iterable[object]) -> str:
    """Return the patch that gives every pod the runtime, the functions that several templates share, and live logs.

    A patch overrides templates, so a pipeline that sets :data:`_UNBUFFERED` itself does not get this variable.
    """
    variables = [{"name": name, "value": runtime.packed(text)} for name, text in texts.items()]
    if not any(_UNBUFFERED in dict(one.env) for one in executors if isinstance(one, Container)):
        variables.append({"name": _UNBUFFERED, "value": "1"})
    return json.dumps({"containers": [{"name": "main", "env": variables}]})


_TTL = {
    "secondsAfterCompletion": "resourceTtlOnCompletion",
    "secondsAfterSuccess": "resourceTtlOnSuccess",
    "secondsAfterFailure": "resourceTtlOnFailure",
}


def _lifetime(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the deadline of a run, and its time to live after it has ended."""
    found: dict[str, Any] = {}
    ttl = {name: int(config[setting]) for name, setting in _TTL.items() if setting in config}
    if ttl:
        found["ttlStrategy"] = ttl
    if "activeDeadlineSeconds" in config:
        found["activeDeadlineSeconds"] = int(config["activeDeadlineSeconds"])
    return found


def _workspace(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the PVC of a run's workspace; the patch may set its access modes and storage class."""
    patch = config.get("kubernetes", {}).get("pvcSpecPatch", {})
    spec = {
        "accessModes": workspace.access_modes(config),
        "resources": {"requests": {"storage": config["size"]}},
        **patch,
    }
    return {"metadata": {"name": WORKSPACE_VOLUME}, "spec": spec}
