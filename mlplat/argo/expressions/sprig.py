"""The functions of Sprig 3.3 that Argo offers as ``sprig.…``, with Sprig's parameters and its zero values.

Left out are those that draw random numbers, read the network, make keys or hash passwords: an expression that calls one
is refused here with the name of the function.
"""

from __future__ import annotations

import base64
import hashlib
import math
import posixpath
import re
import unicodedata
import zlib
from collections.abc import Callable, Mapping
from decimal import Context, Decimal, InvalidOperation
from typing import Any
from urllib.parse import unquote

from mlplat.argo import goregexp, gotext, gotime, govalues
from mlplat.argo.expressions import budget, operators
from mlplat.argo.expressions.functions import (
    SPACE,
    decode_base64,
    distinct,
    encode_base64,
    from_json,
    joined,
    repeated,
    replaced,
    split_n,
)
from mlplat.argo.expressions.operators import deep_equal
from mlplat.argo.expressions.syntax import ExpressionError, ExpressionRefusedError
from mlplat.argo.gonumbers import parse_float, parse_int
from mlplat.argo.govalues import (
    AnyMap,
    Function,
    Int64,
    Ints,
    Lists,
    NilList,
    NilStrings,
    Pair,
    StringMap,
    StringSlice,
    is_list,
    kind_of,
    size,
    sliced,
    truncated,
    type_of,
    wrapped,
)


class UnsupportedFunctionError(ExpressionRefusedError):
    """A function that Argo has does not work on this machine."""


def _strval(value: Any) -> str:
    return gotext.sprint(value)


_INTEGER = re.compile(
    r"[+-]?(?:0[xX](?:_?[0-9a-fA-F])+|0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|[0-9](?:_?[0-9])*)"
)


def _cast_int(text: str) -> int:
    """Return what ``cast`` makes of a string, 0 for what is not an integer."""
    trimmed = re.sub(r"^([+-]?)0+(?=[^0]|0$)", r"\1", text) if re.match(r"[+-]?0[0-9]", text) else text
    trimmed = re.sub(r"^([+-]?[0-9][0-9_]*)\.[0-9]*$", r"\1", trimmed)
    if not _INTEGER.fullmatch(trimmed) or ("_" in trimmed and trimmed.lstrip("+-")[:1] != "0"):
        return 0
    number = int(
        trimmed.replace("_", ""), 0 if trimmed.lstrip("+-")[:2].lower() in ("0x", "0b", "0o") else 10
    )
    return number if number == wrapped(number) else 0


def to_int64(value: Any) -> int:
    """Return a value as an integer; 0 for what is not a number."""
    if isinstance(value, gotime.Duration):
        return int(value)
    if isinstance(value, (bool, int)):
        return int(value)
    if isinstance(value, float):
        return truncated(value)
    return _cast_int(value) if isinstance(value, str) else 0


def _float64(value: Any) -> float:
    if isinstance(value, (bool, int, float)):
        return float(value)
    if isinstance(value, str):
        try:
            return parse_float(value)
        except ValueError:
            return 0.0
    return 0.0


def empty(value: Any) -> bool:
    """Return whether Sprig takes a value for empty: nil, false, zero, no elements."""
    if value is None:
        return True
    if isinstance(value, (str, list, tuple, Mapping, AnyMap)):
        return len(value) == 0
    if isinstance(value, (bool, int, float)):
        return not value
    return False


def _strings(value: Any) -> StringSlice:
    if isinstance(value, StringSlice):
        return value
    if is_list(value):
        return StringSlice(_strval(item) for item in value if item is not None)
    return StringSlice() if value is None else StringSlice([_strval(value)])


def _sorted_strings(items: Any) -> StringSlice:
    if isinstance(items, NilStrings):
        return items
    return StringSlice(sorted(_strings(items))) if is_list(items) else StringSlice([_strval(items)])


def _listed(what: str, value: Any) -> list[Any]:
    if not is_list(value):
        if value is None:
            raise ExpressionError("runtime error: invalid memory address or nil pointer dereference")
        raise ExpressionError(f"Cannot {what} type {kind_of(value)}")
    return list(value)


def _dig(*arguments: Any) -> Any:
    if len(arguments) < 3:
        raise ExpressionError("dig needs at least three arguments")
    *path, default, node = arguments
    if type_of(node) != "map[string]interface {}":
        raise ExpressionError(
            f"interface conversion: interface {{}} is {type_of(node)}, not map[string]interface {{}}"
        )
    if not all(type(key) is str for key in path):
        raise ExpressionError("interface conversion: interface {} is not string")
    for position, key in enumerate(path):
        if key not in node:
            return default
        node = node[key]
        if position < len(path) - 1 and type_of(node) != "map[string]interface {}":
            raise ExpressionError(
                f"interface conversion: interface {{}} is {type_of(node)}, not map[string]interface {{}}"
            )
    return node


def _dict(*arguments: Any) -> dict[str, Any]:
    return {
        _strval(arguments[position]): arguments[position + 1] if position + 1 < len(arguments) else ""
        for position in range(0, len(arguments), 2)
    }


def _has(needle: Any, items: Any) -> bool:
    if items is None:
        return False
    return any(deep_equal(needle, item) for item in _listed("find has on", items))


def _scalar(item: Any) -> Any:
    kind = type(item)
    if item is None or kind in (str, bool, int, Int64, govalues.Uint8):
        return kind, item
    return (kind, item) if kind is float and item == item else None  # noqa: PLR0124


def _uniq(items: Any) -> list[Any]:
    return distinct(_listed("find uniq on", items), deep_equal, _scalar)


def _without(items: Any, *unwanted: Any) -> list[Any]:
    return [
        item
        for item in _listed("find without on", items)
        if not any(deep_equal(item, one) for one in unwanted)
    ]


