"""Reasons in the messages of nodes: why a task was skipped."""

from __future__ import annotations

import re

_SKIPPED = re.compile(r"when 'false && '(.*)' != ''' evaluated false", re.DOTALL)


_REPLACED = {"'": "\u2019", '"': "”", "\\": "/", "{": "(", "}": ")"}
_LONGEST = 200


def harmless(text: str) -> str:
    """Return a string as one line of at most 200 characters, without quotes, backslashes and braces."""
    characters = (_REPLACED.get(one, one) if one.isprintable() else " " for one in text)
    line = " ".join("".join(characters).split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def explained(when: str, why: str) -> str:
    """Return a ``when`` that adds its condition, as people wrote it, to the message of a task that it skips.

    Args:
        when: what decides: an expression's tag, which gives ``true`` or ``false``.
        why: the condition, :func:`harmless` and starting with a word: in Argo's ``when`` (govaluate) a string ends at
            any quote, and one that looks like a date is a time.
    """
    return f"{when} && '{why}' != ''"


def condition_of(message: str) -> str:
    """Return the condition in the message of a skipped task, or an empty string."""
    match = _SKIPPED.fullmatch(message)
    return match[1] if match else ""


def readable(message: str) -> str:
    """Return a message of Argo's without the syntax around the condition of a skipped task."""
    condition = condition_of(message)
    return f"condition not met: {condition}" if condition else message
