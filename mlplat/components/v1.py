"""Component YAML of KFP's first version: ``name``, ``inputs``, ``outputs``, ``implementation.container``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mlplat.dsl.signatures import named_artifact, named_parameter
from mlplat.errors import Diagnostic, ManifestError, Source, nearest
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

_PLACES = {
    "inputValue": "{{$.inputs.parameters['%s']}}",
    "inputPath": "{{$.inputs.artifacts['%s'].path}}",
    "inputUri": "{{$.inputs.artifacts['%s'].uri}}",
    "outputUri": "{{$.outputs.artifacts['%s'].uri}}",
}
_TRUE, _FALSE = ("y", "yes", "t", "true", "on", "1"), ("n", "no", "f", "false", "off", "0")
_GOOGLE = re.compile(r"google\.[A-Za-z]+\Z")


def read(document: Mapping[str, Any], name: str) -> tuple[str, Component, Container, str]:
    """Read component YAML.

    Args:
        document: the document.
        name: its name in diagnostics.

    Returns:
        The component's name, its interface, its container, and its description.

    Raises:
        ManifestError: it is not such a document, or has something that is not supported; all errors at once.
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
                "implementation.container is missing",
                "use IR YAML, or component YAML with a container; rewrite a graph of the first version as a pipeline",
            )
            raise ManifestError(self.problems)
        by_value, by_path = (set(_named(container, key)) for key in ("inputValue", "inputPath"))
        for given in self.declared("inputs"):
            name = str(given["name"])
            self.inputs[_key(name)] = self.input(given, name in by_value, name in by_path)
        for given in self.declared("outputs"):
            kind, description = _parameter(given.get("type")), _description(given)
            self.outputs[_key(given["name"])] = (
                OutputParameter(kind, description)
                if kind
                else OutputArtifact(_artifact(given.get("type")), description=description)
            )
        if "image" not in container:
            self.problem("implementation.container.image", "the container has no image", "set image")
        executor = Container(
            image=str(container.get("image", "")),
            command=tuple(self.words(container.get("command"), "implementation.container.command")),
            args=tuple(self.words(container.get("args"), "implementation.container.args")),
            env=tuple(self.variables(container.get("env") or {}, "implementation.container.env")),
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
            str(self.document.get("name") or "component"),
            component,
            executor,
            _description(self.document),
        )

    def declared(self, side: str) -> Iterator[Mapping[str, Any]]:
        """Yield the declared inputs or outputs that have a name."""
        for number, given in enumerate(_listed(self.document.get(side) or ())):
            if isinstance(given, Mapping) and _key(given.get("name") or ""):
                yield given
            else:
                message = f"{given!r} has no name"
                self.problem(f"{side}.{number}", message, "write it as {name: ..., type: ...}")

    def input(
        self, declared: Mapping[str, Any], by_value: bool, by_path: bool
    ) -> InputParameter | InputArtifact:
        """Read an input; without a type, it gets one from its use in the command."""
        kind, description = _parameter(declared.get("type")), _description(declared)
        if kind is ParameterType.TASK_FINAL_STATUS:
            return InputParameter(kind, ABSENT, optional=True, description=description)
        optional = bool(declared.get("optional")) or "default" in declared
        if by_path and not by_value:
            kind = None
        elif kind is None and by_value:
            kind = ParameterType.STRING
        if kind is None:
            return InputArtifact(_artifact(declared.get("type")), optional=optional, description=description)
        default = self.default(declared, kind) if "default" in declared else ABSENT
        return InputParameter(kind, default, optional, description)

    def default(self, declared: Mapping[str, Any], kind: ParameterType) -> Any:
        """Return a default as a value of the declared type: the first version writes most of them as strings."""
        default = declared["default"]
        try:
            return _value(default, kind)
        except (TypeError, ValueError, OverflowError):
            message = f"the default {default!r} is not a valid {TYPE_NAMES[kind]}"
            self.problem(f"inputs.{declared['name']}.default", message, "write it as JSON")
            return ABSENT

    def variables(self, variables: Any, path: str) -> Iterator[tuple[str, str]]:
        if not isinstance(variables, Mapping):
            self.problem(
                path, f"expected a mapping of names to values, got {variables!r}", "write NAME: value"
            )
            return
        for name, value in variables.items():
            structure = self.structure(value, f"{path}.{name}")
            yield str(name), structure if isinstance(structure, str) else json.dumps(structure)

    def words(self, words: Any, path: str) -> Iterator[str]:
        for number, part in enumerate(_listed(words or ())):
            structure = self.structure(part, f"{path}.{number}")
            yield structure if isinstance(structure, str) else json.dumps(structure)

    def structure(self, part: Any, path: str) -> Any:
        """Return a part of a command for the IR: a string with placeholders, ``Concat`` or ``IfPresent``."""
        if not isinstance(part, Mapping):
            return str(part)
        kind = next(iter(part), "")
        value: Any = part.get(kind)
        if kind == "executorInput":
            return "{{$}}"
        if kind == "outputPath":
            is_value = isinstance(self.outputs.get(self.known(value, self.outputs, path)), OutputParameter)
            place = "parameters['%s'].output_file" if is_value else "artifacts['%s'].path"
            return "{{$.outputs." + place % _key(value) + "}}"
        if kind in _PLACES:
            self.known(value, self.outputs if kind == "outputUri" else self.inputs, path)
            return _PLACES[kind] % _key(value)
        if kind == "concat":
            return {"Concat": [self.structure(item, path) for item in _listed(value)]}
        if kind == "if" and isinstance(value, Mapping):
            return self.choice(value, path)
        hint = f"use one of {', '.join((*_PLACES, 'outputPath', 'concat', 'if'))}"
        self.problem(path, f"{part!r} is not a placeholder", hint)
        return ""

    def choice(self, branches: Mapping[str, Any], path: str) -> Any:
        condition = branches.get("cond")
        if not isinstance(condition, Mapping) or "isPresent" not in condition:
            self.problem(
                path, f"unsupported condition {condition!r}", "use isPresent with the name of an input"
            )
            return ""
        self.known(condition["isPresent"], self.inputs, path)
        found = {"InputName": _key(condition["isPresent"]), "Then": self.elements(branches.get("then"), path)}
        if branches.get("else"):
            found["Else"] = self.elements(branches["else"], path)
        return {"IfPresent": found}

    def elements(self, value: Any, path: str) -> Any:
        if isinstance(value, (list, tuple)):
            return [self.structure(item, path) for item in value]
        return self.structure(value, path)

    def known(self, name: Any, names: Mapping[str, Any], path: str) -> str:
        key = _key(name)
        if key not in names:
            self.problem(path, f"unknown input or output '{name}'", nearest(key, list(names)))
        return key


