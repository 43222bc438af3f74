"""Reads the inputs and outputs of nodes: parameters, artifacts and metrics."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mlplat.addresses import without_user
from mlplat.argo import stores
from mlplat.argo.status import fused
from mlplat.argo.status.nodes import GROUPS
from mlplat.argo.values import ABSENT

Direction = Literal["input", "output"]
Scalar = float | int | bool | str
_Part = Mapping[str, Any]

METRICS = frozenset({"system.Metrics", "system.ClassificationMetrics"})
"""Types of artifacts whose metadata is metrics."""

_SPELLED = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
"""How KFP writes the numbers that JSON does not have."""

_FOLDER = re.compile(r"--[0-9]+\Z")
"""Suffix of the names of the folders of a list of artifacts."""

_URLS = (("http", "url"), ("artifactory", "url"), ("git", "repo"))


@dataclass(frozen=True, slots=True)
class ArtifactValue:
    """An artifact that a node read or wrote.

    Attributes:
        name: of the input or output.
        position: in the list, for an input or output that is a list; else 0.
        own_name: its name in the task that wrote it.
        type: schema title, such as ``system.Model``.
        key: where its bytes are in the artifact repository; empty if only a URI is known.
        uri: where its bytes are otherwise, without user and password; may be empty.
        digest: ``sha256:…`` of its content; empty if unknown.
        size: in bytes; None if unknown.
        metadata: metadata from the task that wrote it.
    """

    name: str
    position: int
    own_name: str
    type: str
    key: str
    uri: str
    digest: str = ""
    size: int | None = None
    metadata: _Part = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Passed:
    """The inputs or outputs of a node.

    Attributes:
        parameters: strings by name, as in the status.
        result: output of a script; None if it was not kept.
        artifacts: those of artifact values first, then those that Argo itself carries.
    """

    parameters: Mapping[str, str]
    result: str | None
    artifacts: tuple[ArtifactValue, ...]


def passed(node: _Part, template: _Part, direction: Direction) -> Passed:
    """Return the inputs or outputs of a node.

    A parameter is an artifact value if the node or its template has an artifact of the same name; the compiler writes
    both. Artifacts of handwritten Workflows have only a location.

    Args:
        node: one of the nodes of :func:`mlplat.argo.status.nodes_of`.
        template: its template, see :class:`Templates`; may be empty.
        direction: inputs or outputs.
    """
    side, declared = _mapping(node.get(f"{direction}s")), _mapping(template.get(f"{direction}s"))
    named = {
        _FOLDER.sub("", one) for one in _names(declared.get("artifacts")) | _names(side.get("artifacts"))
    }
    parameters: dict[str, str] = {}
    artifacts: list[ArtifactValue] = []
    given = _strings(side)
    for name, text in given.items():
        values = _artifact_values(text) if name in named else None
        if values is None:
            parameters[name] = text
        else:
            artifacts += (_artifact(value, name, place) for place, value in enumerate(values))
    if direction == "output":
        artifacts = [one for one in artifacts if _was_written(one, node)]
    if node.get("type") not in GROUPS:
        as_values = given.keys() | _names(declared.get("parameters"))
        artifacts += _stored(side, without=as_values)
    result = side.get("result")
    return Passed(parameters, None if result is None else _text(result), tuple(artifacts))


def metrics(artifact: ArtifactValue) -> Iterator[tuple[str, Scalar]]:
    """Yield names and values of the metrics in an artifact.

    They are numbers (also NaN and infinities), booleans and strings; lists and objects, such as a confusion matrix, are
    left out.
    """
    for name, value in artifact.metadata.items() if artifact.type in METRICS else ():
        if isinstance(value, str):
            yield name, _SPELLED.get(value, value)
        elif isinstance(value, bool | int | float):
            yield name, value


def metric_text(value: Scalar) -> str:
    """Write a metric for people: numbers to six digits, strings as they are."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def spelled(value: Scalar) -> Scalar:
    """Return a metric as JSON can hold it: NaN and infinities as strings."""
    if isinstance(value, float):
        return next((name for name, known in _SPELLED.items() if repr(known) == repr(value)), value)
    return value


def decoded(text: Any) -> Any:
    """Return the value of a parameter: the decoded JSON, the string if it is not JSON, None if it was not written."""
    if text == ABSENT:
        return None
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return text


