r"""Encodes values in a manifest so that neither Argo nor Kubernetes replaces anything in them.

*Inert JSON* is JSON text in which two braces in a row and dollar signs are escaped as ``\u007b\u007b`` and ``\u0024``:
in JSON both can stand only inside strings, where the escapes mean the same. *Container text* is for command lines and
environment variables: dollar signs are doubled, which Kubernetes undoes, and braces are split by
``$(MLPLAT_EMPTY)``, an empty variable.

The functions that end in ``_expression`` return expressions (expr-lang, as in ``{{=…}}``) that do the same on the
cluster.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from mlplat.runtime import contract
from mlplat.runtime import values as runtime_values

LARGE = contract.LARGE
"""The only key of an object that refers to a value too large for a parameter."""

LARGEST_PARAMETER = contract.LARGEST_PARAMETER
"""Bytes of inert JSON up to which a value is a parameter; Argo copies parameters into every node's status."""

EMPTY_VARIABLE = "MLPLAT_EMPTY"
"""Name of the empty environment variable that splits braces."""

ARTIFACTS = contract.STORE
"""Prefix of the URI of an artifact in the store, before its key."""

ABSENT = "mlplat.dev/absent"
"""Placeholder for a plain text output that was not written."""

_UNKNOWN = (
    "only tasks can use a value of more than 32 KiB, or a part of it: not conditions, loops and strings"
)
"""A string that is not a number, so converting it makes an expression fail."""

_TAG = (
    "a string with two braces in a row cannot be passed to an Argo template, because Argo would replace them"
)

_PLAIN_FIELD = re.compile("[-A-Za-z0-9_. ]+")
"""Names of fields that every JSON writer leaves unchanged."""

LONGEST_LABEL = 40
"""Characters of an item in the name of its iteration; the names of all nodes below it have them too."""

_NOT_SHOWN = "\"$&'()<>[\\]{}"
_SHOWN = (
    (" ", "~"),
    ("¡", "¬"),
    ("®", "\u1fff"),
    ("\u2010", "\u2027"),
    ("\u2030", "\u205e"),
    ("\u2070", "\ud7a3"),
    ("\uf900", "\ufefe"),
    ("\uff01", "\uffee"),
)
"""Ranges of the characters of an item that its label shows; none of them means something to Argo or has no look."""

_OF_MESSAGES = (("\n", "\n"), *_SHOWN, ("\U0001f300", "\U0001f64f"), ("\U0001f900", "\U0001f9ff"))
"""Ranges of the characters that messages keep: Argo quotes all others in a way that may not be JSON."""

_TWO_BRACES = re.compile(r"\{(?=\{)")


def inert(text: str) -> str:
    """Make JSON text inert.

    Args:
        text: JSON text.

    Returns:
        JSON text of the same value.
    """
    return text.replace("{{", r"\u007b\u007b").replace("$", r"\u0024")


def inert_json(value: Any) -> str:
    """Write a value as inert JSON.

    Args:
        value: a JSON value.

    Returns:
        Inert JSON text.

    Raises:
        ValueError: the value holds NaN or an infinity.
        TypeError: the value has no JSON form.
    """
    return runtime_values.inert(value)


def is_plain(text: str) -> bool:
    """Return whether a string can be the value of a parameter in a Workflow unchanged, and not only as JSON."""
    written = json.dumps(text, ensure_ascii=False)
    return "{{" not in text and runtime_values.printable(written) == written


def container_text(text: str) -> str:
    """Escape a string for a command line or environment variable, so that it arrives unchanged."""
    return _TWO_BRACES.sub(f"{{$({EMPTY_VARIABLE})", text.replace("$", "$$"))


def literal(text: str) -> str:
    """Write text as a string of an expression.

    Args:
        text: any text.

    Returns:
        The text in single quotes; without braces, which would open or close a tag, and without double quotes, which
        Argo 3 mistakes for those of the JSON around the tag.
    """
    escaped = (
        text.replace("\\", "\\\\")
        .replace("'", "\\'")
        .replace("\n", "\\n")
        .replace("\r", "\\r")
        .replace("\t", "\\t")
    )
    for unwanted in ("{", "}", '"'):
        escaped = escaped.replace(unwanted, f"\\u{ord(unwanted):04x}")
    return f"'{escaped}'"


_BACKSLASH = "\\"
_QUOTE = literal('"')


def inert_expression(text: str) -> str:
    """Return the expression that makes the JSON text, which an expression gives, inert."""
    return rf"sprig.replace('$', '\\u0024', {_apart(text)})"


def _apart(text: str) -> str:
    """Return the expression for JSON text in which no two braces stand in a row."""
    return rf"sprig.replace('\u007b\u007b', '\\u007b\\u007b', {text})"


