"""Writes Argo templates as containers in IR YAML, and reads them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from mlplat.canonical import canonical_json, read_json

IMAGE = "mlplat/argo-template"
"""Image that marks an Argo template."""

_TEMPLATE, _OTHERS = "--template", "--templates"


def to_command(template: Mapping[str, Any], others: Mapping[str, Any]) -> tuple[str, ...]:
    """Write a template as the command of a container.

    Args:
        template: the template.
        others: templates that it calls, by the names it uses.
    """
    command = (_TEMPLATE, canonical_json(template))
    return (*command, _OTHERS, canonical_json(others)) if others else command


def from_command(command: tuple[str, ...]) -> tuple[Any, Any]:
    """Return the Argo template in a command, or None, and the templates that it calls.

    Raises:
        ValueError: an element is missing or is not JSON.
    """
    template, others = (
        read_json("".join(command[command.index(word) + 1 :][:1])) if word in command else default
        for word, default in ((_TEMPLATE, None), (_OTHERS, {}))
    )
    return template, others


def steps_of(template: Mapping[str, Any]) -> list[list[dict[str, Any]]]:
    """Return the groups of a steps template; a group that is written as one step is a list of one."""
    return [
        list(group.get("steps", [group]) if isinstance(group, dict) else group)
        for group in template.get("steps") or ()
    ]


def calls_of(template: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the steps and tasks of a template."""
    for group in steps_of(template):
        yield from group
    yield from (template.get("dag") or {}).get("tasks") or ()


def calls(template: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the steps and tasks of a template, and their hooks: everything that calls another template."""
    for call in calls_of(template):
        yield call
        yield from (call.get("hooks") or {}).values()


def renamed(template: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return a template with new names for the templates that it calls."""
    result = copy.deepcopy(dict(template))
    for call in calls(result):
        if call.get("template") in names:
            call["template"] = names[call["template"]]
    return result
