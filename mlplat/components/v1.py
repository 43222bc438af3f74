"""Component YAML of KFP's first version: ``name``, ``inputs``, ``outputs``, ``implementation.container``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mlplat.dsl.signatures import PARAMETER_TYPES
from mlplat.errors import Diagnostic, ManifestError, Source
from mlplat.ir.model import (
    ABSENT,
    ArtifactType,
    Component,
    Container,
    InputArtifact,
    InputParameter,
    OutputArtifact,
    OutputParameter,
    ParameterType,
)
from mlplat.ir.types import TYPE_NAMES
from mlplat.runtime.artifacts import ARTIFACT_CLASSES

_CLASSES = {
    cls.__name__: ArtifactType(cls.schema_title, cls.schema_version) for cls in ARTIFACT_CLASSES.values()
}
_PLACES = {
    "inputValue": "{{$.inputs.parameters['%s']}}",
    "inputPath": "{{$.inputs.artifacts['%s'].path}}",
    "inputUri": "{{$.inputs.artifacts['%s'].uri}}",
    "outputUri": "{{$.outputs.artifacts['%s'].uri}}",
}
_BOOLEANS = {"true": True, "false": False}


def read(document: Mapping[str, Any], name: str) -> tuple[str, Component, Container, str]:
    """Read component YAML.

    Args:
        document: the document.
        name: what to call it in diagnostics.

    Returns:
        The component's name, its interface, its container, and its description.

    Raises:
        ManifestError: it is no such document, or something in it can't be used; all of it.
    """
    return _Reader(document, name).read()


class _Reader:
    def __init__(self, document: Mapping[str, Any], name: str) -> None:
        self.document = document
        self.source = Source(name)
        self.problems: list[Diagnostic] = []
        self.inputs: dict[str, InputParameter | InputArtifact] = {}
        self.outputs: dict[str, OutputParameter | OutputArtifact] = {}

    def problem(self, path: str, message: str, hint: str) -> None:
        self.problems.append(Diagnostic("MLP212", path, message, hint, self.source))

    def read(self) -> tuple[str, Component, Container, str]:
        implementation = self.document.get("implementation")
        container = implementation.get("container") if isinstance(implementation, Mapping) else None
        if not isinstance(container, Mapping):
            self.problem(
                "implementation",
                "there is no implementation.container in it",
                "give IR YAML, or component YAML of a container; a graph of the first version has to be written anew",
            )
            raise ManifestError(self.problems)
        by_value, by_path = (set(_named(container, key)) for key in ("inputValue", "inputPath"))
        for given in self.document.get("inputs") or ():
            name = _key(given["name"])
            self.inputs[name] = self.input(given, given["name"] in by_value, given["name"] in by_path)
        for given in self.document.get("outputs") or ():
            kind = _parameter(given.get("type"))
            description = given.get("description", "")
            self.outputs[_key(given["name"])] = (
                OutputParameter(kind, description)
                if kind
                else OutputArtifact(_artifact(given.get("type")), description=description)
            )
        if "image" not in container:
            self.problem("implementation.container.image", "the container has no image", "name one")
        made = Container(
            image=str(container.get("image", "")),
            command=tuple(self.words(container.get("command"), "implementation.container.command")),
            args=tuple(self.words(container.get("args"), "implementation.container.args")),
            env=tuple((key, str(value)) for key, value in (container.get("env") or {}).items()),
        )
        if self.problems:
            raise ManifestError(self.problems)
        component = Component(
            {name: one for name, one in self.inputs.items() if isinstance(one, InputParameter)},
            {name: one for name, one in self.inputs.items() if isinstance(one, InputArtifact)},
            {name: one for name, one in self.outputs.items() if isinstance(one, OutputParameter)},
            {name: one for name, one in self.outputs.items() if isinstance(one, OutputArtifact)},
        )
        return (
            str(self.document.get("name", "component")),
            component,
            made,
            self.document.get("description", ""),
        )

    def input(
        self, given: Mapping[str, Any], by_value: bool, by_path: bool
    ) -> InputParameter | InputArtifact:
        """Read an input: how the command takes it decides where its type does not."""
        kind, description = _parameter(given.get("type")), given.get("description", "")
        optional = bool(given.get("optional")) or "default" in given
        if by_path and not by_value:
            kind = None
        elif kind is None and by_value:
            kind = ParameterType.STRING
        if kind is None:
            return InputArtifact(_artifact(given.get("type")), optional=optional, description=description)
        default = self.default(given, kind) if "default" in given else ABSENT
        return InputParameter(kind, default, optional, description)

    def default(self, given: Mapping[str, Any], kind: ParameterType) -> Any:
        """Return a default as its declared type: the first version writes all of them as text."""
        text = given["default"]
        if kind is ParameterType.STRING:
            return str(text)
        if not isinstance(text, str):
            return text
        try:
            return _BOOLEANS[text.lower()] if kind is ParameterType.BOOLEAN else json.loads(text)
        except (KeyError, ValueError):
            message = f"the default {text!r} is no {TYPE_NAMES[kind]}"
            self.problem(f"inputs.{given['name']}.default", message, "write it as JSON")
            return ABSENT

    def words(self, given: Any, path: str) -> Iterator[str]:
        for number, part in enumerate(given or ()):
            structure = self.structure(part, f"{path}.{number}")
            yield structure if isinstance(structure, str) else json.dumps(structure)

    def structure(self, part: Any, path: str) -> Any:
        """Return a part of a command as the IR has it: a text with placeholders, ``Concat`` or ``IfPresent``."""
        if not isinstance(part, Mapping):
            return str(part)
        kind = next(iter(part), "")
        given: Any = part.get(kind)
        if kind == "executorInput":
            return "{{$}}"
        if kind == "outputPath":
            is_value = isinstance(self.outputs.get(self.known(given, self.outputs, path)), OutputParameter)
            place = "parameters['%s'].output_file" if is_value else "artifacts['%s'].path"
            return "{{$.outputs." + place % _key(given) + "}}"
        if kind in _PLACES:
            self.known(given, self.outputs if kind == "outputUri" else self.inputs, path)
            return _PLACES[kind] % _key(given)
        if kind == "concat":
            return {"Concat": [self.structure(item, path) for item in given]}
        if kind == "if":
            return self.choice(given, path)
        hint = f"use one of {', '.join((*_PLACES, 'outputPath', 'concat', 'if'))}"
        self.problem(path, f"{part!r} is no placeholder", hint)
        return ""

    def choice(self, given: Mapping[str, Any], path: str) -> Any:
        condition = given.get("cond")
        if not isinstance(condition, Mapping) or "isPresent" not in condition:
            self.problem(
                path, f"the condition {condition!r} can't be decided", "ask with isPresent for an input"
            )
            return ""
        self.known(condition["isPresent"], self.inputs, path)
        found = {
            "InputName": _key(condition["isPresent"]),
            "Then": [self.structure(item, path) for item in _listed(given.get("then"))],
        }
        if given.get("else"):
            found["Else"] = [self.structure(item, path) for item in _listed(given["else"])]
        return {"IfPresent": found}

    def known(self, name: Any, names: Mapping[str, Any], path: str) -> str:
        key = _key(name)
        if key not in names:
            self.problem(path, f"it names '{name}', which is not declared", f"there is {', '.join(names)}")
        return key


def _key(name: Any) -> str:
    return re.sub(r"[^a-z0-9]+", "_", str(name).lower()).strip("_")


def _listed(given: Any) -> list[Any]:
    return list(given) if isinstance(given, (list, tuple)) else [given]


def _named(value: Any, kind: str) -> Iterator[str]:
    """Give the inputs that a command takes in one way."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == kind:
                yield str(item)
            else:
                yield from _named(item, kind)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _named(item, kind)


def _type_name(given: Any) -> str:
    return str(next(iter(given), "")) if isinstance(given, Mapping) else str(given or "")


def _parameter(given: Any) -> ParameterType | None:
    return PARAMETER_TYPES.get(_type_name(given))


def _artifact(given: Any) -> ArtifactType:
    return _CLASSES.get(_type_name(given), ArtifactType())