def plain_text(value: Any) -> str:
    """Write a value as the plain text with which KFP replaces a placeholder.

    Args:
        value: a JSON value.

    Returns:
        A string unchanged, the empty string for None, an integer without ``.0``, anything else as JSON.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).removesuffix(".0")


def plain_text_expression(text: str, *, may_be_large: bool = False) -> str:
    """Return the expression for the plain text, as :func:`plain_text` writes it, of an expression's inert JSON.

    Args:
        text: expression that gives inert JSON.
        may_be_large: whether it can give a reference to a large value; the expression then fails with a reason.
    """
    quote = literal('"')
    other = f"sprig.trimSuffix('.0', {text})"
    plain = f"({text} startsWith {quote} ? fromJSON({text}) : {text} == 'null' ? '' : {other})"
    return small_expression(text, plain) if may_be_large else plain


def template_text_expression(plain: str) -> str:
    """Return the expression for a string in a template; it fails if Argo could read the string as a tag.

    Args:
        plain: expression that gives the text.
    """
    return f"({plain} contains ({literal('{')} + {literal('{')}) ? {refusal_expression(_TAG)} : {plain})"


def message_text(text: str) -> str:
    """Return a message as a template can contain it: without characters that Argo cannot quote or adjacent braces."""
    kept = (one for one in text if any(first <= one <= last for first, last in _OF_MESSAGES))
    return _TWO_BRACES.sub("{ ", "".join(kept))


def message_expression(plain: str) -> str:
    """Return the expression for a message, converted as in :func:`message_text`.

    Args:
        plain: expression that gives the text.
    """
    kept = f"join(filter(split({plain}, ''), {_is_in(_OF_MESSAGES)}), '')"
    braces = f"{literal('{{')}, {literal('{ {')}"
    return f"sprig.replace({braces}, sprig.replace({braces}, {kept}))"


def _is_in(ranges: Sequence[tuple[str, str]]) -> str:
    """Return the expression that tells whether the character ``#`` is in one of several ranges."""
    return " || ".join(f"# >= {literal(first)} && # <= {literal(last)}" for first, last in ranges)


def refusal_expression(why: str) -> str:
    """Return an expression that fails with a reason where a string is expected.

    Argo evaluates a failed expression once more, in JSON, where a backslash before a quote is one too many.

    Args:
        why: the reason, without apostrophes.
    """
    return f"fromJSON(string(int({literal(why)})))"


def container_text_expression(plain: str) -> str:
    """Return the expression that writes the text of another one for a command line, as :func:`container_text` does."""
    braces = rf"'\u007b', '\u007b$({EMPTY_VARIABLE})'"
    return f"sprig.replace({braces}, sprig.replace('$', '$$', {plain}))"


def json_text_expression(plain: str) -> str:
    """Return the expression for the string of another expression as inert JSON."""
    return inert_expression(f"toJson({plain})")


def item_expression(items: str, index: str, *, may_be_large: bool) -> str:
    """Return the expression for one item of a list, as inert JSON.

    Args:
        items: expression that gives the list as inert JSON, or as a reference to a large one.
        index: expression that gives the position.
        may_be_large: whether it can be such a reference; the item is then one as well, with the position in it.
    """
    picked = _as_written(f"toJson(fromJSON({_kept(items)})[asInt({index})])")
    if not may_be_large:
        return picked
    begin, end, length = literal('"index":'), literal(',"of":'), literal('"length":')
    position = f"{begin} + string({index}) + {end}"
    return f"{is_large(items)} ? sprig.replace({length}, {position}, {items}) : {picked}"


def picked_expression(text: str, fields: Sequence[str]) -> str:
    """Return the expression for a field of a field … of a value, as inert JSON.

    Args:
        text: expression that gives the value as inert JSON.
        fields: names, from the outermost on.
    """
    picks = "".join(f"[{literal(field)}]" for field in fields)
    if all(_PLAIN_FIELD.fullmatch(field) for field in fields):
        return _as_written(f"toJson(fromJSON({_kept(text)}){picks})")
    return inert_expression(f"toJson(fromJSON({text}){picks})")


def _kept(text: str) -> str:
    """Return the expression for inert JSON whose escapes of characters stay when it is read: each as six characters.

    Argo puts what an expression gives into a template as Go quotes it, which is no JSON for some characters. An
    escape that was never read is written again as it was.
    """
    backslashes = f"sprig.replace({literal(_BACKSLASH * 2)}, {literal(_BACKSLASH + 'u005c')}, {text})"
    return f"sprig.replace({literal(_BACKSLASH + 'u')}, {literal(_BACKSLASH * 2 + 'u')}, {backslashes})"


