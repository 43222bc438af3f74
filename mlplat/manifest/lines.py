"""Finds the lines of parts of documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

if TYPE_CHECKING:
    _Loader: TypeAlias = yaml.SafeLoader
else:
    _Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


_INDEX = re.compile(r"\[([0-9]{1,18})\](?=[.\[]|\Z)")


@dataclass(slots=True)
class _Node:
    """A value in a document.

    Attributes:
        line: where it starts, from 0.
        text: of a scalar.
        keys: of a mapping, with their lines; None for a list.
        items: values of a mapping or list.
    """

    line: int
    text: str = ""
    keys: list[tuple[str, int]] | None = None
    items: list[_Node] = field(default_factory=list)


class Lines:
    """The line numbers of the parts of documents in YAML.

    Args:
        text: one that :func:`~mlplat.manifest.load` reads. Parsed when the first line is requested.
    """

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _documents(self) -> list[_Node]:
        return list(_mappings(self._text))

    def line(self, number: int, path: str) -> int:
        """Return the line of a part, from 1.

        Args:
            number: of the document, from 0.
            path: such as ``spec.templates.main.dag.tasks[0]``, where ``main`` is the name of an item of a list. The
                longest existing prefix of it counts.

        Returns:
            The line of the part's key, or of the item; that of the document if no part of the path exists; 0 if
            the text has no such document.
        """
        if number >= len(self._documents):
            return 0
        node: _Node | None = self._documents[number]
        line, rest = self._documents[number].line, path
        while node is not None:
            node, place, rest = _step(node, rest)
            line = line if place is None else place
        return line + 1


def _mappings(text: str) -> Iterator[_Node]:
    stack: list[_Node] = []
    anchors: dict[Any, _Node] = {}
    try:
        for event in yaml.parse(text.removeprefix("\ufeff"), Loader=_Loader):
            if isinstance(event, yaml.CollectionEndEvent):
                done = stack.pop()
                if not stack and done.keys is not None:
                    yield done
            elif isinstance(event, yaml.NodeEvent):
                node = _node(event, anchors)
                if stack:
                    _add(stack[-1], node)
                if isinstance(event, yaml.CollectionStartEvent):
                    stack.append(node)
    except (yaml.YAMLError, UnicodeEncodeError):
        return  # JSON that YAML's parser does not take


def _node(event: yaml.NodeEvent, anchors: dict[Any, _Node]) -> _Node:
    if isinstance(event, yaml.AliasEvent):
        return anchors[event.anchor]
    node = _Node(event.start_mark.line if event.start_mark else 0)
    if isinstance(event, yaml.ScalarEvent):
        node.text = event.value
    elif isinstance(event, yaml.MappingStartEvent):
        node.keys = []
    if event.anchor:
        anchors[event.anchor] = node
    return node


def _add(around: _Node, node: _Node) -> None:
    if around.keys is not None and len(around.keys) == len(around.items):
        around.keys.append((node.text, node.line))
    else:
        around.items.append(node)


def _step(node: _Node, path: str) -> tuple[_Node | None, int | None, str]:
    """Follow the first part of a path: return what is there, the line of its name, and the rest of the path."""
    if node.keys is not None:
        found = [(key, value, line) for (key, line), value in zip(node.keys, node.items, strict=True)]
    elif index := _INDEX.match(path):
        number = int(index[1])
        found = [(index[0], item, item.line) for item in node.items[number : number + 1]]
    else:
        found = [(name, item, item.line) for item in node.items if (name := _name(item))]
    fitting = [
        one
        for one in found
        if path.startswith(one[0]) and path[len(one[0]) : len(one[0]) + 1] in ("", ".", "[")
    ]
    if not fitting:
        return None, None, path
    name, value, line = max(fitting, key=lambda one: len(one[0]))
    return value, line, path[len(name) :].removeprefix(".")


def _name(item: _Node) -> str:
    fields = zip(item.keys or (), item.items, strict=False)
    return next((value.text for (key, _), value in fields if key == "name"), "")
