"""The variables ``workflow.…`` of a workflow while it runs.

See ``setGlobalParameters`` of Argo 4.0.7.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from mlplat.argo import gotext
from mlplat.argo.expressions.syntax import Expression
from mlplat.argo.parameters import to_json as parameters_json
from mlplat.argo.templating import Layer

_TIME_FORMATS = "aAbBcCdDeFgGhHIjlmMnNpPrRsStTuUvVwWxXyYzZ"


class Globals(Layer):
    """The variables ``workflow.…``; ``workflow.duration`` is computed when it is read.

    Args:
        variables: values by name.
    """

    def __init__(self, variables: dict[str, Any]) -> None:
        super().__init__(variables)
        self._values = variables
        self._begun = time.monotonic()

    def set(self, name: str, value: str) -> None:
        """Set the value of a variable."""
        self._values[name] = value
        self._tree = None

    def get(self, name: str) -> Any:
        """Return the value of a variable."""
        return self._duration() if name == "workflow.duration" else super().get(name)

    def tree(self, expression: Expression) -> Mapping[str, Any]:
        """Return all variables, nested."""
        tree = super().tree(expression)
        tree["workflow"]["duration"] = self._duration()
        return tree

    def _duration(self) -> str:
        return f"{time.monotonic() - self._begun:f}"


def global_variables(
    workflow: Mapping[str, Any], config_maps: Mapping[str, Mapping[str, str]], created: datetime
) -> dict[str, Any]:
    """Return the variables that hold for the whole workflow.

    Args:
        workflow: the Workflow.
        config_maps: data of ConfigMaps by name, for parameters that come from one.
        created: creation time of the workflow.

    Returns:
        Values by dotted name.

    Raises:
        ValueError: a parameter has no value; the message is Argo's.
    """
    metadata, spec = workflow["metadata"], workflow["spec"]
    parameters = (spec.get("arguments") or {}).get("parameters") or []
    stamp = created.strftime("%Y-%m-%dT%H:%M:%SZ")
    variables: dict[str, Any] = {
        "workflow.name": metadata["name"],
        "workflow.namespace": metadata.get("namespace", "default"),
        "workflow.mainEntrypoint": spec.get("entrypoint", ""),
        "workflow.serviceAccountName": spec.get("serviceAccountName", ""),
        "workflow.uid": metadata.get("uid", ""),
        "workflow.creationTimestamp": stamp,
        "workflow.creationTimestamp.RFC3339": stamp,
        "workflow.status": "Running",
        "workflow.duration": "0.000000",
    }
    if spec.get("priority") is not None:
        variables["workflow.priority"] = str(spec["priority"])
    for letter in _TIME_FORMATS:
        variables[f"workflow.creationTimestamp.{letter}"] = created.astimezone(UTC).strftime(f"%{letter}")
    variables["workflow.creationTimestamp.s"] = str(int(created.timestamp()))
    variables["workflow.parameters"] = variables["workflow.parameters.json"] = parameters_json(parameters)
    for parameter in parameters:
        variables[f"workflow.parameters.{parameter['name']}"] = _global_parameter(parameter, config_maps)
    extra = spec.get("workflowMetadata") or {}
    for kind in ("labels", "annotations"):
        own = metadata.get(kind) or {}
        variables[f"workflow.{kind}"] = variables[f"workflow.{kind}.json"] = gotext.to_json(own)
        late = extra.get("labelsFrom") or {} if kind == "labels" else {}
        for key, value in {**own, **(extra.get(kind) or {})}.items():
            if key not in late:
                variables[f"workflow.{kind}.{key}"] = value
    return variables


def _global_parameter(parameter: Mapping[str, Any], config_maps: Mapping[str, Mapping[str, str]]) -> str:
    if "value" in parameter:
        return str(parameter["value"])
    source = parameter.get("valueFrom") or {}
    reference = source.get("configMapKeyRef")
    if not reference:
        raise ValueError(
            f"either value or valueFrom must be specified in order to set global parameter {parameter['name']}"
        )
    data = config_maps.get(reference["name"], {})
    if reference["key"] in data:
        return data[reference["key"]]
    if "default" in source:
        return str(source["default"])
    raise ValueError(
        f"failed to set global parameter {parameter['name']} from configmap with name {reference['name']} "
        f"and key {reference['key']}"
    )
