"""What a docstring in Google's style says of arguments and outputs."""

from __future__ import annotations

import inspect
import re

_ARGUMENTS = ("Args", "Arguments", "Parameters", "Params")
_SECTION = re.compile(rf"({'|'.join(_ARGUMENTS)}|Returns?|Raises|Yields|Examples?|Notes?|Attributes):\s*\Z")
_ENTRY = re.compile(r"(\*{0,2}\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)\Z", re.DOTALL)


def arguments(docstring: str | None) -> dict[str, str]:
    """Return the descriptions of arguments, by name.

    Args:
        docstring: a function's docstring.

    Returns:
        What its ``Args:`` section says of each; later lines without the section's indent.
    """
    found: dict[str, str] = {}
    for entry in _entries(docstring, _ARGUMENTS):
        match = _ENTRY.match(entry)
        if match:
            found[match[1].lstrip("*")] = match[2].strip()
    return found


def _entries(docstring: str | None, sections: tuple[str, ...]) -> list[str]:
    """Return the entries of a section: lines at its indent, with those that are indented further."""
    entries: list[str] = []
    current, indent = "", 0
    for line in inspect.cleandoc(docstring or "").splitlines():
        heading = _SECTION.match(line)
        if heading or (line and not line[0].isspace()):
            current, indent = (heading[1] if heading else ""), 0
            continue
        if current not in sections or not line.strip():
            continue
        width = len(line) - len(line.lstrip())
        indent = indent or width
        if width == indent:
            entries.append(line.strip())
        elif entries:
            entries[-1] += "\n" + line[min(width, 2 * indent) :].rstrip()
    return entries
