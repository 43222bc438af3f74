"""The functions of Sprig 3 that Argo offers as ``sprig.…``, with Sprig's order of arguments and its zero values.

Left out are those that draw random numbers, read the network or make keys: a manifest that calls one is refused on this
engine with the name of the function.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import posixpath
import re
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from mlplat.argo import gotext
from mlplat.argo.expressions.functions import split_n, type_name
from mlplat.argo.expressions.syntax import ExpressionError


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ExpressionError(f"cannot use {type_name(value)} as string")
    return value


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ExpressionError(f"cannot use {type_name(value)} as int")
    return int(value)


def _strval(value: Any) -> str:
    return gotext.sprint(value)


def to_int64(value: Any) -> int:
    """Return a value as an int64; 0 for what isn't a number."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (int, float)):
        return int(value)
    if isinstance(value, str):
        try:
            return int(value, 0) if value.lstrip("+-")[:2].lower() in ("0x", "0o", "0b") else int(value)
        except ValueError:
            return _int_of_float_text(value)
    return 0


def _int_of_float_text(value: str) -> int:
    return int(match[1]) if (match := re.fullmatch(r"([+-]?\d+)\.0*", value)) else 0


def _float64(value: Any) -> float:
    try:
        return float(value) if isinstance(value, (int, float, str)) else 0.0
    except ValueError:
        return 0.0


def empty(value: Any) -> bool:
    """Whether Sprig takes a value for empty: nil, false, zero, no elements."""
    return (
        value is None
        or value is False
        or value == 0
        or (isinstance(value, (str, list, tuple, Mapping)) and not value)
    )


def _strings(value: Any) -> list[str]:
    if isinstance(value, (list, tuple)):
        return [_strval(item) for item in value if item is not None]
    return [] if value is None else [_strval(value)]


def _dig(*arguments: Any) -> Any:
    if len(arguments) < 3:
        raise ExpressionError("dig needs at least three arguments")
    *path, default, node = arguments
    for position, key in enumerate(path):
        if not isinstance(node, Mapping) or key not in node:
            return default
        node = node[key]
        if position < len(path) - 1 and not isinstance(node, Mapping):
            raise ExpressionError(f"cannot dig into {type_name(node)}")
    return node


def _dict(*arguments: Any) -> dict[str, Any]:
    return {
        _strval(arguments[position]): arguments[position + 1] if position + 1 < len(arguments) else ""
        for position in range(0, len(arguments), 2)
    }


def _has(needle: Any, items: Any) -> bool:
    if items is None:
        return False
    if not isinstance(items, (list, tuple)):
        raise ExpressionError(f"cannot find on type {type_name(items)}")
    return any(type_name(item) == type_name(needle) and item == needle for item in items)


def _items(value: Any) -> list[Any]:
    if not isinstance(value, (list, tuple)):
        raise ExpressionError(f"cannot use {type_name(value)} as list")
    return list(value)


def _uniq(value: Any) -> list[Any]:
    unique: list[Any] = []
    for item in _items(value):
        if not _has(item, unique):
            unique.append(item)
    return unique


def _base64_decode(text: Any) -> str:
    try:
        return base64.b64decode(_text(text), validate=True).decode("utf-8", "replace")
    except binascii.Error as error:
        return str(error)


def _from_json(text: Any) -> Any:
    try:
        return json.loads(_text(text), parse_int=float)
    except ValueError:
        return None


def _trunc(length: Any, text: Any) -> str:
    size, value = _count(length), _text(text)
    if size < 0 and len(value) + size > 0:
        return value[size:]
    return value[:size] if 0 <= size < len(value) else value


def _substring(start: Any, end: Any, text: Any) -> str:
    first, last, value = _count(start), _count(end), _text(text)
    if first < 0:
        return value[:last]
    return value[first:] if last < 0 or last > len(value) else value[first:last]


def _quote(*values: Any) -> str:
    return " ".join(f'"{gotext.quote_inner(_strval(value))}"' for value in values if value is not None)


def _merge(*maps: Any) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for one in maps:
        for key, value in one.items():
            merged.setdefault(key, value)
    return merged


def _base(path: Any) -> str:
    text = _text(path)
    return "." if not text else posixpath.basename(text.rstrip("/")) or "/"


