"""Checks the trial template: its object, its trial parameters, and that each finds the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlplat.errors import Diagnostic, nearest, suggestion
from mlplat.tuning import conditions, job_rules
from mlplat.tuning.experiment import Experiment, TrialParameter, TrialTemplate
from mlplat.tuning.kinds import JOB, KINDS, kind_of
from mlplat.tuning.references import FORMS, MetadataReference, is_metadata, keyed, metadata_reference
from mlplat.tuning.templates import ParsedTemplate, fill

_PATH = "spec.trialTemplate"
_PARAMETERS = f"{_PATH}.trialParameters"


def problems(experiment: Experiment, template: ParsedTemplate | Diagnostic) -> Iterator[Diagnostic]:
    """Yield what is wrong with a trial template.

    Args:
        experiment: with defaults.
        template: from :func:`mlplat.tuning.sources.template_of`.
    """
    source = experiment.trial_template
    if source == TrialTemplate():
        yield Diagnostic(
            "MLP904", _PATH, "must be specified", "write the object of a trial in trialTemplate.trialSpec"
        )
        return
    if not source.primary_container_name:
        hint = "the name of the container that reports the metrics"
        yield Diagnostic("MLP904", f"{_PATH}.primaryContainerName", "must be specified", hint)
    yield from _conditions(source)
    if isinstance(template, Diagnostic):
        yield template
        yield from _trial_parameters(experiment, None, {})
    else:
        spec = fill(template, {})
        yield from _object(spec, source)
        yield from _trial_parameters(experiment, template, spec)


def _conditions(source: TrialTemplate) -> Iterator[Diagnostic]:
    written = {"successCondition": source.success_condition, "failureCondition": source.failure_condition}
    missing = [name for name, text in written.items() if not text]
    kind = kind_of(source.trial_spec)
    if missing and (kind or source.config_map is not None):
        why = f"of kind {kind}" if kind else "from a ConfigMap"
        hint = f"there are no default conditions for a trial {why}, only for {', '.join(sorted(KINDS))}"
        message = "successCondition and failureCondition must be specified"
        yield Diagnostic("MLP904", f"{_PATH}.{missing[0]}", message, hint)
    for name, text in written.items():
        if text:
            try:
                conditions.parse(text)
            except conditions.ConditionError as error:
                message = f"'{text}' is not a supported GJSON condition: {error}"
                hint = """for example status.conditions.#(type=="Complete")#|#(status=="True")#"""
                yield Diagnostic("MLP936", f"{_PATH}.{name}", message, hint)


def _object(spec: Mapping[str, Any], source: TrialTemplate) -> Iterator[Diagnostic]:
    path = f"{_PATH}.trialSpec" if source.config_map is None else f"{_PATH}.configMap"
    metadata = spec.get("metadata")
    if metadata is not None and not isinstance(metadata, Mapping):
        yield Diagnostic(
            "MLP934", f"{path}.metadata", "expected a mapping", "for example metadata: {labels: {team: blue}}"
        )
    for field in ("name", "namespace"):
        if isinstance(metadata, Mapping) and metadata.get(field):
            message = "metadata.name and metadata.namespace in spec.trialTemplate must be omitted"
            yield Diagnostic(
                "MLP934", f"{path}.metadata.{field}", message, "each trial has a name of its own"
            )
    if not all(spec.get(field) and isinstance(spec[field], str) for field in ("apiVersion", "kind")):
        message = "APIVersion and Kind in spec.trialTemplate must be specified"
        yield Diagnostic("MLP934", path, message, "for example apiVersion: batch/v1 and kind: Job")
    elif spec["kind"] == JOB and spec["apiVersion"] == job_rules.API_VERSION:
        yield from job_rules.problems(spec, source.primary_container_name, path)