def _slice(items: Any, *indices: Any) -> Any:
    values = _listed("slice", items)
    if not values:
        return None
    start = to_int64(indices[0]) if indices else 0
    end = to_int64(indices[1]) if len(indices) > 1 else len(values)
    if not 0 <= start <= end <= len(values):
        raise ExpressionError("reflect.Value.Slice: slice index out of bounds")
    if isinstance(items, Pair):
        raise ExpressionError("reflect.Value.Slice: slice of unaddressable array")
    return type(items)(values[start:end])


def _chunk(length: int, items: Any) -> Lists:
    values = _listed("chunk", items)
    if length == 0:
        raise ExpressionError("runtime error: makeslice: len out of range")
    if length < 0:
        if not values:
            return Lists()
        raise ExpressionError("runtime error: makeslice: len out of range")
    return Lists(values[position : position + length] for position in range(0, len(values), length))


def _rest(items: Any) -> list[Any]:
    return _listed("find rest on", items)[1:] if len(_listed("find rest on", items)) else NilList()


def _initial(items: Any) -> list[Any]:
    return _listed("find initial on", items)[:-1] if len(_listed("find initial on", items)) else NilList()


def _joined_lists(*lists: Any) -> list[Any]:
    found = [item for one in lists for item in _listed("concat", one)]
    budget.list_of(len(found))
    return found or NilList()


def _at_end(position: int, what: str) -> Callable[[Any], Any]:
    def run(items: Any) -> Any:
        values = _listed(what, items)
        return values[position] if values else None

    return run


def _base64_decode(text: str) -> str:
    try:
        return decode_base64(text)
    except ValueError as error:
        return str(error)


def _base32_decode(text: str) -> str:
    plain = text.replace("\n", "").replace("\r", "")
    wrong = _wrong_base32(plain)
    if wrong is not None:
        return f"illegal base32 data at input byte {wrong}"
    return govalues.from_bytes(base64.b32decode(plain))


def _wrong_base32(text: str) -> int | None:
    """Return the byte at which Go stops to read base32, None when it reads all."""
    data = text.rstrip("=")
    match = re.match(r"[A-Z2-7]*", text)
    letters = match.end() if match else 0
    start, length = letters - letters % 8, letters % 8
    if letters == size(text):
        return start if length else None
    if text[letters] != "=" or length < 2 or size(text) - letters > 8 - length + (8 - length > 6) * 0:
        return letters
    if size(text) < start + 8:
        return size(text)
    if data != text[:letters]:
        odd = re.search(r"[^=]", text[letters:])
        return letters + odd.start() if odd else letters
    return letters if length in (1, 3, 6) else None


def _quiet_from_json(text: str) -> Any:
    try:
        return from_json(text)
    except ExpressionError:
        return None


def _quiet_json(write: Callable[[Any], str]) -> Callable[[Any], str]:
    def run(value: Any) -> str:
        try:
            return write(value)
        except ValueError:
            return ""

    return run


def _loud_json(write: Callable[[Any], str]) -> Callable[[Any], str]:
    def run(value: Any) -> str:
        try:
            return write(value)
        except ValueError as error:
            raise ExpressionError(str(error)) from None

    return run


def _pretty(value: Any) -> str:
    return gotext.to_json(value, "  ")


def _raw_json(value: Any) -> str:
    return gotext.to_json(value, html=False)


def _trunc(length: int, text: str) -> str:
    total = size(text)
    if length < 0 and total + length > 0:
        return sliced(text, total + length, total)
    return sliced(text, 0, length) if 0 <= length < total else text


def _substring(start: int, end: int, text: str) -> str:
    total = size(text)
    if start < 0:
        first, last = 0, end
    elif end < 0 or end > total:
        first, last = start, total
    else:
        first, last = start, end
    if not 0 <= first <= last <= total:
        raise ExpressionError(
            f"runtime error: slice bounds out of range [{first}:{last}] with length {total}"
        )
    return sliced(text, first, last)


def _abbreviate(text: str, offset: int, width: int) -> str:
    """Return what ``goutils.AbbreviateFull`` returns, in bytes."""
    total = size(text)
    if text == "" or width < 4 or total <= width:
        return text if width >= 4 else ""
    offset = min(offset, total)
    if total - offset < width - 3:
        offset = total - (width - 3)
    if offset <= 4:
        return sliced(text, 0, width - 3) + "..."
    if width < 7:
        return ""
    if offset + width - 3 < total:
        return "..." + _abbreviate(_cut_bytes(text, offset, total), 0, width - 3)
    return "..." + _cut_bytes(text, total - (width - 3), total)


def _cut_bytes(text: str, start: int, end: int) -> str:
    if not 0 <= start <= end:
        raise ExpressionError(f"runtime error: slice bounds out of range [{start}:{end}]")
    return sliced(text, start, end)


def _abbreviated_both(left: int, right: int, text: str) -> str:
    if right < 4 or (left > 0 and right < 7):
        return text
    return _abbreviate(text, left, right)


def _initials(text: str) -> str:
    """Return the first letters of words; ``goutils`` takes each byte for a character."""
    letters: list[str] = []
    gap = True
    for byte in govalues.to_bytes(text):
        if chr(byte) in SPACE:
            gap = True
        elif gap:
            letters.append(chr(byte))
            gap = False
    return "".join(letters)


def _without_space(text: str) -> str:
    """Remove white space; ``goutils`` takes each byte for a character."""
    kept = [chr(byte) for byte in govalues.to_bytes(text) if chr(byte) not in SPACE]
    return text if len(kept) == size(text) else "".join(kept)


def _title(text: str) -> str:
    """Return ``strings.Title``: a letter after anything but a letter, digit, ``_`` or ``'``."""
    parts: list[str] = []
    previous = " "
    for character in text:
        parts.append(_title_case(character) if _separates(previous) else character)
        previous = character
    return "".join(parts)


def _separates(character: str) -> bool:
    if character.isascii():
        return not (character.isalnum() or character == "_")
    return not (character.isalpha() or character.isdecimal()) and character in SPACE