def _as_written(text: str) -> str:
    """Return the expression for inert JSON that was made of :func:`_kept` parts."""
    return f"sprig.replace({literal(_BACKSLASH * 2 + 'u')}, {literal(_BACKSLASH + 'u')}, {text})"


def content_expression(text: str) -> str:
    """Return the expression for the plain text of inert JSON as the content of a JSON string, without quotes.

    Args:
        text: expression that gives inert JSON.
    """
    other = _unquoted(inert_expression(f"toJson(sprig.trimSuffix('.0', {text}))"))
    return f"({text} startsWith {_QUOTE} ? {_unquoted(text)} : {text} == 'null' ? '' : {other})"


def text_content_expression(plain: str) -> str:
    """Return the expression for a string as the content of a JSON string.

    Args:
        plain: expression that gives the text.
    """
    return _unquoted(json_text_expression(plain))


def joined_expression(contents: Sequence[str]) -> str:
    """Return the expression for the inert JSON of a string.

    Args:
        contents: expressions for its parts, as they stand inside a JSON string.
    """
    return _apart(f"({' + '.join((_QUOTE, *contents, _QUOTE))})")


def _unquoted(text: str) -> str:
    return f"sprig.trimSuffix({_QUOTE}, sprig.trimPrefix({_QUOTE}, {text}))"


def fields_expression(reference: str, fields: Sequence[str]) -> str:
    """Return the expression for a field of a field … of a large value, as a reference.

    Args:
        reference: expression that gives the reference to the value.
        fields: names, from the outermost on.
    """
    added = literal(inert(f'"fields":{json.dumps(fields, ensure_ascii=False)},"of":'))
    length, of = literal('"length":'), literal('"of":')
    return f"sprig.replace({length}, {added}, sprig.replace({of}, {added}, {reference}))"


def small_expression(text: str, value: str) -> str:
    """Return the expression for a value, which fails with a reason where the value is a part of a large one.

    Args:
        text: expression that gives inert JSON.
        value: expression for the decoded value.
    """
    return f"({is_large(text)} ? {refusal_expression(_UNKNOWN)} : {value})"


def length_expression(items: str, *, may_be_large: bool) -> str:
    """Return the expression for the length of a list; arguments as for :func:`item_expression`."""
    length = f"len(fromJSON({items}))"
    if not may_be_large:
        return length
    return f"{is_large(items)} ? int(fromJSON({items})[{literal(LARGE)}].length ?? {literal(_UNKNOWN)}) : {length}"


SHOWN_OF_VALUE = "string(type(#) == 'string' ? # : toJson(#))"
SHOWN_OF_ARTIFACT = "join(split(#.uri, '/')[-3:], '/')"
"""Expressions for what the label of an iteration shows of its item: a value itself, the end of an artifact's URI."""


def labels_expression(items: str, texts: str, *, may_be_large: bool) -> str:
    """Return the expression for a list with a label for each item of a list, as JSON for ``withParam``.

    A label is the item's position, a space, and as much of the item as names of nodes can show: :data:`LONGEST_LABEL`
    characters, without those that Argo would take for a tag, or quote in a way that is not JSON.

    Args:
        items: expression that gives the list as inert JSON, or as a reference to a large one, whose items are unknown.
        texts: :data:`SHOWN_OF_VALUE` or :data:`SHOWN_OF_ARTIFACT`.
        may_be_large: whether it can be such a reference.
    """
    hidden = f"# in [{', '.join(map(literal, _NOT_SHOWN))}]"
    kept = f"filter(split({texts}, ''), ({_is_in(_SHOWN)}) && !({hidden}))"
    cut = f"join({kept}[:{LONGEST_LABEL}], '')"
    labels = f"toJson(map(fromJSON({items}), sprig.trim(string(#index) + ' ' + {cut})))"
    if not may_be_large:
        return labels
    numbers = f"toJson(map(1..({length_expression(items, may_be_large=True)}), string(# - 1)))"
    return f"{is_large(items)} ? {numbers} : {labels}"


def position_expression(label: str) -> str:
    """Return the expression for the position in a label of :func:`labels_expression`, as text."""
    return f"split({label}, ' ')[0]"


def is_large(text: str) -> str:
    """Return the expression that tells whether inert JSON is a reference to a large value."""
    return f"{text} startsWith {literal('{' + json.dumps(LARGE))}"


def large_reference(digest: str, length: int) -> str:
    """Return the reference to a value in the Workflow's ConfigMap.

    Args:
        digest: name of the entry.
        length: items of a list; 0 for anything else.
    """
    return inert_json({LARGE: {"length": length, "file": digest}})
