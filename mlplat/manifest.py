"""YAML and JSON documents that mean the same to Python, to go-yaml and to ``kubectl``.

PyYAML and go-yaml disagree on what an unquoted scalar is: ``1e-5`` is text to one and a number to the other, ``on`` a
truth value to one and text to the other. :func:`dump` therefore leaves a string unquoted only when every YAML reader
takes it for a string, and :func:`load` reads as Kubernetes does: YAML 1.1 truth values, floats with or without a
point, no timestamps, keys that are always text, and no key twice.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

from mlplat.errors import Diagnostic, ManifestError, Source

if TYPE_CHECKING:
    _Dumper: TypeAlias = yaml.SafeDumper
    _Loader: TypeAlias = yaml.SafeLoader
else:
    _Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    _Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Document: TypeAlias = dict[str, Any]

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_/]*(?:[-.:]+[A-Za-z0-9_/]+)*\Z")
_RESERVED = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})
_NOT_BLOCK = re.compile(r"[^\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]|[\u2028\u2029]|[ \t]\n|[ \t]\Z")


class _ManifestDumper(_Dumper):
    def ignore_aliases(self, _: Any) -> bool:
        return True


def _represent_str(_: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    if _PLAIN.match(text) and text.lower() not in _RESERVED:
        style = None
    elif "\n" in text and text[0] not in " \n\t" and not _NOT_BLOCK.search(text):
        style = "|"
    elif _NOT_BLOCK.search(text):
        style = '"'
    else:
        style = "'" if "\n" not in text else '"'
    return yaml.ScalarNode("tag:yaml.org,2002:str", text, style=style)


def _represent_float(_: yaml.SafeDumper, number: float) -> yaml.ScalarNode:
    if not math.isfinite(number):
        raise ManifestError(f"{number} can't be written to a manifest: JSON has no such number")
    return yaml.ScalarNode("tag:yaml.org,2002:float", json.dumps(number))


_ManifestDumper.add_representer(str, _represent_str)
_ManifestDumper.add_representer(float, _represent_float)


class _ManifestLoader(_Loader):
    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's own name, which it fills

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == "tag:yaml.org,2002:merge":
                continue
            if key_node.value in seen:
                raise yaml.constructor.ConstructorError(
                    "while reading a mapping",
                    node.start_mark,
                    f"the key '{key_node.value}' stands twice",
                    key_node.start_mark,
                )
            seen.add(key_node.value)
            key_node.tag = "tag:yaml.org,2002:str"
        return super().construct_mapping(node, deep)


_NUMBER = r"(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9_]+)(?:[eE][-+]?[0-9]+)?"
_IMPLICIT = {
    "bool": (
        r"(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)\Z",
        "yYnNtTfFoO",
    ),
    "int": (r"[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*)\Z", "-+0123456789"),
    "float": (rf"(?:[-+]?{_NUMBER}|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z", "-+0123456789."),
    "null": (r"(?:~|null|Null|NULL|)\Z", "~nN"),
    "merge": (r"<<\Z", "<"),
}
for _kind, (_pattern, _first) in _IMPLICIT.items():
    _characters = [*_first, ""] if _kind == "null" else list(_first)
    _ManifestLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(_pattern), _characters)


def _construct_bool(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> bool:
    return str(loader.construct_scalar(node)).lower() in ("yes", "true", "on")


def _construct_int(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node)).replace("_", "").lower()
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text.lstrip("+"))
    if digits.startswith("0") and digits.isdigit() and len(digits) > 1:
        digits = "0o" + digits
    return sign * int(digits, 0)


def _construct_float(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> float:
    text = str(loader.construct_scalar(node)).replace("_", "").lower()
    return float(text.replace(".inf", "inf").replace(".nan", "nan"))


_ManifestLoader.add_constructor("tag:yaml.org,2002:bool", _construct_bool)
_ManifestLoader.add_constructor("tag:yaml.org,2002:int", _construct_int)
_ManifestLoader.add_constructor("tag:yaml.org,2002:float", _construct_float)


def dump(documents: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> str:
    """Write one document, or several, as YAML.

    Args:
        documents: a mapping, or a sequence of mappings; keys keep their order.

    Returns:
        YAML text. A string is quoted wherever any reader would take it for something else; text of several lines
        is a literal block when that keeps every character.

    Raises:
        ManifestError: for a number that JSON does not have.
    """
    many = [documents] if isinstance(documents, Mapping) else list(documents)
    text: str = yaml.dump_all(
        many,
        Dumper=_ManifestDumper,
        sort_keys=False,
        allow_unicode=True,
        default_flow_style=False,
        width=2**31 - 1,
        explicit_start=len(many) > 1,
    )
    return text


def load(text: str, name: str = "") -> list[Document]:
    """Read all documents of a YAML or JSON text.

    Args:
        text: the text.
        name: what to call it in errors, usually the path of the file.

    Returns:
        The documents, empty ones left out.

    Raises:
        ManifestError: the text isn't YAML, has a key twice, or a document isn't a mapping.
    """
    try:
        documents = [
            document for document in yaml.load_all(text, Loader=_ManifestLoader) if document is not None
        ]
    except yaml.YAMLError as error:
        raise ManifestError(_yaml_diagnostic(error, name)) from None
    except ValueError as error:
        raise ManifestError(Diagnostic("MLP201", "", f"not YAML: {error}", source=Source(name))) from None
    for number, document in enumerate(documents, 1):
        if not isinstance(document, dict):
            kind = type(document).__name__
            message = f"document {number} is a {kind}, where a mapping with named fields is expected"
            raise ManifestError(Diagnostic("MLP202", "", message, source=Source(name)))
    if not documents:
        hint = "write a pipeline, a Workflow or a component into it"
        raise ManifestError(Diagnostic("MLP203", "", "there is no document in it", hint, Source(name)))
    return documents


class Lines:
    """Where the parts of documents stand in a YAML text.

    Args:
        text: as :func:`load` reads it.
    """

    def __init__(self, text: str) -> None:
        nodes = yaml.compose_all(text, Loader=_Loader)
        self._documents = [node for node in nodes if isinstance(node, yaml.MappingNode)]

    def line(self, number: int, path: str) -> int:
        """Return the line of a part, from 1.

        Args:
            number: of the document, from 0.
            path: such as ``spec.templates.main.dag.tasks[0]``, where ``main`` is the name of an item of a list. What
                there is of it counts.

        Returns:
            The line of the part's key, or of the item; that of the document when nothing of the path is there.
        """
        node: yaml.Node | None = self._documents[number]
        mark, rest = self._documents[number].start_mark, path
        while node is not None:
            node, place, rest = _step(node, rest)
            mark = place or mark
        return int(mark.line) + 1


def _step(node: yaml.Node, path: str) -> tuple[yaml.Node | None, yaml.Mark | None, str]:
    """Follow the first part of a path: give what is there, where its name stands, and the rest of the path."""
    found: list[tuple[str, yaml.Node, yaml.Mark]] = []
    if isinstance(node, yaml.MappingNode):
        found = [(str(key.value), value, key.start_mark) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        found = [(f"[{number}]", item, item.start_mark) for number, item in enumerate(node.value)]
        found += [(name, item, item.start_mark) for item in node.value for name in _names(item)]
    fitting = [
        one
        for one in found
        if path.startswith(one[0]) and path[len(one[0]) : len(one[0]) + 1] in ("", ".", "[")
    ]
    if not fitting:
        return None, None, path
    name, value, mark = max(fitting, key=lambda one: len(one[0]))
    return value, mark, path[len(name) :].removeprefix(".")


def _names(item: yaml.Node) -> list[str]:
    fields = item.value if isinstance(item, yaml.MappingNode) else ()
    return [value.value for key, value in fields if key.value == "name" and isinstance(value.value, str)]


def _yaml_diagnostic(error: yaml.YAMLError, name: str) -> Diagnostic:
    mark = getattr(error, "problem_mark", None)
    source = Source(name, mark.line + 1, mark.column + 1) if mark else Source(name)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    context = getattr(error, "context", None)
    message = f"not YAML: {problem}" + (f" ({context})" if context else "")
    return Diagnostic("MLP201", "", message, "check indentation, quotes and brackets at that place", source)


def of_kind(documents: Iterable[Document], *kinds: str) -> list[Document]:
    """Return the documents whose ``kind`` is one of ``kinds``, in their order."""
    return [document for document in documents if document.get("kind") in kinds]
