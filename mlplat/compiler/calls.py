"""Writes the CALL document of the runtime: functions, and the paths of their inputs and outputs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlplat.argo import values
from mlplat.argo.status.fused import JOINED
from mlplat.compiler import interfaces
from mlplat.compiler.flows import Form
from mlplat.compiler.interfaces import (
    LARGE_OUTPUT,
    LARGE_VALUES,
    PATH_PARAMETER,
    CallSite,
    asks_status,
    folder_paths,
    index_of,
    key_of,
    may_grow,
    own_inputs,
    tag,
)
from mlplat.compiler.program import Step
from mlplat.compiler.strings import INPUTS, OUTPUTS, WORKSPACE
from mlplat.ir.model import Component, ParameterType, PythonFunction, Retry

CONFIG = "task--config"
"""Input with the settings of the task, for functions that take them."""


@dataclass(frozen=True, slots=True)
class Position:
    """The position of a function in its pod.

    Attributes:
        step: its name among the functions of the pod; empty for the only one.
        inside: inputs from other functions of the pod: name and output.
    """

    step: str = ""
    inside: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """The folder of its outputs."""
        return folder_of(self.step)

    def outer(self, name: str) -> str:
        """Return the name of an input or output of the function in the pod's template."""
        return f"{self.step}{JOINED}{name}" if self.step else name


def folder_of(step: str) -> str:
    """Return the folder of the outputs of a function of a pod."""
    return f"{OUTPUTS}/{step}" if step else OUTPUTS


def call_text(component: Component, python: PythonFunction, call: CallSite, *, has_config: bool) -> str:
    """Write the runtime's CALL: JSON into which Argo pastes the inputs, themselves inert JSON.

    Args:
        component: the function's interface.
        python: the function.
        call: the call of the task.
        has_config: whether the task's settings are an input.
    """
    writer = _Writer(call)
    return writer.text(writer.document(component, python, Position(), has_config=has_config))


def steps_text(steps: Sequence[Step], call: CallSite) -> str:
    """Write the runtime's CALL for several functions that run one after another.

    Args:
        steps: the functions.
        call: the call of the task.
    """
    writer = _Writer(call)
    documents = []
    for step in steps:
        assert step.container.python is not None
        place = Position(step.task, step.inside)
        document = {
            "task": step.task,
            "retry": _retry(step.retry) if step.retry else {},
            "call": writer.document(step.component, step.container.python, place, has_config=False),
        }
        documents.append({name: value for name, value in document.items() if value})
    return writer.text({"steps": documents, "out": OUTPUTS})


def _retry(retry: Retry) -> dict[str, float]:
    return {
        "limit": retry.limit,
        "duration": retry.backoff_duration,
        "factor": retry.backoff_factor,
        "cap": retry.backoff_max_duration,
    }


class _Writer:
    """Writes documents with marks, and replaces the marks with tags at the end."""

    def __init__(self, call: CallSite) -> None:
        self.call = call
        self.tags: dict[str, str] = {}

    def pasted(self, name: str) -> str:
        """Return a placeholder for an input, which is JSON."""
        marker = f"\x00{name}\x00"
        self.tags[json.dumps(marker)] = f"{tag(name)} "
        return marker

    def keyed(self, text: str) -> str:
        """Return a placeholder for a string with tags."""
        marker = f"\x01{len(self.tags)}\x01"
        self.tags[json.dumps(marker)] = json.dumps(text)
        return marker

    def text(self, document: dict[str, Any]) -> str:
        """Return the JSON of a document, with its marks replaced by tags."""
        text = values.inert(json.dumps(document))
        for marker, replacement in self.tags.items():
            text = text.replace(marker, replacement)
        return text

    def document(
        self, component: Component, python: PythonFunction, place: Position, *, has_config: bool
    ) -> dict[str, Any]:
        """Return the runtime's description of one function."""
        own = set(own_inputs(component))
        document: dict[str, Any] = {
            "function": python.name,
            "parameters": {
                name: self.parameter(name, parameter.type, place, has_config=has_config)
                for name, parameter in component.input_parameters.items()
                if name in own
            },
            "artifacts": {
                name: self.artifact(name, place, is_list=artifact.is_list)
                for name, artifact in component.input_artifacts.items()
            },
            "values": LARGE_VALUES if self.call.has_large_values else "",
            "output_parameters": {
                name: output.type.value for name, output in component.output_parameters.items()
            },
            "output_artifacts": {
                name: {
                    "schemaTitle": output.type.schema_title,
                    "schemaVersion": output.type.schema_version,
                    "key": self.keyed(key_of(place.outer(name), output, self.call)),
                }
                for name, output in component.output_artifacts.items()
            },
            "large_key": self.keyed(interfaces.folder_of(place.outer(LARGE_OUTPUT), self.call))
            if may_grow(component)
            else "",
            "index": self.keyed(index_of(self.call))
            if self.call.looped and self.knows_place(component)
            else "",
            "path": self.keyed(tag(PATH_PARAMETER)) if asks_status(component, self.call.form) else "",
            "errors": self.call.keeps_errors,
            "workspace": WORKSPACE if self.call.workspace else "",
            "packages": list(python.packages),
            "pip_options": list(python.pip_options),
            "out": place.folder,
        }
        return {name: value for name, value in document.items() if value}

    def parameter(
        self, name: str, kind: ParameterType, place: Position, *, has_config: bool
    ) -> dict[str, Any]:
        if name in place.inside:
            step, output = place.inside[name]
            folder = folder_of(step)
            return {"type": kind.value, "from": f"{folder}/values/{output}", "large": f"{folder}/large"}
        outer = place.outer(name)
        is_config = has_config and kind is ParameterType.TASK_CONFIG
        found: dict[str, Any] = {"type": kind.value, "value": self.pasted(CONFIG if is_config else outer)}
        form = self.call.form(outer)
        if Form.STORED in form and Form.COLLECTED not in form:
            found["large"] = f"{INPUTS}/{outer}--large"
        if Form.COLLECTED in form:
            found["folders"] = folder_paths(f"{outer}--large")
        if kind is ParameterType.TASK_FINAL_STATUS or Form.STATUS in form:
            found["errors"] = f"{INPUTS}/{outer}--errors"
        return found

    def artifact(self, name: str, place: Position, *, is_list: bool) -> dict[str, Any]:
        if name in place.inside:
            step, output = place.inside[name]
            folder = folder_of(step)
            return {"path": f"{folder}/artifacts/{output}", "from": f"{folder}/values/{output}"}
        outer = place.outer(name)
        folders = {"folders": folder_paths(outer)} if is_list else {}
        return {"path": f"{INPUTS}/{outer}", "value": self.pasted(outer), **folders}

    def knows_place(self, component: Component) -> bool:
        """Return whether a function needs its position in loops."""
        return (
            bool(component.output_artifacts) or may_grow(component) or asks_status(component, self.call.form)
        )
