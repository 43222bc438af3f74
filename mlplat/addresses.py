"""URLs as text: without what may be secret."""

from __future__ import annotations

import re

_PASSWORD = re.compile(r"""://[^\s/?#"'@:]*:[^\s/?#"@]+@""")
_USER = re.compile(r"\A(\w+://)([^/?#]*)@")


def without_secrets(url: str) -> str:
    """Return a URL for messages, without user, password, query and fragment, which may be secret."""
    return without_user(re.split(r"[?#]", url, maxsplit=1)[0])


def without_user(url: str) -> str:
    """Return an address without the user and password that it may have."""
    return _USER.sub(r"\1", url)


def user_of(url: str) -> str:
    """Return the user and password that an address has, as they are written in it; empty if it has none."""
    match = _USER.match(url)
    return match.group(2) if match else ""


def without_passwords(text: str) -> str:
    """Return a string with ``***`` for the user and password of each address in it that has both."""
    return _PASSWORD.sub("://***@", text)