def _trial_parameters(
    experiment: Experiment, template: ParsedTemplate | None, spec: Mapping[str, Any]
) -> Iterator[Diagnostic]:
    """Yield the problems of trial parameters.

    A wrong name leaves a placeholder without a trial parameter, and a wrong reference leaves a parameter of the search
    space without one. What follows from a mistake is not reported on its own.
    """
    source = experiment.trial_template
    if not source.parameters:
        hint = "list each parameter of spec.parameters with the name that the template has for it"
        yield Diagnostic("MLP904", _PARAMETERS, "must be specified", hint)
        return
    names = [*_names(source.parameters, template)]
    references = [*_references(experiment, spec if template else None)]
    yield from (*names, *references)
    if template is not None:
        missing = sorted(template.names - {one.name for one in source.parameters})
        if len(missing) > len(names):
            yield _unlisted(missing, source)
    referenced = {one.reference for one in source.parameters}
    unreferenced = {
        number: one.name
        for number, one in enumerate(experiment.parameters)
        if one.name and one.name not in referenced
    }
    if len(unreferenced) > len(references):
        yield from (_unreferenced(number, name) for number, name in unreferenced.items())


def _names(parameters: Sequence[TrialParameter], template: ParsedTemplate | None) -> Iterator[Diagnostic]:
    seen: set[str] = set()
    for number, parameter in enumerate(parameters):
        name, place = parameter.name, f"{_PARAMETERS}[{number}]"
        if not name or not parameter.reference or "{" in name or "}" in name:
            message = "name and reference must be specified and name must not contain '{' or '}'"
            hint = "for example name: learningRate and reference: lr"
            yield Diagnostic("MLP932", place, message, hint)
        elif name in seen:
            message = f"parameter name {name} cannot be duplicated in {_PARAMETERS}"
            yield Diagnostic("MLP932", f"{place}.name", message, "rename one of them")
        elif template is not None and name not in template.names:
            message = f"parameter name: {name} in spec.trialParameters not found in spec.trialTemplate"
            free = sorted(template.names - {one.name for one in parameters})
            hint = suggestion(name, free) or f"write ${{trialParameters.{name}}} in the template"
            yield Diagnostic("MLP933", f"{place}.name", message, hint)
        seen.add(name)


def _references(experiment: Experiment, spec: Mapping[str, Any] | None) -> Iterator[Diagnostic]:
    known = list(dict.fromkeys(one.name for one in experiment.parameters))
    seen: set[str] = set()
    for number, parameter in enumerate(experiment.trial_template.parameters):
        text, place = parameter.reference, f"{_PARAMETERS}[{number}].reference"
        reference = metadata_reference(text)
        if text and text in seen:
            message = f"parameter reference {text} cannot be duplicated in {_PARAMETERS}"
            hint = "use one trial parameter in several places of the template"
            yield Diagnostic("MLP932", place, message, hint)
        elif reference is not None:
            yield from _metadata(reference, spec, place)
        elif is_metadata(text):
            message = f"{text} is not a reference to metadata of a trial"
            yield Diagnostic("MLP932", place, message, f"available: {', '.join(FORMS)}")
        elif text and known and all(known) and text not in known:
            message = f"parameter reference {text} does not exist in spec.parameters"
            yield Diagnostic("MLP932", place, message, nearest(text, known))
        seen.add(text)


def _metadata(
    reference: MetadataReference, spec: Mapping[str, Any] | None, path: str
) -> Iterator[Diagnostic]:
    if reference.key and spec is not None and reference.key not in keyed(spec, reference):
        where = f"metadata.{reference.field.lower()} of the template"
        message = f"'{reference.key}' does not exist in {where}"
        hint = nearest(reference.key, [*map(str, keyed(spec, reference))]) or f"add it to {where}"
        yield Diagnostic("MLP932", path, message, hint)


def _unlisted(missing: Sequence[str], source: TrialTemplate) -> Diagnostic:
    shown = " ".join(f"${{trialParameters.{one}}}" for one in missing)
    message = f"parameters: [{shown}] in spec.trialTemplate not found in spec.trialParameters"
    hint = nearest(missing[0], sorted(one.name for one in source.parameters))
    path = f"{_PATH}.trialSpec" if source.config_map is None else f"{_PATH}.configMap"
    return Diagnostic("MLP933", path, message, hint)


def _unreferenced(number: int, name: str) -> Diagnostic:
    message = f"parameter {name} is not referenced in {_PARAMETERS}"
    hint = f"add a trial parameter with reference: {name}, or remove the parameter"
    return Diagnostic("MLP932", f"spec.parameters[{number}].name", message, hint)