def is_artifact(value: Any) -> bool:
    """Return whether a decoded value is an artifact, such as the output of a task that passes one on."""
    return isinstance(value, dict) and isinstance(value.get("type"), dict) and "metadata" in value


class Templates:
    """Finds the template of a node, in the spec, or in the WorkflowTemplates that the status stores.

    Args:
        workflow: the Workflow, with or without status.
    """

    def __init__(self, workflow: _Part) -> None:
        status = _mapping(workflow.get("status"))
        whole = _mapping(status.get("storedWorkflowTemplateSpec"))
        own = (*_listed(whole.get("templates")), *_listed(_mapping(workflow.get("spec")).get("templates")))
        self._own = {template.get("name"): template for template in own}
        self._stored = _mapping(status.get("storedTemplates"))

    def of(self, node: _Part) -> _Part:
        """Return the template of a node: for a task that shares a pod, its own part; empty if it is unknown."""
        return fused.template_of(self._lookup(node), node)

    def _lookup(self, node: _Part) -> _Part:
        reference = _mapping(node.get("templateRef"))
        if reference:
            scope = "cluster" if reference.get("clusterScope") else "namespaced"
            return _mapping(self._stored.get(f"{scope}/{reference.get('name')}/{reference.get('template')}"))
        name = node.get("templateName")
        return _mapping(self._stored.get(f"{node.get('templateScope')}/{name}") or self._own.get(name))


def _strings(side: _Part) -> dict[str, str]:
    return {
        parameter["name"]: _text(parameter["value"])
        for parameter in _listed(side.get("parameters"))
        if parameter.get("name") and parameter.get("value") not in (None, ABSENT)
    }


def _artifact_values(text: str) -> list[_Part] | None:
    """Read an artifact value, a list of them, or null (no artifact came); None if it is something else."""
    value = decoded(text)
    if value is None:
        return []
    items = [decoded(item) if isinstance(item, str) else item for item in _as_list(value)]
    located = [item for item in items if isinstance(item, Mapping) and (item.get("key") or item.get("uri"))]
    return located if len(located) == len(items) else None


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _artifact(value: _Part, name: str, position: int) -> ArtifactValue:
    return ArtifactValue(
        name=name,
        position=position,
        own_name=_text(value.get("name") or name),
        type=_type(value.get("type")),
        key=_text(value.get("key") or ""),
        uri=without_user(_text(value.get("uri") or "")),
        digest=_text(value.get("digest") or ""),
        size=integer(value.get("size")),
        metadata=_mapping(value.get("metadata")),
    )


def _was_written(artifact: ArtifactValue, node: _Part) -> bool:
    """Return whether an artifact was written; the value of a container's artifact is in its template in any case."""
    saved = map(stores.key_of, _listed(_mapping(node.get("outputs")).get("artifacts")))
    return node.get("phase") == "Succeeded" or artifact.key in saved


def _stored(side: _Part, *, without: Iterable[str]) -> Iterator[ArtifactValue]:
    """Read the artifacts that Argo itself carries; those with two dashes in their name are the compiler's own."""
    left_out = set(without)
    for artifact in _listed(side.get("artifacts")):
        name = artifact.get("name") or ""
        if name in left_out or name.endswith("-logs") or "--" in name:
            continue
        key = stores.key_of(artifact) or _mapping(artifact.get("plugin")).get("key")
        urls = (_mapping(artifact.get(kind)).get(part) for kind, part in _URLS if artifact.get(kind))
        uri = next(urls, None)
        if key or uri:
            yield _artifact({"key": key, "uri": uri}, name, 0)


def _type(value: object) -> str:
    if isinstance(value, Mapping):
        value = value.get("schemaTitle") or value.get("instanceSchema")
    return value if isinstance(value, str) and value else "system.Artifact"


def _mapping(value: Any) -> _Part:
    return value if isinstance(value, Mapping) else {}


def _listed(value: Any) -> list[_Part]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, (list, tuple)) else []


def _names(value: Any) -> set[str]:
    return {item["name"] for item in _listed(value) if item.get("name")}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def integer(value: Any) -> int | None:
    """Read an integer; None if the value is not one."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None