def _until(start: int, stop: int, step: int) -> list[int]:
    return list(range(start, stop, step)) if step else []


def _divide(left: Any, right: Any) -> int:
    divisor = to_int64(right)
    if divisor == 0:
        raise ExpressionError("integer divide by zero")
    quotient = abs(to_int64(left)) // abs(divisor)
    return quotient if (to_int64(left) < 0) == (divisor < 0) else -quotient


def _product(first: Any, *others: Any) -> int:
    product = to_int64(first)
    for other in others:
        product *= to_int64(other)
    return product


def _round(value: Any, digits: Any, threshold: Any = 0.5) -> float:
    power = 10.0 ** _count(digits)
    scaled = _float64(value) * power
    whole = int(scaled)
    up = abs(scaled - whole) >= _float64(threshold)
    return (whole + (1 if scaled >= 0 else -1) * up) / power


def _regex_replace(pattern: Any, text: Any, replacement: Any) -> str:
    return re.sub(_text(pattern), re.sub(r"\$\{?(\w+)\}?", r"\\g<\1>", _text(replacement)), _text(text))


def _regex_find(pattern: Any, text: Any) -> str:
    match = re.search(_text(pattern), _text(text))
    return match.group() if match else ""


def _regex_find_all(pattern: Any, text: Any, limit: Any) -> list[str]:
    hits = [match.group() for match in re.finditer(_text(pattern), _text(text))]
    return hits if _count(limit) < 0 else hits[: _count(limit)]


def _digest(name: str) -> Callable[[Any], str]:
    return lambda text: hashlib.new(name, _text(text).encode()).hexdigest()


def _indent(spaces: Any, text: Any) -> str:
    pad = " " * _count(spaces)
    return pad + _text(text).replace("\n", "\n" + pad)


def _fail(message: Any) -> Any:
    raise ExpressionError(_text(message))