def _title_case(character: str) -> str:
    changed = character.title()
    return changed if len(changed) == 1 else character


def _untitle(text: str) -> str:
    parts: list[str] = []
    start = True
    for character in text:
        parts.append(gotext.lower(character) if start and character not in SPACE else character)
        start = character in SPACE
    return "".join(parts)


def _swapcase(text: str) -> str:
    parts: list[str] = []
    gap = True
    for character in text:
        if character.isupper() or character.istitle():
            parts.append(gotext.lower(character))
            gap = False
        elif character.islower() and unicodedata.category(character) == "Ll":
            parts.append(_title_case(character) if gap else gotext.upper(character))
            gap = False
        else:
            gap = character in SPACE
            parts.append(character)
    return "".join(parts)


def _wrapped(width: int, new_line: str, text: str, *, long_words: bool) -> str:
    """Break lines as ``goutils.WrapCustom`` does, in bytes."""
    if text == "":
        return ""
    width = max(width, 1)
    data, separator = govalues.to_bytes(text), govalues.to_bytes(new_line or "\n")
    budget.string_of(len(data) + len(data) * len(separator) // width)
    parts: list[bytes] = []
    offset = 0
    while len(data) - offset > width:
        if data[offset] == 0x20:
            offset += 1
            continue
        space = data.rfind(b" ", offset, width + offset + 1)
        if space < 0:
            space = offset - 1
        if space >= offset:
            parts += (data[offset:space], separator)
            offset = space + 1
        elif long_words:
            parts += (data[offset : offset + width], separator)
            offset += width
        else:
            space = data.find(b" ", width + offset)
            if space < 0:
                parts.append(data[offset:])
                offset = len(data)
            else:
                parts += (data[offset:space], separator)
                offset = space + 1
    parts.append(data[offset:])
    return govalues.from_bytes(b"".join(parts))


def _connects(character: str) -> bool:
    return character in "-_" or character in SPACE


def _pascal(text: str) -> str:
    """Return ``xstrings.ToPascalCase``."""
    parts: list[str] = []
    position = 0
    first_upper = False
    current = ""
    while position < len(text):
        current = text[position]
        position += 1
        if not _connects(current):
            first_upper = _is_upper(current)
            current = gotext.upper(current)
            break
        parts.append(current)
    if position >= len(text):
        return "".join(parts) + current if text else ""
    while position < len(text):
        previous, current = current, text[position]
        position += 1
        if _connects(current) and _connects(previous):
            parts.append(previous)
            continue
        if _connects(previous):
            first_upper = _is_upper(current)
            current = gotext.upper(current)
        else:
            if first_upper:
                if _is_upper(current):
                    current = gotext.lower(current)
                else:
                    first_upper = False
            parts.append(previous)
    return "".join(parts) + current


def _is_upper(character: str) -> bool:
    return unicodedata.category(character) == "Lu"


def _is_number(character: str) -> bool:
    return unicodedata.category(character)[0] == "N"


def _is_punctuation(character: str) -> bool:
    return unicodedata.category(character)[0] == "P"


def _is_alphabet(character: str) -> bool:
    """Return whether ``xstrings`` takes a character for one of an alphabet: a letter that is not ideographic."""
    ideographic = "一" <= character <= "\ua4cf" or "가" <= character <= "\ud7a3" or "ぁ" <= character <= "ヿ"
    return character.isalpha() and not ideographic


def _after_stray_bytes(text: str, position: int) -> int:
    while position < len(text) and "\ud800" <= text[position] <= "\udfff":
        position += 1
    return position


def _next_word(text: str) -> tuple[str, str, str]:
    """Return the kind of the first word, the word, and what is left: ``nextWord`` of ``xstrings``."""
    length = len(text)
    begin = _after_stray_bytes(text, 0)
    if begin == length:
        return "invalid", text, ""
    first = text[begin]
    end = begin + 1

    def run(belongs: Callable[[str], bool], start: int) -> int:
        while (valid := _after_stray_bytes(text, start)) < length and belongs(text[valid]):
            start = valid + 1
        return length if valid == length else start

    if _connects(first):
        kind, end = "connector", run(_connects, end)
    elif _is_punctuation(first):
        kind, end = "punctuation", run(_is_punctuation, end)
    elif _is_upper(first):
        kind = "upper"
        following = text[end : end + 1]
        if following and _is_upper(following):
            end = run(_is_upper, end)
            if end < length and _is_alphabet(text[end]):
                end -= 1
        elif following and _is_alphabet(following):
            end = run(lambda one: _is_alphabet(one) and not _is_upper(one), end)
    elif _is_alphabet(first):
        kind, end = "alphabet", run(lambda one: _is_alphabet(one) and not _is_upper(one), end)
    elif _is_number(first):
        kind, end = "number", run(_is_number, end)
    else:
        kind = "other"
        end = run(
            lambda one: not (_connects(one) or _is_alphabet(one) or _is_number(one) or _is_punctuation(one)),
            end,
        )
    return kind, text[:end], text[end:]


def _separated(text: str, connector: str) -> str:  # noqa: C901
    """Return ``ToSnakeCase`` or ``ToKebabCase`` of ``xstrings``."""
    parts: list[str] = []

    def put(kind: str, word: str) -> None:
        if kind in ("upper", "other"):
            parts.append(gotext.lower(word))
        elif kind == "connector":
            parts.append(connector * len(word))
        else:
            parts.append(word)

    kind, word, rest = _next_word(text)
    while rest:
        if kind != "connector":
            put(kind, word)
        previous, last = kind, word
        kind, word, rest = _next_word(rest)
        if previous == "number":
            while kind in ("alphabet", "number"):
                put(kind, word)
                kind, word, rest = _next_word(rest)
            if kind not in ("invalid", "punctuation", "connector"):
                parts.append(connector)
        elif previous == "connector":
            put(previous, last)
        elif previous != "punctuation":
            if kind != "number":
                if kind not in ("connector", "punctuation"):
                    parts.append(connector)
                continue
            if not rest:
                continue
            last = word
            kind, word, rest = _next_word(rest)
            if kind != "alphabet":
                put("number", last)
                if kind not in ("connector", "punctuation"):
                    parts.append(connector)
                continue
            parts.append(connector)
            put("number", last)
            while kind in ("alphabet", "number"):
                put(kind, word)
                kind, word, rest = _next_word(rest)
            if kind not in ("invalid", "connector", "punctuation"):
                parts.append(connector)
    put(kind, word)
    return "".join(parts)


def _quote(*values: Any) -> str:
    return " ".join(gotext.quote(_strval(value)) for value in values if value is not None)


def _cat(*values: Any) -> str:
    return govalues.rejoined(" ".join(_strval(value) for value in values if value is not None))


def _empty_for_mergo(value: Any) -> bool:
    return value is None or (isinstance(value, (bool, int, float, str, list, Mapping)) and not value)


def _merge(*maps: Any) -> dict[str, Any]:
    target = maps[0]
    for source in maps[1:]:
        _merge_into(target, source, overwrite=False)
    merged: dict[str, Any] = target
    return merged


def _merge_overwrite(*maps: Any) -> dict[str, Any]:
    target = maps[0]
    for source in maps[1:]:
        _merge_into(target, source, overwrite=True)
    merged: dict[str, Any] = target
    return merged


def _merge_into(target: Any, source: Mapping[str, Any], *, overwrite: bool) -> None:
    """Merge maps as ``mergo`` does: what is empty is replaced in any case, nil is taken only to overwrite."""
    for key, value in source.items():
        if value is None:
            if overwrite:
                target[key] = None
            continue
        old = target.get(key)
        nested = type_of(value) == _MAP and type_of(old) == _MAP
        if nested:
            _merge_into(old, value, overwrite=overwrite)
        if key not in target or _empty_for_mergo(old) or (overwrite and not nested):
            target[key] = value


def _base(path: str) -> str:
    if path == "":
        return "."
    return posixpath.basename(path.rstrip("/")) or "/"


def _clean(path: str) -> str:
    cleaned = posixpath.normpath(path)
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def _directory(path: str) -> str:
    return _clean(path[: path.rfind("/") + 1])


def _extension(path: str) -> str:
    name = path[path.rfind("/") + 1 :]
    return name[name.rfind(".") :] if "." in name else ""


def _until(start: int, stop: int, step: int) -> Ints:
    if (stop < start and step >= 0) or (stop >= start and step <= 0):
        return Ints()
    numbers = range(start, stop, step)
    budget.list_of(abs(stop - start) // abs(step))
    return Ints(numbers)


def _until_count(count: int) -> Ints:
    return _until(0, count, -1 if count < 0 else 1)


def _sequence(*bounds: int) -> str:
    increment = 1
    if len(bounds) == 1:
        start, step, end = 1, None, bounds[0]
    elif len(bounds) == 2:
        start, step, end = bounds[0], None, bounds[1]
    elif len(bounds) == 3:
        start, step, end = bounds
    else:
        return ""
    if end < start:
        increment = -1
        if step is not None and step > 0:
            return ""
    numbers = _until(start, end + increment, increment if step is None else step)
    return " ".join(map(str, numbers))


def _divided(left: Any, right: Any) -> Int64:
    dividend, divisor = to_int64(left), to_int64(right)
    if divisor == 0:
        raise ExpressionError("runtime error: integer divide by zero")
    quotient = abs(dividend) // abs(divisor)
    return Int64(wrapped(quotient if (dividend < 0) == (divisor < 0) else -quotient))


def _remainder(left: Any, right: Any) -> Int64:
    dividend, divisor = to_int64(left), to_int64(right)
    if divisor == 0:
        raise ExpressionError("runtime error: integer divide by zero")
    rest = abs(dividend) % abs(divisor)
    return Int64(-rest if dividend < 0 else rest)


def _product(first: Any, *others: Any) -> Int64:
    product = to_int64(first)
    for other in others:
        product = wrapped(product * to_int64(other))
    return Int64(product)


_EXACT = Context(prec=2200, Emax=999999, Emin=-999999)


def _decimal(name: str, compute: Callable[[Decimal, Decimal], Decimal]) -> Callable[..., float]:
    """Return arithmetic on the decimal digits of floats: ``shopspring/decimal``."""

    def run(first: Any, *others: Any) -> float:
        total = _as_decimal(_float64(first))
        for other in others:
            try:
                total = compute(total, _as_decimal(_float64(other)))
            except (InvalidOperation, ZeroDivisionError):
                raise ExpressionError(f"decimal division by 0 in {name}") from None
        return float(total) if total else 0.0

    return run


def _as_decimal(number: float) -> Decimal:
    if not math.isfinite(number):
        raise ExpressionError(f"Cannot create a Decimal from {gotext.sprint(number)}")
    return Decimal(repr(number))


_ADDED = _decimal("addf", _EXACT.add)
_DECIMAL_PLACES = Decimal(1).scaleb(-16)


def _decimal_quotient(left: Decimal, right: Decimal) -> Decimal:
    """Return a quotient with 16 places after the point, halves away from zero."""
    if right == 0:
        raise ZeroDivisionError
    exact = _EXACT.divide(left, right)
    return exact.quantize(_DECIMAL_PLACES, rounding="ROUND_HALF_UP", context=_EXACT)


def _round(value: Any, digits: int, *threshold: float) -> float:
    power = operators.go_power(10.0, float(digits))
    scaled = power * _float64(value)
    if not math.isfinite(scaled):
        return operators.divide(scaled, power)
    up = math.fmod(scaled, 1.0) >= (threshold[0] if threshold else 0.5)
    whole = float(math.ceil(scaled) if up else math.floor(scaled))
    if whole == 0:
        whole = math.copysign(0.0, scaled) if up else (0.0 if scaled >= 0 else whole)
    return operators.divide(whole, power)


def _whole(compute: Callable[[float], int]) -> Callable[[Any], float]:
    def run(value: Any) -> float:
        number = _float64(value)
        if not math.isfinite(number) or number.is_integer():
            return number
        return (
            math.copysign(float(compute(number)), number) if compute(number) == 0 else float(compute(number))
        )

    return run


def _extreme(choose: Callable[[int, int], int]) -> Callable[..., Int64]:
    def run(first: Any, *others: Any) -> Int64:
        best = to_int64(first)
        for other in others:
            best = choose(best, to_int64(other))
        return Int64(best)

    return run


def _float_extreme(*, largest: bool) -> Callable[..., float]:
    def run(first: Any, *others: Any) -> float:
        best = _float64(first)
        for other in map(_float64, others):
            infinite = math.inf if largest else -math.inf
            if infinite in (best, other):
                best = infinite
            elif math.isnan(best) or math.isnan(other):
                best = math.nan
            else:
                best = max(best, other) if largest else min(best, other)
        return best

    return run


def _to_decimal(value: Any) -> Int64:
    text = _strval(value)
    if not re.fullmatch(r"[+-]?[0-7]+", text):
        return Int64(0)
    number = int(text, 8)
    return Int64(number if number == wrapped(number) else 0)


def _atoi(text: str) -> int:
    try:
        return parse_int(text)
    except ValueError:
        if re.fullmatch(r"[+-]?[0-9]+", text):
            return -(2**63) if text[0] == "-" else 2**63 - 1
        return 0


def _regexp(call: Callable[..., Any]) -> Callable[..., Any]:
    def run(*arguments: Any) -> Any:
        try:
            return call(*arguments)
        except goregexp.RegexpError as error:
            raise budget.of_pattern(error) from None

    return run


def _regexp_match(pattern: str, text: str) -> bool:
    return goregexp.search(pattern, text)


def _quiet_regexp_match(pattern: str, text: str) -> bool:
    try:
        return goregexp.search(pattern, text)
    except goregexp.MissingEngineError as error:
        raise budget.of_pattern(error) from None
    except goregexp.RegexpError:
        return False


def _regexp_find_all(pattern: str, text: str, limit: int) -> StringSlice:
    found = goregexp.find_all(pattern, text, limit)
    return NilStrings() if found is None else StringSlice(found)


def _regexp_split(pattern: str, text: str, limit: int) -> StringSlice:
    parts = goregexp.split(pattern, text, limit)
    return NilStrings() if parts is None else StringSlice(parts)


def _regexp_replace(pattern: str, text: str, new: str) -> str:
    budget.string_of((size(text) + 1) * max(size(new), 1) if size(new) > 1000 else 0)
    return goregexp.replace_all(pattern, text, new)


def _regexp_replace_literal(pattern: str, text: str, new: str) -> str:
    budget.string_of((size(text) + 1) * max(size(new), 1) if size(new) > 1000 else 0)
    return goregexp.replace_all(pattern, text, new, literal=True)


def _digest(name: str) -> Callable[[str], str]:
    return lambda text: hashlib.new(name, govalues.to_bytes(text), usedforsecurity=False).hexdigest()


def _indent(spaces: int, text: str) -> str:
    pad = repeated(" ", spaces)
    return pad + replaced(text, "\n", "\n" + pad)


def _fail(message: str) -> Any:
    raise ExpressionError(message)


def _stringed(parts: list[str]) -> StringMap:
    return StringMap({f"_{position}": part for position, part in enumerate(parts)})


def _set(mapping: Any, key: str, value: Any) -> Any:
    mapping[key] = value
    return mapping


def _unset(mapping: Any, key: str) -> Any:
    mapping.pop(key, None)
    return mapping


def _deep_copy(value: Any) -> Any:
    if value is None:
        raise ExpressionError("reflect: call of reflect.Value.Type on zero Value")
    return _copied(value)


def _copied(value: Any) -> Any:
    if type(value) is dict:
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list) and not govalues.is_nil(value):
        return type(value)(_copied(item) for item in value)
    return value


def _default(default: Any, *values: Any) -> Any:
    return default if not values or empty(values[0]) else values[0]


def _moment(value: Any) -> gotime.Time:
    if isinstance(value, gotime.Time):
        return value
    if type(value) in (int, Int64):
        return gotime.Time(int(value), 0)
    return gotime.now()


def _zone(name: str) -> gotime.Zone:
    try:
        return gotime.zone(name)
    except gotime.TimeError:
        return gotime.UTC


def _date_in_zone(layout: str, value: Any, zone: str) -> str:
    moment = _moment(value)
    return gotime.Time(moment.unix, moment.nanosecond, _zone(zone)).format(layout)


def _date(layout: str, value: Any) -> str:
    return _date_in_zone(layout, value, "Local")


def _date_modify(change: str, moment: gotime.Time) -> gotime.Time:
    try:
        return moment.add(gotime.parse_duration(change))
    except gotime.TimeError:
        return moment


def _must_date_modify(change: str, moment: gotime.Time) -> gotime.Time:
    try:
        return moment.add(gotime.parse_duration(change))
    except gotime.TimeError as error:
        raise ExpressionError(str(error)) from None


def _to_date(layout: str, text: str) -> gotime.Time:
    try:
        return gotime.parse(layout, text)
    except gotime.TimeError:
        return gotime.moment(1, 1, 1, 0, 0, 0, 0, gotime.UTC)


def _must_to_date(layout: str, text: str) -> gotime.Time:
    try:
        return gotime.parse(layout, text)
    except gotime.TimeError as error:
        raise ExpressionError(str(error)) from None


def _ago(value: Any) -> str:
    moment = _moment(value) if not isinstance(value, str) else gotime.now()
    return str(gotime.now().sub(moment).round(10**9))


def _duration(seconds: Any) -> str:
    number = 0
    if isinstance(seconds, str):
        number = _atoi(seconds)
    elif type(seconds) is Int64:
        number = int(seconds)
    return str(gotime.Duration(wrapped(number * 10**9)))


_PERIODS = (
    (86400 * 365, "y"),
    (86400 * 30, "mo"),
    (86400, "d"),
    (3600, "h"),
    (60, "m"),
    (1, "s"),
)


def _duration_round(value: Any) -> str:
    length = 0
    if isinstance(value, str):
        try:
            length = int(gotime.parse_duration(value))
        except gotime.TimeError:
            length = 0
    elif type(value) is Int64:
        length = int(value)
    elif isinstance(value, gotime.Time):
        length = int(gotime.now().sub(value))
    length = abs(length)
    for period, unit in _PERIODS:
        if length > period * 10**9:
            return f"{length // (period * 10**9)}{unit}"
    return "0s"


_URL = re.compile(
    r"(?:(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*):)?(?P<rest>[^#]*)(?:#(?P<fragment>.*))?", re.DOTALL
)


def _parsed_url(text: str) -> dict[str, Any]:
    match = _URL.fullmatch(text)
    if match is None or any(ord(character) < 0x20 or character == "\x7f" for character in text):
        raise ExpressionError("unable to parse url: invalid control character in URL")
    scheme, rest = (match["scheme"] or "").lower(), match["rest"]
    opaque = user = host = ""
    rest, _, query = rest.partition("?")
    if scheme and not rest.startswith("/"):
        opaque, rest = rest, ""
    elif not scheme and ":" in rest.split("/", 1)[0]:
        raise ExpressionError("unable to parse url: first path segment in URL cannot contain colon")
    elif rest.startswith("//") and (scheme or not rest.startswith("///")):
        authority, slash, path = rest[2:].partition("/")
        rest = slash + path
        user, _, host = authority.rpartition("@")
    hostname = re.sub(r":[0-9]*$", "", host)
    if hostname.startswith("[") and hostname.endswith("]"):
        hostname = hostname[1:-1]
    port = host[len(hostname) :]
    if (":" in hostname and not host.startswith("[")) or (
        port and not re.fullmatch(r"(?:\])?:?[0-9]*|\[.*", port)
    ):
        raise ExpressionError(f"unable to parse url: invalid port in {host!r}")
    for part in (rest, match["fragment"] or "", host, user):
        if re.search(r"%(?![0-9a-fA-F]{2})", part):
            raise ExpressionError(f"unable to parse url: invalid URL escape in {part!r}")
    if " " in host:
        raise ExpressionError('unable to parse url: invalid character " " in host name')
    return {
        "scheme": scheme,
        "host": host,
        "hostname": hostname,
        "path": unquote(rest),
        "query": query,
        "opaque": opaque,
        "fragment": unquote(match["fragment"] or ""),
        "userinfo": user,
    }


def _url_part(parts: Mapping[str, Any], key: str) -> str:
    value = parts.get(key, "")
    if not isinstance(value, str):
        raise ExpressionError(
            f"unable to parse {key} key, must be of type string, but {kind_of(value)} found"
        )
    return value


_PATH_SAFE = re.compile(rb"[A-Za-z0-9\-_.~$&+,/:;=@]")


def _escaped(text: str) -> str:
    return "".join(
        chr(byte) if _PATH_SAFE.match(bytes([byte])) else f"%{byte:02X}" for byte in govalues.to_bytes(text)
    )


def _joined_url(parts: Mapping[str, Any]) -> str:
    scheme, host, path = (_url_part(parts, key) for key in ("scheme", "host", "path"))
    query, opaque, fragment = (_url_part(parts, key) for key in ("query", "opaque", "fragment"))
    user = _url_part(parts, "userinfo")
    url = f"{scheme}:" if scheme else ""
    if opaque:
        url += opaque
    else:
        if scheme or host or user:
            if host or path or user:
                url += "//" if host or user or path.startswith("//") or scheme else ""
            url += (f"{user}@" if user else "") + host
        escaped = _escaped(path)
        if escaped and not escaped.startswith("/") and host:
            url += "/"
        if url == "" and ":" in escaped.split("/", 1)[0]:
            url = "./"
        url += escaped
    if query:
        url += f"?{query}"
    return url + (f"#{_escaped(fragment)}" if fragment else "")


def _unsupported(name: str) -> Callable[..., Any]:
    def run(*_: Any) -> Any:
        raise UnsupportedFunctionError(
            f"sprig.{name} is not supported on this machine; Argo has it on a cluster"
        )

    return run


_LIST = "interface {}"
_MAP = "map[string]interface {}"
_Entry = tuple[Callable[..., Any], str]

_FUNCTIONS: dict[str, _Entry] = {
    "hello": (lambda: "Hello!", ""),
    "ago": (_ago, "any"),
    "date": (_date, "string any"),
    "date_in_zone": (_date_in_zone, "string any string"),
    "dateInZone": (_date_in_zone, "string any string"),
    "date_modify": (_date_modify, "string time"),
    "dateModify": (_date_modify, "string time"),
    "must_date_modify": (_must_date_modify, "string time"),
    "mustDateModify": (_must_date_modify, "string time"),
    "duration": (_duration, "any"),
    "durationRound": (_duration_round, "any"),
    "htmlDate": (lambda value: _date("2006-01-02", value), "any"),
    "htmlDateInZone": (lambda value, zone: _date_in_zone("2006-01-02", value, zone), "any string"),
    "toDate": (_to_date, "string string"),
    "mustToDate": (_must_to_date, "string string"),
    "now": (gotime.now, ""),
    "unixEpoch": (lambda moment: str(moment.unix), "time"),
    "abbrev": (lambda width, text: text if width < 4 else _abbreviate(text, 0, width), "int string"),
    "abbrevboth": (_abbreviated_both, "int int string"),
    "trunc": (_trunc, "int string"),
    "trim": (lambda text: text.strip(SPACE), "string"),
    "upper": (gotext.upper, "string"),
    "lower": (gotext.lower, "string"),
    "title": (_title, "string"),
    "untitle": (_untitle, "string"),
    "substr": (_substring, "int int string"),
    "repeat": (lambda count, text: repeated(text, count), "int string"),
    "trimall": (lambda characters, text: text.strip(characters) if characters else text, "string string"),
    "trimAll": (lambda characters, text: text.strip(characters) if characters else text, "string string"),
    "trimSuffix": (lambda suffix, text: text.removesuffix(suffix), "string string"),
    "trimPrefix": (lambda prefix, text: text.removeprefix(prefix), "string string"),
    "nospace": (_without_space, "string"),
    "initials": (_initials, "string"),
    "swapcase": (_swapcase, "string"),
    "snakecase": (lambda text: _separated(text, "_"), "string"),
    "kebabcase": (lambda text: _separated(text, "-"), "string"),
    "camelcase": (_pascal, "string"),
    "wrap": (lambda width, text: _wrapped(width, "", text, long_words=False), "int string"),
    "wrapWith": (
        lambda width, separator, text: _wrapped(width, separator, text, long_words=True),
        "int string string",
    ),
    "contains": (lambda part, text: part in text, "string string"),
    "hasPrefix": (lambda part, text: text.startswith(part), "string string"),
    "hasSuffix": (lambda part, text: text.endswith(part), "string string"),
    "quote": (_quote, "...any"),
    "squote": (
        lambda *values: " ".join(f"'{_strval(value)}'" for value in values if value is not None),
        "...any",
    ),
    "cat": (lambda *values: _cat(*values).strip(SPACE) if len(values) < 2 else _cat(*values), "...any"),
    "indent": (_indent, "int string"),
    "nindent": (lambda spaces, text: "\n" + _indent(spaces, text), "int string"),
    "replace": (lambda old, new, text: replaced(text, old, new), "string string string"),
    "plural": (lambda one, many, count: one if count == 1 else many, "string string int"),
    "sha1sum": (_digest("sha1"), "string"),
    "sha256sum": (_digest("sha256"), "string"),
    "sha512sum": (_digest("sha512"), "string"),
    "adler32sum": (lambda text: str(zlib.adler32(govalues.to_bytes(text))), "string"),
    "toString": (_strval, "any"),
    "atoi": (_atoi, "string"),
    "int64": (lambda value: Int64(to_int64(value)), "any"),
    "int": (to_int64, "any"),
    "float64": (_float64, "any"),
    "seq": (_sequence, "...int"),
    "toDecimal": (_to_decimal, "any"),
    "split": (lambda separator, text: _stringed(split_n(text, separator, -1)), "string string"),
    "splitn": (
        lambda separator, limit, text: _stringed(split_n(text, separator, limit)),
        "string int string",
    ),
    "splitList": (lambda separator, text: split_n(text, separator, -1), "string string"),
    "toStrings": (_strings, "any"),
    "until": (_until_count, "int"),
    "untilStep": (_until, "int int int"),
    "add1": (lambda value: Int64(wrapped(to_int64(value) + 1)), "any"),
    "add": (lambda *values: Int64(wrapped(sum(map(to_int64, values)))), "...any"),
    "sub": (lambda left, right: Int64(wrapped(to_int64(left) - to_int64(right))), "any any"),
    "div": (_divided, "any any"),
    "mod": (_remainder, "any any"),
    "mul": (_product, "any ...any"),
    "add1f": (lambda value: _ADDED(value, 1), "any"),
    "addf": (lambda *values: _ADDED(0.0, *values), "...any"),
    "subf": (_decimal("subf", _EXACT.subtract), "any ...any"),
    "divf": (_decimal("divf", _decimal_quotient), "any ...any"),
    "mulf": (_decimal("mulf", _EXACT.multiply), "any ...any"),
    "biggest": (_extreme(max), "any ...any"),
    "max": (_extreme(max), "any ...any"),
    "min": (_extreme(min), "any ...any"),
    "maxf": (_float_extreme(largest=True), "any ...any"),
    "minf": (_float_extreme(largest=False), "any ...any"),
    "ceil": (_whole(math.ceil), "any"),
    "floor": (_whole(math.floor), "any"),
    "round": (_round, "any int ...float"),
    "join": (lambda glue, items: joined(_strings(items), glue), "string any"),
    "sortAlpha": (_sorted_strings, "any"),
    "default": (_default, "any ...any"),
    "empty": (empty, "any"),
    "coalesce": (lambda *values: next((value for value in values if not empty(value)), None), "...any"),
    "all": (lambda *values: not any(map(empty, values)), "...any"),
    "any": (lambda *values: not all(map(empty, values)), "...any"),
    "compact": (lambda items: [item for item in _listed("compact on", items) if not empty(item)], "any"),
    "fromJson": (_quiet_from_json, "string"),
    "mustFromJson": (from_json, "string"),
    "toJson": (_quiet_json(gotext.to_json), "any"),
    "toPrettyJson": (_quiet_json(_pretty), "any"),
    "toRawJson": (_loud_json(_raw_json), "any"),
    "mustToJson": (_loud_json(gotext.to_json), "any"),
    "mustToPrettyJson": (_loud_json(_pretty), "any"),
    "mustToRawJson": (_loud_json(_raw_json), "any"),
    "ternary": (lambda then, otherwise, condition: then if condition else otherwise, "any any bool"),
    "deepCopy": (_deep_copy, "any"),
    "typeOf": (type_of, "any"),
    "typeIs": (lambda name, value: name == type_of(value), "string any"),
    "typeIsLike": (lambda name, value: type_of(value) in (name, f"*{name}"), "string any"),
    "kindOf": (kind_of, "any"),
    "kindIs": (lambda name, value: name == kind_of(value), "string any"),
    "deepEqual": (deep_equal, "any any"),
    "base": (_base, "string"),
    "dir": (_directory, "string"),
    "clean": (_clean, "string"),
    "ext": (_extension, "string"),
    "isAbs": (lambda path: path.startswith("/"), "string"),
    "osBase": (_base, "string"),
    "osDir": (_directory, "string"),
    "osClean": (_clean, "string"),
    "osExt": (_extension, "string"),
    "osIsAbs": (lambda path: path.startswith("/"), "string"),
    "b64enc": (encode_base64, "string"),
    "b64dec": (_base64_decode, "string"),
    "b32enc": (lambda text: base64.b32encode(govalues.to_bytes(text)).decode(), "string"),
    "b32dec": (_base32_decode, "string"),
    "list": (lambda *items: list(items), "...any"),
    "tuple": (lambda *items: list(items), "...any"),
    "dict": (_dict, "...any"),
    "get": (lambda mapping, key: mapping.get(key, ""), "map string"),
    "set": (_set, "map string any"),
    "unset": (_unset, "map string"),
    "hasKey": (lambda mapping, key: key in mapping, "map string"),
    "pluck": (lambda key, *mappings: [one[key] for one in mappings if key in one], "string ...map"),
    "keys": (lambda *mappings: StringSlice(key for mapping in mappings for key in mapping), "...map"),
    "pick": (lambda mapping, *keys: {key: mapping[key] for key in keys if key in mapping}, "map ...string"),
    "omit": (
        lambda mapping, *keys: {key: value for key, value in mapping.items() if key not in keys},
        "map ...string",
    ),
    "merge": (_merge, "map ...map"),
    "mustMerge": (_merge, "map ...map"),
    "mergeOverwrite": (_merge_overwrite, "map ...map"),
    "mustMergeOverwrite": (_merge_overwrite, "map ...map"),
    "values": (lambda mapping: list(mapping.values()), "map"),
    "append": (lambda items, item: [*_listed("push on", items), item], "any any"),
    "prepend": (lambda items, item: [item, *_listed("prepend on", items)], "any any"),
    "first": (_at_end(0, "find first on"), "any"),
    "last": (_at_end(-1, "find last on"), "any"),
    "rest": (_rest, "any"),
    "initial": (_initial, "any"),
    "reverse": (lambda items: _listed("find reverse on", items)[::-1], "any"),
    "uniq": (_uniq, "any"),
    "without": (_without, "any ...any"),
    "has": (_has, "any any"),
    "slice": (_slice, "any ...any"),
    "concat": (_joined_lists, "...any"),
    "dig": (_dig, "...any"),
    "chunk": (_chunk, "int any"),
    "fail": (_fail, "string"),
    "regexMatch": (_quiet_regexp_match, "string string"),
    "mustRegexMatch": (_regexp(_regexp_match), "string string"),
    "regexFind": (_regexp(lambda pattern, text: goregexp.find(pattern, text) or ""), "string string"),
    "regexFindAll": (_regexp(_regexp_find_all), "string string int"),
    "regexReplaceAll": (_regexp(_regexp_replace), "string string string"),
    "regexReplaceAllLiteral": (_regexp(_regexp_replace_literal), "string string string"),
    "regexSplit": (_regexp(_regexp_split), "string string int"),
    "regexQuoteMeta": (goregexp.quote_meta, "string"),
    "urlParse": (_parsed_url, "string"),
    "urlJoin": (_joined_url, "map"),
}
"""Functions with the types of their parameters, by short names; ``...`` marks any number of further ones."""

_ALIASES = {
    "push": "append",
    "mustAppend": "append",
    "mustPush": "append",
    **{
        "must" + name[0].upper() + name[1:]: name
        for name in (
            "prepend",
            "first",
            "rest",
            "last",
            "initial",
            "reverse",
            "uniq",
            "without",
            "has",
            "slice",
            "chunk",
            "compact",
            "deepCopy",
            "regexFind",
            "regexFindAll",
            "regexReplaceAll",
            "regexReplaceAllLiteral",
            "regexSplit",
        )
    },
}

CHANGING = frozenset(("set", "unset", "merge", "mergeOverwrite", "mustMerge", "mustMergeOverwrite"))
"""Functions that change a map that they are given."""

UNSUPPORTED = frozenset(
    (
        "bcrypt",
        "buildCustomCert",
        "decryptAES",
        "derivePassword",
        "encryptAES",
        "genCA",
        "genCAWithKey",
        "genPrivateKey",
        "genSelfSignedCert",
        "genSelfSignedCertWithKey",
        "genSignedCert",
        "genSignedCertWithKey",
        "getHostByName",
        "htpasswd",
        "randAlpha",
        "randAlphaNum",
        "randAscii",
        "randBytes",
        "randInt",
        "randNumeric",
        "semver",
        "semverCompare",
        "shuffle",
        "uuidv4",
    )
)
"""Functions of Sprig that are refused on this machine."""

_SHORT = {"any": "interface {}", "map": _MAP, "time": "time.Time", "float": "float64"}


def _function(name: str, call: Callable[..., Any], signature: str) -> Function:
    parameters: list[str] = []
    variadic = ""
    for word in signature.split():
        full = _SHORT.get(word.removeprefix("..."), word.removeprefix("..."))
        if word.startswith("..."):
            variadic = full
        else:
            parameters.append(full)
    return Function(name, call, tuple(parameters), variadic)


SPRIG: dict[str, Function] = {
    **{name: _function(name, *entry) for name, entry in _FUNCTIONS.items()},
    **{alias: _function(alias, *_FUNCTIONS[name]) for alias, name in _ALIASES.items()},
    **{
        name: Function(name, _unsupported(name), variadic="interface {}", supported=False)
        for name in sorted(UNSUPPORTED)
    },
}
