"""What trial parameters refer to: parameters of the search space, and metadata of the trial."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mlplat.tuning.experiment import TrialParameter

NAME, NAMESPACE, KIND, API_VERSION = "Name", "Namespace", "Kind", "APIVersion"
ANNOTATIONS, LABELS = "Annotations", "Labels"

FORMS = (
    *(f"${{trialSpec.{one}}}" for one in (NAME, NAMESPACE, KIND, API_VERSION)),
    *(f"${{trialSpec.{one}[KEY]}}" for one in (ANNOTATIONS, LABELS)),
)
"""References to metadata, for people."""

_METADATA = re.compile(
    rf"\$\{{trialSpec\.(?:({NAME}|{NAMESPACE}|{KIND}|{API_VERSION})|({ANNOTATIONS}|{LABELS})\[(.+)\])\}}"
)


@dataclass(frozen=True, slots=True)
class MetadataReference:
    """A reference to metadata of the trial.

    Attributes:
        field: ``Name``, ``Namespace``, ``Kind``, ``APIVersion``, ``Annotations`` or ``Labels``.
        key: of an annotation or label.
    """

    field: str
    key: str = ""


def metadata_reference(text: str) -> MetadataReference | None:
    """Return what a reference such as ``${trialSpec.Labels[team]}`` refers to; None if it is not one to metadata."""
    found = _METADATA.fullmatch(text)
    return None if found is None else MetadataReference(found[1] or found[2], found[3] or "")


def is_metadata(text: str) -> bool:
    """Return whether a reference has the form of one to metadata, valid or not."""
    return text.startswith("${trialSpec.")


def keyed(trial_spec: Mapping[str, Any], reference: MetadataReference) -> Mapping[str, Any]:
    """Return the annotations or labels of an object that a reference looks into."""
    metadata = trial_spec.get("metadata")
    found = metadata.get(reference.field.lower()) if isinstance(metadata, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def values(
    parameters: Iterable[TrialParameter],
    assignments: Mapping[str, str],
    trial_spec: Mapping[str, Any],
    name: str,
    namespace: str,
) -> dict[str, str]:
    """Return the values of trial parameters.

    Args:
        parameters: without problems (:func:`mlplat.tuning.trial_rules.problems`).
        assignments: values of the search space's parameters.
        trial_spec: the object of the template, for its kind, version, annotations and labels.
        name: of the trial.
        namespace: of the trial.

    Returns:
        A value for each trial parameter, by name.
    """
    simple = {
        NAME: name,
        NAMESPACE: namespace,
        KIND: str(trial_spec.get("kind", "")),
        API_VERSION: str(trial_spec.get("apiVersion", "")),
    }
    found: dict[str, str] = {}
    for parameter in parameters:
        reference = metadata_reference(parameter.reference)
        if reference is None:
            found[parameter.name] = assignments[parameter.reference]
        elif reference.key:
            found[parameter.name] = str(keyed(trial_spec, reference)[reference.key])
        else:
            found[parameter.name] = simple[reference.field]
    return found
