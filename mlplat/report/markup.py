"""HTML that is escaped where it is built: strings are data, and only :class:`Html` is markup."""

from __future__ import annotations

import html
from collections.abc import Iterable

from mlplat.escaping import escaped, escaped_line


class Html(str):
    """A piece of HTML; anything else is escaped when it is put into one."""

    __slots__ = ()


Content = str | Iterable[Html]

_EMPTY = frozenset(("meta", "rect", "path"))


def text(value: str, limit: int = 0) -> Html:
    """Escape a string.

    Args:
        value: any string.
        limit: length to cut it to; 0 for none.
    """
    cut = value if not limit or len(value) <= limit else f"{value[:limit]}…"
    return Html(html.escape(escaped(cut), quote=False))


def tag(name: str, /, *content: Content, **attributes: str | float | bool | None) -> Html:
    """Build an element.

    Args:
        name: of the element.
        content: strings, which are escaped, and HTML.
        attributes: of the element. Underscores become hyphens, one at the end is dropped (``class_``). True stands for
            an attribute without a value; False, None and the empty string leave it out.
    """
    words = [name]
    for key, value in attributes.items():
        attribute = key.rstrip("_").replace("_", "-")
        if value is True:
            words.append(attribute)
        elif value not in (False, None, ""):
            words.append(f'{attribute}="{attribute_value(str(value))}"')
    opened = " ".join(words)
    return Html(f"<{opened}/>" if name in _EMPTY else f"<{opened}>{joined(*content)}</{name}>")


def attribute_value(value: str) -> str:
    """Escape a string for an attribute."""
    return html.escape(escaped_line(value))


def raw_attribute(value: str) -> str:
    """Escape a document for an attribute such as ``srcdoc``, and change nothing of it."""
    return html.escape(value)


def joined(*content: Content) -> Html:
    """Join pieces: strings are escaped, HTML stays."""
    return Html("".join(_piece(one) for one in content))


def _piece(content: Content) -> str:
    if isinstance(content, Html):
        return content
    return text(content) if isinstance(content, str) else "".join(map(_piece, content))
