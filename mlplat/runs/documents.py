"""The documents of a run: one Workflow, and the documents it refers to."""

from __future__ import annotations

import random
import string
from collections.abc import Mapping, Sequence
from typing import Any

from mlplat.argo import names
from mlplat.compiler.interfaces import VALUES_VOLUME
from mlplat.errors import Diagnostic, ManifestError

Document = Mapping[str, Any]

_SUFFIX = string.ascii_lowercase + string.digits


def workflow_of(documents: Sequence[Document]) -> Document:
    """Return the Workflow among documents.

    Raises:
        ManifestError: there is none, or more than one.
    """
    workflows = [document for document in documents if document.get("kind") == "Workflow"]
    if len(workflows) != 1:
        message = f"expected one Workflow, got {len(workflows)}"
        hint = "pass a file with one Workflow, and what it refers to"
        raise ManifestError(Diagnostic("MLP205", "", message, hint))
    return workflows[0]


def joined(documents: Sequence[Document], others: Sequence[Document]) -> list[dict[str, Any]]:
    """Return documents and others, which replace those of the same kind and name."""
    replaced = [_identity(one) for one in others]
    kept = [one for one in documents if _identity(one) not in replaced]
    return [dict(one) for one in (*others, *kept)]


def _identity(document: Document) -> tuple[Any, Any]:
    return document.get("kind"), (document.get("metadata") or {}).get("name")


def with_name(documents: Sequence[Document], name: str, namespace: str = "") -> list[dict[str, Any]]:
    """Name the Workflow, and the ConfigMap of its large values to match.

    Args:
        documents: the Workflow, and what it refers to.
        name: the name; when empty, one is generated from the Workflow's.
        namespace: the Workflow's; when empty, it keeps its own.
    """
    workflow = workflow_of(documents)
    metadata = dict(workflow.get("metadata") or {})
    prefix = metadata.pop("generateName", None) or f"{metadata.get('name', 'run')}-"
    suffix = "".join(random.choices(_SUFFIX, k=names.GENERATED_SUFFIX))  # noqa: S311 - a name, no secret
    own = name or names.generated(prefix, suffix)
    if namespace:
        metadata["namespace"] = namespace
    ordered = {"name": own, **{key: value for key, value in metadata.items() if key != "name"}}
    spec = dict(workflow["spec"])
    before, after = large_values(workflow), f"{own}-values"
    others = [dict(document) for document in documents if document is not workflow]
    for document in others:
        if before and document.get("kind") == "ConfigMap" and document["metadata"]["name"] == before:
            document["metadata"] = {**document["metadata"], "name": after}
            spec["volumes"] = [_renamed(volume, after) for volume in spec["volumes"]]
    return [*others, {**workflow, "metadata": ordered, "spec": spec}]


def large_values(workflow: Document) -> str:
    """Return the name of the ConfigMap that holds a pipeline's large values; empty if it has none."""
    volumes = workflow["spec"].get("volumes") or ()
    large: Document = next((volume for volume in volumes if volume.get("name") == VALUES_VOLUME), {})
    return str((large.get("configMap") or {}).get("name", ""))


def _renamed(volume: Document, config_map: str) -> dict[str, Any]:
    if volume.get("name") != VALUES_VOLUME:
        return dict(volume)
    return {**volume, "configMap": {**volume["configMap"], "name": config_map}}
