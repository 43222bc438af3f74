"""JSON documents with runtime values: a pod's patch, a PVC's manifest, a constant with placeholders.

A document is plain JSON whose leaves may be a :class:`GraphValue`, an :class:`Input`, a :class:`Text`, a
:class:`Variable` or :class:`Elements`. An :class:`Input` or an optional :class:`Text` without a value at run
time is left out of its mapping. A :class:`GraphValue` without a value removes the whole entry that contains it, up to
the outermost list or mapping, because half a volume is not valid.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from mlplat.argo import values
from mlplat.argo.values import literal
from mlplat.compiler.placeholders import Part, has_holes, parse_text
from mlplat.compiler.strings import Strings
from mlplat.ir.model import ParameterSource

Document: TypeAlias = Any
"""JSON whose leaves may be objects of this module's classes."""


@dataclass(frozen=True, slots=True)
class GraphValue:
    """A value of the enclosing graph.

    Attributes:
        source: its source.
        is_json: whether it is inserted as JSON (a list's items among the entries around it), or as a string.
    """

    source: ParameterSource
    is_json: bool = False


@dataclass(frozen=True, slots=True)
class TextIfValue:
    """A string that is present only if a runtime value is."""

    text: str
    value: GraphValue


@dataclass(frozen=True, slots=True)
class Input:
    """One of the task's own inputs, as JSON."""

    name: str


@dataclass(frozen=True, slots=True)
class Text:
    """A string with placeholders.

    Attributes:
        part: the string.
        optional: whether an empty string counts as missing.
    """

    part: Part
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Variable:
    """The value of an environment variable: a string with placeholders, escaped for Kubernetes."""

    part: Part


@dataclass(frozen=True, slots=True)
class Elements:
    """A list of the elements of a command, some of which are optional."""

    parts: tuple[Part, ...]


def is_static(document: Document) -> bool:
    """Return whether a document has no runtime values."""
    if isinstance(document, dict):
        return all(isinstance(key, str) and is_static(item) for key, item in document.items())
    if isinstance(document, list):
        return all(map(is_static, document))
    return document is None or isinstance(document, (str, int, float))


def graph_values(document: Document) -> Iterator[GraphValue]:
    """Yield the values that a document reads from the enclosing graph."""
    if isinstance(document, (GraphValue, TextIfValue)):
        yield document if isinstance(document, GraphValue) else document.value
    elif isinstance(document, dict):
        for item in document.values():
            yield from graph_values(item)
    elif isinstance(document, list):
        for item in document:
            yield from graph_values(item)


def with_placeholders(value: Any) -> Document:
    """Return a constant as a document; strings with placeholders become leaves."""
    if isinstance(value, str):
        return Text(parse_text(value)) if has_holes(value) else value
    if isinstance(value, dict):
        return {with_placeholders(key): with_placeholders(item) for key, item in value.items()}
    return [with_placeholders(item) for item in value] if isinstance(value, list) else value


def expression(document: Document, texts: Strings) -> str:
    """Return the expression for a document as inert JSON.

    Args:
        document: the document.
        texts: the values of placeholders.
    """
    return values.inert_expression(_json(document, texts))


def _json(document: Document, texts: Strings) -> str:
    match document:
        case GraphValue(source, is_json):
            text = texts.scope.reference(source).text
            return text if is_json else f"toJson({values.plain_text_expression(text)})"
        case TextIfValue(text):
            return literal(json.dumps(text))
        case Input(name):
            return texts.json(name)
        case Text(part):
            return texts.text(part)
        case Variable(part):
            return values.json_text_expression(f"sprig.replace('$', '$$', {texts.plain(part)})")
        case Elements(parts):
            return texts.elements(parts)
        case dict():
            members = [f"{_key(key, texts)} + ':' + {_json(item, texts)}" for key, item in document.items()]
            conditions = [_condition(item, texts) for item in document.values()]
            return f"({literal('{')} + {_joined(members, conditions)} + {literal('}')})"
        case list():
            entries = [_entry(item, texts) for item in document]
            conditions = [_condition(item, texts) for item in document]
            return f"({literal('[')} + {_joined(entries, conditions)} + {literal(']')})"
    return literal(values.inert_json(document))


def _key(key: str | Text, texts: Strings) -> str:
    return f"toJson({texts.plain(key.part)})" if isinstance(key, Text) else literal(json.dumps(key))


def _entry(item: Document, texts: Strings) -> str:
    text = _json(item, texts)
    if isinstance(item, GraphValue) and item.is_json:
        return f"sprig.trimSuffix(']', sprig.trimPrefix('[', {text}))"
    return text


def _condition(document: Document, texts: Strings) -> str:
    """Return the expression that tells whether a part of a document has a value; empty if it always has one."""
    tests = dict.fromkeys(_tests(document, texts))
    return " && ".join(tests)


def _tests(document: Document, texts: Strings) -> Iterator[str]:
    match document:
        case GraphValue(source) | TextIfValue(_, GraphValue(source)):
            text = texts.scope.reference(source).text
            yield f"!({text} in ['null', {literal(chr(34) * 2)}])"
        case Input(name):
            yield f"{texts.json(name)} != 'null'"
        case Text(part, True):
            yield f"{texts.plain(part)} != ''"
        case dict():
            for item in document.values():
                if not isinstance(item, (Input, Text)):
                    yield from _tests(item, texts)


def _joined(parts: list[str], conditions: list[str]) -> str:
    if not any(conditions):
        return " + ',' + ".join(parts) or "''"
    kept = (
        f"({condition} ? {part} : '')" if condition else part
        for part, condition in zip(parts, conditions, strict=True)
    )
    return f"join(filter([{', '.join(kept)}], # != ''), ',')"
