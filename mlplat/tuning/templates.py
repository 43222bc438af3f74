"""Trial templates: Kubernetes objects with ``${trialParameters.NAME}`` in their strings.

Katib replaces placeholders in the text of the object, so a value with a quote or a line break changes what is around
it. Here the object is parsed first, and values are put into its strings one by one: no value can add, remove or change
anything else, and a placeholder in a value stays as it is. Only a key that becomes equal to another key replaces it.
For values without such characters, the result is Katib's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from mlplat import manifest
from mlplat.manifest import scalars

PLACEHOLDER = re.compile(r"\$\{trialParameters\.([^{}\n]+)\}")

_PRIVATE = range(0xE000, 0xF900)


@dataclass(frozen=True, slots=True)
class Slot:
    """A string with placeholders.

    Attributes:
        parts: strings and names of trial parameters in turn; the first and the last one are strings.
        is_plain: whether the string has no quotes in YAML, so that YAML decides the type of what it becomes:
            ``replicas: ${trialParameters.n}`` is a number when the value is ``4``.
    """

    parts: tuple[str, ...]
    is_plain: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the trial parameters, as often as they occur."""
        return self.parts[1::2]


Tree: TypeAlias = "dict[str | Slot, Tree] | list[Tree] | Slot | str | int | float | bool | None"


@dataclass(frozen=True, slots=True)
class ParsedTemplate:
    """A trial template.

    Attributes:
        root: the object, with a :class:`Slot` for each string, and each key, that has placeholders.
    """

    root: Tree

    @property
    def names(self) -> frozenset[str]:
        """Names of the trial parameters that occur."""
        return frozenset(_names(self.root))


def from_document(document: Mapping[str, Any]) -> ParsedTemplate:
    """Return the template of a ``trialSpec``, in which every placeholder is part of a string."""
    return ParsedTemplate(_slots(document))


def from_text(text: str) -> ParsedTemplate:
    """Return the template of a YAML string, as a ConfigMap has it.

    The string is read twice. With characters in the place of placeholders that can only be part of a string, it shows
    the strings; with the digits 0 and 1, which numbers of every base have, it shows which of the strings are plain.

    Raises:
        ManifestError: it is not YAML, or not one mapping.
        ValueError: it has several documents.
    """
    names = list(dict.fromkeys(PLACEHOLDER.findall(text)))
    left, right = _unused(text)
    strings = _document(PLACEHOLDER.sub(lambda found: f"{left}{names.index(found[1])}{right}", text))
    numbers = _document(PLACEHOLDER.sub(lambda found: f"{names.index(found[1]) + 1:b}", text))
    mark = re.compile(f"{left}([0-9]+){right}")
    return ParsedTemplate(_with_slots(strings, numbers, mark, names))


def fill(template: ParsedTemplate, values: Mapping[str, str]) -> dict[str, Any]:
    """Put values into a template.

    Args:
        template: the template.
        values: by name of trial parameter; a placeholder without a value stays as it is.

    Returns:
        The object.
    """
    filled: dict[str, Any] = _fill(template.root, values)
    return filled


def with_name(trial_spec: Mapping[str, Any], name: str, namespace: str) -> dict[str, Any]:
    """Return the object of a trial with the trial's name and namespace."""
    metadata = {**(trial_spec.get("metadata") or {}), "name": name, "namespace": namespace}
    return {**trial_spec, "metadata": metadata}


def _unused(text: str) -> tuple[str, str]:
    """Return two characters for private use that a string does not have."""
    used = set(text)
    free = (character for character in map(chr, _PRIVATE) if character not in used)
    return next(free), next(free)


def _document(text: str) -> dict[str, Any]:
    documents = manifest.load(text)
    if len(documents) != 1:
        raise ValueError(f"expected one document, got {len(documents)}")
    return documents[0]


def _slots(value: Any) -> Any:
    if isinstance(value, str):
        parts = tuple(PLACEHOLDER.split(value))
        return Slot(parts) if len(parts) > 1 else value
    if isinstance(value, Mapping):
        return {_slots(key): _slots(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_slots(item) for item in value]
    return value


def _with_slots(value: Any, number: Any, mark: re.Pattern[str], names: list[str]) -> Any:
    """Return a value with slots for its marks; ``number`` is the same value with digits for them."""
    if isinstance(value, str):
        parts = mark.split(value)
        if len(parts) == 1:
            return value
        parts[1::2] = [names[int(index)] for index in parts[1::2]]
        return Slot(tuple(parts), is_plain=not isinstance(number, str))
    if isinstance(value, dict):
        pairs = zip(value.items(), number.values(), strict=True)
        return {
            _with_slots(key, key, mark, names): _with_slots(item, other, mark, names)
            for (key, item), other in pairs
        }
    if isinstance(value, list):
        return [_with_slots(item, other, mark, names) for item, other in zip(value, number, strict=True)]
    return value


def _names(value: Any) -> list[str]:
    if isinstance(value, Slot):
        return list(value.names)
    if isinstance(value, dict):
        return [name for pair in value.items() for one in pair for name in _names(one)]
    if isinstance(value, list):
        return [name for item in value for name in _names(item)]
    return []


def _fill(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, Slot):
        return _slot_value(value, values)
    if isinstance(value, dict):
        return {_text(key, values): _fill(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, values) for item in value]
    return value


def _text(value: Slot | str, values: Mapping[str, str]) -> str:
    if isinstance(value, str):
        return value
    names = iter(value.names)
    parts = [value.parts[0]]
    for name, rest in zip(names, value.parts[2::2], strict=True):
        parts += (values.get(name, f"${{trialParameters.{name}}}"), rest)
    return "".join(parts)


def _slot_value(slot: Slot, values: Mapping[str, str]) -> Any:
    text = _text(slot, values)
    if not slot.is_plain or not all(name in values for name in slot.names):
        return text
    try:
        return scalars.plain(text)
    except ValueError:
        return text