SPRIG: dict[str, Callable[..., Any]] = {
    "trim": lambda text: _text(text).strip(),
    "trimAll": lambda characters, text: _text(text).strip(_text(characters)),
    "trimSuffix": lambda suffix, text: _text(text).removesuffix(_text(suffix)),
    "trimPrefix": lambda prefix, text: _text(text).removeprefix(_text(prefix)),
    "upper": lambda text: _text(text).upper(),
    "lower": lambda text: _text(text).lower(),
    "title": lambda text: re.sub(r"(?:(?<=\s)|^)\w", lambda match: match.group().upper(), _text(text)),
    "untitle": lambda text: re.sub(r"(?:(?<=\s)|^)\w", lambda match: match.group().lower(), _text(text)),
    "nospace": lambda text: re.sub(r"\s", "", _text(text)),
    "repeat": lambda count, text: _text(text) * _count(count),
    "substr": _substring,
    "trunc": _trunc,
    "contains": lambda part, text: _text(part) in _text(text),
    "hasPrefix": lambda part, text: _text(text).startswith(_text(part)),
    "hasSuffix": lambda part, text: _text(text).endswith(_text(part)),
    "quote": _quote,
    "squote": lambda *values: " ".join(f"'{_strval(value)}'" for value in values if value is not None),
    "cat": lambda *values: " ".join(_strval(value) for value in values if value is not None),
    "indent": _indent,
    "nindent": lambda spaces, text: "\n" + _indent(spaces, text),
    "replace": lambda old, new, text: _text(text).replace(_text(old), _text(new)),
    "plural": lambda one, many, count: _text(one) if _count(count) == 1 else _text(many),
    "sha1sum": _digest("sha1"),
    "sha256sum": _digest("sha256"),
    "sha512sum": _digest("sha512"),
    "adler32sum": lambda text: str(zlib.adler32(_text(text).encode())),
    "toString": _strval,
    "atoi": lambda text: to_int64(text) if re.fullmatch(r"[+-]?\d+", _text(text)) else 0,
    "int64": to_int64,
    "int": to_int64,
    "float64": _float64,
    "split": lambda separator, text: {
        f"_{at}": part for at, part in enumerate(split_n(_text(text), _text(separator), -1))
    },
    "splitn": lambda separator, limit, text: {
        f"_{at}": part for at, part in enumerate(split_n(_text(text), _text(separator), _count(limit)))
    },
    "splitList": lambda separator, text: split_n(_text(text), _text(separator), -1),
    "toStrings": _strings,
    "until": lambda count: _until(0, _count(count), 1 if _count(count) >= 0 else -1),
    "untilStep": lambda start, stop, step: _until(_count(start), _count(stop), _count(step)),
    "add1": lambda value: to_int64(value) + 1,
    "add": lambda *values: sum(map(to_int64, values)),
    "sub": lambda left, right: to_int64(left) - to_int64(right),
    "div": _divide,
    "mod": lambda left, right: to_int64(left) - to_int64(right) * _divide(left, right),
    "mul": _product,
    "addf": lambda *values: sum(map(_float64, values)),
    "max": lambda *values: max(map(to_int64, values)),
    "biggest": lambda *values: max(map(to_int64, values)),
    "min": lambda *values: min(map(to_int64, values)),
    "maxf": lambda *values: max(map(_float64, values)),
    "minf": lambda *values: min(map(_float64, values)),
    "ceil": lambda value: float(-(-_float64(value) // 1)),
    "floor": lambda value: float(_float64(value) // 1),
    "round": _round,
    "join": lambda glue, items: _text(glue).join(_strings(items)),
    "sortAlpha": lambda items: sorted(_strings(items)),
    "default": lambda default, value=None: default if empty(value) else value,
    "empty": empty,
    "coalesce": lambda *values: next((value for value in values if not empty(value)), None),
    "all": lambda *values: not any(map(empty, values)),
    "any": lambda *values: not all(map(empty, values)),
    "compact": lambda items: [item for item in _items(items) if not empty(item)],
    "fromJson": _from_json,
    "toJson": gotext.to_json,
    "toPrettyJson": lambda value: gotext.to_json(value, "  "),
    "toRawJson": lambda value: json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")),
    "ternary": lambda then, otherwise, condition: then if condition is True else otherwise,
    "typeOf": type_name,
    "kindOf": type_name,
    "base": _base,
    "dir": lambda path: posixpath.dirname(_text(path)) or ".",
    "clean": lambda path: posixpath.normpath(_text(path)),
    "ext": lambda path: posixpath.splitext(_text(path))[1],
    "isAbs": lambda path: _text(path).startswith("/"),
    "b64enc": lambda text: base64.b64encode(_text(text).encode()).decode(),
    "b64dec": _base64_decode,
    "b32enc": lambda text: base64.b32encode(_text(text).encode()).decode(),
    "list": lambda *items: list(items),
    "tuple": lambda *items: list(items),
    "dict": _dict,
    "get": lambda mapping, key: mapping.get(key, ""),
    "hasKey": lambda mapping, key: key in mapping,
    "pick": lambda mapping, *keys: {key: mapping[key] for key in keys if key in mapping},
    "omit": lambda mapping, *keys: {key: value for key, value in mapping.items() if key not in keys},
    "keys": lambda *mappings: [key for mapping in mappings for key in mapping],
    "values": lambda mapping: list(mapping.values()),
    "merge": _merge,
    "append": lambda items, item: [*_items(items), item],
    "prepend": lambda items, item: [item, *_items(items)],
    "first": lambda items: _items(items)[0] if items else None,
    "rest": lambda items: _items(items)[1:] if items else None,
    "last": lambda items: _items(items)[-1] if items else None,
    "initial": lambda items: _items(items)[:-1] if items else None,
    "reverse": lambda items: _items(items)[::-1],
    "uniq": _uniq,
    "without": lambda items, *unwanted: [item for item in _items(items) if not _has(item, unwanted)],
    "has": _has,
    "concat": lambda *lists: [item for one in lists for item in _items(one)],
    "dig": _dig,
    "fail": _fail,
    "regexMatch": lambda pattern, text: re.search(_text(pattern), _text(text)) is not None,
    "regexFind": _regex_find,
    "regexFindAll": _regex_find_all,
    "regexReplaceAll": _regex_replace,
    "regexReplaceAllLiteral": lambda pattern, text, new: re.sub(
        _text(pattern), lambda _: _text(new), _text(text)
    ),
    "regexSplit": lambda pattern, text, limit: re.split(
        _text(pattern), _text(text), maxsplit=max(_count(limit) - 1, 0)
    ),
    "regexQuoteMeta": lambda text: re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", _text(text)),
}
