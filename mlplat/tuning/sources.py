"""Finds the trial template of an Experiment: in its ``trialSpec``, or in a ConfigMap of the same file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlplat.errors import Diagnostic, ManifestError, nearest
from mlplat.tuning import templates
from mlplat.tuning.experiment import ConfigMapSource, TrialTemplate
from mlplat.tuning.templates import ParsedTemplate

_PLACE = "spec.trialTemplate"
_SOURCE = f"{_PLACE}.configMap"


def template_of(
    source: TrialTemplate, documents: Sequence[Mapping[str, Any]], namespace: str
) -> ParsedTemplate | Diagnostic:
    """Return the template of an Experiment, or why there is none.

    Args:
        source: where it is.
        documents: all documents of the Experiment's file.
        namespace: of the Experiment; it is that of a ConfigMap without one.
    """
    if source.trial_spec is not None and source.config_map is not None:
        message = "only one of spec.trialTemplate.trialSpec or spec.trialTemplate.configMap can be specified"
        return Diagnostic("MLP930", _SOURCE, message, "remove one of them")
    if source.trial_spec is not None:
        return templates.from_document(source.trial_spec)
    if source.config_map is None:
        message = "spec.trialTemplate.trialSpec or spec.trialTemplate.configMap must be specified"
        hint = "write the object of a trial in trialSpec, such as a Job"
        return Diagnostic("MLP930", f"{_PLACE}.trialSpec", message, hint)
    return _from_config_map(source.config_map, documents, namespace)


def _from_config_map(
    source: ConfigMapSource, documents: Sequence[Mapping[str, Any]], namespace: str
) -> ParsedTemplate | Diagnostic:
    if not (source.name and source.namespace and source.path):
        message = "configMapName, configMapNamespace and templatePath must be specified"
        return Diagnostic("MLP930", _SOURCE, message, "write all three")
    found = next((one for one in documents if _is_source(one, source, namespace)), None)
    if found is None:
        message = f"ConfigMap '{source.name}' of namespace '{source.namespace}' is not in this file"
        hint = (
            "add it as another document, for example from: "
            f"kubectl get configmap {source.name} -n {source.namespace} -o yaml; or use trialSpec"
        )
        return Diagnostic("MLP931", _SOURCE, message, hint)
    data = found.get("data")
    text = data.get(source.path) if isinstance(data, Mapping) else None
    if not isinstance(text, str):
        message = f"templatePath '{source.path}' not found in ConfigMap '{source.name}'"
        hint = (
            nearest(source.path, [*data]) if isinstance(data, Mapping) else "write it in the ConfigMap's data"
        )
        return Diagnostic("MLP931", f"{_SOURCE}.templatePath", message, hint)
    try:
        return templates.from_text(text)
    except (ManifestError, ValueError) as error:
        reason = error.diagnostics[0].message if isinstance(error, ManifestError) else str(error)
        line = error.diagnostics[0].source if isinstance(error, ManifestError) else None
        where = f", line {line.line}" if line and line.line else ""
        message = f"'{source.path}' of ConfigMap '{source.name}' cannot be read{where}: {reason}"
        return Diagnostic("MLP934", f"{_SOURCE}.templatePath", message, "write one YAML document")


def _is_source(document: Mapping[str, Any], source: ConfigMapSource, namespace: str) -> bool:
    metadata = document.get("metadata")
    if document.get("kind") != "ConfigMap" or not isinstance(metadata, Mapping):
        return False
    return metadata.get("name") == source.name and (metadata.get("namespace") or namespace) in (
        source.namespace,
        "",
    )
