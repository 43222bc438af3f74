"""Label selectors, as Kubernetes reads them (``LabelSelectorAsSelector`` and ``NewRequirement`` of apimachinery)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from mlplat.argo.names import RESOURCE
from mlplat.errors import Diagnostic, nearest

_LABEL = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_WITH_VALUES = ("In", "NotIn")
_OPERATORS = (*_WITH_VALUES, "Exists", "DoesNotExist")


def problems(selector: Mapping[str, Any] | None, path: str) -> Iterator[Diagnostic]:
    """Yield the errors of a label selector.

    Args:
        selector: with ``matchLabels`` and ``matchExpressions``.
        path: its place.
    """
    for key, value in ((selector or {}).get("matchLabels") or {}).items():
        yield from _label(key, (value,), f"{path}.matchLabels.{key}")
    for number, one in enumerate((selector or {}).get("matchExpressions") or ()):
        place = f"{path}.matchExpressions[{number}]"
        operator, values = one["operator"], one.get("values") or ()
        if operator not in _OPERATORS:
            message = f"'{operator}' is not a label selector operator"
            yield Diagnostic("MLP532", f"{place}.operator", message, nearest(operator, _OPERATORS))
        elif (operator in _WITH_VALUES) != bool(values):
            message = (
                f"{operator} needs values" if operator in _WITH_VALUES else f"{operator} takes no values"
            )
            yield Diagnostic("MLP532", f"{place}.values", message, "")
        yield from _label(one["key"], values, place)


def _label(key: str, values: Any, path: str) -> Iterator[Diagnostic]:
    prefix, slash, name = key.rpartition("/")
    if not _LABEL.fullmatch(name) or (slash and not RESOURCE.fullmatch(prefix)):
        hint = "use letters, digits, -, _ and ., at most 63; a domain and / may come first"
        yield Diagnostic("MLP532", path, f"'{key}' is not a valid label name", hint)
    for value in values:
        if value and not _LABEL.fullmatch(value):
            hint = "use letters, digits, -, _ and ., at most 63"
            yield Diagnostic("MLP532", path, f"'{value}' is not a valid label value", hint)
