"""Writes documents as YAML that every parser reads alike."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

from mlplat.errors import ManifestError

if TYPE_CHECKING:
    _Dumper: TypeAlias = yaml.SafeDumper
else:
    _Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

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
        raise ManifestError(f"{number} cannot be written to a manifest: JSON has no such number")
    return yaml.ScalarNode("tag:yaml.org,2002:float", json.dumps(number))


_ManifestDumper.add_representer(str, _represent_str)
_ManifestDumper.add_representer(float, _represent_float)


def dump(documents: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> str:
    """Write one document, or several, as YAML.

    Args:
        documents: a mapping, or a sequence of mappings; keys keep their order.

    Returns:
        YAML text. A string is quoted if any parser would read it as something else; a string of several lines
        is a literal block when that keeps every character.

    Raises:
        ManifestError: a number is infinite or NaN.
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
