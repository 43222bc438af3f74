"""Checks a document against the types of Argo's own resources.

``schema.json`` has the fields and types of Argo 4.0.7, and the limits of its custom resource definitions;
``make argoschema`` writes it from Argo's Go module. The types are read as Argo's Go code reads them: a parameter's
value may be a number, a quantity a number or a string, a port a name.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from mlplat.argo.places import place_of
from mlplat.errors import Diagnostic, suggestion

KINDS = ("Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow")
VERSION = "argoproj.io/v1alpha1"

WRONG = "MLP525"
"""Code of a value of the wrong type, or a missing one; readers of a document rely on these."""

UNKNOWN = "MLP519"
"""Code of an unknown field."""

_QUANTITY = re.compile(
    r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[KMGTPE]i|[numkMGTPE]|[eE][+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))?"
)
_REFERENCES = frozenset(
    {
        *("ConfigMapEnvSource", "ConfigMapKeySelector", "ConfigMapProjection", "ConfigMapVolumeSource"),
        *("LocalObjectReference", "SecretEnvSource", "SecretKeySelector", "SecretProjection"),
    }
)
"""Mappings whose name the definitions let be empty for old clients; Kubernetes refuses pods with such a one."""

_NAMED = ("Template", "WorkflowStep")
"""Mappings that have a name wherever they are in a list, which the definitions do not say."""

_WANTED = {
    "string": "a string",
    "any-string": "a string or a number",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "int-or-string": "an integer or a string",
    "quantity": "a quantity, such as 500m or 2Gi",
}
_QUOTE = "quote it: YAML reads words such as no, on and y as booleans, and digits as numbers"
_HINTS = {
    "string": _QUOTE,
    "integer": "write a number without quotes; Argo does not replace tags here",
    "number": "write a number without quotes",
    "boolean": "write true or false without quotes; Argo does not replace tags here",
}
_PATCH = (
    "Argo does not replace tags here; set it with podSpecPatch: "
    '\'{"containers": [{"name": "main", "resources": {"limits": {"memory": "{{inputs.parameters.memory}}"}}}]}\''
)
_MANY = 100
"""Number of problems of one code that are reported of a document; no number of unknown fields hides a wrong type."""

_Place: TypeAlias = "tuple[_Place, str, Any] | None"
"""Path to a value: the path of its parent, ``.`` or ``[``, and its key, or its position and the value itself."""


class _Field(NamedTuple):
    kind: str
    required: bool = False
    enum: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    min_length: int = 0


def problems(document: Mapping[str, Any]) -> list[Diagnostic]:
    """Return the fields of a document that don't match Argo's schema.

    Args:
        document: of a kind in :data:`KINDS`; documents of other kinds have no problems.

    Returns:
        Errors, with paths such as ``spec.templates.main.container``. Fields that Argo does not know have the
        code :data:`UNKNOWN`.
    """
    kind, version = document.get("kind"), document.get("apiVersion")
    if kind not in KINDS:
        return []
    found = fields_problems(str(kind), document)
    if isinstance(version, str) and version != VERSION:
        message = f"unknown apiVersion '{version}'"
        found.append(Diagnostic("MLP532", "apiVersion", message, f"write apiVersion: {VERSION}"))
    return found


def fields_problems(kind: str, fields: Any, path: str = "") -> list[Diagnostic]:
    """Return the fields of a mapping that don't match a type of Argo's schema.

    Args:
        kind: its type in Argo's API: ``WorkflowSpec``, ``S3Artifact``.
        fields: the mapping.
        path: its place.
    """
    checker = _Checker()
    checker.value(fields, kind, (None, "", path) if path else None)
    return checker.found


def is_quantity(text: str) -> bool:
    """Return whether a string is a Kubernetes quantity, such as ``500m`` or ``2Gi``."""
    return _QUANTITY.fullmatch(text) is not None


@cache
def _types() -> dict[str, dict[str, _Field]]:
    written = json.loads(Path(__file__).with_name("schema.json").read_text(encoding="utf-8"))["types"]
    return {name: {key: _field(value) for key, value in fields.items()} for name, fields in written.items()}


def _field(definition: Any) -> _Field:
    if isinstance(definition, str):
        return _Field(definition)
    return _Field(
        definition["type"],
        definition.get("required", False),
        tuple(definition.get("enum", ())),
        definition.get("minimum"),
        definition.get("maximum"),
        definition.get("minLength", 0),
    )


class _Checker:
    def __init__(self) -> None:
        self.found: list[Diagnostic] = []
        self.count = Counter[str]()
        self.types = _types()

    def value(self, value: Any, kind: str, place: _Place) -> None:
        """Check a value that is present."""
        if self.count[WRONG] >= _MANY or kind == "any":
            return
        start = kind[:2]
        if start == "[]":
            self.items(value, kind[2:], place)
        elif start == "{}":
            if not isinstance(value, Mapping):
                self.wrong(place, "a mapping", value)
                return
            for key, item in value.items():
                self.value(item, kind[2:], (place, ".", key))
        elif kind in self.types:
            self.mapping(value, kind, place)
        elif kind in ("object", "plugin"):
            if not isinstance(value, Mapping):
                self.wrong(place, "a mapping", value)
            elif kind == "plugin" and len(value) != 1:
                self.wrong(place, "one field, the name of the plugin", value)
        elif not _is_scalar(value, kind):
            hint = _PATCH if kind == "quantity" and "{{" in str(value) else _HINTS.get(kind, "")
            self.wrong(place, _WANTED[kind], value, hint if not isinstance(value, (Mapping, list)) else "")

    def items(self, value: Any, kind: str, place: _Place) -> None:
        if not isinstance(value, list):
            self.wrong(place, "a list", value)
            return
        named = kind in _NAMED
        for number, item in enumerate(value):
            inside = (place, "[", (number, item))
            self.value(item, kind, inside)
            if named and isinstance(item, Mapping) and item.get("name") is None:
                self.missing(inside, "name")

    def mapping(self, value: Any, kind: str, place: _Place) -> None:
        if not isinstance(value, Mapping):
            self.wrong(place, "a mapping", value)
            return
        fields = self.types[kind]
        for key, item in value.items():
            known = fields.get(key)
            if known is None:
                self.unknown((place, ".", key), str(key), list(fields))
            elif item is not None:
                inside = (place, ".", key)
                self.value(item, known.kind, inside)
                if known.enum or known.minimum is not None or known.min_length:
                    self.limits(item, known, inside)
        for key in _required(kind):
            if value.get(key) is None and not (kind in KINDS and key == "metadata"):
                self.missing(place, key)

    def limits(self, value: Any, limits: _Field, place: _Place) -> None:
        if limits.enum and isinstance(value, str) and value not in limits.enum and "{{" not in value:
            choices = [one for one in limits.enum if one]
            message = f"'{value}' is not one of {', '.join(choices)}"
            self.tell("MLP532", place, message, suggestion(value, choices))
        elif isinstance(value, (int, float)) and limits.minimum is not None and value < limits.minimum:
            self.tell("MLP532", place, f"{value} is less than the minimum, {limits.minimum}", "")
        elif isinstance(value, (int, float)) and limits.maximum is not None and value > limits.maximum:
            self.tell("MLP532", place, f"{value} is more than the maximum, {limits.maximum}", "")
        elif isinstance(value, str) and len(value) < limits.min_length:
            self.tell("MLP532", place, "the value is empty", "set a value")

    def wrong(self, place: _Place, expected: str, value: Any, hint: str = "") -> None:
        self.tell(WRONG, place, f"expected {expected}, got {_displayed(value)}", hint)

    def missing(self, place: _Place, key: str) -> None:
        self.tell(WRONG, (place, ".", key), "the field is required", "")

    def unknown(self, place: _Place, name: str, names: Sequence[str]) -> None:
        message = f"unknown field '{name}'"
        self.tell(
            UNKNOWN, place, message, suggestion(name, names) or f"available: {', '.join(sorted(names))}"
        )

    def tell(self, code: str, place: _Place, message: str, hint: str) -> None:
        self.count[code] += 1
        if self.count[code] <= _MANY:
            self.found.append(Diagnostic(code, _path(place), message, hint))


@cache
def _required(kind: str) -> tuple[str, ...]:
    named = ("name",) if kind in _REFERENCES else ()
    return (*named, *(key for key, field in _types()[kind].items() if field.required))


def _is_scalar(value: Any, kind: str) -> bool:
    if kind == "string":
        return isinstance(value, str)
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "any-string":
        return isinstance(value, (str, bool, int, float))
    if isinstance(value, bool):
        return False
    if kind == "quantity":
        return isinstance(value, (int, float)) or (isinstance(value, str) and is_quantity(value))
    if isinstance(value, str):
        return kind == "int-or-string"
    if kind == "number":
        return isinstance(value, (int, float))
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def _displayed(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else f"{value[:60]}…")
    return json.dumps(value)


def _path(place: _Place) -> str:
    return "".join(reversed(list(_steps(place)))).lstrip(".")


def _steps(place: _Place) -> Iterator[str]:
    while place is not None:
        around, how, key = place
        yield place_of(key[1], key[0], "") if how == "[" else f"{how}{key}"
        place = around
