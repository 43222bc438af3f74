"""Reads YAML in bounded time and memory.

Values are built from the parser's events, by a stack and not by recursion. Repeated content of aliases counts as if it
were written out, because a few lines of aliases can expand to more than fits into memory.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import yaml

from mlplat.canonical import DEEPEST
from mlplat.errors import Diagnostic, ManifestError, Source
from mlplat.manifest import scalars
from mlplat.manifest.contents import LARGEST, Contents, given_twice

if TYPE_CHECKING:
    _Loader: TypeAlias = yaml.SafeLoader
else:
    _Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_VALUE = 32
"""Extra characters that each value counts for: 32 MiB are at most a million values."""

_BOOLEANS = ("y", "Y", "n", "N")

_TAG = "tag:yaml.org,2002:"
_MERGE = object()
_CHECK = "check indentation, quotes and brackets at this position"


@dataclass(slots=True)
class _Open:
    """A list or mapping that is being read.

    Attributes:
        items: its values, keys and values in turn for a mapping.
        anchor: its name for aliases.
        size: characters of all that is in it, aliases written out.
        height: how many lists and mappings are inside of each other, its own included.
        starts: of a mapping's keys: line and column.
    """

    is_mapping: bool
    anchor: str | None
    items: list[Any] = field(default_factory=list)
    size: int = _VALUE
    height: int = 1
    starts: list[tuple[int, int]] = field(default_factory=list)


class _Anchored(NamedTuple):
    value: Any
    size: int
    height: int


class _RefusedError(Exception):
    """Something in a document is not allowed.

    Args:
        message: what.
        event: where.
        code: of the diagnostic.
        hint: what to do.
    """

    def __init__(self, message: str, event: yaml.Event, hint: str = _CHECK, code: str = "MLP201") -> None:
        super().__init__(message)
        self.message, self.hint, self.code = message, hint, code
        self.line, self.column = _place(event)


def read_yaml(text: str, name: str) -> Contents:
    """Read all documents of a YAML text.

    Args:
        text: the text.
        name: its name in errors.

    Returns:
        The documents, of any kind; empty ones are left out.

    Raises:
        ManifestError: the text is not YAML, is too large or too deep.
    """
    builder = _Builder(name)
    try:
        for event in yaml.parse(text, Loader=_Loader):
            builder.take(event)
    except _RefusedError as refused:
        source = Source(name, refused.line, refused.column)
        raise ManifestError(Diagnostic(refused.code, "", refused.message, refused.hint, source)) from None
    except yaml.YAMLError as error:
        raise ManifestError(_yaml_diagnostic(error, name, text)) from None
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        message = f"not YAML: the character {text[error.start]!a} is half of a surrogate pair"
        raise ManifestError(Diagnostic("MLP201", "", message, source=Source(name, line))) from None
    documents = [one for one in builder.documents if one is not None]
    return Contents(documents, builder.warnings, builder.booleans)


class _Builder:
    """Makes values of events."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.documents: list[Any] = []
        self.warnings: list[Diagnostic] = []
        self.booleans: list[Diagnostic] = []
        self.stack: list[_Open] = []
        self.anchors: dict[str, _Anchored | None] = {}
        self.size = 0

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event)
            size = _VALUE + len(event.value)
            self._grow(size, event)
            self._add(value, size, 0, event.anchor, event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._start(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            done = self.stack.pop()
            value = self._mapping(done) if done.is_mapping else done.items
            self._add(value, done.size, done.height, done.anchor, event)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self.anchors = {}
            self._grow(_VALUE, event)

    def _grow(self, size: int, event: yaml.Event) -> None:
        self.size += size
        if self.size > LARGEST:
            message = f"with expanded aliases, the file is larger than {LARGEST // 1024**2} MiB"
            raise _RefusedError(message, event, "use fewer aliases (*name)", "MLP216")

    def _deeper(self, height: int, event: yaml.Event) -> None:
        if height > DEEPEST:
            message = f"more than {DEEPEST} nested lists and mappings"
            raise _RefusedError(message, event, "use less nesting", "MLP216")

    def _start(self, event: yaml.CollectionStartEvent) -> None:
        self._deeper(len(self.stack) + 1, event)
        self._grow(_VALUE, event)
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        kind = "map" if is_mapping else "seq"
        if event.tag not in (None, "!", _TAG + kind):
            raise _RefusedError(
                f"the tag {_displayed(event.tag)} is not allowed for a {'mapping' if is_mapping else 'list'}",
                event,
                "remove the tag",
            )
        if event.anchor:
            self.anchors[event.anchor] = None
        self.stack.append(_Open(is_mapping, event.anchor))

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        in_place_of_key = bool(self.stack) and self.stack[-1].is_mapping and not len(self.stack[-1].items) % 2
        try:
            if event.tag is None or event.tag == "!":
                if event.style or event.tag == "!":
                    return event.value
                if event.value in _BOOLEANS:
                    self.booleans.append(_boolean(event.value, Source(self.name, *_place(event))))
                if in_place_of_key:
                    return _MERGE if event.value == "<<" else event.value
                return scalars.plain(event.value)
            if event.tag.startswith(_TAG):
                return scalars.tagged(event.tag.removeprefix(_TAG), event.value)
        except ValueError as error:
            raise _RefusedError(str(error), event) from None
        raise _RefusedError(f"unknown tag {_displayed(event.tag)}", event, "remove the tag")

    def _alias(self, event: yaml.AliasEvent) -> None:
        anchor = str(event.anchor)
        known = self.anchors.get(anchor)
        if known is None:
            is_inside = anchor in self.anchors
            message = (
                f"the alias *{anchor} is inside its own anchor"
                if is_inside
                else f"the alias *{anchor} has no anchor &{anchor} before it"
            )
            raise _RefusedError(message, event, "write the value instead of the alias")
        self._grow(known.size, event)
        self._deeper(len(self.stack) + known.height, event)
        self._add(known.value, known.size, known.height, None, event)

    def _add(self, value: Any, size: int, height: int, anchor: str | None, event: yaml.Event) -> None:
        if anchor:
            self.anchors[anchor] = _Anchored(value, size, height)
        if not self.stack:
            self.documents.append(value)
            return
        around = self.stack[-1]
        around.size += size
        around.height = max(around.height, height + 1)
        if around.is_mapping and not len(around.items) % 2:
            if isinstance(value, (dict, list)) or value is None:
                kind = "null" if value is None else "a list or mapping"
                raise _RefusedError(f"expected a string as a key, got {kind}", event)
            around.starts.append(_place(event))
        elif around.is_mapping and around.items[-1] is _MERGE:
            sources = value if isinstance(value, list) else [value]
            if not all(isinstance(one, dict) for one in sources):
                message = "<< requires a mapping, or a list of mappings"
                raise _RefusedError(message, event, "use an alias of a mapping: <<: *name")
        around.items.append(value)

    def _mapping(self, done: _Open) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        keys = iter(done.items)
        for key, value, start in zip(keys, keys, done.starts, strict=True):
            if key is _MERGE:
                for source in value if isinstance(value, list) else [value]:
                    merged = {**source, **merged}
                continue
            name = key if isinstance(key, str) else json.dumps(key)
            if name in own:
                self.warnings.append(given_twice(name, Source(self.name, *start)))
            own[name] = value
        return {**merged, **own} if merged else own


def _place(event: yaml.Event) -> tuple[int, int]:
    """Return line and column of an event, from 1."""
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)


def _boolean(word: str, source: Source) -> Diagnostic:
    meant = "true" if word in "yY" else "false"
    message = f"'{word}' without quotes is {meant} for Argo and kubectl, but a string for mlplat"
    hint = f"quote '{word}', or write {meant}"
    return Diagnostic("MLP215", "", message, hint, source, severity="warning")


def _displayed(tag: str) -> str:
    return f"!!{tag.removeprefix(_TAG)}" if tag.startswith(_TAG) else tag


def _yaml_diagnostic(error: yaml.YAMLError, name: str, text: str) -> Diagnostic:
    if isinstance(error, yaml.reader.ReaderError):
        before = text.encode("utf-8", "replace")[: error.position]
        message = f"not YAML: the character U+{error.character:04X} is not allowed"
        hint = "remove it, or write it as an escape in double quotes"
        return Diagnostic("MLP201", "", message, hint, Source(name, before.count(b"\n") + 1))
    mark = getattr(error, "problem_mark", None)
    source = Source(name, mark.line + 1, mark.column + 1) if mark else Source(name)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    context = getattr(error, "context", None)
    message = f"not YAML: {problem}" + (f" ({context})" if context else "")
    return Diagnostic("MLP201", "", message, _CHECK, source)
