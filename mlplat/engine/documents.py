"""Reads the documents of a run: the Workflow and what it refers to."""

from __future__ import annotations

import base64
import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlplat.argo.parameters import with_strings
from mlplat.argo.passing import argument_rules
from mlplat.argo.structure import broken_rules, malformed_documents, wrong_names
from mlplat.errors import Diagnostic, ManifestError

_REFERENCES = {"WorkflowTemplate": "namespaced", "ClusterWorkflowTemplate": "cluster"}


@dataclass(frozen=True, slots=True)
class Documents:
    """The documents of a run.

    Attributes:
        workflow: the Workflow, with strings as values of parameters.
        specs: specs of WorkflowTemplates and ClusterWorkflowTemplates by scope (``namespaced/name``, ``cluster/name``).
        config_maps: data of ConfigMaps by name.
        secrets: decoded data of Secrets by name.
    """

    workflow: dict[str, Any]
    specs: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    config_maps: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def read(documents: Sequence[Mapping[str, Any]]) -> Documents:
    """Sort documents by kind.

    Args:
        documents: one Workflow, and any ConfigMaps, Secrets, WorkflowTemplates and ClusterWorkflowTemplates.

    Returns:
        Copies of them; a ``workflowTemplateRef`` is merged into the Workflow's spec.

    Raises:
        ManifestError: there is no Workflow or more than one, it has no name, or one that Kubernetes refuses,
            its template does not exist, or a document is malformed.
    """
    if malformed := list(malformed_documents(documents)):
        raise ManifestError(malformed)
    workflows: list[dict[str, Any]] = []
    specs: dict[str, dict[str, Any]] = {}
    config_maps: dict[str, Mapping[str, str]] = {}
    secrets: dict[str, Mapping[str, str]] = {}
    for document in documents:
        kind = document.get("kind")
        name = (document.get("metadata") or {}).get("name", "")
        if kind == "Workflow":
            workflows.append(with_strings(document))
        elif kind in _REFERENCES:
            specs[f"{_REFERENCES[kind]}/{name}"] = with_strings(document["spec"])
        elif kind == "ConfigMap":
            config_maps[name] = _data(document, "data")
        elif kind == "Secret":
            secrets[name] = _secret(document)
    if len(workflows) != 1:
        raise ManifestError(
            Diagnostic(
                "MLP521",
                "",
                f"expected one Workflow, got {len(workflows)}",
                "pass one Workflow, and the files of the templates that it names",
            )
        )
    workflow = workflows[0]
    wrong = [*wrong_names(workflow), *broken_rules(workflow["spec"])]
    for scope, spec in specs.items():
        wrong += broken_rules(spec, scope)
    if wrong:
        raise ManifestError(wrong)
    if not (workflow.get("metadata") or {}).get("name"):
        raise ManifestError(
            Diagnostic(
                "MLP522",
                "metadata.name",
                "the Workflow has no name",
                "set metadata.name, or run it with `mlplat run`",
            )
        )
    workflow["spec"] = _with_template(workflow["spec"], specs)
    arguments = workflow["spec"].get("arguments")
    if wrong := list(argument_rules(arguments, "spec.arguments", may_lack_value=True)):
        raise ManifestError(wrong)
    return Documents(workflow, specs, config_maps, secrets)


def _secret(document: Mapping[str, Any]) -> dict[str, str]:
    decoded: dict[str, str] = {}
    wrong: list[Diagnostic] = []
    for key, text in _data(document, "data").items():
        try:
            decoded[key] = base64.b64decode("".join(text.split()), validate=True).decode("utf-8", "replace")
        except ValueError:
            path = f"Secret/{document['metadata']['name']}.data.{key}"
            hint = "encode it, or move it to stringData as it is"
            wrong.append(Diagnostic("MLP525", path, "the value is not valid base64", hint))
    if wrong:
        raise ManifestError(wrong)
    return {**decoded, **_data(document, "stringData")}


def _data(document: Mapping[str, Any], key: str) -> dict[str, str]:
    return {name: text or "" for name, text in (document.get(key) or {}).items()}


def _with_template(spec: dict[str, Any], specs: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    reference = spec.get("workflowTemplateRef")
    if not reference:
        return spec
    name = reference.get("name", "")
    scope = f"{'cluster' if reference.get('clusterScope') else 'namespaced'}/{name}"
    if scope not in specs:
        raise ManifestError(
            Diagnostic(
                "MLP523",
                "spec.workflowTemplateRef",
                f"the template {name!r} is not in the files of the run"
                if name
                else "the reference has no name",
                "add it to the same file, after a line with ---",
            )
        )
    base = copy.deepcopy(specs[scope])
    merged = {**base, **{key: value for key, value in spec.items() if key != "arguments"}}
    merged["arguments"] = _merge_arguments(base.get("arguments") or {}, spec.get("arguments") or {})
    return merged


def _merge_arguments(base: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for kind in ("parameters", "artifacts"):
        by_name = {item["name"]: item for item in base.get(kind) or ()}
        by_name.update((item["name"], item) for item in arguments.get(kind) or ())
        if by_name:
            merged[kind] = list(by_name.values())
    return merged
