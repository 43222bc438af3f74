"""Removes secrets from URLs."""

from __future__ import annotations

import re

_PASSWORD = re.compile(r"""://[^\s/?#"'@:]*:[^\s/?#"@]+@""")
_USER = re.compile(r"\A(\w+://)([^/?#]*)@")


def without_secrets(url: str) -> str:
    """Return a URL for messages, without user, password, query and fragment, which may be secret."""
    return without_user(re.split(r"[?#]", url, maxsplit=1)[0])


def without_user(url: str) -> str:
    """Return a URL without user and password."""
    return _USER.sub(r"\1", url)


def user_of(url: str) -> str:
    """Return the user and password that an address has, as written; empty if it has none."""
    match = _USER.match(url)
    return match.group(2) if match else ""


def without_passwords(text: str) -> str:
    """Return a string in which ``***`` replaces the user and password of each URL that has both."""
    return _PASSWORD.sub("://***@", text)