def _key(name: Any) -> str:
    return re.sub(r"[^_a-z0-9]+", "_", str(name).lower()).strip("_")


def _description(declared: Mapping[str, Any]) -> str:
    return str(declared.get("description") or "")


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _named(value: Any, kind: str) -> Iterator[str]:
    """Yield the inputs that a command refers to by one kind of placeholder."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == kind:
                yield str(item)
            else:
                yield from _named(item, kind)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _named(item, kind)


def _type_name(value: Any) -> str:
    return str(next(iter(value), "")) if isinstance(value, Mapping) else str(value or "")


def _parameter(value: Any) -> ParameterType | None:
    return named_parameter(_type_name(value))


def _artifact(value: Any) -> ArtifactType:
    """Return the type of an artifact: one of KFP's, one of Google Cloud's by its title, else any."""
    name = _type_name(value)
    return ArtifactType(name) if _GOOGLE.match(name) else named_artifact(name)


def _value(default: Any, kind: ParameterType) -> Any:
    """Convert a default to its declared type as KFP's ``type_utils`` does.

    Raises:
        TypeError: it cannot be converted.
        ValueError: likewise.
    """
    if default is None:
        return ABSENT
    if kind is ParameterType.STRING:
        return str(default)
    if kind is ParameterType.NUMBER_INTEGER:
        return int(default)
    if kind is ParameterType.NUMBER_DOUBLE:
        return float(default)
    if not isinstance(default, str):
        return default
    if kind is ParameterType.BOOLEAN:
        return (_TRUE + _FALSE).index(default.lower()) < len(_TRUE)
    return json.loads(default) if default else ABSENT
